//! What can go wrong with orders, and how it is answered.

use crate::customer::CustomerError;
use crate::kernel::db::{DbError, JobError};
use crate::kernel::error::Invalid;
use crate::kernel::http::Failure;

#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error(transparent)]
    Customer(#[from] CustomerError),
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for OrderError {
    fn from(error: diesel::result::Error) -> Self {
        OrderError::Db(error.into())
    }
}

impl JobError for OrderError {
    fn database_error(&self) -> Option<&DbError> {
        match self {
            OrderError::Customer(error) => error.database_error(),
            OrderError::Invalid(_) => None,
            OrderError::Db(error) => Some(error),
        }
    }
}

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Failure {
        match error {
            OrderError::Customer(error) => error.into(),
            OrderError::Invalid(invalid) => invalid.into(),
            OrderError::Db(error) => error.into(),
        }
    }
}
