//! Changes that take effect once, however often a client sends them.
//!
//! The answer is kept under the request's `Idempotency-Key` in the transaction of the change
//! itself: there is never the one without the other, whatever dies when. A request that is refused
//! has no effect, and keeps nothing. Owns the table `idempotency_keys`.

mod key;
mod store;

pub use key::IdempotencyKey;
pub use store::delete_all;

use crate::kernel::db::{Db, DbError, JobError, KeyedLimit, Rows, Tx};
use crate::kernel::http::{Code, Failure, StoredResponse};
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use diesel::result::Error;
use std::time::Duration;
use store::Claim;

/// How long a request waits for an earlier one with its key to end.
const EARLIER_REQUEST_MAY_TAKE: Duration = Duration::from_secs(1);
/// How often keys that are too old are deleted.
const FORGET_EVERY: Duration = Duration::from_secs(600);
/// How often it is looked whether there is a table of keys yet.
const LOOK_FOR_THE_SCHEMA_EVERY: Duration = Duration::from_secs(1);
/// How many of them one transaction deletes: it takes a few milliseconds.
const BATCH: i64 = 500;
/// How long the database is left to others after each.
const BETWEEN_BATCHES: Duration = Duration::from_millis(20);

/// Why a key cannot be used for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("a request with this key is still under way")]
    InFlight,
    #[error("this key was used for another request")]
    Reused,
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Failure {
        match error {
            KeyError::InFlight => Failure::new(Code::IdempotencyKeyInUse)
                .header(RETRY_AFTER, HeaderValue::from_static("1")),
            KeyError::Reused => Failure::new(Code::IdempotencyKeyReused),
        }
    }
}

/// Makes the changes of a slice; clones share everything.
#[derive(Clone)]
pub struct Changes {
    db: Db,
    in_flight: KeyedLimit,
}

/// Why a change was not made.
enum NotMade<E> {
    Key(KeyError),
    UseCase(E),
}

impl Changes {
    pub fn new(db: &Db) -> Changes {
        Changes { db: db.clone(), in_flight: KeyedLimit::new(1) }
    }

    /// Runs a use case as [`Db::write`] does, under a name, and renders what it returns. With a key,
    /// only the first request of that key runs it, and every other one gets the answer of the first.
    ///
    /// # Errors
    /// Those of the use case and of [`Db::write`]; [`KeyError`].
    pub async fn make<T, E, F>(
        &self,
        name: &'static str,
        key: Option<IdempotencyKey>,
        rows: Rows,
        mut use_case: F,
        render: fn(&T) -> StoredResponse,
    ) -> Result<StoredResponse, Failure>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: 'static,
        E: JobError + Into<Failure>,
    {
        // Waited for here, so that those who repeat themselves hold no connection meanwhile.
        let permit = match &key {
            Some(key) => {
                let acquiring = self.in_flight.acquire(&key.digest);
                let permit = tokio::time::timeout(EARLIER_REQUEST_MAY_TAKE, acquiring).await;
                Some(permit.map_err(|_| KeyError::InFlight)?)
            }
            None => None,
        };
        let once = move |tx: &mut Tx<'_>| -> Result<StoredResponse, NotMade<E>> {
            let _held_to_the_end = &permit;
            if let Some(key) = &key {
                match store::claim(tx.conn(), key, EARLIER_REQUEST_MAY_TAKE)? {
                    Claim::Fresh => {}
                    Claim::Kept(answer) => return Ok(answer),
                    Claim::Refused(error) => return Err(NotMade::Key(error)),
                }
            }
            let answer = render(&use_case(tx).map_err(NotMade::UseCase)?);
            if let Some(key) = &key {
                store::keep(tx.conn(), key, &answer)?;
            }
            Ok(answer)
        };
        self.db.write(name, rows, once).await.map_err(|error| match error {
            NotMade::Key(error) => error.into(),
            NotMade::UseCase(error) => error.into(),
        })
    }
}

impl<E: From<DbError>> From<DbError> for NotMade<E> {
    fn from(error: DbError) -> Self {
        NotMade::UseCase(error.into())
    }
}

impl<E: From<Error>> From<Error> for NotMade<E> {
    fn from(error: Error) -> Self {
        NotMade::UseCase(error.into())
    }
}

impl<E: JobError> JobError for NotMade<E> {
    fn database_error(&self) -> Option<&DbError> {
        match self {
            NotMade::Key(_) => None,
            NotMade::UseCase(error) => error.database_error(),
        }
    }
}

/// Deletes keys that are older than 24 hours, now and for as long as the process serves.
pub async fn forget_old_keys(db: Db) {
    while !db.is_migrated() {
        tokio::time::sleep(LOOK_FOR_THE_SCHEMA_EVERY).await;
    }
    loop {
        match forget_all_old(&db).await {
            Ok(count) => log::debug!("forgot {count} idempotency keys"),
            Err(error) => log::warn!(
                "old idempotency keys could not be deleted, the next try is in {} s: {error}",
                FORGET_EVERY.as_secs()
            ),
        }
        tokio::time::sleep(FORGET_EVERY).await;
    }
}

/// Deletes them batch by batch: each is a short transaction, and the writes of clients come between.
async fn forget_all_old(db: &Db) -> Result<usize, DbError> {
    let mut count = 0;
    loop {
        let rows = Rows::named(["idempotency_keys".to_owned()]);
        let forget = |tx: &mut Tx<'_>| store::forget_old(tx.conn(), BATCH).map_err(DbError::from);
        let forgotten = db.write("idempotency.forget", rows, forget).await?;
        count += forgotten;
        if forgotten == 0 {
            return Ok(count);
        }
        tokio::time::sleep(BETWEEN_BATCHES).await;
    }
}
