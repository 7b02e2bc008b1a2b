//! What can go wrong between a use case and the database, and which of it is nobody's fault.

use crate::kernel::error::Invalid;
use diesel::result::{DatabaseErrorKind, Error};
use std::sync::Arc;

/// Cloned when many readers wait for one load.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DbError {
    /// Away, locked, too slow, out of room: trying again later may help.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// Another transaction came between. Nothing of this one has taken effect, and it may succeed
    /// when it runs again.
    #[error("another transaction came between: {0}")]
    Conflict(String),
    /// More work is queued than the deadline could ever let through.
    #[error("too many requests wait for the database")]
    Overloaded,
    /// A query that should have worked did not: a bug.
    #[error("a query failed: {0}")]
    Query(Arc<Error>),
    /// A job panicked: a bug.
    #[error("a database job panicked: {0}")]
    Panicked(String),
}

/// Texts of passing faults. diesel hides the SQLSTATE and SQLite's result code, so that the text
/// is all there is; what it does not name counts as a bug and is logged as one.
const PASSING: [&str; 19] = [
    // SQLite: SQLITE_BUSY, _LOCKED, _FULL, _IOERR, _CANTOPEN, _READONLY
    "database is locked",
    "database table is locked",
    "database or disk is full",
    "disk I/O error",
    "unable to open database file",
    "attempt to write a readonly database",
    // PostgreSQL: 42501, of a role that may only read
    "permission denied for",
    // PostgreSQL: 57014, 55P03, 57P01..3, 53xxx, 58xxx
    "canceling statement due to",
    "terminating connection",
    "server closed the connection",
    "the database system is",
    "too many clients",
    "remaining connection slots",
    "No space left on device",
    "out of memory",
    "out of shared memory",
    "could not extend file",
    "could not write",
    "could not fsync",
];

impl From<Error> for DbError {
    fn from(error: Error) -> DbError {
        if is_conflict(&error) {
            return DbError::Conflict(error.to_string());
        }
        let passing = match &error {
            Error::DatabaseError(kind, information) => match kind {
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::ReadOnlyTransaction => true,
                _ => PASSING.iter().any(|text| information.message().contains(text)),
            },
            Error::BrokenTransactionManager => true,
            Error::RollbackErrorOnCommit { .. } => true,
            _ => false,
        };
        if passing {
            DbError::Unavailable(error.to_string())
        } else {
            DbError::Query(Arc::new(error))
        }
    }
}

/// Whether a transaction was ended in favour of another one, and nothing of it has taken effect.
pub(super) fn is_conflict(error: &Error) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        Error::DatabaseError(DatabaseErrorKind::Unknown, information) => {
            information.message() == "deadlock detected"
        }
        // A commit that failed, with its reason.
        Error::RollbackErrorOnCommit { commit_error, .. } => is_conflict(commit_error),
        _ => false,
    }
}

/// What a row holds and the model does not allow: the CHECKs of the schema should have kept it out.
pub fn unreadable(invalid: Invalid) -> Error {
    Error::DeserializationError(invalid.into())
}
