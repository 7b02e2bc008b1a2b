//! Orders as JSON, as on the network and in the data files. Raw strings and numbers stop here.

use super::model::{
    Amounts, NewOrder, Order, OrderItem, OrderStatus, check_total, order_id_at, parse_order_id,
    parse_quantity,
};
use crate::customer::{Address, CustomerId, parse_address};
use crate::kernel::http::{ListView, Query};
use crate::kernel::ids::Id;
use crate::kernel::money::{Cents, JsonMoney};
use crate::kernel::page::Place;
use crate::kernel::problems::Problems;
use crate::kernel::record::FromRecord;
use crate::kernel::wire::{Members, Whole, all};
use crate::kernel::{text, time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /customers/{id}/orders`.
pub(super) struct OrderList;

impl ListView for OrderList {
    const NAME: &'static str = "orders";
    /// The path says whose orders; the query chooses none of them.
    type Filter = ();
    type Row = Order;
    const DEFAULT_LIMIT: i64 = 100;
    const FILTERS: &'static [&'static str] = &[];
    const MEMBERS: &'static [&'static str] = &[
        "id",
        "order_number",
        "customer_id",
        "items",
        "total_amount",
        "discount_amount",
        "shipping_amount",
        "tax_amount",
        "status",
        "payment_method",
        "shipping_address",
        "notes",
        "created_at",
        "updated_at",
    ];
    const HAS_TOTAL: bool = false;
    const SHOWS_COUNT: bool = true;

    fn parse_filter(_: &Query, _: &mut Problems) -> Option<()> {
        Some(())
    }

    fn has_place(place: &Place) -> bool {
        order_id_at(place).is_some()
    }

    fn view(order: &Order) -> impl Serialize {
        OrderView::from(order)
    }
}

/// An order as clients see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Order)]
pub(super) struct OrderView<'a> {
    id: i64,
    order_number: &'a str,
    customer_id: &'a str,
    items: Vec<OrderItemView<'a>>,
    total_amount: JsonMoney,
    /// The three amounts are there only where one of them is not 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    discount_amount: Option<JsonMoney>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    shipping_amount: Option<JsonMoney>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tax_amount: Option<JsonMoney>,
    #[schema(value_type = OrderStatus)]
    status: &'static str,
    #[schema(required = true)]
    payment_method: Option<&'a str>,
    #[schema(required = true, value_type = Option<Object>)]
    shipping_address: Option<&'a Address>,
    #[schema(required = true)]
    notes: Option<&'a str>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OrderItem)]
struct OrderItemView<'a> {
    product_id: &'a str,
    product_name: &'a str,
    quantity: i32,
    price: JsonMoney,
}

impl<'a> From<&'a Order> for OrderView<'a> {
    fn from(order: &'a Order) -> Self {
        let amounts = Some(order.amounts).filter(|amounts| *amounts != Amounts::NONE);
        OrderView {
            id: order.id,
            order_number: &order.order_number,
            customer_id: order.customer_id.as_str(),
            items: order.items.iter().map(Into::into).collect(),
            total_amount: order.total_amount.into(),
            discount_amount: amounts.map(|amounts| amounts.discount.into()),
            shipping_amount: amounts.map(|amounts| amounts.shipping.into()),
            tax_amount: amounts.map(|amounts| amounts.tax.into()),
            status: order.status.as_str(),
            payment_method: order.payment_method.as_deref(),
            shipping_address: order.shipping_address.as_ref(),
            notes: order.notes.as_deref(),
            created_at: time::rfc3339(order.created_at),
            updated_at: time::rfc3339(order.updated_at),
        }
    }
}

impl<'a> From<&'a OrderItem> for OrderItemView<'a> {
    fn from(item: &'a OrderItem) -> Self {
        OrderItemView {
            product_id: item.product_id.as_str(),
            product_name: &item.product_name,
            quantity: item.quantity,
            price: item.price.into(),
        }
    }
}

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
        let status = members.required("status", raw.status, |text| OrderStatus::parse(&text));
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
        members.build(all!(NewOrder {
            id,
            order_number,
            customer_id,
            items,
            total_amount,
            amounts,
            status,
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
        members.build(all!(OrderItem { product_id, product_name, quantity, price }))
    }
}
