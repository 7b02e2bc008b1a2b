//! What can go wrong with orders, and how it is answered.

use crate::customer::CustomerError;
use crate::kernel::db::{DbError, job_error};
use crate::kernel::error::Invalid;
use crate::kernel::http::Failure;
use crate::product::stock::StockError;

#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error(transparent)]
    Customer(#[from] CustomerError),
    #[error(transparent)]
    Stock(#[from] StockError),
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Db(#[from] DbError),
}

job_error!(OrderError, Customer, Stock);

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Failure {
        match error {
            OrderError::Customer(error) => error.into(),
            OrderError::Stock(error) => error.into(),
            OrderError::Invalid(invalid) => invalid.into(),
            OrderError::Db(error) => error.into(),
        }
    }
}
