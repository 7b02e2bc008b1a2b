//! The lists of the ledger.

use crate::kernel::db::{
    DbConn, ListSource, MultiBackend, PageOf, count_rows, show_rows, unreadable,
};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::ids::Id;
use crate::kernel::page::{Counting, Direction, Place, PlaceValue, Show, Total};
use crate::product::model::ProductId;
use crate::product::stock::model::{LedgerEntry, LedgerFilter, MoveKind};
use crate::schema::stock_ledger as ledger;
use chrono::NaiveDateTime;
use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;

/// A row, in the order of the table's columns.
#[derive(Queryable)]
struct Row {
    product_id: String,
    version: i64,
    kind: String,
    on_hand_delta: i32,
    reserved_delta: i32,
    on_hand_after: i32,
    reserved_after: i32,
    source: Option<String>,
    reason: Option<String>,
    note: Option<String>,
    actor: String,
    request_id: Option<String>,
    created_at: NaiveDateTime,
}

impl Row {
    fn into_entry(self) -> QueryResult<LedgerEntry> {
        let kind = MoveKind::parse(&self.kind).ok_or_else(|| {
            unreadable(Invalid::new("kind", Rule::NotOneOf, "is none that is known"))
        })?;
        Ok(LedgerEntry {
            product_id: Id::parse("product_id", self.product_id).map_err(unreadable)?,
            version: self.version,
            kind,
            on_hand_delta: self.on_hand_delta,
            reserved_delta: self.reserved_delta,
            on_hand_after: self.on_hand_after,
            reserved_after: self.reserved_after,
            source: self.source,
            reason: self.reason,
            note: self.note,
            actor: self.actor,
            request_id: self.request_id,
            created_at: self.created_at.and_utc(),
        })
    }
}

/// A line that was just written.
pub(in crate::product::stock) fn find_entry(
    conn: &mut DbConn,
    product_id: &ProductId,
    version: i64,
) -> QueryResult<LedgerEntry> {
    let row: Row = ledger::table.find((product_id.as_str(), version)).first(conn)?;
    row.into_entry()
}

impl ListSource for LedgerFilter {
    type Row = LedgerEntry;
    /// libpq has all of them in memory.
    const PART_ROWS: i64 = 128;

    fn load(
        &self,
        conn: &mut DbConn,
        page: &PageOf<LedgerEntry>,
        show: Show<'_, LedgerEntry>,
    ) -> QueryResult<()> {
        let mut query = filtered(self);
        if let Some(place) = page.place() {
            query = match (&self.product_id, page.direction()) {
                (None, direction) => beyond(conn, query, place, direction)?,
                (Some(_), Direction::Descending) => {
                    query.filter(ledger::version.lt(version_at(place)?))
                }
                (Some(_), Direction::Ascending) => {
                    query.filter(ledger::version.gt(version_at(place)?))
                }
            };
        }
        let (time, product, version) = (ledger::created_at, ledger::product_id, ledger::version);
        query = match (self.product_id.is_some(), page.direction()) {
            (true, Direction::Descending) => query.order(version.desc()),
            (true, Direction::Ascending) => query.order(version.asc()),
            (false, Direction::Descending) => {
                query.order((time.desc(), product.desc(), version.desc()))
            }
            (false, Direction::Ascending) => {
                query.order((time.asc(), product.asc(), version.asc()))
            }
        };
        let query = query.limit(page.limit).offset(page.offset);
        let rows = query.load_iter::<Row, DefaultLoadingMode>(conn)?;
        show_rows(rows, Row::into_entry, show)
    }

    fn count(&self, conn: &mut DbConn, counting: Counting) -> QueryResult<Total> {
        count_rows!(conn, counting, filtered(self), ledger::product_id)
    }
}

type Boxed<'a> = ledger::BoxedQuery<'a, MultiBackend>;

/// The list of one product is ordered by its versions, which are those of its moves.
fn version_at(place: &Place) -> QueryResult<i64> {
    match place.value {
        PlaceValue::Number(version) => Ok(version),
        _ => Err(unreadable(Place::invalid("after"))),
    }
}

/// The lines on one side of a place in the list of all, which is ordered by time. The line at the place
/// says when that was, and never changes.
fn beyond<'a>(
    conn: &mut DbConn,
    query: Boxed<'a>,
    place: &Place,
    direction: Direction,
) -> QueryResult<Boxed<'a>> {
    let (at_product, at_version) = (place.id.to_string(), version_at(place)?);
    let line = ledger::table.find((at_product.clone(), at_version)).select(ledger::created_at);
    let line: Option<NaiveDateTime> = line.first(conn).optional()?;
    // No line was ever at this place: nothing is beyond it.
    let Some(at) = line else {
        return Ok(query.filter(ledger::version.lt(0)));
    };
    let (time, product, version) = (ledger::created_at, ledger::product_id, ledger::version);
    let same = time.eq(at).and(product.eq(at_product.clone()));
    Ok(match direction {
        Direction::Descending => query.filter(time.le(at)).filter(
            time.lt(at)
                .or(time.eq(at).and(product.lt(at_product)))
                .or(same.and(version.lt(at_version))),
        ),
        Direction::Ascending => query.filter(time.ge(at)).filter(
            time.gt(at)
                .or(time.eq(at).and(product.gt(at_product)))
                .or(same.and(version.gt(at_version))),
        ),
    })
}

fn filtered(filter: &LedgerFilter) -> Boxed<'_> {
    let mut query = ledger::table.into_boxed();
    if let Some(product_id) = &filter.product_id {
        query = query.filter(ledger::product_id.eq(product_id.as_str()));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(ledger::kind.eq(kind.as_str()));
    }
    if let Some(from) = filter.from {
        query = query.filter(ledger::created_at.ge(from.naive_utc()));
    }
    if let Some(to) = filter.to {
        query = query.filter(ledger::created_at.lt(to.naive_utc()));
    }
    query
}
