//! What can go wrong with customers, and how it is answered.

use crate::kernel::db::{DbError, JobError};
use crate::kernel::error::Invalid;
use crate::kernel::http::{Code, Failure};
use serde_json::json;

#[derive(Debug, thiserror::Error)]
pub enum CustomerError {
    #[error("no such customer")]
    NotFound,
    #[error("a customer with this id or e-mail address exists")]
    AlreadyExists,
    #[error("another customer has this e-mail address")]
    EmailInUse,
    #[error("missing required members: {}", .0.join(", "))]
    MissingFields(Vec<&'static str>),
    #[error("no members to update")]
    NothingToUpdate,
    #[error("the customer has orders")]
    HasOrders,
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for CustomerError {
    fn from(error: diesel::result::Error) -> Self {
        CustomerError::Db(error.into())
    }
}

impl JobError for CustomerError {
    fn database_error(&self) -> Option<&DbError> {
        match self {
            CustomerError::Db(error) => Some(error),
            _ => None,
        }
    }
}

impl From<CustomerError> for Failure {
    fn from(error: CustomerError) -> Failure {
        use CustomerError as E;
        match error {
            E::NotFound => Failure::new(Code::CustomerNotFound),
            E::AlreadyExists => Failure::new(Code::CustomerExists),
            E::EmailInUse => Failure::new(Code::EmailInUse),
            E::MissingFields(missing) => Failure::new(Code::MissingFields)
                .error("Missing required fields (id, email, name, tier)")
                .details(json!({ "missing": missing })),
            E::NothingToUpdate => Failure::new(Code::NoFields),
            E::HasOrders => Failure::new(Code::CustomerHasOrders),
            E::Invalid(invalid) => invalid.into(),
            E::Db(error) => error.into(),
        }
    }
}
