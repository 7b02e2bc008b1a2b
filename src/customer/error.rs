//! What can go wrong with customers, and how it is answered.

use crate::kernel::db::{DbError, job_error};
use crate::kernel::error::Invalid;
use crate::kernel::http::{Code, Failure};
use crate::kernel::precondition::VersionMismatch;
use crate::kernel::wire::BadBody;

#[derive(Debug, thiserror::Error)]
pub enum CustomerError {
    #[error("no such customer")]
    NotFound,
    #[error("a customer with this id or e-mail address exists")]
    AlreadyExists,
    #[error("another customer has this e-mail address")]
    EmailInUse,
    #[error("the customer has orders")]
    HasOrders,
    #[error(transparent)]
    VersionMismatch(#[from] VersionMismatch),
    #[error(transparent)]
    Body(#[from] BadBody),
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Db(#[from] DbError),
}

job_error!(CustomerError);

impl From<CustomerError> for Failure {
    fn from(error: CustomerError) -> Failure {
        use CustomerError as E;
        match error {
            E::NotFound => Failure::new(Code::CustomerNotFound),
            E::AlreadyExists => Failure::new(Code::CustomerExists),
            E::EmailInUse => Failure::new(Code::EmailInUse),
            E::HasOrders => Failure::new(Code::CustomerHasOrders),
            E::VersionMismatch(mismatch) => mismatch.into(),
            E::Body(BadBody::Problems(problems)) if problems.has_missing() => {
                Failure::from(problems).error("Missing required fields (id, email, name, tier)")
            }
            E::Body(bad) => bad.into(),
            E::Invalid(invalid) => invalid.into(),
            E::Db(error) => error.into(),
        }
    }
}
