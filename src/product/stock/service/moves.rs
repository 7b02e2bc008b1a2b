//! Pieces of one product: moved, adjusted, looked at.

use crate::kernel::auth::Actor;
use crate::kernel::db::{DbConn, DbError, Tx};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::precondition::Precondition;
use crate::product::model::ProductId;
use crate::product::service::forget;
use crate::product::stock::error::StockError;
use crate::product::stock::model::{Adjusted, Adjustment, Found, Level, Move, MoveNote, Moved};
use crate::product::stock::store;

/// Another writer can add pieces between a failed move and the look at why it failed; each further try
/// needs another such coincidence.
const ATTEMPTS: usize = 5;

/// What became of a move.
#[derive(Debug)]
pub(in crate::product) enum Outcome {
    Moved(Box<Moved>),
    NoProduct,
    TooFew(Level),
    TooMany,
}

/// Moves pieces of a product. Nothing else changes what can be sold or what is reserved.
pub(in crate::product) fn apply(
    tx: &mut Tx<'_>,
    id: &ProductId,
    moved: &Move<'_>,
    actor: &Actor,
) -> Result<Outcome, DbError> {
    for _ in 0..ATTEMPTS {
        if let Some(moved) = store::move_stock(tx.conn(), id, moved, actor)? {
            tx.then(forget(id));
            return Ok(Outcome::Moved(Box::new(moved)));
        }
        let Some(level) = store::find_level(tx.conn(), id)? else {
            return Ok(Outcome::NoProduct);
        };
        let after = |now: i32, delta: i32| i64::from(now) + i64::from(delta);
        let (on_hand, reserved) =
            (after(level.on_hand, moved.on_hand), after(level.reserved, moved.reserved));
        if on_hand > i64::from(i32::MAX) {
            return Ok(Outcome::TooMany);
        }
        if reserved < 0 || on_hand < reserved {
            return Ok(Outcome::TooFew(level));
        }
    }
    Err(DbError::Unavailable(format!("the stock of {id} changes too fast")))
}

/// How many pieces of a product there are.
pub(in crate::product::stock) fn find_level(
    conn: &mut DbConn,
    id: &ProductId,
) -> Result<Level, StockError> {
    store::find_level(conn, id)?.ok_or_else(|| StockError::NotFound(id.clone()))
}

/// Says at how many pieces the stock of a product is low.
pub(in crate::product::stock) fn set_low_stock_at(
    tx: &mut Tx<'_>,
    id: &ProductId,
    low_stock_at: Option<i32>,
    condition: &Precondition<Level>,
) -> Result<Level, StockError> {
    check(tx, id, condition)?;
    let level = store::set_low_stock_at(tx.conn(), id, low_stock_at)?;
    let level = level.ok_or_else(|| StockError::NotFound(id.clone()))?;
    tx.then(forget(id));
    Ok(level)
}

/// Adds pieces to those on hand, takes some away, or sets them to what was counted. What is reserved
/// stays.
pub(in crate::product::stock) fn adjust(
    tx: &mut Tx<'_>,
    id: &ProductId,
    adjustment: &Adjustment,
    condition: &Precondition<Level>,
    actor: &Actor,
) -> Result<Adjusted, StockError> {
    check(tx, id, condition)?;
    let (delta, field) = match adjustment.found {
        Found::Delta(delta) => (delta, "delta"),
        Found::Counted(pieces) => {
            let level = store::find_level_and_lock(tx.conn(), id)?;
            let level = level.ok_or_else(|| StockError::NotFound(id.clone()))?;
            (pieces - level.on_hand, "counted")
        }
    };
    let reason = Some(adjustment.reason.as_str());
    let note = MoveNote { source: None, reason, note: adjustment.note.as_deref() };
    let moved = Move { kind: adjustment.reason.kind(), on_hand: delta, reserved: 0, note };
    match apply(tx, id, &moved, actor)? {
        Outcome::Moved(moved) => {
            let level = moved.level;
            let entry = store::find_entry(tx.conn(), id, level.version)?;
            Ok(Adjusted { entry, level })
        }
        Outcome::NoProduct => Err(StockError::NotFound(id.clone())),
        Outcome::TooFew(level) => Err(StockError::BelowReserved {
            product_id: id.clone(),
            on_hand: level.on_hand,
            reserved: level.reserved,
        }),
        Outcome::TooMany => Err(too_many(field).into()),
    }
}

/// More pieces than can be counted.
pub(in crate::product) fn too_many(field: &'static str) -> Invalid {
    let reason = "must leave at most 2147483647 pieces on hand";
    Invalid::new(field, Rule::OutOfRange, reason)
}

/// Holds the row until the transaction ends, so that what was seen of it is what is changed.
fn check(
    tx: &mut Tx<'_>,
    id: &ProductId,
    condition: &Precondition<Level>,
) -> Result<(), StockError> {
    let Some(is_met) = condition else {
        return Ok(());
    };
    let level = store::find_level_and_lock(tx.conn(), id)?;
    let level = level.ok_or_else(|| StockError::NotFound(id.clone()))?;
    Ok(is_met(&level)?)
}
