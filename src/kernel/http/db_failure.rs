//! How a failure of the database is answered.

use super::Failure;
use crate::kernel::db::DbError;

impl From<DbError> for Failure {
    fn from(error: DbError) -> Failure {
        match error {
            DbError::Unavailable(_) | DbError::Conflict(_) | DbError::Overloaded => {
                Failure::unavailable().of_dependency("database")
            }
            DbError::Query(_) | DbError::Panicked(_) => Failure::internal(),
        }
        .because(error.to_string())
    }
}
