//! Orders as data files have them.

use crate::customer::{Address, CustomerId, parse_address};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::ids::Id;
use crate::kernel::money::{Cents, JsonMoney};
use crate::kernel::problems::Problems;
use crate::kernel::record::FromRecord;
use crate::kernel::wire::{Members, Whole, all};
use crate::kernel::{text, time};
use crate::order::model::{
    Amounts, NewOrder, OrderItem, OrderStatus, check_total, parse_order_id, parse_quantity,
    parse_status,
};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct RawOrder {
    id: Option<i64>,
    order_number: Option<String>,
    customer_id: Option<String>,
    items: Option<Vec<RawItem>>,
    total_amount: Option<JsonMoney>,
    discount_amount: Option<JsonMoney>,
    shipping_amount: Option<JsonMoney>,
    tax_amount: Option<JsonMoney>,
    paid_amount: Option<JsonMoney>,
    status: Option<String>,
    payment_method: Option<String>,
    shipping_address: Option<Address>,
    notes: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

#[derive(Deserialize)]
pub struct RawItem {
    product_id: Option<String>,
    product_name: Option<String>,
    quantity: Option<Whole>,
    price: Option<JsonMoney>,
    fulfilled: Option<Whole>,
}

/// As a record of `orders.json` has it. It has kept every rule that an order can keep by itself;
/// whether its customer exists is for the database to say. Times that it leaves out are those of now.
impl FromRecord for NewOrder {
    type Raw = RawOrder;

    fn from_record(raw: RawOrder) -> Result<NewOrder, Problems> {
        let mut members = Members::default();
        let id = members.optional(raw.id, parse_order_id);
        let order_number = members.required("order_number", raw.order_number, |text| {
            text::required("order_number", text, 50)
        });
        let customer_id = members
            .required("customer_id", raw.customer_id, |id| CustomerId::parse("customer_id", id));
        let items = members.required("items", raw.items, Ok);
        let items = items.and_then(|items| items_of(items, members.problems()));
        let total_amount =
            members.required("total_amount", raw.total_amount, |money| money.cents("total_amount"));
        let amounts =
            amounts_of(&mut members, [raw.discount_amount, raw.shipping_amount, raw.tax_amount]);
        let status = members.required("status", raw.status, |text| parse_status(&text));
        let paid_amount =
            members.optional(raw.paid_amount, |money: JsonMoney| money.cents("paid_amount"));
        let payment_method =
            members.optional(raw.payment_method, |text| text::required("payment_method", text, 50));
        let shipping_address = members
            .optional(raw.shipping_address, |address| parse_address("shipping_address", address));
        let notes = members.optional(raw.notes, |text| text::bounded("notes", text, 10_000));
        let time = |field| move |text: String| time::parse(field, &text);
        let created_at = members.optional(raw.created_at, time("created_at"));
        let updated_at = members.optional(raw.updated_at, time("updated_at"));
        let created_at = created_at.map(|at| at.unwrap_or_else(time::now));
        let updated_at =
            updated_at.zip(created_at).map(|(at, created_at)| at.unwrap_or(created_at));
        if let (Some(total), Some(items), Some(amounts)) = (total_amount, &items, amounts) {
            members.problems().take(check_total(total, items, amounts));
        }
        if let (Some(status), Some(items), Some(total), Some(paid)) =
            (status, &items, total_amount, paid_amount)
        {
            members.problems().take(check_state(status, items, total, paid));
        }
        members.build(all!(NewOrder {
            id,
            order_number,
            customer_id,
            items,
            total_amount,
            amounts,
            status,
            paid_amount,
            payment_method,
            shipping_address,
            notes,
            created_at,
            updated_at,
        }))
    }
}

/// The amounts besides the items, each of which is 0 where it is left out or null.
fn amounts_of(
    members: &mut Members,
    [discount, shipping, tax]: [Option<JsonMoney>; 3],
) -> Option<Amounts> {
    let mut amount = |field, money| {
        let cents = members.optional(money, |money: JsonMoney| money.cents(field))?;
        Some(cents.unwrap_or(Cents::ZERO))
    };
    let discount = amount("discount_amount", discount);
    let shipping = amount("shipping_amount", shipping);
    let tax = amount("tax_amount", tax);
    all!(Amounts { discount, shipping, tax })
}

/// Checks that what has left and what was paid are those of an order of this status.
fn check_state(
    status: OrderStatus,
    items: &[OrderItem],
    total: Cents,
    paid: Option<Cents>,
) -> Result<(), Invalid> {
    let left = |item: &OrderItem| item.fulfilled.unwrap_or(item.quantity);
    let wrong = |field, reason: &'static str| Err(Invalid::new(field, Rule::OutOfRange, reason));
    match status {
        OrderStatus::Completed if items.iter().any(|item| left(item) < item.quantity) => {
            wrong("items", "of a completed order must be fulfilled")
        }
        OrderStatus::Completed if paid.is_some_and(|paid| paid < total) => {
            wrong("paid_amount", "of a completed order must be the total, or more")
        }
        OrderStatus::Cancelled if items.iter().any(|item| item.fulfilled.unwrap_or(0) > 0) => {
            wrong("items", "of a cancelled order must not be fulfilled")
        }
        OrderStatus::Pending
            if items.iter().all(|item| item.fulfilled == Some(item.quantity))
                && paid.unwrap_or(Cents::ZERO) >= total =>
        {
            wrong("status", "must be completed: everything is fulfilled and paid")
        }
        _ => Ok(()),
    }
}

/// All items, or `None` where one of them is wrong.
fn items_of(raw: Vec<RawItem>, problems: &mut Problems) -> Option<Vec<OrderItem>> {
    let items = raw.into_iter().enumerate().map(|(index, raw)| {
        problems.take_within(&format!("items[{index}]"), OrderItem::from_record(raw))
    });
    // All of them are looked at, also behind one that is wrong.
    items.collect::<Vec<_>>().into_iter().collect()
}

impl FromRecord for OrderItem {
    type Raw = RawItem;

    fn from_record(raw: RawItem) -> Result<OrderItem, Problems> {
        let mut members = Members::default();
        let product_id =
            members.required("product_id", raw.product_id, |id| Id::parse("product_id", id));
        let product_name = members.required("product_name", raw.product_name, |text| {
            text::required("product_name", text, 255)
        });
        let quantity =
            members.required("quantity", raw.quantity, |pieces| parse_quantity(pieces.0));
        let price = members.required("price", raw.price, |price| price.price("price"));
        let fulfilled = members.optional(raw.fulfilled, |pieces: Whole| {
            let most = quantity.unwrap_or(i32::MAX);
            i32::try_from(pieces.0).ok().filter(|it| (0..=most).contains(it)).ok_or_else(|| {
                let reason = "must be from 0 to the quantity";
                Invalid::new("fulfilled", Rule::OutOfRange, reason)
            })
        });
        members.build(all!(OrderItem { product_id, product_name, quantity, price, fulfilled }))
    }
}
