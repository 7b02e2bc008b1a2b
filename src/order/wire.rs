//! Orders as JSON, as on the network and in the data files. Raw strings and numbers stop here.

use super::model::{
    Amounts, NewOrder, Order, OrderItem, OrderStatus, check_total, order_id_at, parse_order_id,
    parse_quantity,
};
use crate::customer::{Address, CustomerId, parse_address};
use crate::kernel::error::Invalid;
use crate::kernel::http::{ListView, Query};
use crate::kernel::ids::Id;
use crate::kernel::money::{Cents, JsonMoney};
use crate::kernel::page::Cursor;
use crate::kernel::wire::Whole;
use crate::kernel::{text, time};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// `GET /customers/{id}/orders`.
pub(super) struct OrderList;

impl ListView for OrderList {
    /// The path says whose orders; the query chooses none of them.
    type Filter = ();
    type Row = Order;
    const DEFAULT_LIMIT: i64 = 100;
    const FILTERS: &'static [&'static str] = &[];
    const SHOWS_COUNT: bool = true;

    fn parse_filter(_: &Query) -> Result<(), Invalid> {
        Ok(())
    }

    fn has_place(cursor: &Cursor) -> bool {
        order_id_at(cursor).is_some()
    }

    fn view(order: &Order) -> impl Serialize {
        OrderView::from(order)
    }
}

/// An order as clients see it.
#[derive(Serialize)]
pub(super) struct OrderView<'a> {
    id: i64,
    order_number: &'a str,
    customer_id: &'a str,
    items: Vec<OrderItemView<'a>>,
    total_amount: JsonMoney,
    /// Only where one of the three is not 0.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    amounts: Option<AmountsView>,
    status: &'static str,
    payment_method: Option<&'a str>,
    shipping_address: Option<&'a Address>,
    notes: Option<&'a str>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct AmountsView {
    discount_amount: JsonMoney,
    shipping_amount: JsonMoney,
    tax_amount: JsonMoney,
}

#[derive(Serialize)]
struct OrderItemView<'a> {
    product_id: &'a str,
    product_name: &'a str,
    quantity: i32,
    price: JsonMoney,
}

impl<'a> From<&'a Order> for OrderView<'a> {
    fn from(order: &'a Order) -> Self {
        OrderView {
            id: order.id,
            order_number: &order.order_number,
            customer_id: order.customer_id.as_str(),
            items: order.items.iter().map(Into::into).collect(),
            total_amount: order.total_amount.into(),
            amounts: (order.amounts != Amounts::NONE).then(|| order.amounts.into()),
            status: order.status.as_str(),
            payment_method: order.payment_method.as_deref(),
            shipping_address: order.shipping_address.as_ref(),
            notes: order.notes.as_deref(),
            created_at: time::rfc3339(order.created_at),
            updated_at: time::rfc3339(order.updated_at),
        }
    }
}

impl From<Amounts> for AmountsView {
    fn from(amounts: Amounts) -> Self {
        AmountsView {
            discount_amount: amounts.discount.into(),
            shipping_amount: amounts.shipping.into(),
            tax_amount: amounts.tax.into(),
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

/// As a record of `orders.json` has it. It has kept every rule that an order can keep by itself;
/// whether its customer exists is for the database to say. Times that it leaves out are those of now.
impl<'de> Deserialize<'de> for NewOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RawOrder::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

#[derive(Deserialize)]
struct RawOrder {
    id: Option<i64>,
    order_number: String,
    customer_id: String,
    items: Vec<RawItem>,
    total_amount: JsonMoney,
    discount_amount: Option<JsonMoney>,
    shipping_amount: Option<JsonMoney>,
    tax_amount: Option<JsonMoney>,
    status: String,
    payment_method: Option<String>,
    shipping_address: Option<Address>,
    notes: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

#[derive(Deserialize)]
struct RawItem {
    product_id: String,
    product_name: String,
    quantity: Whole,
    price: JsonMoney,
}

impl TryFrom<RawOrder> for NewOrder {
    type Error = Invalid;

    fn try_from(raw: RawOrder) -> Result<NewOrder, Invalid> {
        let item = |(index, raw): (usize, RawItem)| {
            OrderItem::try_from(raw).map_err(|Invalid { field, reason }| {
                Invalid::new(format!("items[{index}].{field}"), reason)
            })
        };
        let payment_method = |text| text::required("payment_method", text, 50);
        let items = raw.items.into_iter().enumerate().map(item).collect::<Result<Vec<_>, _>>()?;
        let total_amount = raw.total_amount.cents("total_amount")?;
        let amounts = Amounts {
            discount: amount("discount_amount", raw.discount_amount)?,
            shipping: amount("shipping_amount", raw.shipping_amount)?,
            tax: amount("tax_amount", raw.tax_amount)?,
        };
        let address = |address| parse_address("shipping_address", address);
        let created_at = raw.created_at.map(|text| time::parse("created_at", &text)).transpose()?;
        let updated_at = raw.updated_at.map(|text| time::parse("updated_at", &text)).transpose()?;
        let created_at = created_at.unwrap_or_else(time::now);
        let order = NewOrder {
            id: raw.id.map(parse_order_id).transpose()?,
            order_number: text::required("order_number", raw.order_number, 50)?,
            customer_id: CustomerId::parse("customer_id", raw.customer_id)?,
            items,
            total_amount,
            amounts,
            status: OrderStatus::parse(&raw.status)?,
            payment_method: raw.payment_method.map(payment_method).transpose()?,
            shipping_address: raw.shipping_address.map(address).transpose()?,
            notes: raw.notes.map(|text| text::bounded("notes", text, 10_000)).transpose()?,
            created_at,
            updated_at: updated_at.unwrap_or(created_at),
        };
        check_total(order.total_amount, &order.items, order.amounts)?;
        Ok(order)
    }
}

/// An amount that is 0 where it is left out or null.
fn amount(field: &'static str, money: Option<JsonMoney>) -> Result<Cents, Invalid> {
    money.map_or(Ok(Cents::ZERO), |money| money.cents(field))
}

impl TryFrom<RawItem> for OrderItem {
    type Error = Invalid;

    fn try_from(raw: RawItem) -> Result<OrderItem, Invalid> {
        Ok(OrderItem {
            product_id: Id::parse("product_id", raw.product_id)?,
            product_name: text::required("product_name", raw.product_name, 255)?,
            quantity: parse_quantity(raw.quantity.0)?,
            price: raw.price.price("price")?,
        })
    }
}
