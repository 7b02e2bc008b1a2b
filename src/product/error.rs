//! What can go wrong in the catalogue, and how it is answered.

use super::model::ProductId;
use super::stock::Shortage;
use crate::kernel::db::{DbError, job_error};
use crate::kernel::error::Invalid;
use crate::kernel::http::{Code, Failure};
use crate::kernel::precondition::VersionMismatch;
use crate::kernel::problems::Problems;
use crate::kernel::wire::BadBody;
use serde_json::json;

#[derive(Debug, thiserror::Error)]
pub enum ProductError {
    #[error("no such product")]
    NotFound,
    #[error("a product with this id exists")]
    AlreadyExists,
    #[error("{0}")]
    NotAQuantity(Problems),
    #[error("{requested} requested, {available} in stock")]
    InsufficientStock { product_id: ProductId, requested: u64, available: i32 },
    #[error("{reserved} pieces of {product_id} are reserved")]
    Reserved { product_id: ProductId, reserved: i32 },
    #[error("the total cost passes 64 bits of cents")]
    CostTooLarge,
    #[error(transparent)]
    VersionMismatch(#[from] VersionMismatch),
    #[error(transparent)]
    Body(#[from] BadBody),
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Db(#[from] DbError),
}

job_error!(ProductError);

impl Shortage for ProductError {
    fn short_of(&self) -> Vec<ProductId> {
        match self {
            ProductError::InsufficientStock { product_id, .. }
            | ProductError::Reserved { product_id, .. } => vec![product_id.clone()],
            _ => Vec::new(),
        }
    }
}

impl From<ProductError> for Failure {
    fn from(error: ProductError) -> Failure {
        use ProductError as E;
        match error {
            E::NotFound => Failure::new(Code::ProductNotFound),
            E::AlreadyExists => Failure::new(Code::ProductExists),
            E::NotAQuantity(problems) => Failure::new(Code::InvalidQuantity).problems(problems),
            E::Reserved { reserved, .. } => {
                Failure::new(Code::ProductReserved).details(json!({ "reserved": reserved }))
            }
            E::InsufficientStock { requested, available, .. } => {
                Failure::new(Code::InsufficientStock)
                    .details(json!({ "requested": requested, "available": available }))
            }
            E::CostTooLarge => Failure::new(Code::CostTooLarge),
            E::VersionMismatch(mismatch) => mismatch.into(),
            E::Body(bad) => bad.into(),
            E::Invalid(invalid) => invalid.into(),
            E::Db(error) => error.into(),
        }
    }
}
