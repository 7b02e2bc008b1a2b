//! Money that comes in and goes out.

use super::change::{Told, lock, save};
use crate::customer;
use crate::kernel::auth::Actor;
use crate::kernel::db::Tx;
use crate::kernel::money::Cents;
use crate::kernel::precondition::Precondition;
use crate::kernel::time;
use crate::order::error::OrderError;
use crate::order::model::{NewPayment, NewRefund, Order, OrderDetail, Payment};
use crate::order::store;
use serde_json::json;

/// What an imported order was paid with, where nobody knows.
const UNKNOWN: &str = "unknown";

pub(in crate::order) fn pay(
    tx: &mut Tx<'_>,
    id: i64,
    payment: &NewPayment,
    condition: &Precondition<Order>,
    actor: &Actor,
) -> Result<OrderDetail, OrderError> {
    let before = lock(tx, id, condition)?;
    let mut order = before.clone();
    let told = take(tx, &mut order, payment, actor)?;
    save(tx, &before, order, vec![told], actor)
}

/// Writes down money that came in for an order of this transaction.
pub(super) fn take(
    tx: &mut Tx<'_>,
    order: &mut Order,
    payment: &NewPayment,
    actor: &Actor,
) -> Result<Told, OrderError> {
    let mut row = Payment {
        id: 0,
        is_refund: false,
        amount: Cents::ZERO,
        method: payment.method.clone(),
        reference: payment.reference.clone(),
        reason: None,
        actor: actor.name().to_owned(),
        received_at: payment.received_at.unwrap_or_else(time::now),
        created_at: time::now(),
    };
    refuse_second(tx, order, &row)?;
    row.amount = order.pay(payment.amount, payment.is_more_meant)?;
    store::insert_payment(tx.conn(), order.id, &row)?;
    Ok(Told::new("order.payment_recorded", json!({ "amount": row.amount.to_string() })))
}

pub(in crate::order) fn refund(
    tx: &mut Tx<'_>,
    id: i64,
    refund: &NewRefund,
    condition: &Precondition<Order>,
    actor: &Actor,
) -> Result<OrderDetail, OrderError> {
    let before = lock(tx, id, condition)?;
    let now = time::now();
    let mut row = Payment {
        id: 0,
        is_refund: true,
        amount: Cents::ZERO,
        method: refund.method.clone(),
        reference: refund.reference.clone(),
        reason: Some(refund.reason.clone()),
        actor: actor.name().to_owned(),
        received_at: now,
        created_at: now,
    };
    refuse_second(tx, &before, &row)?;
    if refund.is_allowance {
        customer::lock(tx, &before.customer_id)?;
    }
    let mut order = before.clone();
    row.amount = order.refund(refund.amount, refund.is_allowance)?;
    store::insert_payment(tx.conn(), id, &row)?;
    let told = json!({ "amount": row.amount.to_string(), "is_allowance": refund.is_allowance });
    save(tx, &before, order, vec![Told::new("order.refunded", told)], actor)
}

/// A transfer that has a reference is written down once.
fn refuse_second(tx: &mut Tx<'_>, order: &Order, row: &Payment) -> Result<(), OrderError> {
    if store::has_payment(tx.conn(), order.id, row)? {
        return Err(OrderError::PaymentExists);
    }
    Ok(())
}

/// The payment of an order of a data file.
pub(super) fn insert_loaded_payment(
    tx: &mut Tx<'_>,
    id: i64,
    order: &Order,
    actor: &Actor,
) -> Result<(), OrderError> {
    if order.money.paid == Cents::ZERO {
        return Ok(());
    }
    let payment = Payment {
        id: 0,
        is_refund: false,
        amount: order.money.paid,
        method: order.payment_method.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
        reference: None,
        reason: None,
        actor: actor.name().to_owned(),
        received_at: order.updated_at,
        created_at: order.updated_at,
    };
    Ok(store::insert_payment(tx.conn(), id, &payment)?)
}
