//! Orders as data files have them.

use super::order::{FulfilmentStatus, Line, Money, Order, OrderStatus, PaymentStatus};
use super::pricing::{BasisPoints, TaxMode, TaxRule};
use crate::customer::{Address, CustomerId};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::kernel::time;
use chrono::{DateTime, Utc};

/// An order of a data file.
#[derive(Debug, Clone, PartialEq)]
pub struct NewOrder {
    /// Without one, the database numbers it.
    pub id: Option<i64>,
    pub order_number: String,
    pub customer_id: CustomerId,
    pub items: Vec<OrderItem>,
    pub total_amount: Cents,
    pub amounts: Amounts,
    pub status: OrderStatus,
    /// What came in for it; `None`: all of it where it is completed, else nothing.
    pub paid_amount: Option<Cents>,
    pub payment_method: Option<String>,
    pub shipping_address: Option<Address>,
    pub notes: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl NewOrder {
    /// The order with its books, as the migration makes them of an order that was there: nobody knows
    /// which lines a discount was for, so the first take it.
    pub fn to_order(&self) -> Order {
        let mut left = self.amounts.discount;
        let lines = (1..).zip(&self.items).map(|(number, item)| {
            let amount = Cents::new(item.price.get() * i64::from(item.quantity));
            let discount = left.min(amount);
            left = Cents::new(left.get() - discount.get());
            let if_it_is = |status| if self.status == status { item.quantity } else { 0 };
            Line {
                number,
                product_id: item.product_id.clone(),
                product_name: item.product_name.clone(),
                quantity: item.quantity,
                price: item.price,
                discount,
                tax: Cents::ZERO,
                total: Cents::new(amount.get() - discount.get()),
                fulfilled: item.fulfilled.unwrap_or(if_it_is(OrderStatus::Completed)),
                cancelled: if_it_is(OrderStatus::Cancelled),
                returned: 0,
            }
        });
        let lines: Vec<Line> = lines.collect();
        let Amounts { discount, shipping, tax } = self.amounts;
        let items = lines.iter().map(|line| line.total.get() + line.discount.get()).sum();
        let is = |status| (self.status == status).then_some(self.updated_at);
        let is_paid = self.status == OrderStatus::Completed;
        let paid =
            self.paid_amount.unwrap_or(if is_paid { self.total_amount } else { Cents::ZERO });
        Order {
            id: self.id.unwrap_or_default(),
            order_number: Some(self.order_number.clone()),
            customer_id: self.customer_id.clone(),
            status: self.status,
            // The database tells these two.
            payment_status: PaymentStatus::Unpaid,
            fulfilment_status: FulfilmentStatus::Unfulfilled,
            is_imported: true,
            currency: None,
            reference: None,
            lines,
            money: Money {
                items: Cents::new(items),
                // What is left over is no discount of a line.
                discount: Cents::new(discount.get() - left.get()),
                shipping,
                tax,
                original: self.total_amount,
                import_difference: Cents::new(-left.get()),
                total: self.total_amount,
                paid,
                ..Money::NONE
            },
            discount_tier: None,
            discount_rate: BasisPoints::ZERO,
            tax: TaxRule {
                mode: if tax == Cents::ZERO { TaxMode::None } else { TaxMode::Added },
                rate: BasisPoints::ZERO,
            },
            tax_exempt_reason: None,
            payment_method: self.payment_method.clone(),
            shipping_address: self.shipping_address.clone(),
            notes: self.notes.clone(),
            placed_at: Some(self.created_at),
            valid_until: None,
            pay_by: None,
            completed_at: is(OrderStatus::Completed),
            cancelled_at: is(OrderStatus::Cancelled),
            cancel_reason: None,
            version: time::new_row_version(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// What counts in the total of an order besides its items; none is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    /// Taken from the total.
    pub discount: Cents,
    pub shipping: Cents,
    pub tax: Cents,
}

impl Amounts {
    pub const NONE: Amounts =
        Amounts { discount: Cents::ZERO, shipping: Cents::ZERO, tax: Cents::ZERO };
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderItem {
    /// Of a product that may be gone by now.
    pub product_id: Id,
    pub product_name: String,
    /// At least one.
    pub quantity: i32,
    /// Of one piece.
    pub price: Cents,
    /// How many have left the house; `None`: all of a completed order, else none.
    pub fulfilled: Option<i32>,
}

/// The statuses of orders in data files, which have no drafts.
///
/// # Errors
/// Names the three.
pub(in crate::order) fn parse_status(text: &str) -> Result<OrderStatus, Invalid> {
    OrderStatus::parse(text).ok().filter(|status| *status != OrderStatus::Draft).ok_or_else(|| {
        let reason = "must be one of pending, completed, cancelled";
        Invalid::new("status", Rule::NotOneOf, reason)
    })
}

pub(in crate::order) fn parse_order_id(number: i64) -> Result<i64, Invalid> {
    if number > 0 {
        Ok(number)
    } else {
        Err(Invalid::new("id", Rule::OutOfRange, "must be a positive whole number"))
    }
}

pub(in crate::order) fn parse_quantity(pieces: i64) -> Result<i32, Invalid> {
    i32::try_from(pieces).ok().filter(|pieces| *pieces > 0).ok_or_else(|| {
        let reason = "must be a whole number from 1 to 2147483647";
        Invalid::new("quantity", Rule::OutOfRange, reason)
    })
}

/// Checks that `total` is what the items, of which there must be some, come to with the amounts.
///
/// # Errors
/// Says both amounts where they differ.
pub(in crate::order) fn check_total(
    total: Cents,
    items: &[OrderItem],
    amounts: Amounts,
) -> Result<(), Invalid> {
    if items.is_empty() {
        return Err(Invalid::new("items", Rule::Empty, "must hold at least one item"));
    }
    let of_items = items.iter().try_fold(Cents::ZERO, |sum, item| {
        sum.checked_add(item.price.checked_mul(i64::from(item.quantity))?)
    });
    let sum = of_items.and_then(|sum| {
        sum.checked_add(amounts.shipping)?.checked_add(amounts.tax)?.checked_sub(amounts.discount)
    });
    match sum {
        Some(sum) if sum == total => Ok(()),
        Some(sum) if amounts != Amounts::NONE => {
            let reason = format!(
                "is {total}, but the items less the discount, with shipping and tax, come to {sum}"
            );
            Err(Invalid::new("total_amount", Rule::WrongTotal, reason))
        }
        Some(sum) => {
            let reason = format!("is {total}, but the items come to {sum}");
            Err(Invalid::new("total_amount", Rule::WrongTotal, reason))
        }
        None => Err(Invalid::new("items", Rule::OutOfRange, "come to more than 64 bits of cents")),
    }
}
