//! The SQL of the proof: which orders do not agree with their books.

use crate::kernel::db::DbConn;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

/// Something that does not agree.
#[derive(QueryableByName)]
pub(in crate::order) struct Drift {
    #[diesel(sql_type = Text)]
    pub subject: String,
    #[diesel(sql_type = BigInt)]
    pub said: i64,
    #[diesel(sql_type = BigInt)]
    pub proved: i64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// What the lines of each order come to. A part of a line is worth its share, cut to the cent, in a form
/// that passes no 64 bits.
const LINES: &str = "\
    SELECT o.id, COALESCE(SUM(i.quantity), 0) AS pieces, COALESCE(SUM(i.fulfilled), 0) AS fulfilled, \
    COALESCE(SUM(i.cancelled), 0) AS cancelled, COALESCE(SUM(i.returned), 0) AS returned, \
    COALESCE(SUM(i.total_amount), 0) AS total, COALESCE(SUM(i.tax_amount), 0) AS tax, \
    COALESCE(SUM(i.discount_amount), 0) AS discount, \
    COALESCE(SUM(i.total_amount - (i.total_amount / i.quantity) \
    * (i.quantity - i.cancelled - i.returned) - ((i.total_amount % i.quantity) \
    * (i.quantity - i.cancelled - i.returned)) / i.quantity), 0) AS back \
    FROM orders o LEFT JOIN order_items i ON i.order_id = o.id GROUP BY o.id";

/// What is compared of each order: a name, what its row says, and what its books prove.
const OF_ORDERS: [(&str, &str, &str, &str); 9] = [
    ("pieces", "o.pieces", "lines.pieces", "TRUE"),
    ("pieces_fulfilled", "o.pieces_fulfilled", "lines.fulfilled", "TRUE"),
    ("pieces_cancelled", "o.pieces_cancelled", "lines.cancelled", "TRUE"),
    ("pieces_returned", "o.pieces_returned", "lines.returned", "TRUE"),
    (
        "original_amount",
        "o.original_amount",
        "lines.total + o.shipping_amount + o.import_difference \
         + CASE o.tax_mode WHEN 'added' THEN o.tax_amount - lines.tax ELSE 0 END",
        "TRUE",
    ),
    ("discount_amount", "o.discount_amount", "lines.discount", "TRUE"),
    (
        "taken_back_amount",
        "o.taken_back_amount",
        "lines.back",
        "o.status <> 'cancelled' AND o.import_difference >= 0",
    ),
    ("paid_amount", "o.paid_amount", "money.came_in", "TRUE"),
    ("refunded_amount", "o.refunded_amount", "money.went_out", "TRUE"),
];

/// The orders whose rows do not say what their lines and payments prove.
pub(in crate::order) fn drift_of_orders(conn: &mut DbConn) -> QueryResult<Vec<Drift>> {
    let mut drift = Vec::new();
    for (name, said, proved, condition) in OF_ORDERS {
        let statement = format!(
            "SELECT 'order ' || CAST(o.id AS TEXT) || ' {name}' AS subject, \
             CAST({said} AS BIGINT) AS said, CAST({proved} AS BIGINT) AS proved \
             FROM orders o JOIN ({LINES}) AS lines ON lines.id = o.id \
             JOIN (SELECT o.id, COALESCE(SUM(CASE p.direction WHEN 'in' THEN p.amount END), 0) AS came_in, \
             COALESCE(SUM(CASE p.direction WHEN 'out' THEN p.amount END), 0) AS went_out \
             FROM orders o LEFT JOIN payments p ON p.order_id = o.id GROUP BY o.id) AS money \
             ON money.id = o.id WHERE {said} <> {proved} AND {condition} ORDER BY o.id"
        );
        drift.extend(diesel::sql_query(statement).load::<Drift>(conn)?);
    }
    Ok(drift)
}

/// The customers whose rows do not say what their orders come to.
pub(in crate::order) fn drift_of_customers(conn: &mut DbConn) -> QueryResult<Vec<Drift>> {
    let statement = "\
        SELECT 'customer ' || c.id || ' total_spent' AS subject, c.total_spent AS said, \
        CAST(COALESCE(s.total, 0) AS BIGINT) AS proved FROM customers c \
        LEFT JOIN (SELECT customer_id, SUM(total_amount) AS total FROM orders \
        WHERE status IN ('pending', 'completed') GROUP BY customer_id) AS s ON s.customer_id = c.id \
        WHERE c.total_spent <> COALESCE(s.total, 0) ORDER BY c.id";
    diesel::sql_query(statement).load(conn)
}

/// How many pieces of each product are still to leave by each order that is pending, or by a draft.
pub(in crate::order) fn open_pieces(conn: &mut DbConn) -> QueryResult<Vec<(i64, String, i64)>> {
    use crate::schema::{order_items, orders};
    use diesel::dsl::sql;

    order_items::table
        .inner_join(orders::table)
        .filter(orders::status.eq("pending"))
        .group_by((order_items::order_id, order_items::product_id))
        .select((
            order_items::order_id,
            order_items::product_id,
            sql::<BigInt>("CAST(SUM(quantity - fulfilled - cancelled) AS BIGINT)"),
        ))
        .load(conn)
}

pub(in crate::order) fn count_orders(conn: &mut DbConn) -> QueryResult<i64> {
    let counted = diesel::sql_query("SELECT count(*) AS count FROM orders");
    counted.get_result::<Count>(conn).map(|row| row.count)
}
