//! How pieces of a product come and go, and how many there are.

use super::lists::LedgerEntry;
use super::{MAX_REASON_CHARS, not_one_of};
use crate::kernel::error::Invalid;
use crate::kernel::text;
use crate::product::model::Product;

/// The pieces of a product: those that can be sold are `on_hand` without the `reserved`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    pub on_hand: i32,
    pub reserved: i32,
    /// At how many pieces that can be sold, or fewer, the stock is low.
    pub low_stock_at: Option<i32>,
    /// That of the product.
    pub version: i64,
}

impl Level {
    pub fn available(&self) -> i32 {
        self.on_hand - self.reserved
    }
}

/// Why pieces come, go, or change hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::product) enum MoveKind {
    Opening,
    Receipt,
    Adjustment,
    Sale,
    Hold,
    Release,
    Fulfilment,
    Return,
    Removal,
}

impl MoveKind {
    pub(in crate::product::stock) const ALL: [MoveKind; 9] = [
        MoveKind::Opening,
        MoveKind::Receipt,
        MoveKind::Adjustment,
        MoveKind::Sale,
        MoveKind::Hold,
        MoveKind::Release,
        MoveKind::Fulfilment,
        MoveKind::Return,
        MoveKind::Removal,
    ];

    pub(in crate::product::stock) fn as_str(self) -> &'static str {
        match self {
            MoveKind::Opening => "opening",
            MoveKind::Receipt => "receipt",
            MoveKind::Adjustment => "adjustment",
            MoveKind::Sale => "sale",
            MoveKind::Hold => "hold",
            MoveKind::Release => "release",
            MoveKind::Fulfilment => "fulfilment",
            MoveKind::Return => "return",
            MoveKind::Removal => "removal",
        }
    }

    pub(in crate::product::stock) fn parse(text: &str) -> Option<MoveKind> {
        MoveKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A change of the pieces of one product. Those that can be sold change by the difference.
#[derive(Debug, Clone, Copy)]
pub(in crate::product) struct Move<'a> {
    pub kind: MoveKind,
    pub on_hand: i32,
    pub reserved: i32,
    pub note: MoveNote<'a>,
}

/// What the ledger says of a move beside its numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::product) struct MoveNote<'a> {
    /// What it is part of, such as `hold:12`: no product is moved twice for one.
    pub source: Option<&'a str>,
    pub reason: Option<&'a str>,
    pub note: Option<&'a str>,
}

/// A product after a move.
#[derive(Debug, Clone)]
pub(in crate::product) struct Moved {
    pub product: Product,
    pub level: Level,
}

/// What an adjustment has made.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::product) struct Adjusted {
    pub entry: LedgerEntry,
    pub level: Level,
}

/// Why somebody adjusts a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
pub(in crate::product) enum AdjustReason {
    Receipt,
    Count,
    Damage,
    Loss,
    Found,
    SupplierReturn,
    Other,
}

impl AdjustReason {
    const ALL: [AdjustReason; 7] = [
        AdjustReason::Receipt,
        AdjustReason::Count,
        AdjustReason::Damage,
        AdjustReason::Loss,
        AdjustReason::Found,
        AdjustReason::SupplierReturn,
        AdjustReason::Other,
    ];

    pub(in crate::product::stock) fn as_str(self) -> &'static str {
        match self {
            AdjustReason::Receipt => "receipt",
            AdjustReason::Count => "count",
            AdjustReason::Damage => "damage",
            AdjustReason::Loss => "loss",
            AdjustReason::Found => "found",
            AdjustReason::SupplierReturn => "supplier_return",
            AdjustReason::Other => "other",
        }
    }

    pub(in crate::product::stock) fn parse(text: &str) -> Result<AdjustReason, Invalid> {
        let known = AdjustReason::ALL.into_iter().find(|reason| reason.as_str() == text);
        known.ok_or_else(|| not_one_of("reason", &AdjustReason::ALL.map(AdjustReason::as_str)))
    }

    pub(in crate::product::stock) fn kind(self) -> MoveKind {
        match self {
            AdjustReason::Receipt => MoveKind::Receipt,
            _ => MoveKind::Adjustment,
        }
    }
}

/// What is found on the shelf, or how many pieces more or less there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::product) enum Found {
    Delta(i32),
    /// The pieces on the shelf, those that are held included.
    Counted(i32),
}

#[derive(Debug, Clone)]
pub(in crate::product) struct Adjustment {
    pub found: Found,
    pub reason: AdjustReason,
    pub note: Option<String>,
}

pub(in crate::product::stock) fn parse_note(text: String) -> Result<String, Invalid> {
    text::required("note", text, MAX_REASON_CHARS)
}
