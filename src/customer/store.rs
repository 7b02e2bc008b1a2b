//! All SQL of the customers and their orders.

use super::model::{
    Amounts, Customer, CustomerChanges, CustomerFilter, CustomerId, Email, NewCustomer, Order,
    OrderItem, OrderStatus, Tier, order_id_at,
};
use super::wire::{CustomerRecord, OrderRecord};
use crate::kernel::db::{DbConn, JsonObject, MultiBackend, is_postgres};
use crate::kernel::error::Invalid;
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::kernel::page::{Page, Show};
use crate::kernel::time;
use crate::schema::{customers, order_items, orders};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::connection::DefaultLoadingMode;
use diesel::expression::functions::declare_sql_function;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Text};
use std::collections::HashMap;

/// How many rows of a list are loaded at once: libpq has all of them in memory.
pub const PART: i64 = 64;
/// How many orders: all of a part are in memory, with their items.
pub const ORDERS_PART: i64 = 16;

#[declare_sql_function]
extern "SQL" {
    /// Folds ASCII alone, in both databases: e-mail addresses are ASCII, and PostgreSQL compares
    /// the column by bytes.
    fn lower(text: Text) -> Text;
}

/// A row of `customers`, in the order of the table's columns.
#[derive(Queryable)]
struct CustomerRow {
    id: String,
    email: String,
    name: String,
    tier: String,
    phone: Option<String>,
    address: Option<JsonObject>,
    version: i64,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl CustomerRow {
    fn into_customer(self) -> QueryResult<Customer> {
        Ok(Customer {
            id: Id::parse("id", self.id).map_err(unreadable)?,
            email: Email::parse(self.email).map_err(unreadable)?,
            name: self.name,
            tier: Tier::parse(&self.tier).map_err(unreadable)?,
            phone: self.phone,
            address: self.address.map(|object| object.0),
            version: self.version,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = customers)]
struct NewCustomerRow<'a> {
    id: &'a str,
    email: &'a str,
    name: &'a str,
    tier: &'static str,
    phone: Option<&'a str>,
    address: Option<JsonObject>,
    version: i64,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

#[derive(AsChangeset)]
#[diesel(table_name = customers)]
struct ChangedColumns {
    email: Option<String>,
    name: Option<String>,
    tier: Option<&'static str>,
    phone: Option<Option<String>>,
    address: Option<Option<JsonObject>>,
}

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

/// What a row holds and the model does not allow: the CHECKs of the schema should have kept it out.
fn unreadable(invalid: Invalid) -> Error {
    Error::DeserializationError(invalid.into())
}

pub fn find(conn: &mut DbConn, id: &CustomerId) -> QueryResult<Option<Customer>> {
    let row: Option<CustomerRow> = customers::table.find(id.as_str()).first(conn).optional()?;
    row.map(CustomerRow::into_customer).transpose()
}

/// The rows of a page.
pub fn list(
    conn: &mut DbConn,
    filter: &CustomerFilter,
    page: &Page,
    show: Show<'_, Customer>,
) -> QueryResult<()> {
    let mut query = filtered(filter);
    if let Some(cursor) = &page.after {
        let at = cursor.created_at.naive_utc();
        // The first condition follows from the second; it is the one that an index can use.
        query = query.filter(customers::created_at.le(at)).filter(
            customers::created_at
                .lt(at)
                .or(customers::created_at.eq(at).and(customers::id.lt(cursor.id.as_str()))),
        );
    }
    let rows = query
        .order((customers::created_at.desc(), customers::id.desc()))
        .limit(page.limit)
        .offset(page.offset)
        .load_iter::<CustomerRow, DefaultLoadingMode>(conn)?;
    for row in rows {
        if show(row?.into_customer()?).is_break() {
            break;
        }
    }
    Ok(())
}

/// How many customers the filter lets through.
pub fn count(conn: &mut DbConn, filter: &CustomerFilter) -> QueryResult<i64> {
    filtered(filter).count().get_result(conn)
}

fn filtered(filter: &CustomerFilter) -> customers::BoxedQuery<'_, MultiBackend> {
    let mut query = customers::table.into_boxed();
    if let Some(tier) = filter.tier {
        query = query.filter(customers::tier.eq(tier.as_str()));
    }
    if let Some(part) = &filter.email_part {
        query = query.filter(lower(customers::email).like(pattern_of(part)).escape('\\'));
    }
    query
}

/// A pattern for whatever holds `part`, in which the signs of LIKE stand for themselves.
fn pattern_of(part: &str) -> String {
    // ASCII alone, as `lower` does: the Kelvin sign is not a K.
    let part = part.to_ascii_lowercase();
    let escaped = part.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}

/// Adds a customer that is made now.
pub fn insert(conn: &mut DbConn, customer: &NewCustomer) -> QueryResult<Customer> {
    let now = time::now();
    insert_at(conn, customer, now, now)
}

/// Adds a record of a data file, with its own times where it has them.
pub fn insert_record(conn: &mut DbConn, record: &CustomerRecord) -> QueryResult<Customer> {
    let created_at = record.created_at.unwrap_or_else(time::now);
    let updated_at = record.updated_at.unwrap_or(created_at);
    insert_at(conn, &record.customer, created_at, updated_at)
}

fn insert_at(
    conn: &mut DbConn,
    customer: &NewCustomer,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
) -> QueryResult<Customer> {
    let row = NewCustomerRow {
        id: customer.id.as_str(),
        email: customer.email.as_str(),
        name: &customer.name,
        tier: customer.tier.as_str(),
        phone: customer.phone.as_deref(),
        address: customer.address.clone().map(JsonObject),
        version: time::new_row_version(),
        created_at: created_at.naive_utc(),
        updated_at: updated_at.naive_utc(),
    };
    let row: CustomerRow = diesel::insert_into(customers::table)
        .values(row)
        .returning(customers::all_columns)
        .get_result(conn)?;
    row.into_customer()
}

/// Changes what is present; `None` where there is no such customer.
pub fn update(
    conn: &mut DbConn,
    id: &CustomerId,
    changes: CustomerChanges,
) -> QueryResult<Option<Customer>> {
    let columns = ChangedColumns {
        email: changes.email.map(Email::into_string),
        name: changes.name,
        tier: changes.tier.map(Tier::as_str),
        phone: changes.phone,
        address: changes.address.map(|address| address.map(JsonObject)),
    };
    let row: Option<CustomerRow> = diesel::update(customers::table.find(id.as_str()))
        .set((
            columns,
            customers::version.eq(customers::version + 1),
            customers::updated_at.eq(time::now().naive_utc()),
        ))
        .returning(customers::all_columns)
        .get_result(conn)
        .optional()?;
    row.map(CustomerRow::into_customer).transpose()
}

/// Deletes a customer and returns it; `None` where there is no such customer. The foreign key
/// refuses one that has orders.
pub fn delete(conn: &mut DbConn, id: &CustomerId) -> QueryResult<Option<Customer>> {
    let row: Option<CustomerRow> = diesel::delete(customers::table.find(id.as_str()))
        .returning(customers::all_columns)
        .get_result(conn)
        .optional()?;
    row.map(CustomerRow::into_customer).transpose()
}

/// What a customer has spent, and is about to: a cancelled order does not count.
pub fn total_spent(conn: &mut DbConn, id: &CustomerId) -> QueryResult<Cents> {
    let counts = orders::status
        .eq(OrderStatus::Completed.as_str())
        .or(orders::status.eq(OrderStatus::Pending.as_str()));
    // PostgreSQL adds BIGINTs up to a NUMERIC, which only the cast brings back. A sum past 64 bits
    // fails in both databases.
    let sum = diesel::dsl::sql::<BigInt>("CAST(COALESCE(SUM(total_amount), 0) AS BIGINT)");
    let cents: i64 = orders::table
        .filter(orders::customer_id.eq(id.as_str()))
        .filter(counts)
        .select(sum)
        .get_result(conn)?;
    Ok(Cents::new(cents))
}

/// The orders of a page of a customer's, with their items.
pub fn orders_of(
    conn: &mut DbConn,
    id: &CustomerId,
    page: &Page,
    show: Show<'_, Order>,
) -> QueryResult<()> {
    let mut query = orders::table.filter(orders::customer_id.eq(id.as_str())).into_boxed();
    if let Some(cursor) = &page.after {
        let at = cursor.created_at.naive_utc();
        let order_id = order_id_at(cursor)
            .ok_or_else(|| unreadable(Invalid::new("after", "is no place among orders")))?;
        // As in `list`: the first condition is for the index.
        query = query.filter(orders::created_at.le(at)).filter(
            orders::created_at.lt(at).or(orders::created_at.eq(at).and(orders::id.lt(order_id))),
        );
    }
    let rows: Vec<OrderRow> = query
        .order((orders::created_at.desc(), orders::id.desc()))
        .limit(page.limit)
        .offset(page.offset)
        .load(conn)?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut items = items_of(conn, &ids)?;
    for row in rows {
        let items = items.remove(&row.id).unwrap_or_default();
        if show(row.into_order(items)?).is_break() {
            break;
        }
    }
    Ok(())
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

/// Adds an order of a data file, under its own id or one that the database makes.
/// [`number_orders_from_the_highest`] follows the last one that has an id of its own, before the first that has
/// none.
pub fn insert_order(conn: &mut DbConn, record: &OrderRecord) -> QueryResult<()> {
    let order = &record.order;
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
    Ok(())
}

/// Lets the next id of an order follow the highest one that is there. PostgreSQL's sequence has not
/// seen the ids that came with a data file; SQLite's counter remembers orders that a reset deleted.
pub fn number_orders_from_the_highest(conn: &mut DbConn) -> QueryResult<()> {
    let statement = if is_postgres(conn) {
        "SELECT setval(pg_get_serial_sequence('orders', 'id'), \
         COALESCE(max(id), 1), max(id) IS NOT NULL) FROM orders"
    } else {
        "UPDATE sqlite_sequence SET seq = (SELECT COALESCE(max(id), 0) FROM orders) \
         WHERE name = 'orders'"
    };
    diesel::sql_query(statement).execute(conn).map(drop)
}

/// Whether there are neither customers nor orders.
pub fn is_empty(conn: &mut DbConn) -> QueryResult<bool> {
    let customer: Option<String> = customers::table.select(customers::id).first(conn).optional()?;
    let order: Option<i64> = orders::table.select(orders::id).first(conn).optional()?;
    Ok(customer.is_none() && order.is_none())
}

/// Deletes the orders, whose items go with them, then the customers, which they refer to.
pub fn delete_all(conn: &mut DbConn) -> QueryResult<usize> {
    diesel::delete(orders::table).execute(conn)?;
    diesel::delete(customers::table).execute(conn)
}
