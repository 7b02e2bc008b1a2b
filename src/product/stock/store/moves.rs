//! The one place that changes how many pieces of a product there are.

use crate::kernel::auth::Actor;
use crate::kernel::db::DbConn;
use crate::kernel::time;
use crate::product::model::{Product, ProductId};
use crate::product::stock::model::{Level, Move, MoveKind, MoveNote, Moved};
use crate::product::store::Row;
use crate::schema::{products, stock_ledger};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// More pieces of a product than there can be.
#[cfg(feature = "sqlite")]
const MOST_PIECES: i32 = i32::MAX;

#[derive(Insertable)]
#[diesel(table_name = stock_ledger)]
struct NewEntry<'a> {
    product_id: &'a str,
    version: i64,
    kind: &'static str,
    on_hand_delta: i32,
    reserved_delta: i32,
    on_hand_after: i32,
    reserved_after: i32,
    source: Option<&'a str>,
    reason: Option<&'a str>,
    note: Option<&'a str>,
    actor: &'a str,
    request_id: Option<&'a str>,
    created_at: NaiveDateTime,
}

/// Moves pieces of a product, where there are enough of them, and says so in the ledger. Two who come
/// at once cannot both pass the guard. `None` where there is no such product, or too few pieces, or there
/// would be too many.
///
/// On PostgreSQL this is one statement: the row is locked for no round trip more than without the ledger.
pub(in crate::product) fn move_stock(
    conn: &mut DbConn,
    id: &ProductId,
    moved: &Move<'_>,
    actor: &Actor,
) -> QueryResult<Option<Moved>> {
    // A move that is more than can be counted is more than there is.
    let Some(stock) = moved.on_hand.checked_sub(moved.reserved) else {
        return Ok(None);
    };
    let now = time::now().naive_utc();
    let row: Option<Row> = match conn {
        #[cfg(feature = "postgres")]
        DbConn::Postgres(conn) => {
            let (kind, request_id) = (moved.kind.as_str(), actor.request_id());
            let (id, actor) = (id.as_str(), actor.name());
            let updated_at = updated_at(moved, now);
            let statement =
                postgres::Statement { id, stock, moved, kind, actor, request_id, updated_at, now };
            statement.get_result(conn).optional()?
        }
        #[cfg(feature = "sqlite")]
        DbConn::Sqlite(conn) => {
            let row = update(conn, id, stock, moved, now)?;
            if let Some(row) = &row {
                diesel::insert_into(stock_ledger::table)
                    .values(entry(id, row, moved, actor, now))
                    .execute(conn)?;
            }
            row
        }
    };
    row.map(Row::into_moved).transpose()
}

#[cfg(feature = "sqlite")]
fn update(
    conn: &mut diesel::SqliteConnection,
    id: &ProductId,
    stock: i32,
    moved: &Move<'_>,
    now: NaiveDateTime,
) -> QueryResult<Option<Row>> {
    let Move { on_hand, reserved, .. } = *moved;
    let there_are_enough = products::table
        .find(id.as_str())
        .filter(products::stock.ge(stock.saturating_neg()))
        .filter(products::reserved.ge(reserved.saturating_neg()))
        .filter((products::stock + products::reserved).le(MOST_PIECES.saturating_sub(on_hand)));
    diesel::update(there_are_enough)
        .set((
            products::stock.eq(products::stock + stock),
            products::reserved.eq(products::reserved + reserved),
            products::version.eq(products::version + 1),
            updated_at(moved, now).map(|at| products::updated_at.eq(at)),
        ))
        .returning(products::all_columns)
        .get_result(conn)
        .optional()
}

/// When a move changes its product; `None` where it tells of what was there before.
fn updated_at(moved: &Move<'_>, now: NaiveDateTime) -> Option<NaiveDateTime> {
    (moved.kind != MoveKind::Opening).then_some(now)
}

#[cfg(feature = "sqlite")]
fn entry<'a>(
    id: &'a ProductId,
    row: &Row,
    moved: &Move<'a>,
    actor: &'a Actor,
    created_at: NaiveDateTime,
) -> NewEntry<'a> {
    let level = row.level();
    NewEntry {
        product_id: id.as_str(),
        version: level.version,
        kind: moved.kind.as_str(),
        on_hand_delta: moved.on_hand,
        reserved_delta: moved.reserved,
        on_hand_after: level.on_hand,
        reserved_after: level.reserved,
        source: moved.note.source,
        reason: moved.note.reason,
        note: moved.note.note,
        actor: actor.name(),
        request_id: actor.request_id(),
        created_at,
    }
}

/// The first line of a product that was just added, none of whose pieces is reserved.
pub(in crate::product) fn write_opening(
    conn: &mut DbConn,
    product: &Product,
    actor: &Actor,
) -> QueryResult<()> {
    let stock = product.stock;
    write(conn, &product.id, product.version, (MoveKind::Opening, stock, stock), actor)
}

/// The last line of a product that was just deleted, none of whose pieces was reserved.
pub(in crate::product) fn write_removal(
    conn: &mut DbConn,
    product: &Product,
    actor: &Actor,
) -> QueryResult<()> {
    let moved = (MoveKind::Removal, -product.stock, 0);
    write(conn, &product.id, product.version + 1, moved, actor)
}

fn write(
    conn: &mut DbConn,
    id: &ProductId,
    version: i64,
    (kind, on_hand_delta, on_hand_after): (MoveKind, i32, i32),
    actor: &Actor,
) -> QueryResult<()> {
    let MoveNote { source, reason, note } = MoveNote::default();
    let entry = NewEntry {
        product_id: id.as_str(),
        version,
        kind: kind.as_str(),
        on_hand_delta,
        reserved_delta: 0,
        on_hand_after,
        reserved_after: 0,
        source,
        reason,
        note,
        actor: actor.name(),
        request_id: actor.request_id(),
        created_at: time::now().naive_utc(),
    };
    diesel::insert_into(stock_ledger::table).values(entry).execute(conn).map(drop)
}

/// The version of a product that is added now: that of a new row, and above all that a product of this
/// id had before, also where the clock was put back.
pub(in crate::product) fn next_version(conn: &mut DbConn, id: &ProductId) -> QueryResult<i64> {
    let last: Option<i64> = stock_ledger::table
        .filter(stock_ledger::product_id.eq(id.as_str()))
        .order(stock_ledger::version.desc())
        .select(stock_ledger::version)
        .first(conn)
        .optional()?;
    let fresh = time::new_row_version();
    Ok(last.map_or(fresh, |last| fresh.max(last + 1)))
}

pub(in crate::product) fn find_level(
    conn: &mut DbConn,
    id: &ProductId,
) -> QueryResult<Option<Level>> {
    let row: Option<Row> = products::table.find(id.as_str()).first(conn).optional()?;
    Ok(row.map(|row| row.level()))
}

/// As [`find_level`], for a product that this transaction changes.
pub(in crate::product::stock) fn find_level_and_lock(
    conn: &mut DbConn,
    id: &ProductId,
) -> QueryResult<Option<Level>> {
    let row = crate::product::store::find_row_and_lock(conn, id)?;
    Ok(row.map(|row| row.level()))
}

/// Says when the stock of a product is low; `None` where there is no such product.
pub(in crate::product::stock) fn set_low_stock_at(
    conn: &mut DbConn,
    id: &ProductId,
    low_stock_at: Option<i32>,
) -> QueryResult<Option<Level>> {
    let row: Option<Row> = diesel::update(products::table.find(id.as_str()))
        .set((
            products::low_stock_at.eq(low_stock_at),
            products::version.eq(products::version + 1),
            products::updated_at.eq(time::now().naive_utc()),
        ))
        .returning(products::all_columns)
        .get_result(conn)
        .optional()?;
    Ok(row.map(|row| row.level()))
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::{Move, NaiveDateTime};
    use crate::schema::products;
    use diesel::pg::{Pg, PgConnection};
    use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
    use diesel::sql_types::{Integer, Nullable, Text, Timestamp};
    use diesel::{QueryResult, RunQueryDsl};

    /// The move and its line of the ledger. Prepared once on a connection, unlike a literal.
    pub(super) struct Statement<'a> {
        pub id: &'a str,
        /// How what can be sold changes.
        pub stock: i32,
        pub moved: &'a Move<'a>,
        pub kind: &'static str,
        pub actor: &'a str,
        pub request_id: Option<&'a str>,
        pub updated_at: Option<NaiveDateTime>,
        pub now: NaiveDateTime,
    }

    const COLUMNS: &str = "id, name, brand, price, stock, category, metadata, version, created_at, \
                           updated_at, reserved, low_stock_at";

    impl QueryFragment<Pg> for Statement<'_> {
        fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
            let Move { on_hand, reserved, note, .. } = self.moved;
            out.push_sql("WITH moved AS (UPDATE products SET stock = stock + ");
            out.push_bind_param::<Integer, _>(&self.stock)?;
            out.push_sql(", reserved = reserved + ");
            out.push_bind_param::<Integer, _>(reserved)?;
            out.push_sql(", version = version + 1, updated_at = coalesce(");
            out.push_bind_param::<Nullable<Timestamp>, _>(&self.updated_at)?;
            out.push_sql(", updated_at) WHERE id = ");
            out.push_bind_param::<Text, _>(&self.id)?;
            out.push_sql(" AND stock::bigint + ");
            out.push_bind_param::<Integer, _>(&self.stock)?;
            out.push_sql(" >= 0 AND reserved::bigint + ");
            out.push_bind_param::<Integer, _>(reserved)?;
            out.push_sql(" >= 0 AND stock::bigint + reserved + ");
            out.push_bind_param::<Integer, _>(on_hand)?;
            out.push_sql(" <= 2147483647 RETURNING ");
            out.push_sql(COLUMNS);
            out.push_sql(
                "), written AS (INSERT INTO stock_ledger (product_id, version, kind, \
                 on_hand_delta, reserved_delta, on_hand_after, reserved_after, source, reason, \
                 note, actor, request_id, created_at) SELECT id, version, ",
            );
            out.push_bind_param::<Text, _>(&self.kind)?;
            out.push_sql(", ");
            out.push_bind_param::<Integer, _>(on_hand)?;
            out.push_sql(", ");
            out.push_bind_param::<Integer, _>(reserved)?;
            out.push_sql(", stock + reserved, reserved, ");
            out.push_bind_param::<Nullable<Text>, _>(&note.source)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(&note.reason)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(&note.note)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(&self.actor)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(&self.request_id)?;
            out.push_sql(", ");
            out.push_bind_param::<Timestamp, _>(&self.now)?;
            out.push_sql(" FROM moved) SELECT ");
            out.push_sql(COLUMNS);
            out.push_sql(" FROM moved");
            Ok(())
        }
    }

    /// There is one text of it.
    impl QueryId for Statement<'_> {
        type QueryId = Statement<'static>;
    }

    impl Query for Statement<'_> {
        type SqlType = products::SqlType;
    }

    impl RunQueryDsl<PgConnection> for Statement<'_> {}
}
