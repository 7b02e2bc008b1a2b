//! What slices above do with the stock, each inside their own transaction: reserve, adopt a hold,
//! release, fulfil, put back.
//!
//! The caller has locked its order. A product that was gone when the hold was made has no item in it: then
//! nothing happens to the stock, which is no error.

use super::holds::{give_back, require_open, take_out};
use super::moves::{Outcome, apply};
use crate::kernel::auth::Actor;
use crate::kernel::db::Tx;
use crate::kernel::ids::Id;
use crate::product::model::{Product, ProductId};
use crate::product::stock::error::StockError;
use crate::product::stock::model::{
    Hold, HoldKind, HoldState, Items, Move, MoveKind, MoveNote, NewHold, Reserved, ReservedProduct,
    Short,
};
use crate::product::stock::store;
use diesel::result::{DatabaseErrorKind, Error};

/// Makes an open hold: of each product all pieces that are asked for, or nothing at all.
///
/// # Errors
/// [`StockError::NotFound`] names a product that is not there; [`StockError::OutOfStock`] all of which
/// there are too few; [`StockError::CustomerNotFound`].
pub fn reserve(
    tx: &mut Tx<'_>,
    hold: &NewHold,
    items: &Items,
    actor: &Actor,
) -> Result<Reserved, StockError> {
    let hold_id = store::insert_hold(tx.conn(), hold, actor).map_err(no_customer)?;
    let source = format!("hold:{hold_id}");
    let products = take_all(tx, items, &source, actor)?;
    for (id, quantity) in items.iter() {
        store::insert_item(tx.conn(), hold_id, id, quantity)?;
    }
    let products = products.into_iter().map(|(product, quantity)| reserved(product, quantity));
    Ok(Reserved { hold_id, products: products.collect() })
}

/// Reserves pieces of each product. Looks at all of them, so that all that are short are told.
fn take_all(
    tx: &mut Tx<'_>,
    items: &Items,
    source: &str,
    actor: &Actor,
) -> Result<Vec<(Product, i32)>, StockError> {
    let note = MoveNote { source: Some(source), ..MoveNote::default() };
    let (mut taken, mut short) = (Vec::new(), Vec::new());
    for (id, quantity) in items.iter() {
        let moved = Move { kind: MoveKind::Hold, on_hand: 0, reserved: quantity, note };
        match apply(tx, id, &moved, actor)? {
            Outcome::Moved(moved) => taken.push((moved.product, quantity)),
            Outcome::NoProduct => return Err(StockError::NotFound(id.clone())),
            Outcome::TooFew(level) => short.push(Short {
                product_id: id.clone(),
                requested: quantity.into(),
                available: level.available(),
            }),
            Outcome::TooMany => return Err(StockError::TooMany(id.clone())),
        }
    }
    if short.is_empty() { Ok(taken) } else { Err(StockError::OutOfStock(short)) }
}

/// The hold of an order, or of a draft of one, that is open, locked. Its state is
/// [`HoldState::Expired`] where its end has passed and nobody has given its pieces back yet.
pub fn hold_of_order(tx: &mut Tx<'_>, order_id: i64) -> Result<Option<Hold>, StockError> {
    Ok(store::find_open_hold_of_order(tx.conn(), order_id)?)
}

/// Makes the hold of a client, or of the order's own draft, that of the order: from now on it has no end.
/// Pieces that the order wants beside those in the hold are reserved, and those that it does not want are
/// released.
///
/// # Errors
/// [`StockError::HoldNotFound`], also for the hold of another order; [`StockError::HoldExpired`],
/// [`StockError::HoldNotOpen`]; those of [`reserve`].
pub fn adopt(
    tx: &mut Tx<'_>,
    hold_id: i64,
    order_id: i64,
    items: &Items,
    actor: &Actor,
) -> Result<Reserved, StockError> {
    let hold = store::find_hold_and_lock(tx.conn(), hold_id)?.ok_or(StockError::HoldNotFound)?;
    require_open(&hold)?;
    match (hold.kind, hold.order_id) {
        (HoldKind::Hold, _) => {}
        (HoldKind::Quote, Some(of)) if of == order_id => {}
        (_, of) => return Err(StockError::HoldOfOrder(of.unwrap_or_default())),
    }
    let source = format!("adopt:{hold_id}");
    let products = exchange(tx, &hold, items, &source, actor)?;
    store::convert(tx.conn(), hold_id, order_id)?;
    Ok(Reserved { hold_id, products })
}

/// Makes what a hold has what an order wants: product by product, in the order of their ids.
fn exchange(
    tx: &mut Tx<'_>,
    hold: &Hold,
    items: &Items,
    source: &str,
    actor: &Actor,
) -> Result<Vec<ReservedProduct>, StockError> {
    let note = MoveNote { source: Some(source), ..MoveNote::default() };
    let held = hold.open_items();
    let (mut products, mut short) = (Vec::new(), Vec::new());
    for id in held.united(items) {
        let (has, wants) = (held.of(id), items.of(id));
        let moved = |kind| Move { kind, on_hand: 0, reserved: wants - has, note };
        if wants > has {
            match apply(tx, id, &moved(MoveKind::Hold), actor)? {
                Outcome::Moved(moved) => products.push(reserved(moved.product, wants)),
                Outcome::NoProduct => return Err(StockError::NotFound(id.clone())),
                Outcome::TooFew(level) => short.push(Short {
                    product_id: id.clone(),
                    requested: wants.into(),
                    available: level.available() + has,
                }),
                Outcome::TooMany => return Err(StockError::TooMany(id.clone())),
            }
            put_in(tx, hold, id, wants)?;
            continue;
        }
        if wants < has {
            take_out(tx, hold.id, id, &moved(MoveKind::Release), actor)?;
        }
        if wants > 0 {
            let product = crate::product::store::find(tx.conn(), id)?;
            let product = product.ok_or_else(|| StockError::NotFound(id.clone()))?;
            products.push(reserved(product, wants));
        }
    }
    if short.is_empty() { Ok(products) } else { Err(StockError::OutOfStock(short)) }
}

/// Has a hold say that it has so many pieces of a product.
fn put_in(tx: &mut Tx<'_>, hold: &Hold, id: &ProductId, pieces: i32) -> Result<(), StockError> {
    match hold.items.iter().find(|item| item.product_id == *id) {
        Some(item) => store::set_open(tx.conn(), hold.id, item, pieces)?,
        None => store::insert_item(tx.conn(), hold.id, id, pieces)?,
    }
    Ok(())
}

/// Gives back pieces that the hold of an order has, or all of them. `source` names what happens, once:
/// no product is moved twice for one.
///
/// # Errors
/// [`StockError::NotHeld`] where the hold has fewer: the order is to look before.
pub fn release_for_order(
    tx: &mut Tx<'_>,
    order_id: i64,
    items: Option<&Items>,
    (source, reason): (&str, Option<&str>),
    actor: &Actor,
) -> Result<(), StockError> {
    let Some(hold) = hold_of_order(tx, order_id)? else {
        return Ok(());
    };
    let released = items.map_or_else(|| hold.open_items(), |items| items.only_those_of(&hold));
    let note = MoveNote { source: Some(source), reason, note: None };
    give_back(tx, &hold, &released, note, actor)?;
    close_if_empty(tx, hold.id, HoldState::Released)
}

/// Pieces that the hold of an order has leave the house.
///
/// # Errors
/// As [`release_for_order`].
pub fn fulfil(
    tx: &mut Tx<'_>,
    order_id: i64,
    items: &Items,
    source: &str,
    actor: &Actor,
) -> Result<(), StockError> {
    let Some(hold) = hold_of_order(tx, order_id)? else {
        return Ok(());
    };
    let note = MoveNote { source: Some(source), ..MoveNote::default() };
    for (id, quantity) in items.only_those_of(&hold).iter() {
        let (on_hand, reserved) = (-quantity, -quantity);
        let moved = Move { kind: MoveKind::Fulfilment, on_hand, reserved, note };
        take_out(tx, hold.id, id, &moved, actor)?;
    }
    close_if_empty(tx, hold.id, HoldState::Consumed)
}

/// Pieces come back into the house, and can be sold at once. A product that is gone gets none.
///
/// # Errors
/// [`StockError::TooMany`].
pub fn put_back(
    tx: &mut Tx<'_>,
    items: &Items,
    source: &str,
    actor: &Actor,
) -> Result<(), StockError> {
    let note = MoveNote { source: Some(source), ..MoveNote::default() };
    for (id, quantity) in items.iter() {
        let moved = Move { kind: MoveKind::Return, on_hand: quantity, reserved: 0, note };
        if let Outcome::TooMany = apply(tx, id, &moved, actor)? {
            return Err(StockError::TooMany(id.clone()));
        }
    }
    Ok(())
}

/// The claim of a pending order that comes with a data file, as the migration makes one of an order that
/// was there: its pieces are on hand beside those that can be sold, which stay as they are. A product that
/// is gone, or of which there would be more than can be counted, has none.
pub fn claim_loaded(
    tx: &mut Tx<'_>,
    order_id: i64,
    customer_id: &Id,
    items: &Items,
    actor: &Actor,
) -> Result<(), StockError> {
    let hold = NewHold {
        kind: HoldKind::Order,
        order_id: Some(order_id),
        customer_id: Some(customer_id.clone()),
        expires_at: None,
        reason: None,
    };
    let hold_id = store::insert_hold(tx.conn(), &hold, actor).map_err(no_customer)?;
    let source = format!("hold:{hold_id}");
    let note = MoveNote { source: Some(&source), ..MoveNote::default() };
    let mut has_items = false;
    for (id, quantity) in items.iter() {
        let (on_hand, reserved) = (quantity, quantity);
        let moved = Move { kind: MoveKind::Opening, on_hand, reserved, note };
        if let Outcome::Moved(_) = apply(tx, id, &moved, actor)? {
            store::insert_item(tx.conn(), hold_id, id, quantity)?;
            has_items = true;
        }
    }
    if !has_items {
        store::forget_hold(tx.conn(), hold_id)?;
    }
    Ok(())
}

/// Ends a locked hold where nothing in it is open any more; what became of its last pieces became of it.
fn close_if_empty(tx: &mut Tx<'_>, hold_id: i64, state: HoldState) -> Result<(), StockError> {
    let hold = store::find_hold(tx.conn(), hold_id)?.ok_or(StockError::HoldNotFound)?;
    if hold.open_items().is_empty() {
        store::close(tx.conn(), hold_id, state)?;
    } else {
        store::touch(tx.conn(), hold_id)?;
    }
    Ok(())
}

fn reserved(product: Product, quantity: i32) -> ReservedProduct {
    ReservedProduct { id: product.id, name: product.name, price: product.price, quantity }
}

/// A hold refers to a customer alone.
fn no_customer(error: Error) -> StockError {
    match error {
        Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => {
            StockError::CustomerNotFound
        }
        error => error.into(),
    }
}
