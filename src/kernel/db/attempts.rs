//! A job that runs again from its start, where what failed was not the job.
//!
//! diesel hides PostgreSQL's SQLSTATE and gives the text, which is in the server's language. Where
//! that is English the text tells; where it is not, an error counts as a passing one unless it came
//! at once and names its place in the statement. ADR 10 says what else was looked at.

use super::DbError;
use super::connection::{DbConn, Pooled};
use super::pool_lane::Deadline;
use super::session::Session;
use diesel::result::{DatabaseErrorKind, Error};
use std::time::{Duration, Instant};

/// How often a job runs at most.
const ATTEMPTS: u32 = 4;
/// The longest pause before the second attempt; each further one may be twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// A mistake in a statement is found before anything is waited for; a lock that cannot be had is
/// waited for longer, by the limits of connection.rs and by PostgreSQL's `deadlock_timeout`.
const AT_ONCE: Duration = Duration::from_millis(500);

/// What a job may fail with: reasons of its own, and those of the database.
pub trait JobError: From<DbError> + From<Error> + Send + 'static {
    /// The database's reason, where it is one.
    fn database_error(&self) -> Option<&DbError>;
}

/// Makes an error of a slice a [`JobError`]: its variant `Db` has the database's reason, and so may the
/// errors of other slices in the variants that are named.
#[macro_export]
macro_rules! job_error {
    ($error:ident $(, $other:ident)* $(,)?) => {
        impl From<diesel::result::Error> for $error {
            fn from(error: diesel::result::Error) -> Self {
                $error::Db(error.into())
            }
        }

        impl $crate::kernel::db::JobError for $error {
            fn database_error(&self) -> Option<&$crate::kernel::db::DbError> {
                match self {
                    $error::Db(error) => Some(error),
                    $($error::$other(error) => error.database_error(),)*
                    _ => None,
                }
            }
        }
    };
}
pub use job_error;

impl JobError for DbError {
    fn database_error(&self) -> Option<&DbError> {
        Some(self)
    }
}

/// What is to be done about a failed attempt.
enum Next {
    /// Nothing: it failed for good.
    Fail,
    /// The job ran into another transaction.
    Repeat,
    /// The statements that the connection has prepared may be stale.
    PrepareAnew,
}

impl Pooled {
    /// Runs `job`, which leaves no transaction open, until it succeeds or fails for good. Its
    /// client waits meanwhile: no attempt begins when the deadline is near.
    pub(super) fn attempt<T, E: JobError>(
        &mut self,
        deadline: Deadline,
        mut job: impl FnMut(&mut DbConn) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let start = Instant::now();
            let error = match job(&mut self.conn) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let next = self.judge(&error, start.elapsed());
            let is_last = attempt >= ATTEMPTS || deadline.is_near();
            match next {
                Next::Fail => return Err(error),
                // The text of an error in another language says nothing: it is no bug for sure.
                Next::PrepareAnew if is_last => return Err(unavailable(error)),
                Next::Repeat if is_last => return Err(error),
                Next::PrepareAnew if self.session == Session::Own => {
                    self.conn.forget_statements()?
                }
                Next::PrepareAnew | Next::Repeat => {}
            }
            if let Some(reason) = error.database_error() {
                log::debug!("attempt {attempt} failed and is repeated: {reason}");
            }
            // Those who met would else meet again.
            std::thread::sleep(pause.mul_f64(fastrand::f64()));
            pause *= 2;
        }
        unreachable!("the loop returns")
    }

    fn judge<E: JobError>(&mut self, error: &E, took: Duration) -> Next {
        match error.database_error() {
            Some(DbError::Conflict(_)) => Next::Repeat,
            Some(DbError::Query(error)) if is_unclear(error, took) => {
                if says_stale(error) || !self.conn.speaks_english() {
                    Next::PrepareAnew
                } else {
                    Next::Fail
                }
            }
            _ => Next::Fail,
        }
    }
}

fn unavailable<E: JobError>(error: E) -> E {
    match error.database_error() {
        Some(reason) => E::from(DbError::Unavailable(reason.to_string())),
        None => error,
    }
}

/// Whether an error may be a passing one, as far as can be told without its text. A name or a type
/// that is not there has a place in the statement; a time-out, a cancellation and a deadlock have
/// none, but where it is a table's lock that was waited for.
fn is_unclear(error: &Error, took: Duration) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::Unknown, information) => {
            information.statement_position().is_none() || took >= AT_ONCE
        }
        _ => false,
    }
}

/// A table has another shape since the statement was prepared, or somebody has dropped the
/// statement. The second text has the statement's name in it.
fn says_stale(error: &Error) -> bool {
    let text = error.to_string();
    text.contains("cached plan must not change result type")
        || text.starts_with("prepared statement \"")
}
