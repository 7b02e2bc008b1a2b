//! All SQL of the orders.

mod books;
mod lines;
mod list;
mod proof;
mod rows;

pub(super) use books::{
    NewMovement, count_serials_out, detail, has_payment, insert_fulfilment, insert_payment,
    insert_serials, return_serials, serial_is_sold,
};
use lines::{insert_lines, lines_of};
pub(super) use lines::{replace_lines, save_lines};
pub(super) use list::{OfCustomer, tier_orders};
pub(super) use proof::{count_orders, drift_of_customers, drift_of_orders, open_pieces};
use rows::{Columns, NewRow, Row};

use super::model::{FulfilmentStatus, Order, PaymentStatus};
use crate::customer::CustomerId;
use crate::kernel::db::{DbConn, is_postgres, unreadable};
use crate::kernel::outbox;
use crate::schema::{fulfilment_items, fulfilments, order_serials, orders, payments};
use diesel::prelude::*;

/// The order with this id.
pub(super) fn find(conn: &mut DbConn, id: i64) -> QueryResult<Option<Order>> {
    let row: Option<Row> = orders::table.find(id).first(conn).optional()?;
    row.map(|row| with_lines(conn, row)).transpose()
}

/// The id of the order with this number.
pub(super) fn find_id(conn: &mut DbConn, order_number: &str) -> QueryResult<Option<i64>> {
    orders::table
        .filter(orders::order_number.eq(order_number))
        .select(orders::id)
        .first(conn)
        .optional()
}

/// As [`find`], for an order that this transaction changes: whatever else happens to it waits.
pub(super) fn find_and_lock(conn: &mut DbConn, id: i64) -> QueryResult<Option<Order>> {
    let query = orders::table.find(id);
    let row: Option<Row> = match conn {
        #[cfg(feature = "postgres")]
        DbConn::Postgres(conn) => query.for_update().first(conn).optional()?,
        #[cfg(feature = "sqlite")]
        DbConn::Sqlite(conn) => query.first(conn).optional()?,
    };
    row.map(|row| with_lines(conn, row)).transpose()
}

fn with_lines(conn: &mut DbConn, row: Row) -> QueryResult<Order> {
    let lines = lines_of(conn, &[row.id])?.remove(&row.id).unwrap_or_default();
    row.into_order(lines)
}

/// The order of a customer that has this reference: its id and number.
pub(super) fn find_by_reference(
    conn: &mut DbConn,
    customer_id: &CustomerId,
    reference: &str,
) -> QueryResult<Option<(i64, Option<String>)>> {
    orders::table
        .filter(orders::customer_id.eq(customer_id.as_str()))
        .filter(orders::reference.eq(reference))
        .select((orders::id, orders::order_number))
        .first(conn)
        .optional()
}

/// Adds an order with its lines, under `id` or one that the database makes, and returns it.
/// [`number_from_the_highest`] follows the last one that has an id of its own, before the first that has
/// none.
pub(super) fn insert(conn: &mut DbConn, id: Option<i64>, order: &Order) -> QueryResult<i64> {
    let created_at = order.created_at.naive_utc();
    let row = NewRow { id, created_at, columns: Columns::of(order) };
    let id: i64 =
        diesel::insert_into(orders::table).values(row).returning(orders::id).get_result(conn)?;
    insert_lines(conn, id, &order.lines)?;
    Ok(id)
}

/// Writes what has happened to an order, without its lines, and tells what its amounts and pieces say.
pub(super) fn save(
    conn: &mut DbConn,
    order: &Order,
) -> QueryResult<(PaymentStatus, FulfilmentStatus)> {
    let (payment, fulfilment): (String, String) = diesel::update(orders::table.find(order.id))
        .set(Columns::of(order))
        .returning((orders::payment_status, orders::fulfilment_status))
        .get_result(conn)?;
    let payment = PaymentStatus::parse(&payment).map_err(unreadable)?;
    Ok((payment, FulfilmentStatus::parse(&fulfilment).map_err(unreadable)?))
}

/// Deletes a draft, whose lines go with it.
pub(super) fn delete(conn: &mut DbConn, id: i64) -> QueryResult<()> {
    diesel::delete(orders::table.find(id)).execute(conn).map(drop)
}

/// The currencies of the orders that have one, beside this: at most one of them.
pub fn find_other_currency(conn: &mut DbConn, currency: &str) -> QueryResult<Option<String>> {
    let other: Option<Option<String>> = orders::table
        .filter(orders::currency.is_not_null().and(orders::currency.ne(currency)))
        .select(orders::currency)
        .first(conn)
        .optional()?;
    Ok(other.flatten())
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

/// Deletes the orders with all of their books and what has happened to them; their lines go with them.
pub fn delete_all(conn: &mut DbConn) -> QueryResult<usize> {
    outbox::delete_all(conn)?;
    diesel::delete(order_serials::table).execute(conn)?;
    diesel::delete(fulfilment_items::table).execute(conn)?;
    diesel::delete(fulfilments::table).execute(conn)?;
    diesel::delete(payments::table).execute(conn)?;
    diesel::delete(orders::table).execute(conn)
}
