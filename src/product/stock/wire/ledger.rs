//! The ledger as JSON.

use super::named;
use crate::kernel::http::{ListView, Query};
use crate::kernel::problems::Problems;
use crate::kernel::time;
use crate::kernel::wire::all;
use crate::product::stock::model::{LedgerEntry, LedgerFilter, MoveKind};
use serde::Serialize;
use utoipa::ToSchema;

const LEDGER_FILTERS: &[&str] = &["kind", "from", "to"];
const LEDGER_MEMBERS: &[&str] = &[
    "product_id",
    "version",
    "kind",
    "on_hand_delta",
    "reserved_delta",
    "on_hand_after",
    "reserved_after",
    "available_after",
    "source",
    "reason",
    "note",
    "actor",
    "request_id",
    "created_at",
];

/// `GET /stock/ledger`, and `GET /products/{id}/stock/ledger`.
pub(in crate::product::stock) struct LedgerList;

impl ListView for LedgerList {
    const NAME: &'static str = "stock_ledger";
    /// Of all products: the path may name one.
    type Filter = LedgerFilter;
    type Row = LedgerEntry;
    const DEFAULT_LIMIT: i64 = 100;
    const FILTERS: &'static [&'static str] = LEDGER_FILTERS;
    const MEMBERS: &'static [&'static str] = LEDGER_MEMBERS;
    const SHOWS_COUNT: bool = false;

    fn parse_filter(query: &Query, problems: &mut Problems) -> Option<LedgerFilter> {
        let names = MoveKind::ALL.map(MoveKind::as_str);
        let kind = problems.take(named(query, "kind", MoveKind::parse, &names));
        let (from, to) = (problems.take(query.time("from")), problems.take(query.time("to")));
        let product_id = Some(None);
        all!(LedgerFilter { product_id, kind, from, to })
    }

    fn view(entry: &LedgerEntry) -> impl Serialize {
        LedgerView::from(entry)
    }
}

/// A line of the ledger as clients see it.
#[derive(Serialize, ToSchema)]
#[schema(as = LedgerEntry)]
pub(in crate::product::stock) struct LedgerView<'a> {
    product_id: &'a str,
    /// That of the product after the move: the order of the moves of one product.
    version: i64,
    #[schema(pattern = "^[a-z]{4,10}$")]
    kind: &'static str,
    on_hand_delta: i32,
    reserved_delta: i32,
    #[schema(minimum = 0)]
    on_hand_after: i32,
    #[schema(minimum = 0)]
    reserved_after: i32,
    #[schema(minimum = 0)]
    available_after: i32,
    /// What the move is part of, such as `hold:12`.
    #[schema(required = true)]
    source: Option<&'a str>,
    #[schema(required = true)]
    reason: Option<&'a str>,
    #[schema(required = true)]
    note: Option<&'a str>,
    /// The user of the token, or the part of the program, that made it.
    actor: &'a str,
    #[schema(required = true)]
    request_id: Option<&'a str>,
    #[schema(format = DateTime)]
    created_at: String,
}

impl<'a> From<&'a LedgerEntry> for LedgerView<'a> {
    fn from(entry: &'a LedgerEntry) -> Self {
        LedgerView {
            product_id: entry.product_id.as_str(),
            version: entry.version,
            kind: entry.kind.as_str(),
            on_hand_delta: entry.on_hand_delta,
            reserved_delta: entry.reserved_delta,
            on_hand_after: entry.on_hand_after,
            reserved_after: entry.reserved_after,
            available_after: entry.on_hand_after - entry.reserved_after,
            source: entry.source.as_deref(),
            reason: entry.reason.as_deref(),
            note: entry.note.as_deref(),
            actor: &entry.actor,
            request_id: entry.request_id.as_deref(),
            created_at: time::rfc3339(entry.created_at),
        }
    }
}
