//! What can go wrong with customers, and how it is answered.

use crate::kernel::db::{DbError, JobError};
use crate::kernel::error::Invalid;
use crate::kernel::http::Failure;
use actix_web::http::StatusCode;
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
            E::NotFound => {
                Failure::new(StatusCode::NOT_FOUND, "CUSTOMER_NOT_FOUND", "Customer not found")
            }
            E::AlreadyExists => Failure::new(
                StatusCode::CONFLICT,
                "CUSTOMER_EXISTS",
                "Customer with this ID or email already exists",
            ),
            E::EmailInUse => {
                Failure::new(StatusCode::CONFLICT, "EMAIL_IN_USE", "Email already in use")
            }
            E::MissingFields(missing) => Failure::bad_request(
                "MISSING_FIELDS",
                "Missing required fields (id, email, name, tier)",
            )
            .details(json!({ "missing": missing })),
            E::NothingToUpdate => Failure::bad_request("NO_FIELDS", "No fields to update"),
            E::HasOrders => Failure::new(
                StatusCode::CONFLICT,
                "CUSTOMER_HAS_ORDERS",
                "Cannot delete customer with existing orders",
            ),
            E::Invalid(invalid) => invalid.into(),
            E::Db(error) => error.into(),
        }
    }
}
