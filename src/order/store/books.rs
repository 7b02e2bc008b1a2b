//! The SQL of payments, fulfilments and serial numbers.

use crate::kernel::auth::Actor;
use crate::kernel::db::{DbConn, JsonObject, unreadable};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::order::model::{
    FulfilledLine, Fulfilment, FulfilmentKind, LinePieces, Order, OrderDetail, Payment,
};
use crate::schema::{fulfilment_items, fulfilments, order_serials, payments};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

const IN: &str = "in";
const OUT: &str = "out";

#[derive(Queryable)]
struct PaymentRow {
    id: i64,
    _order_id: i64,
    direction: String,
    amount: i64,
    method: String,
    reference: Option<String>,
    reason: Option<String>,
    actor: String,
    received_at: NaiveDateTime,
    created_at: NaiveDateTime,
}

#[derive(Queryable)]
struct FulfilmentRow {
    id: i64,
    _order_id: i64,
    kind: String,
    carrier: Option<String>,
    tracking_number: Option<String>,
    papers: Option<JsonObject>,
    restock: bool,
    reason: Option<String>,
    actor: String,
    created_at: NaiveDateTime,
}

/// An order with its books, each in the order in which it was written.
pub(in crate::order) fn detail(conn: &mut DbConn, order: Order) -> QueryResult<OrderDetail> {
    let of_order: Vec<PaymentRow> =
        payments::table.filter(payments::order_id.eq(order.id)).order(payments::id).load(conn)?;
    let payments = of_order.into_iter().map(|row| Payment {
        id: row.id,
        is_refund: row.direction == OUT,
        amount: Cents::new(row.amount),
        method: row.method,
        reference: row.reference,
        reason: row.reason,
        actor: row.actor,
        received_at: row.received_at.and_utc(),
        created_at: row.created_at.and_utc(),
    });
    let payments = payments.collect();
    let fulfilments = fulfilments_of(conn, order.id)?;
    Ok(OrderDetail { order, payments, fulfilments })
}

fn fulfilments_of(conn: &mut DbConn, order_id: i64) -> QueryResult<Vec<Fulfilment>> {
    let rows: Vec<FulfilmentRow> = fulfilments::table
        .filter(fulfilments::order_id.eq(order_id))
        .order(fulfilments::id)
        .load(conn)?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let items: Vec<(i64, i32, i32)> = fulfilment_items::table
        .filter(fulfilment_items::order_id.eq(order_id))
        .order((fulfilment_items::fulfilment_id, fulfilment_items::line))
        .select((
            fulfilment_items::fulfilment_id,
            fulfilment_items::line,
            fulfilment_items::quantity,
        ))
        .load(conn)?;
    let serials: Vec<(i64, i32, String, Option<i64>)> = order_serials::table
        .filter(order_serials::order_id.eq(order_id))
        .order((order_serials::line, order_serials::serial))
        .select((
            order_serials::fulfilment_id,
            order_serials::line,
            order_serials::serial,
            order_serials::returned_by,
        ))
        .load(conn)?;
    let of = |id: i64, line: i32| -> Vec<String> {
        let is_of = |(sent, of_line, _, returned): &&(i64, i32, String, Option<i64>)| {
            *of_line == line && (*sent == id || *returned == Some(id))
        };
        serials.iter().filter(is_of).map(|(_, _, serial, _)| serial.clone()).collect()
    };
    let with_items = rows.into_iter().map(|row| {
        let lines = items.iter().filter(|(id, _, _)| *id == row.id);
        let lines = lines.map(|(id, line, quantity)| FulfilledLine {
            line: *line,
            quantity: *quantity,
            serials: of(*id, *line),
        });
        Ok(Fulfilment {
            id: row.id,
            kind: FulfilmentKind::parse(&row.kind).map_err(unreadable)?,
            carrier: row.carrier,
            tracking_number: row.tracking_number,
            papers: row.papers.map(|object| object.0),
            restock: row.restock,
            reason: row.reason,
            actor: row.actor,
            created_at: row.created_at.and_utc(),
            items: lines.collect(),
        })
    });
    with_items.collect()
}

/// Writes down money that came in or went out.
pub(in crate::order) fn insert_payment(
    conn: &mut DbConn,
    order_id: i64,
    payment: &Payment,
) -> QueryResult<()> {
    diesel::insert_into(payments::table)
        .values((
            payments::order_id.eq(order_id),
            payments::direction.eq(if payment.is_refund { OUT } else { IN }),
            payments::amount.eq(payment.amount.get()),
            payments::method.eq(&payment.method),
            payments::reference.eq(payment.reference.as_deref()),
            payments::reason.eq(payment.reason.as_deref()),
            payments::actor.eq(&payment.actor),
            payments::received_at.eq(payment.received_at.naive_utc()),
            payments::created_at.eq(payment.created_at.naive_utc()),
        ))
        .execute(conn)
        .map(drop)
}

/// Whether an order has a payment, or a refund, of this way and reference.
pub(in crate::order) fn has_payment(
    conn: &mut DbConn,
    order_id: i64,
    payment: &Payment,
) -> QueryResult<bool> {
    let Some(reference) = &payment.reference else {
        return Ok(false);
    };
    let found: Option<i64> = payments::table
        .filter(payments::order_id.eq(order_id))
        .filter(payments::direction.eq(if payment.is_refund { OUT } else { IN }))
        .filter(payments::method.eq(&payment.method))
        .filter(payments::reference.eq(reference))
        .select(payments::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// How pieces left or came back, without the pieces.
pub(in crate::order) struct NewMovement<'a> {
    pub kind: FulfilmentKind,
    pub carrier: Option<&'a str>,
    pub tracking_number: Option<&'a str>,
    pub papers: Option<&'a crate::customer::Address>,
    pub restock: bool,
    pub reason: Option<&'a str>,
    pub at: DateTime<Utc>,
}

/// Writes down that pieces left or came back; returns the id.
pub(in crate::order) fn insert_fulfilment(
    conn: &mut DbConn,
    order_id: i64,
    movement: &NewMovement<'_>,
    lines: &[LinePieces],
    actor: &Actor,
) -> QueryResult<i64> {
    let id: i64 = diesel::insert_into(fulfilments::table)
        .values((
            fulfilments::order_id.eq(order_id),
            fulfilments::kind.eq(movement.kind.as_str()),
            fulfilments::carrier.eq(movement.carrier),
            fulfilments::tracking_number.eq(movement.tracking_number),
            fulfilments::papers.eq(movement.papers.cloned().map(JsonObject)),
            fulfilments::restock.eq(movement.restock),
            fulfilments::reason.eq(movement.reason),
            fulfilments::actor.eq(actor.name()),
            fulfilments::created_at.eq(movement.at.naive_utc()),
        ))
        .returning(fulfilments::id)
        .get_result(conn)?;
    for pieces in lines {
        diesel::insert_into(fulfilment_items::table)
            .values((
                fulfilment_items::fulfilment_id.eq(id),
                fulfilment_items::order_id.eq(order_id),
                fulfilment_items::line.eq(pieces.line),
                fulfilment_items::quantity.eq(pieces.quantity),
            ))
            .execute(conn)?;
    }
    Ok(id)
}

/// Whether a piece of a product with this serial number has left, and is not back.
pub(in crate::order) fn serial_is_sold(
    conn: &mut DbConn,
    product_id: &Id,
    serial: &str,
) -> QueryResult<bool> {
    let sold: Option<i64> = order_serials::table
        .filter(order_serials::product_id.eq(product_id.as_str()))
        .filter(order_serials::serial.eq(serial))
        .filter(order_serials::returned_by.is_null())
        .select(order_serials::fulfilment_id)
        .first(conn)
        .optional()?;
    Ok(sold.is_some())
}

/// Writes down the serial numbers of the pieces of a line that left.
pub(in crate::order) fn insert_serials(
    conn: &mut DbConn,
    (order_id, fulfilment_id): (i64, i64),
    line: i32,
    product_id: &Id,
    serials: &[String],
) -> QueryResult<()> {
    for serial in serials {
        diesel::insert_into(order_serials::table)
            .values((
                order_serials::fulfilment_id.eq(fulfilment_id),
                order_serials::order_id.eq(order_id),
                order_serials::line.eq(line),
                order_serials::product_id.eq(product_id.as_str()),
                order_serials::serial.eq(serial),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// How many serial numbers of a line are out.
pub(in crate::order) fn count_serials_out(
    conn: &mut DbConn,
    order_id: i64,
    line: i32,
) -> QueryResult<i64> {
    order_serials::table
        .filter(order_serials::order_id.eq(order_id).and(order_serials::line.eq(line)))
        .filter(order_serials::returned_by.is_null())
        .count()
        .get_result(conn)
}

/// Writes down that a piece with this serial number came back; `false` where it was not out.
pub(in crate::order) fn return_serials(
    conn: &mut DbConn,
    (order_id, returned_by): (i64, i64),
    line: i32,
    serial: &str,
) -> QueryResult<bool> {
    let out = order_serials::table
        .filter(order_serials::order_id.eq(order_id).and(order_serials::line.eq(line)))
        .filter(order_serials::serial.eq(serial))
        .filter(order_serials::returned_by.is_null());
    let changed =
        diesel::update(out).set(order_serials::returned_by.eq(returned_by)).execute(conn)?;
    Ok(changed > 0)
}
