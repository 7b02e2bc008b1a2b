//! All SQL of the orders.

use super::model::{
    Amounts, NewOrder, Order, OrderFilter, OrderItem, OrderKey, OrderStatus, order_id_at,
};
use crate::kernel::db::{
    DbConn, JsonObject, ListSource, PageOf, in_order, is_postgres, show_rows, unreadable,
};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::kernel::page::{Counting, Place, Show, Total};
use crate::kernel::time;
use crate::schema::{order_items, orders};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use std::collections::HashMap;

/// A row of `orders`, in the order of the table's columns.
#[derive(Queryable)]
struct OrderRow {
    id: i64,
    order_number: String,
    customer_id: String,
    total_amount: i64,
    status: String,
    payment_method: Option<String>,
    shipping_address: Option<JsonObject>,
    notes: Option<String>,
    _version: i64,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    discount_amount: i64,
    shipping_amount: i64,
    tax_amount: i64,
}

impl OrderRow {
    fn into_order(self, items: Vec<OrderItem>) -> QueryResult<Order> {
        Ok(Order {
            id: self.id,
            order_number: self.order_number,
            customer_id: Id::parse("customer_id", self.customer_id).map_err(unreadable)?,
            items,
            total_amount: Cents::new(self.total_amount),
            amounts: Amounts {
                discount: Cents::new(self.discount_amount),
                shipping: Cents::new(self.shipping_amount),
                tax: Cents::new(self.tax_amount),
            },
            status: OrderStatus::parse(&self.status).map_err(unreadable)?,
            payment_method: self.payment_method,
            shipping_address: self.shipping_address.map(|object| object.0),
            notes: self.notes,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = orders)]
struct NewOrderRow<'a> {
    id: Option<i64>,
    order_number: &'a str,
    customer_id: &'a str,
    total_amount: i64,
    status: &'static str,
    payment_method: Option<&'a str>,
    shipping_address: Option<JsonObject>,
    notes: Option<&'a str>,
    version: i64,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    discount_amount: i64,
    shipping_amount: i64,
    tax_amount: i64,
}

/// A row of `order_items`, in the order of the table's columns.
#[derive(Queryable, Insertable)]
#[diesel(table_name = order_items)]
struct ItemRow {
    order_id: i64,
    line: i32,
    product_id: String,
    product_name: String,
    quantity: i32,
    price: i64,
}

impl ItemRow {
    fn into_item(self) -> QueryResult<OrderItem> {
        Ok(OrderItem {
            product_id: Id::parse("product_id", self.product_id).map_err(unreadable)?,
            product_name: self.product_name,
            quantity: self.quantity,
            price: Cents::new(self.price),
        })
    }
}

impl ListSource for OrderFilter {
    type Row = Order;
    /// All of them are in memory, with their items.
    const PART_ROWS: i64 = 16;

    fn load(
        &self,
        conn: &mut DbConn,
        page: &PageOf<Order>,
        show: Show<'_, Order>,
    ) -> QueryResult<()> {
        let key = match page.sort.key {
            OrderKey::CreatedAt => "orders.created_at",
            OrderKey::TotalAmount => "orders.total_amount",
        };
        let of_customer = orders::customer_id.eq(self.customer_id.as_str());
        let query = in_order!(
            orders::table.filter(of_customer).into_boxed(), page, key, "orders.id",
            place => BigInt = order_id_at(place).ok_or_else(|| unreadable(Place::invalid("after")))?
        );
        let rows: Vec<OrderRow> = query.load(conn)?;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let mut items = items_of(conn, &ids)?;
        let with_items = |row: OrderRow| {
            let items = items.remove(&row.id).unwrap_or_default();
            row.into_order(items)
        };
        show_rows(rows.into_iter().map(Ok), with_items, show)
    }

    fn count(&self, _: &mut DbConn, _: Counting) -> QueryResult<Total> {
        Ok(Total::NotSaid)
    }
}

/// The items of each of these orders, in the order of their lines.
fn items_of(conn: &mut DbConn, order_ids: &[i64]) -> QueryResult<HashMap<i64, Vec<OrderItem>>> {
    let rows: Vec<ItemRow> = order_items::table
        .filter(order_items::order_id.eq_any(order_ids))
        .order((order_items::order_id, order_items::line))
        .load(conn)?;
    let mut items: HashMap<i64, Vec<OrderItem>> = HashMap::new();
    for row in rows {
        items.entry(row.order_id).or_default().push(row.into_item()?);
    }
    Ok(items)
}

/// Adds an order of a data file, under its own id or one that the database makes, and returns the id.
/// [`number_from_the_highest`] follows the last one that has an id of its own, before the first that has
/// none.
pub(super) fn insert(conn: &mut DbConn, order: &NewOrder) -> QueryResult<i64> {
    let row = NewOrderRow {
        id: order.id,
        order_number: &order.order_number,
        customer_id: order.customer_id.as_str(),
        total_amount: order.total_amount.get(),
        status: order.status.as_str(),
        payment_method: order.payment_method.as_deref(),
        shipping_address: order.shipping_address.clone().map(JsonObject),
        notes: order.notes.as_deref(),
        version: time::new_row_version(),
        created_at: order.created_at.naive_utc(),
        updated_at: order.updated_at.naive_utc(),
        discount_amount: order.amounts.discount.get(),
        shipping_amount: order.amounts.shipping.get(),
        tax_amount: order.amounts.tax.get(),
    };
    let order_id: i64 =
        diesel::insert_into(orders::table).values(row).returning(orders::id).get_result(conn)?;
    // One statement for each: an insert of several rows does not compile for both databases.
    for (line, item) in (1..).zip(&order.items) {
        let row = ItemRow {
            order_id,
            line,
            product_id: item.product_id.to_string(),
            product_name: item.product_name.clone(),
            quantity: item.quantity,
            price: item.price.get(),
        };
        diesel::insert_into(order_items::table).values(row).execute(conn)?;
    }
    Ok(order_id)
}

/// Lets the next id of an order follow the highest one that is there. PostgreSQL's sequence has not
/// seen the ids that came with a data file; SQLite's counter remembers orders that a reset deleted.
pub fn number_from_the_highest(conn: &mut DbConn) -> QueryResult<()> {
    let statement = if is_postgres(conn) {
        "SELECT setval(pg_get_serial_sequence('orders', 'id'), \
         COALESCE(max(id), 1), max(id) IS NOT NULL) FROM orders"
    } else {
        "UPDATE sqlite_sequence SET seq = (SELECT COALESCE(max(id), 0) FROM orders) \
         WHERE name = 'orders'"
    };
    diesel::sql_query(statement).execute(conn).map(drop)
}

pub fn is_empty(conn: &mut DbConn) -> QueryResult<bool> {
    let order: Option<i64> = orders::table.select(orders::id).first(conn).optional()?;
    Ok(order.is_none())
}

/// Deletes the orders, whose items go with them.
pub fn delete_all(conn: &mut DbConn) -> QueryResult<usize> {
    diesel::delete(orders::table).execute(conn)
}
