//! Holds of clients: made, looked at, extended, released, and ended by their time.

use super::moves::{Outcome, apply};
use super::orders::reserve;
use crate::kernel::auth::Actor;
use crate::kernel::db::{Db, DbConn, Rows, Tx};
use crate::kernel::precondition::Precondition;
use crate::product::model::ProductId;
use crate::product::service::row;
use crate::product::stock::error::StockError;
use crate::product::stock::model::{
    Hold, HoldEnd, HoldKind, HoldState, Items, Move, MoveKind, MoveNote, NewHold,
};
use crate::product::stock::store;
use std::collections::BTreeMap;

/// How many holds one transaction ends.
const BATCH: i64 = 100;

pub(in crate::product::stock) fn create_hold(
    tx: &mut Tx<'_>,
    hold: &NewHold,
    items: &Items,
    actor: &Actor,
) -> Result<Hold, StockError> {
    let reserved = reserve(tx, hold, items, actor)?;
    find_hold(tx.conn(), reserved.hold_id)
}

pub(in crate::product::stock) fn find_hold(conn: &mut DbConn, id: i64) -> Result<Hold, StockError> {
    store::find_hold(conn, id)?.ok_or(StockError::HoldNotFound)
}

/// Gives a hold another end.
pub(in crate::product::stock) fn extend(
    tx: &mut Tx<'_>,
    id: i64,
    (end, reason): (HoldEnd, &str),
    condition: &Precondition<Hold>,
) -> Result<Hold, StockError> {
    lock_of_client(tx, id, condition)?;
    store::prolong(tx.conn(), id, end.get(), reason)?;
    find_hold(tx.conn(), id)
}

/// Gives back all that a hold has.
pub(in crate::product::stock) fn release(
    tx: &mut Tx<'_>,
    id: i64,
    reason: Option<&str>,
    condition: &Precondition<Hold>,
    actor: &Actor,
) -> Result<Hold, StockError> {
    let hold = lock_of_client(tx, id, condition)?;
    let source = format!("release:{id}");
    let note = MoveNote { source: Some(&source), reason, note: None };
    give_back(tx, &hold, &hold.open_items(), note, actor)?;
    store::close(tx.conn(), id, HoldState::Released)?;
    find_hold(tx.conn(), id)
}

/// A hold that is open and belongs to no order, locked.
fn lock_of_client(
    tx: &mut Tx<'_>,
    id: i64,
    condition: &Precondition<Hold>,
) -> Result<Hold, StockError> {
    let hold = store::find_hold_and_lock(tx.conn(), id)?.ok_or(StockError::HoldNotFound)?;
    if let Some(is_met) = condition {
        is_met(&hold)?;
    }
    require_open(&hold)?;
    match hold.order_id {
        Some(order_id) if hold.kind != HoldKind::Hold => Err(StockError::HoldOfOrder(order_id)),
        _ => Ok(hold),
    }
}

pub(super) fn require_open(hold: &Hold) -> Result<(), StockError> {
    match hold.state {
        HoldState::Open => Ok(()),
        HoldState::Expired => Err(StockError::HoldExpired),
        state => Err(StockError::HoldNotOpen(state)),
    }
}

/// Gives back pieces that a locked hold has. The hold itself is for the caller to close.
pub(super) fn give_back(
    tx: &mut Tx<'_>,
    hold: &Hold,
    items: &Items,
    note: MoveNote<'_>,
    actor: &Actor,
) -> Result<(), StockError> {
    for (id, quantity) in items.iter() {
        let moved = Move { kind: MoveKind::Release, on_hand: 0, reserved: -quantity, note };
        take_out(tx, hold.id, id, &moved, actor)?;
    }
    Ok(())
}

/// Takes pieces that are no longer reserved out of a hold.
pub(super) fn take_out(
    tx: &mut Tx<'_>,
    hold_id: i64,
    id: &ProductId,
    moved: &Move<'_>,
    actor: &Actor,
) -> Result<(), StockError> {
    let quantity = -moved.reserved;
    let was_held = store::take_from_item(tx.conn(), hold_id, id, quantity)?;
    if was_held && let Outcome::Moved(_) = apply(tx, id, moved, actor)? {
        return Ok(());
    }
    Err(StockError::NotHeld { hold_id, product_id: id.clone(), quantity })
}

/// Has the holds whose end has passed give back what they have of these products; whether there were any.
/// Mostly there are none: they are looked for before anything is locked.
pub(in crate::product::stock) async fn give_back_due(
    db: &Db,
    products: Vec<ProductId>,
) -> Result<bool, StockError> {
    let wanted = products.clone();
    let look = move |conn: &mut DbConn| {
        Ok::<_, StockError>(!store::due_holds(conn, Some(&wanted), 1)?.is_empty())
    };
    if !db.read("stock.find_due_holds", look).await? {
        return Ok(false);
    }
    let rows = Rows::named(products.iter().map(row));
    let expire = move |tx: &mut Tx<'_>| expire_due(tx, Some(&products));
    // Another one may have ended them in the meantime: then their pieces are there as well.
    db.write("stock.expire_holds", rows, expire).await?;
    Ok(true)
}

/// Ends the holds whose time has come, and gives back what they have: all of them, or those that hold
/// one of these products. At most 100 at once; returns how many. Whoever ends a hold has locked it and
/// seen it open: there is one who does.
pub fn expire_due(tx: &mut Tx<'_>, products: Option<&[ProductId]>) -> Result<usize, StockError> {
    let actor = Actor::program("expiry");
    let mut given_back: BTreeMap<ProductId, Vec<(i64, i32)>> = BTreeMap::new();
    let mut count = 0;
    // The holds first, each by its id, then the products by theirs.
    for id in store::due_holds(tx.conn(), products, BATCH)? {
        let hold = store::find_hold_and_lock(tx.conn(), id)?;
        // Somebody may have extended it in the meantime, or ended it: then nothing in it is open.
        let hold = hold.filter(|hold| hold.state == HoldState::Expired);
        let open = hold.map(|hold| hold.open_items()).unwrap_or_default();
        if open.is_empty() {
            continue;
        }
        for (product_id, quantity) in open.iter() {
            given_back.entry(product_id.clone()).or_default().push((id, quantity));
        }
        store::close(tx.conn(), id, HoldState::Expired)?;
        count += 1;
    }
    for (product_id, holds) in given_back {
        for (hold_id, quantity) in holds {
            let source = format!("expiry:{hold_id}");
            let note = MoveNote { source: Some(&source), ..MoveNote::default() };
            let moved = Move { kind: MoveKind::Release, on_hand: 0, reserved: -quantity, note };
            take_out(tx, hold_id, &product_id, &moved, &actor)?;
        }
    }
    Ok(count)
}
