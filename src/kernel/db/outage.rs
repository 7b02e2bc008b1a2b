//! What is known of a database that is away: while it is, nobody else waits to find out.

use super::DbError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a failure to connect speaks for those who come after it.
const BELIEVED_FOR: Duration = Duration::from_millis(250);

/// The last failure to get a connection; clones share it.
#[derive(Clone, Default)]
pub(super) struct Outage(Arc<Mutex<Option<Failure>>>);

struct Failure {
    at: Instant,
    error: DbError,
}

impl Outage {
    /// Fails while the database has just been found to be away.
    pub(super) fn check(&self) -> Result<(), DbError> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(failure) if failure.at.elapsed() < BELIEVED_FOR => Err(failure.error.clone()),
            _ => Ok(()),
        }
    }

    pub(super) fn begin(&self, error: DbError) {
        let failure = Failure { at: Instant::now(), error };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    pub(super) fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
