//! The ledger, and what is low.

use super::moves::{Level, MoveKind};
use crate::kernel::page::{Kind, Place, PlaceValue, Placed, SortKey};
use crate::product::model::ProductId;
use chrono::{DateTime, Utc};

/// A line of the ledger. Nothing changes or deletes one.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::product) struct LedgerEntry {
    pub product_id: ProductId,
    /// That of the product after the move: the order of the moves of a product.
    pub version: i64,
    pub kind: MoveKind,
    pub on_hand_delta: i32,
    pub reserved_delta: i32,
    pub on_hand_after: i32,
    pub reserved_after: i32,
    pub source: Option<String>,
    pub reason: Option<String>,
    pub note: Option<String>,
    pub actor: String,
    pub request_id: Option<String>,
    pub created_at: DateTime<Utc>,
}

/// Which lines of the ledger to list.
#[derive(Debug, Clone, Default)]
pub(in crate::product) struct LedgerFilter {
    pub product_id: Option<ProductId>,
    pub kind: Option<MoveKind>,
    /// From this moment on.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub to: Option<DateTime<Utc>>,
}

/// By what lines of the ledger can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::product) enum LedgerKey {
    /// The time, then the product, then its version. The place of a line is its product and version:
    /// the line itself says when it was written, and never changes.
    CreatedAt,
}

impl SortKey for LedgerKey {
    const KEYS: &'static [(&'static str, LedgerKey, Kind)] =
        &[("created_at", LedgerKey::CreatedAt, Kind::Number)];
}

impl Placed for LedgerEntry {
    type Key = LedgerKey;

    fn place(&self, _: LedgerKey) -> Place {
        Place { value: PlaceValue::Number(self.version), id: self.product_id.clone() }
    }
}

/// A product whose stock is low.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::product) struct LowStock {
    pub product_id: ProductId,
    pub name: String,
    pub level: Level,
    /// That of the product, or the one of all.
    pub threshold: i32,
}

/// Products whose stock is low: at their own threshold or below, or at this one where they have none.
#[derive(Debug, Clone, Copy)]
pub(in crate::product) struct LowFilter {
    pub threshold: i32,
}

/// By what products whose stock is low can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::product) enum LowKey {
    /// How far below the threshold.
    Shortfall,
    Available,
}

impl SortKey for LowKey {
    const KEYS: &'static [(&'static str, LowKey, Kind)] = &[
        ("shortfall", LowKey::Shortfall, Kind::Number),
        ("available", LowKey::Available, Kind::Number),
    ];
}

impl Placed for LowStock {
    type Key = LowKey;

    fn place(&self, key: LowKey) -> Place {
        let available = self.level.available();
        let value = match key {
            LowKey::Shortfall => i64::from(self.threshold) - i64::from(available),
            LowKey::Available => available.into(),
        };
        Place { value: PlaceValue::Number(value), id: self.product_id.clone() }
    }
}
