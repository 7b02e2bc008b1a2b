//! What can go wrong with orders, and how it is answered.

use super::model::{PricingError, Refused};
use crate::customer::CustomerError;
use crate::kernel::db::{DbError, job_error};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::http::{Code, Failure};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::kernel::precondition::VersionMismatch;
use crate::kernel::wire::BadBody;
use crate::product::ProductId;
use crate::product::stock::{Shortage, StockError};
use serde_json::json;

#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("no such order")]
    NotFound,
    /// Nothing of what was asked for has happened to the order.
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("order {order_id} of this customer has the same reference")]
    Exists { order_id: i64, order_number: Option<String> },
    #[error("the order comes to {total}, and not to {expected}")]
    PriceChanged { expected: Cents, total: Cents },
    #[error("the quote was valid until then")]
    QuoteExpired,
    #[error("this payment was written down before")]
    PaymentExists,
    #[error("{product_id} with the serial number {serial} has left already")]
    SerialSold { product_id: Id, serial: String },
    #[error("the amounts come to more than 64 bits of cents")]
    TooLarge,
    #[error(transparent)]
    Customer(#[from] CustomerError),
    #[error(transparent)]
    Stock(#[from] StockError),
    #[error(transparent)]
    VersionMismatch(#[from] VersionMismatch),
    #[error(transparent)]
    Body(#[from] BadBody),
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Db(#[from] DbError),
}

job_error!(OrderError, Customer, Stock);

impl Shortage for OrderError {
    fn short_of(&self) -> Vec<ProductId> {
        match self {
            OrderError::Stock(error) => error.short_of(),
            _ => Vec::new(),
        }
    }
}

impl From<PricingError> for OrderError {
    fn from(error: PricingError) -> OrderError {
        match error {
            PricingError::TooLarge => OrderError::TooLarge,
            PricingError::DiscountTooLarge(items) => {
                let reason = format!("must not be more than the items, which come to {items}");
                Invalid::new("discount", Rule::OutOfRange, reason).into()
            }
        }
    }
}

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Failure {
        use OrderError as E;
        let said = error.to_string();
        match error {
            E::NotFound => Failure::new(Code::OrderNotFound),
            E::Refused(refused) => refused.into(),
            E::Exists { order_id, order_number } => Failure::new(Code::OrderExists)
                .message(said)
                .details(json!({ "order_id": order_id, "order_number": order_number })),
            E::PriceChanged { expected, total } => Failure::new(Code::PriceChanged)
                .message(said)
                .details(json!({ "expected": expected.to_string(), "total": total.to_string() })),
            E::QuoteExpired => Failure::new(Code::QuoteExpired),
            E::PaymentExists => Failure::new(Code::PaymentExists),
            E::SerialSold { product_id, serial } => Failure::new(Code::SerialSold)
                .message(said)
                .details(json!({ "product_id": product_id, "serial": serial })),
            E::TooLarge => Failure::new(Code::AmountTooLarge),
            E::Customer(error) => error.into(),
            E::Stock(error) => error.into(),
            E::VersionMismatch(mismatch) => mismatch.into(),
            E::Body(bad) => bad.into(),
            E::Invalid(invalid) => invalid.into(),
            E::Db(error) => error.into(),
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Failure {
        let said = refused.to_string();
        match refused {
            Refused::State(status) => Failure::new(Code::OrderState)
                .message(said)
                .details(json!({ "status": status.as_str() })),
            Refused::HasLeft { fulfilled } => Failure::new(Code::OrderState)
                .message(said)
                .details(json!({ "status": "pending", "fulfilled": fulfilled })),
            Refused::NothingOpen => Failure::new(Code::OrderState)
                .message(said)
                .details(json!({ "status": "pending", "open": 0 })),
            Refused::NoSuchLine(line) => {
                let reason = format!("name line {line}, which the order does not have");
                Invalid::new("lines", Rule::OutOfRange, reason).into()
            }
            Refused::ExceedsOpen { line, open } => Failure::new(Code::QuantityExceedsOpen)
                .message(said)
                .details(json!({ "line": line, "open": open })),
            Refused::ExceedsDue(due) => Failure::new(Code::PaymentExceedsDue)
                .message(said)
                .details(json!({ "due": due.to_string() })),
            Refused::ExceedsPaid(refundable) => Failure::new(Code::RefundExceedsPaid)
                .message(said)
                .details(json!({ "refundable": refundable.to_string() })),
            Refused::Unpaid(due) => Failure::new(Code::OrderUnpaid)
                .message(said)
                .details(json!({ "due": due.to_string() })),
            Refused::TooLarge => Failure::new(Code::AmountTooLarge),
        }
    }
}
