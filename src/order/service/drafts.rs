//! Drafts: quotes with prices that are fixed, and pieces that may be held.

use super::change::{Told, lock, save, write};
use super::checkout::{hold_of, lines_of, new_line, number, reprice, summed};
use crate::customer::{self, Customer};
use crate::kernel::auth::Actor;
use crate::kernel::db::Tx;
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::money::Cents;
use crate::kernel::precondition::Precondition;
use crate::kernel::time;
use crate::order::error::OrderError;
use crate::order::model::{
    Action, BasisPoints, Discount, DraftChanges, Line, NewLine, NewSale, Order, OrderDetail,
    SaleRules, TaxRule,
};
use crate::order::store;
use crate::product;
use crate::product::stock::{self, HoldKind, HoldState, Items, StockError};
use serde_json::json;

/// Makes a draft of a skeleton that was inserted.
pub(super) fn begin(
    tx: &mut Tx<'_>,
    mut order: Order,
    sale: &NewSale,
    customer: &Customer,
    items: &Items,
    rules: &SaleRules,
    actor: &Actor,
) -> Result<OrderDetail, OrderError> {
    order.lines = if sale.holds_stock {
        let reserved = stock::reserve(tx, &hold_of(&order, HoldKind::Quote), items, actor)?;
        lines_of(&sale.lines, &reserved)?
    } else {
        quoted(tx, &sale.lines, &[])?
    };
    reprice(&mut order, sale.discount, customer, rules)?;
    store::replace_lines(tx.conn(), order.id, &order.lines)?;
    write(tx, order, vec![Told::internal("order.drafted", json!({}))], actor)
}

/// Lines at the prices of today, but for products that the draft has at another price.
fn quoted(tx: &mut Tx<'_>, lines: &[NewLine], before: &[Line]) -> Result<Vec<Line>, OrderError> {
    let mut quoted = Vec::new();
    for (number, line) in (1..).zip(lines) {
        let was = before.iter().find(|was| was.product_id == line.product_id);
        let (name, price) = match was {
            Some(was) => (was.product_name.clone(), was.price),
            None => {
                let product = product::find(tx.conn(), &line.product_id)?;
                let product =
                    product.ok_or_else(|| StockError::NotFound(line.product_id.clone()))?;
                (product.name, product.price)
            }
        };
        quoted.push(new_line(number, line, name, line.price.unwrap_or(price)));
    }
    Ok(quoted)
}

/// Gives a locked draft other lines, another discount, another end.
pub(super) fn reword(
    tx: &mut Tx<'_>,
    mut order: Order,
    changes: &DraftChanges,
    rules: &SaleRules,
    actor: &Actor,
) -> Result<OrderDetail, OrderError> {
    let customer = customer::lock(tx, &order.customer_id)?;
    let held = stock::hold_of_order(tx, order.id)?;
    let discount = changes.discount.unwrap_or_else(|| discount_of(&order));
    if let Some(reason) = &changes.tax_exempt_reason {
        order.tax = if reason.is_some() { TaxRule::NONE } else { rules.tax };
        order.tax_exempt_reason.clone_from(reason);
    }
    if let Some(shipping) = changes.shipping {
        order.money.shipping = shipping;
    }
    if let Some(valid_until) = changes.valid_until {
        order.valid_until = valid_until;
    }
    if let Some(reference) = &changes.reference {
        rename(tx, &mut order, reference.as_deref())?;
    }
    if let Some(lines) = &changes.lines {
        order.lines = quoted(tx, lines, &order.lines)?;
    }
    reprice(&mut order, discount, &customer, rules)?;
    store::replace_lines(tx.conn(), order.id, &order.lines)?;
    let is_held_otherwise = changes.lines.is_some() || changes.valid_until.is_some();
    if held.is_some() && is_held_otherwise {
        if order.valid_until.is_none() {
            let reason = "must say until when the pieces are held";
            return Err(Invalid::new("valid_until", Rule::Required, reason).into());
        }
        release(tx, &order, "reworded", actor)?;
        let items = items_of(&order)?;
        stock::reserve(tx, &hold_of(&order, HoldKind::Quote), &items, actor)?;
    }
    write(tx, order, vec![Told::internal("order.changed", json!({}))], actor)
}

fn rename(tx: &mut Tx<'_>, order: &mut Order, reference: Option<&str>) -> Result<(), OrderError> {
    if let Some(reference) = reference {
        let found = store::find_by_reference(tx.conn(), &order.customer_id, reference)?;
        if let Some((order_id, order_number)) = found.filter(|(id, _)| *id != order.id) {
            return Err(OrderError::Exists { order_id, order_number });
        }
    }
    order.reference = reference.map(str::to_owned);
    Ok(())
}

/// The discount that an order has, as it was asked for.
fn discount_of(order: &Order) -> Discount {
    match order.discount_tier {
        Some(_) => Discount::Tier,
        None if order.discount_rate > BasisPoints::ZERO => Discount::Rate(order.discount_rate),
        None if order.money.discount > Cents::ZERO => Discount::Amount(order.money.discount),
        None => Discount::None,
    }
}

fn items_of(order: &Order) -> Result<Items, OrderError> {
    let lines = order.lines.iter().map(|line| NewLine {
        product_id: line.product_id.clone(),
        quantity: line.quantity,
        price: None,
    });
    summed(&lines.collect::<Vec<_>>())
}

fn release(tx: &mut Tx<'_>, order: &Order, why: &str, actor: &Actor) -> Result<(), OrderError> {
    let source = format!("draft:{}.{}", order.id, order.version);
    Ok(stock::release_for_order(tx, order.id, None, (&source, Some(why)), actor)?)
}

/// Throws a draft away. What it held can be sold.
pub(in crate::order) fn delete_draft(
    tx: &mut Tx<'_>,
    id: i64,
    condition: &Precondition<Order>,
    actor: &Actor,
) -> Result<Order, OrderError> {
    let order = lock(tx, id, condition)?;
    order.require(Action::DeleteDraft)?;
    release(tx, &order, "the draft was deleted", actor)?;
    store::delete(tx.conn(), id)?;
    Ok(order)
}

/// Makes an order of a draft, at the prices that were quoted.
pub(in crate::order) fn place(
    tx: &mut Tx<'_>,
    id: i64,
    expected_total: Option<Cents>,
    condition: &Precondition<Order>,
    actor: &Actor,
) -> Result<OrderDetail, OrderError> {
    let before = lock(tx, id, condition)?;
    before.require(Action::Place)?;
    if before.valid_until.is_some_and(|until| until <= time::now()) {
        return Err(OrderError::QuoteExpired);
    }
    if let Some(expected) = expected_total
        && expected != before.money.total
    {
        return Err(OrderError::PriceChanged { expected, total: before.money.total });
    }
    customer::lock(tx, &before.customer_id)?;
    let items = items_of(&before)?;
    match stock::hold_of_order(tx, id)? {
        Some(hold) if hold.state == HoldState::Expired => return Err(OrderError::QuoteExpired),
        Some(hold) => stock::adopt(tx, hold.id, id, &items, actor)?,
        None => stock::reserve(tx, &hold_of(&before, HoldKind::Order), &items, actor)?,
    };
    let mut order = before.clone();
    let told = vec![number(tx, &mut order)?];
    save(tx, &before, order, told, actor)
}
