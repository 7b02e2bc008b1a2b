//! Pieces that leave, that are not sold after all, and that come back.

use super::change::{Told, lock, save};
use crate::customer;
use crate::kernel::auth::Actor;
use crate::kernel::db::Tx;
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::precondition::Precondition;
use crate::kernel::time;
use crate::order::error::OrderError;
use crate::order::model::{
    FulfilmentKind, LinePieces, NewFulfilment, NewReturn, Order, OrderDetail, OrderStatus,
    SaleRules,
};
use crate::order::store::{self, NewMovement};
use crate::product::stock::{self, Items};
use serde_json::json;

pub(in crate::order) fn fulfil(
    tx: &mut Tx<'_>,
    id: i64,
    fulfilment: &NewFulfilment,
    rules: &SaleRules,
    condition: &Precondition<Order>,
    actor: &Actor,
) -> Result<OrderDetail, OrderError> {
    let before = lock(tx, id, condition)?;
    let mut order = before.clone();
    let all;
    let pieces = match &fulfilment.lines {
        Some(lines) => lines,
        None => {
            all = order.open_pieces();
            &all
        }
    };
    order.fulfil(pieces, !rules.fulfils_unpaid)?;
    let movement = NewMovement {
        kind: fulfilment.kind,
        carrier: fulfilment.carrier.as_deref(),
        tracking_number: fulfilment.tracking_number.as_deref(),
        papers: fulfilment.papers.as_ref(),
        restock: false,
        reason: None,
        at: time::now(),
    };
    let sent = store::insert_fulfilment(tx.conn(), id, &movement, pieces, actor)?;
    for LinePieces { line, serials, .. } in pieces {
        let product_id = &line_of(&order, *line).product_id;
        for serial in serials {
            if store::serial_is_sold(tx.conn(), product_id, serial)? {
                let (product_id, serial) = (product_id.clone(), serial.clone());
                return Err(OrderError::SerialSold { product_id, serial });
            }
        }
        store::insert_serials(tx.conn(), (id, sent), *line, product_id, serials)?;
    }
    stock::fulfil(tx, id, &items_of(&order, pieces), &format!("fulfilment:{sent}"), actor)?;
    let told = json!({ "fulfilment_id": sent, "lines": told_of(pieces) });
    save(tx, &before, order, vec![Told::new("order.fulfilled", told)], actor)
}

/// Cancels pieces that are still in the house, or, where no line is named, or nothing would be left, the
/// whole order.
pub(in crate::order) fn cancel(
    tx: &mut Tx<'_>,
    id: i64,
    (lines, reason): (Option<&[LinePieces]>, &str),
    condition: &Precondition<Order>,
    actor: &Actor,
) -> Result<OrderDetail, OrderError> {
    let before = lock(tx, id, condition)?;
    let mut order = before.clone();
    if let Some(lines) = lines {
        order.cancel(lines)?;
    }
    let pieces = order.pieces();
    if lines.is_none() || pieces.cancelled == pieces.all {
        order = before.clone();
        order.cancel_whole(reason, time::now())?;
    }
    customer::lock(tx, &order.customer_id)?;
    let source = format!("cancel:{id}.{}", before.version);
    let released = lines.filter(|_| order.status != OrderStatus::Cancelled);
    let items = released.map(|lines| items_of(&order, lines));
    let why = (source.as_str(), Some(reason));
    stock::release_for_order(tx, id, items.as_ref(), why, actor)?;
    let told = match released {
        Some(lines) => Told::new("order.lines_cancelled", json!({ "lines": told_of(lines) })),
        None => Told::new("order.cancelled", json!({})),
    };
    save(tx, &before, order, vec![told], actor)
}

pub(in crate::order) fn bring_back(
    tx: &mut Tx<'_>,
    id: i64,
    back: &NewReturn,
    condition: &Precondition<Order>,
    actor: &Actor,
) -> Result<OrderDetail, OrderError> {
    let before = lock(tx, id, condition)?;
    let mut order = before.clone();
    order.bring_back(&back.lines)?;
    let movement = NewMovement {
        kind: FulfilmentKind::Return,
        carrier: None,
        tracking_number: None,
        papers: None,
        restock: back.restock,
        reason: Some(&back.reason),
        at: time::now(),
    };
    let came = store::insert_fulfilment(tx.conn(), id, &movement, &back.lines, actor)?;
    for (index, pieces) in back.lines.iter().enumerate() {
        bring_back_serials(tx, (&order, came), index, pieces)?;
    }
    customer::lock(tx, &order.customer_id)?;
    if back.restock {
        stock::put_back(tx, &items_of(&order, &back.lines), &format!("return:{came}"), actor)?;
    }
    let told = json!({
        "fulfilment_id": came, "lines": told_of(&back.lines), "restock": back.restock,
    });
    save(tx, &before, order, vec![Told::new("order.returned", told)], actor)
}

/// A piece whose serial number was written down comes back under it: else nobody could sell it again.
fn bring_back_serials(
    tx: &mut Tx<'_>,
    (order, came): (&Order, i64),
    index: usize,
    pieces: &LinePieces,
) -> Result<(), OrderError> {
    for serial in &pieces.serials {
        if !store::return_serials(tx.conn(), (order.id, came), pieces.line, serial)? {
            let reason = format!("has {serial}, which is not out by this line");
            let field = format!("lines[{index}].serials");
            return Err(Invalid::new(field, Rule::NotOneOf, reason).into());
        }
    }
    let out = store::count_serials_out(tx.conn(), order.id, pieces.line)?;
    if out > i64::from(line_of(order, pieces.line).out()) {
        let reason = "must name the pieces that come back: fewer are out than have serial numbers";
        let field = format!("lines[{index}].serials");
        return Err(Invalid::new(field, Rule::Required, reason).into());
    }
    Ok(())
}

/// A line that the rules have looked at already.
fn line_of(order: &Order, number: i32) -> &crate::order::model::Line {
    let line = order.lines.iter().find(|line| line.number == number);
    line.expect("the rules refuse a line that is not there")
}

/// The pieces of each product.
fn items_of(order: &Order, pieces: &[LinePieces]) -> Items {
    let lines = pieces
        .iter()
        .map(|pieces| (line_of(order, pieces.line).product_id.clone(), pieces.quantity));
    // An order holds no more pieces of a product than can be counted.
    Items::summed(lines).unwrap_or_default()
}

fn told_of(pieces: &[LinePieces]) -> Vec<serde_json::Value> {
    let told =
        pieces.iter().map(|pieces| json!({ "line": pieces.line, "quantity": pieces.quantity }));
    told.collect()
}
