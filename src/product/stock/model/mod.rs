//! The nouns of the stock and their rules. No I/O.

mod holds;
mod items;
mod lists;
mod moves;
mod proof;

pub use holds::{Hold, HoldItem, HoldKind, HoldState, NewHold, Reserved, ReservedProduct, Short};
pub(super) use holds::{HoldEnd, HoldFilter, HoldKey, hold_id_at, parse_reason};
pub use items::Items;
pub(super) use items::MAX_LINES;
pub(super) use lists::{LedgerEntry, LedgerFilter, LowFilter, LowKey, LowStock};
pub use moves::Level;
pub(super) use moves::{AdjustReason, Adjusted, Adjustment, Found, parse_note};
pub(in crate::product) use moves::{Move, MoveKind, MoveNote, Moved};
pub use proof::{Drift, Proof};

use crate::kernel::error::{Invalid, Rule};

const MAX_REASON_CHARS: usize = 500;

pub(super) fn not_one_of(field: &'static str, names: &[&str]) -> Invalid {
    let reason = format!("must be one of {}", names.join(", "));
    Invalid::new(field, Rule::NotOneOf, reason)
}
