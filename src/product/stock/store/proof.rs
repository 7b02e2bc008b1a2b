//! Whether the books prove the stock.

use crate::kernel::db::DbConn;
use crate::product::model::ProductId;
use crate::product::stock::model::Drift;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

/// Products that are proved at once, by the first and the last of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::product::stock) struct Subjects {
    pub first: String,
    pub last: String,
    pub count: usize,
}

impl Subjects {
    pub(in crate::product::stock) fn only(id: &ProductId) -> Subjects {
        Subjects { first: id.to_string(), last: id.to_string(), count: 1 }
    }
}

/// Whatever the books speak of: products that are there, and those that are gone. Each part is read from
/// an index, for as long as there is room.
const SUBJECTS: &str = "\
    SELECT id FROM (\
        SELECT id FROM (SELECT id FROM products WHERE id > $1 ORDER BY id LIMIT $2) AS present \
        UNION \
        SELECT product_id FROM (\
            SELECT DISTINCT product_id FROM stock_ledger WHERE product_id > $1 \
            ORDER BY product_id LIMIT $2) AS in_books \
        UNION \
        SELECT product_id FROM (\
            SELECT DISTINCT product_id FROM stock_hold_items \
            WHERE open_quantity > 0 AND product_id > $1 ORDER BY product_id LIMIT $2) AS held\
    ) AS subjects ORDER BY id LIMIT $2";

#[derive(QueryableByName)]
struct Subject {
    #[diesel(sql_type = Text)]
    id: String,
}

/// The next products, by id; `None` where there is none behind `after`.
pub(in crate::product::stock) fn subjects_after(
    conn: &mut DbConn,
    after: Option<&ProductId>,
    limit: i64,
) -> QueryResult<Option<Subjects>> {
    let after = after.map_or("", ProductId::as_str);
    let query = diesel::sql_query(SUBJECTS).bind::<Text, _>(after).bind::<BigInt, _>(limit);
    let found: Vec<Subject> = query.load(conn)?;
    let count = found.len();
    let mut ids = found.into_iter().map(|subject| subject.id);
    let first = ids.next();
    let last = ids.next_back().or_else(|| first.clone());
    Ok(first.zip(last).map(|(first, last)| Subjects { first, last, count }))
}

/// All that does not agree, in one statement: it sees one state of the store.
const DRIFT: &str = "\
    WITH subjects AS (\
        SELECT id FROM products WHERE id BETWEEN $1 AND $2 \
        UNION SELECT product_id FROM stock_ledger WHERE product_id BETWEEN $1 AND $2 \
        UNION SELECT product_id FROM stock_hold_items \
            WHERE open_quantity > 0 AND product_id BETWEEN $1 AND $2\
    ), books AS (\
        SELECT product_id, sum(on_hand_delta) AS on_hand, sum(reserved_delta) AS reserved \
        FROM stock_ledger WHERE product_id BETWEEN $1 AND $2 GROUP BY product_id\
    ), held AS (\
        SELECT i.product_id, sum(i.open_quantity) AS pieces \
        FROM stock_hold_items i JOIN stock_holds h ON h.id = i.hold_id \
        WHERE h.state = 'open' AND i.open_quantity > 0 AND i.product_id BETWEEN $1 AND $2 \
        GROUP BY i.product_id\
    ), sums AS (\
        SELECT s.id, coalesce(p.stock + p.reserved, 0) AS on_hand, \
            coalesce(p.reserved, 0) AS reserved, coalesce(b.on_hand, 0) AS books_on_hand, \
            coalesce(b.reserved, 0) AS books_reserved, coalesce(held.pieces, 0) AS held \
        FROM subjects s LEFT JOIN products p ON p.id = s.id \
        LEFT JOIN books b ON b.product_id = s.id LEFT JOIN held ON held.product_id = s.id\
    ), chain AS (\
        SELECT product_id, version, on_hand_after, reserved_after, \
            coalesce(lag(on_hand_after) OVER (PARTITION BY product_id ORDER BY version), 0) \
                + on_hand_delta AS on_hand, \
            coalesce(lag(reserved_after) OVER (PARTITION BY product_id ORDER BY version), 0) \
                + reserved_delta AS reserved \
        FROM stock_ledger WHERE product_id BETWEEN $1 AND $2\
    ), open_items AS (\
        SELECT i.product_id, i.open_quantity, h.id AS hold_id, h.state, h.order_id \
        FROM stock_hold_items i JOIN stock_holds h ON h.id = i.hold_id \
        WHERE i.open_quantity > 0 AND i.product_id BETWEEN $1 AND $2\
    ), drift AS (\
        SELECT 'ON_HAND' AS rule, id AS product_id, CAST(NULL AS BIGINT) AS row_id, \
            CAST(on_hand AS BIGINT) AS found, CAST(books_on_hand AS BIGINT) AS expected \
        FROM sums WHERE on_hand <> books_on_hand \
        UNION ALL \
        SELECT 'RESERVED', id, NULL, CAST(reserved AS BIGINT), CAST(books_reserved AS BIGINT) \
        FROM sums WHERE reserved <> books_reserved \
        UNION ALL \
        SELECT 'HELD', id, NULL, CAST(reserved AS BIGINT), CAST(held AS BIGINT) \
        FROM sums WHERE reserved <> held \
        UNION ALL \
        SELECT 'LEDGER_ON_HAND', product_id, version, CAST(on_hand_after AS BIGINT), \
            CAST(on_hand AS BIGINT) \
        FROM chain WHERE on_hand_after <> on_hand \
        UNION ALL \
        SELECT 'LEDGER_RESERVED', product_id, version, CAST(reserved_after AS BIGINT), \
            CAST(reserved AS BIGINT) \
        FROM chain WHERE reserved_after <> reserved \
        UNION ALL \
        SELECT 'CLOSED_HOLD', product_id, hold_id, CAST(open_quantity AS BIGINT), 0 \
        FROM open_items WHERE state <> 'open' \
        UNION ALL \
        SELECT 'HOLD_WITHOUT_ORDER', i.product_id, i.hold_id, CAST(i.open_quantity AS BIGINT), 0 \
        FROM open_items i LEFT JOIN orders o ON o.id = i.order_id \
        WHERE i.state = 'open' AND i.order_id IS NOT NULL \
            AND (o.id IS NULL OR o.status NOT IN ('draft', 'pending'))\
    ) \
    SELECT rule, product_id, row_id, found, expected FROM drift \
    ORDER BY product_id, rule, row_id LIMIT $3";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    rule: String,
    #[diesel(sql_type = Text)]
    product_id: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    row_id: Option<i64>,
    #[diesel(sql_type = BigInt)]
    found: i64,
    #[diesel(sql_type = BigInt)]
    expected: i64,
}

/// Where the stock, the holds, the ledger and the orders do not agree; at most so many rows of that.
pub(in crate::product::stock) fn drift_of(
    conn: &mut DbConn,
    subjects: &Subjects,
    limit: i64,
) -> QueryResult<Vec<Drift>> {
    let query = diesel::sql_query(DRIFT)
        .bind::<Text, _>(&subjects.first)
        .bind::<Text, _>(&subjects.last)
        .bind::<BigInt, _>(limit);
    let rows: Vec<Row> = query.load(conn)?;
    let drift = rows.into_iter().map(|row| Drift {
        rule: row.rule,
        product_id: row.product_id,
        row_id: row.row_id,
        found: row.found,
        expected: row.expected,
    });
    Ok(drift.collect())
}
