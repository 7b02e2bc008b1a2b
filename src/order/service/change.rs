//! A change of an order that is there: locked, checked, written, told.

use super::subject_of;
use crate::customer;
use crate::kernel::auth::Actor;
use crate::kernel::db::Tx;
use crate::kernel::money::Cents;
use crate::kernel::outbox::{self, Event};
use crate::kernel::precondition::Precondition;
use crate::kernel::time;
use crate::order::error::OrderError;
use crate::order::model::{Action, Changes, Order, OrderDetail, OrderStatus};
use crate::order::store;
use serde_json::{Map, Value, json};

/// The order, which nobody else changes until this transaction ends.
pub(super) fn lock(
    tx: &mut Tx<'_>,
    id: i64,
    condition: &Precondition<Order>,
) -> Result<Order, OrderError> {
    let order = store::find_and_lock(tx.conn(), id)?.ok_or(OrderError::NotFound)?;
    if let Some(is_met) = condition {
        is_met(&order)?;
    }
    Ok(order)
}

/// Something that has happened to an order.
pub(super) struct Told {
    kind: &'static str,
    data: Value,
    is_internal: bool,
}

impl Told {
    /// `data` is an object of ids, states and amounts.
    pub(super) fn new(kind: &'static str, data: Value) -> Told {
        Told { kind, data, is_internal: false }
    }

    /// For the order's own history alone.
    pub(super) fn internal(kind: &'static str, data: Value) -> Told {
        Told { kind, data, is_internal: true }
    }
}

/// Writes an order that was locked as `before`, completes it where it is time, and tells what has
/// happened. What its customer has spent follows.
pub(super) fn save(
    tx: &mut Tx<'_>,
    before: &Order,
    mut order: Order,
    mut told: Vec<Told>,
    actor: &Actor,
) -> Result<OrderDetail, OrderError> {
    let now = time::now();
    if before.due() > 0 && order.due() <= 0 && order.status.counts_as_spent() {
        told.push(Told::new("order.paid", json!({})));
    }
    if order.settle(now) {
        told.push(Told::new("order.completed", json!({})));
    }
    store::save_lines(tx.conn(), order.id, &before.lines, &order.lines)?;
    let spent = order.spent().get() - before.spent().get();
    if spent != 0 {
        customer::add_spent(tx, &order.customer_id, Cents::new(spent))?;
    }
    write(tx, order, told, actor)
}

/// Writes an order, without its lines, and what has happened to it. Each event has a version of its own.
pub(super) fn write(
    tx: &mut Tx<'_>,
    mut order: Order,
    told: Vec<Told>,
    actor: &Actor,
) -> Result<OrderDetail, OrderError> {
    order.updated_at = time::now().max(order.updated_at);
    let first = order.version + 1;
    order.version = (first..).zip(&told).last().map_or(first, |(version, _)| version);
    let (payment, fulfilment) = store::save(tx.conn(), &order)?;
    (order.payment_status, order.fulfilment_status) = (payment, fulfilment);
    let subject = subject_of(order.id);
    for (subject_version, told) in (first..).zip(told) {
        let Told { kind, data, is_internal } = told;
        let data = with_state(&order, data);
        let event = Event { kind, subject: &subject, subject_version, data, is_internal };
        outbox::publish(tx.conn(), event, actor)?;
    }
    Ok(store::detail(tx.conn(), order)?)
}

/// What every event says of its order, beside what it tells.
fn with_state(order: &Order, data: Value) -> Map<String, Value> {
    let mut all = Map::new();
    all.insert("order_id".to_owned(), json!(order.id));
    all.insert("order_number".to_owned(), json!(order.order_number));
    all.insert("customer_id".to_owned(), json!(order.customer_id));
    all.insert("status".to_owned(), json!(order.status.as_str()));
    all.insert("payment_status".to_owned(), json!(order.payment_status.as_str()));
    all.insert("fulfilment_status".to_owned(), json!(order.fulfilment_status.as_str()));
    all.insert("total_amount".to_owned(), json!(order.money.total.to_string()));
    if let Value::Object(own) = data {
        all.extend(own);
    }
    all
}

/// Writes a text into the history of an order.
pub(in crate::order) fn add_note(
    tx: &mut Tx<'_>,
    id: i64,
    text: &str,
    condition: &Precondition<Order>,
    actor: &Actor,
) -> Result<OrderDetail, OrderError> {
    let order = lock(tx, id, condition)?;
    order.require(Action::Note)?;
    write(tx, order, vec![Told::internal("order.noted", json!({ "text": text }))], actor)
}

/// Changes how an order is paid and where it goes; of a draft, everything.
pub(in crate::order) fn change(
    tx: &mut Tx<'_>,
    id: i64,
    changes: &Changes,
    rules: &crate::order::model::SaleRules,
    condition: &Precondition<Order>,
    actor: &Actor,
) -> Result<OrderDetail, OrderError> {
    let mut order = lock(tx, id, condition)?;
    let is_draft = order.status == OrderStatus::Draft;
    if !is_draft {
        order.require(Action::Change)?;
        // What was sold is not sold again for another price: less is a cancellation, more a new order.
        if !changes.of_draft.is_empty() {
            order.require(Action::ChangeDraft)?;
        }
        let has_left = order.lines.iter().all(|line| line.open() == 0);
        if changes.shipping_address.is_some() && has_left {
            return Err(crate::order::model::Refused::NothingOpen.into());
        }
    }
    if let Some(method) = &changes.payment_method {
        order.payment_method.clone_from(method);
    }
    if let Some(address) = &changes.shipping_address {
        order.shipping_address.clone_from(address);
    }
    if let Some(notes) = &changes.notes {
        order.notes.clone_from(notes);
    }
    if let Some(pay_by) = changes.pay_by {
        order.pay_by = pay_by;
    }
    if !is_draft {
        return write(tx, order, vec![Told::new("order.changed", json!({}))], actor);
    }
    super::drafts::reword(tx, order, &changes.of_draft, rules, actor)
}
