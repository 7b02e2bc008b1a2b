//! Orders as JSON, as on the network and in the data files. Raw strings and numbers stop here.

use super::model::{
    Amounts, NewOrder, Order, OrderItem, OrderStatus, check_total, order_id_at, parse_order_id,
    parse_quantity,
};
use crate::customer::{Address, CustomerId, parse_address};
use crate::kernel::error::Invalid;
use crate::kernel::http::{Query, parse_page};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::kernel::page::Page;
use crate::kernel::wire::Whole;
use crate::kernel::{text, time};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

const DEFAULT_LIMIT: i64 = 100;

/// Reads the query of `GET /customers/{id}/orders`.
///
/// # Errors
/// Names the parameter that is wrong.
pub fn parse_list_query(query: &Query) -> Result<Page, Invalid> {
    let page = parse_page(query, DEFAULT_LIMIT)?;
    if page.after.as_ref().is_some_and(|cursor| order_id_at(cursor).is_none()) {
        return Err(Invalid::new("after", "must be a cursor from a Link header"));
    }
    Ok(page)
}

/// What follows the rows of a list: how many are shown.
#[derive(Serialize)]
pub struct OrderListEnd {
    pub count: i64,
}

/// An order as clients see it.
#[derive(Serialize)]
pub struct OrderView<'a> {
    id: i64,
    order_number: &'a str,
    customer_id: &'a str,
    items: Vec<OrderItemView<'a>>,
    total_amount: String,
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
    discount_amount: String,
    shipping_amount: String,
    tax_amount: String,
}

#[derive(Serialize)]
struct OrderItemView<'a> {
    product_id: &'a str,
    product_name: &'a str,
    quantity: i32,
    price: String,
}

impl<'a> From<&'a Order> for OrderView<'a> {
    fn from(order: &'a Order) -> Self {
        OrderView {
            id: order.id,
            order_number: &order.order_number,
            customer_id: order.customer_id.as_str(),
            items: order.items.iter().map(Into::into).collect(),
            total_amount: order.total_amount.to_string(),
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
            discount_amount: amounts.discount.to_string(),
            shipping_amount: amounts.shipping.to_string(),
            tax_amount: amounts.tax.to_string(),
        }
    }
}

impl<'a> From<&'a OrderItem> for OrderItemView<'a> {
    fn from(item: &'a OrderItem) -> Self {
        OrderItemView {
            product_id: item.product_id.as_str(),
            product_name: &item.product_name,
            quantity: item.quantity,
            price: item.price.to_string(),
        }
    }
}

/// A record of `orders.json`, which has kept every rule that an order can keep by itself; whether
/// its customer exists is for the database to say. Times that it leaves out are those of now.
#[derive(Deserialize)]
#[serde(try_from = "RawOrder")]
pub struct OrderRecord {
    pub order: NewOrder,
}

#[derive(Deserialize)]
struct RawOrder {
    id: Option<i64>,
    order_number: String,
    customer_id: String,
    items: Vec<RawItem>,
    total_amount: Box<RawValue>,
    discount_amount: Option<Box<RawValue>>,
    shipping_amount: Option<Box<RawValue>>,
    tax_amount: Option<Box<RawValue>>,
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
    price: Box<RawValue>,
}

impl TryFrom<RawOrder> for OrderRecord {
    type Error = Invalid;

    fn try_from(raw: RawOrder) -> Result<OrderRecord, Invalid> {
        let item = |(index, raw): (usize, RawItem)| {
            OrderItem::try_from(raw).map_err(|Invalid { field, reason }| {
                Invalid::new(format!("items[{index}].{field}"), reason)
            })
        };
        let payment_method = |text| text::required("payment_method", text, 50);
        let items = raw.items.into_iter().enumerate().map(item).collect::<Result<Vec<_>, _>>()?;
        let total_amount = Cents::from_json("total_amount", &raw.total_amount)?;
        let amounts = Amounts {
            discount: amount("discount_amount", raw.discount_amount.as_deref())?,
            shipping: amount("shipping_amount", raw.shipping_amount.as_deref())?,
            tax: amount("tax_amount", raw.tax_amount.as_deref())?,
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
        Ok(OrderRecord { order })
    }
}

/// An amount that is 0 where it is left out or null.
fn amount(field: &'static str, json: Option<&RawValue>) -> Result<Cents, Invalid> {
    json.filter(|json| json.get() != "null")
        .map_or(Ok(Cents::ZERO), |json| Cents::from_json(field, json))
}

impl TryFrom<RawItem> for OrderItem {
    type Error = Invalid;

    fn try_from(raw: RawItem) -> Result<OrderItem, Invalid> {
        Ok(OrderItem {
            product_id: Id::parse("product_id", raw.product_id)?,
            product_name: text::required("product_name", raw.product_name, 255)?,
            quantity: parse_quantity(raw.quantity.0)?,
            price: Cents::from_json("price", &raw.price)?.into_price("price")?,
        })
    }
}
