//! What can go wrong with the stock, and how it is answered.

use super::super::model::ProductId;
use super::model::{HoldState, Short};
use crate::kernel::db::{DbError, job_error};
use crate::kernel::error::Invalid;
use crate::kernel::http::{Code, Failure};
use crate::kernel::precondition::VersionMismatch;
use crate::kernel::wire::BadBody;
use serde_json::json;

#[derive(Debug, thiserror::Error)]
pub enum StockError {
    #[error("no such product: {0}")]
    NotFound(ProductId),
    #[error("no such customer")]
    CustomerNotFound,
    #[error("{} products are short", .0.len())]
    OutOfStock(Vec<Short>),
    #[error("no such hold")]
    HoldNotFound,
    #[error("the hold has ended")]
    HoldExpired,
    #[error("the hold is {}", .0.as_str())]
    HoldNotOpen(HoldState),
    /// What happens to the hold of an order, or of a draft of one, happens by that order.
    #[error("the hold belongs to order {0}")]
    HoldOfOrder(i64),
    #[error("{product_id}: {on_hand} on hand, {reserved} of them reserved")]
    BelowReserved { product_id: ProductId, on_hand: i32, reserved: i32 },
    /// More pieces than can be counted.
    #[error("{0}: more than 2147483647 pieces")]
    TooMany(ProductId),
    /// More was asked of a hold than it has: a bug of who asked, or rows that were changed by hand.
    #[error("hold {hold_id} has no {quantity} pieces of {product_id} left")]
    NotHeld { hold_id: i64, product_id: ProductId, quantity: i32 },
    #[error(transparent)]
    VersionMismatch(#[from] VersionMismatch),
    #[error(transparent)]
    Body(#[from] BadBody),
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Db(#[from] DbError),
}

job_error!(StockError);

/// An error that may be one of too few pieces.
pub trait Shortage {
    /// The products of which there were too few pieces: they may be in holds that have ended.
    fn short_of(&self) -> Vec<ProductId>;
}

impl Shortage for StockError {
    fn short_of(&self) -> Vec<ProductId> {
        match self {
            StockError::OutOfStock(short) => {
                short.iter().map(|short| short.product_id.clone()).collect()
            }
            StockError::BelowReserved { product_id, .. } => vec![product_id.clone()],
            _ => Vec::new(),
        }
    }
}

impl From<StockError> for Failure {
    fn from(error: StockError) -> Failure {
        use StockError as E;
        let said = error.to_string();
        match error {
            E::NotFound(id) => {
                Failure::new(Code::ProductNotFound).details(json!({ "product_id": id }))
            }
            E::CustomerNotFound => Failure::new(Code::CustomerNotFound),
            E::OutOfStock(short) => {
                let items: Vec<_> = short
                    .iter()
                    .map(|short| {
                        json!({
                            "product_id": short.product_id,
                            "requested": short.requested,
                            "available": short.available,
                        })
                    })
                    .collect();
                Failure::new(Code::OutOfStock).details(json!({ "items": items }))
            }
            E::HoldNotFound => Failure::new(Code::HoldNotFound),
            E::HoldExpired => Failure::new(Code::HoldExpired),
            E::HoldNotOpen(state) => {
                Failure::new(Code::HoldNotOpen).details(json!({ "state": state.as_str() }))
            }
            E::HoldOfOrder(order_id) => Failure::new(Code::HoldNotOpen)
                .message(format!("The hold belongs to order {order_id}, which alone changes it"))
                .details(json!({ "order_id": order_id })),
            E::BelowReserved { on_hand, reserved, .. } => Failure::new(Code::BelowReserved)
                .details(json!({ "reserved": reserved, "on_hand": on_hand })),
            E::TooMany(_) => Failure::new(Code::ValidationFailed).message(said),
            E::NotHeld { .. } => Failure::internal().because(said),
            E::VersionMismatch(mismatch) => mismatch.into(),
            E::Body(bad) => bad.into(),
            E::Invalid(invalid) => invalid.into(),
            E::Db(error) => error.into(),
        }
    }
}
