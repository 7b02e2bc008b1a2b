//! An order is made: priced, with its pieces reserved and its number.

use super::change::{Told, write};
use super::drafts;
use super::money;
use crate::customer::{self, Customer};
use crate::kernel::auth::Actor;
use crate::kernel::db::Tx;
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::time;
use crate::order::error::OrderError;
use crate::order::model::{
    BasisPoints, Discount, FulfilmentStatus, Line, Money, NewLine, NewSale, Order, OrderDetail,
    OrderStatus, PaymentStatus, Reduction, SaleRules, TaxRule, price,
};
use crate::order::store;
use crate::product::stock::{self, HoldKind, Items, NewHold, Reserved};
use chrono::Datelike;
use serde_json::json;

/// Makes an order that is placed at once, or a draft.
pub(in crate::order) fn create(
    tx: &mut Tx<'_>,
    sale: &NewSale,
    rules: &SaleRules,
    actor: &Actor,
) -> Result<OrderDetail, OrderError> {
    let customer = customer::lock(tx, &sale.customer_id)?;
    if let Some(reference) = &sale.reference {
        refuse_second(tx, &customer, reference)?;
    }
    let mut order = skeleton(sale, rules);
    order.id = store::insert(tx.conn(), None, &order)?;
    let items = summed(&sale.lines)?;
    if sale.is_draft {
        return drafts::begin(tx, order, sale, &customer, &items, rules, actor);
    }
    let reserved = match sale.hold_id {
        Some(hold_id) => stock::adopt(tx, hold_id, order.id, &items, actor)?,
        None => stock::reserve(tx, &hold_of(&order, HoldKind::Order), &items, actor)?,
    };
    order.lines = lines_of(&sale.lines, &reserved)?;
    reprice(&mut order, sale.discount, &customer, rules)?;
    store::replace_lines(tx.conn(), order.id, &order.lines)?;
    if let Some(expected) = sale.expected_total
        && expected != order.money.total
    {
        return Err(OrderError::PriceChanged { expected, total: order.money.total });
    }
    let told = vec![number(tx, &mut order)?];
    finish(tx, order, sale, told, actor)
}

/// Counts a placed order for its customer, and takes the money that came with it.
fn finish(
    tx: &mut Tx<'_>,
    mut order: Order,
    sale: &NewSale,
    mut told: Vec<Told>,
    actor: &Actor,
) -> Result<OrderDetail, OrderError> {
    customer::add_spent(tx, &order.customer_id, order.money.total)?;
    if let Some(payment) = &sale.payment {
        told.push(money::take(tx, &mut order, payment, actor)?);
        if order.due() <= 0 {
            told.push(Told::new("order.paid", json!({})));
        }
    }
    write(tx, order, told, actor)
}

/// One reference is one order, whichever key a request comes with.
fn refuse_second(tx: &mut Tx<'_>, customer: &Customer, reference: &str) -> Result<(), OrderError> {
    match store::find_by_reference(tx.conn(), &customer.id, reference)? {
        Some((order_id, order_number)) => Err(OrderError::Exists { order_id, order_number }),
        None => Ok(()),
    }
}

/// Gives a draft its number, by which it is placed.
pub(super) fn number(tx: &mut Tx<'_>, order: &mut Order) -> Result<Told, OrderError> {
    let now = time::now();
    let plain = format!("CHR-{}-{:06}", now.year(), order.id);
    let mut number = plain.clone();
    // An imported number may be in the way.
    for suffix in 2.. {
        if store::find_id(tx.conn(), &number)?.is_none() {
            break;
        }
        number = format!("{plain}-{suffix}");
    }
    order.order_number = Some(number);
    order.status = OrderStatus::Pending;
    order.placed_at = Some(now);
    order.valid_until = None;
    Ok(Told::new("order.placed", json!({ "pieces": order.pieces().all })))
}

/// An order without lines, as a draft.
fn skeleton(sale: &NewSale, rules: &SaleRules) -> Order {
    let now = time::now();
    let is_exempt = sale.tax_exempt_reason.is_some();
    Order {
        id: 0,
        order_number: None,
        customer_id: sale.customer_id.clone(),
        status: OrderStatus::Draft,
        payment_status: PaymentStatus::Unpaid,
        fulfilment_status: FulfilmentStatus::Unfulfilled,
        is_imported: false,
        currency: Some(rules.currency.clone()),
        reference: sale.reference.clone(),
        lines: Vec::new(),
        money: Money {
            shipping: sale.shipping,
            original: sale.shipping,
            total: sale.shipping,
            ..Money::NONE
        },
        discount_tier: None,
        discount_rate: BasisPoints::ZERO,
        tax: if is_exempt { TaxRule::NONE } else { rules.tax },
        tax_exempt_reason: sale.tax_exempt_reason.clone(),
        payment_method: sale.payment_method.clone(),
        shipping_address: sale.shipping_address.clone(),
        notes: sale.notes.clone(),
        placed_at: None,
        valid_until: sale.valid_until,
        pay_by: sale.pay_by,
        completed_at: None,
        cancelled_at: None,
        cancel_reason: None,
        version: time::new_row_version(),
        created_at: now,
        updated_at: now,
    }
}

/// The pieces of each product.
pub(super) fn summed(lines: &[NewLine]) -> Result<Items, OrderError> {
    let lines = lines.iter().map(|line| (line.product_id.clone(), line.quantity));
    Items::summed(lines).ok_or_else(|| {
        let reason = "must hold at most 2147483647 pieces of a product";
        Invalid::new("items", Rule::OutOfRange, reason).into()
    })
}

/// What claims the pieces of an order, or of its draft.
pub(super) fn hold_of(order: &Order, kind: HoldKind) -> NewHold {
    NewHold {
        kind,
        order_id: Some(order.id),
        customer_id: Some(order.customer_id.clone()),
        expires_at: order.valid_until.filter(|_| kind == HoldKind::Quote),
        reason: None,
    }
}

/// The lines with the names and prices of their products, as they were when the pieces were reserved.
pub(super) fn lines_of(lines: &[NewLine], reserved: &Reserved) -> Result<Vec<Line>, OrderError> {
    let numbered = (1..).zip(lines).map(|(number, line)| {
        let product = reserved.products.iter().find(|product| product.id == line.product_id);
        let product = product.ok_or_else(|| {
            OrderError::Stock(stock::StockError::NotFound(line.product_id.clone()))
        })?;
        let price = line.price.unwrap_or(product.price);
        Ok(new_line(number, line, product.name.clone(), price))
    });
    numbered.collect()
}

pub(super) fn new_line(
    number: i32,
    line: &NewLine,
    product_name: String,
    price: crate::kernel::money::Cents,
) -> Line {
    use crate::kernel::money::Cents;
    Line {
        number,
        product_id: line.product_id.clone(),
        product_name,
        quantity: line.quantity,
        price,
        discount: Cents::ZERO,
        tax: Cents::ZERO,
        total: Cents::ZERO,
        fulfilled: 0,
        cancelled: 0,
        returned: 0,
    }
}

/// Adds up the lines of an order that is not placed yet.
pub(super) fn reprice(
    order: &mut Order,
    discount: Discount,
    customer: &Customer,
    rules: &SaleRules,
) -> Result<(), OrderError> {
    let (tier, rate) = match discount {
        Discount::Tier => (Some(customer.tier), rules.discount_of(customer.tier)),
        Discount::None | Discount::Amount(_) => (None, BasisPoints::ZERO),
        Discount::Rate(rate) => (None, rate),
    };
    let reduction = match discount {
        Discount::Amount(amount) => Reduction::Amount(amount),
        _ => Reduction::Rate(rate),
    };
    let lines: Vec<_> = order.lines.iter().map(|line| (line.price, line.quantity)).collect();
    let priced = price(&lines, reduction, order.money.shipping, order.tax)?;
    for (line, priced) in order.lines.iter_mut().zip(&priced.lines) {
        (line.discount, line.tax, line.total) = (priced.discount, priced.tax, priced.total);
    }
    order.discount_tier = tier.filter(|_| rate > BasisPoints::ZERO);
    order.discount_rate = rate;
    order.money = Money {
        items: priced.items,
        discount: priced.discount,
        shipping: order.money.shipping,
        tax: priced.tax,
        original: priced.total,
        total: priced.total,
        ..Money::NONE
    };
    Ok(())
}
