//! Changes that take effect once, however often a client sends them.
//!
//! The answer is kept under the request's `Idempotency-Key` in the transaction of the change
//! itself: there is never the one without the other, whatever dies when. A request that is refused
//! has no effect, and keeps nothing. Owns the table `idempotency_keys`.

mod store;

pub use store::delete_all;

use crate::kernel::db::{Db, DbConn, DbError, JobError, Turnstiles};
use crate::kernel::http::{Answer, Failure, IdempotencyKey};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use futures_util::future::{BoxFuture, FutureExt};
use std::time::Duration;
use store::Claim;

/// How long a request waits for an earlier one with its key to end.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often keys that are too old are deleted.
const FORGET_EVERY: Duration = Duration::from_secs(600);
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
            KeyError::InFlight => Failure::new(
                StatusCode::CONFLICT,
                "IDEMPOTENCY_KEY_IN_USE",
                "A request with this Idempotency-Key is still under way",
            )
            .header(RETRY_AFTER, HeaderValue::from_static("1")),
            KeyError::Reused => Failure::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "IDEMPOTENCY_KEY_REUSED",
                "This Idempotency-Key was used for another request",
            ),
        }
    }
}

/// How a change is answered: what its value looks like, and under which key that is kept.
pub struct Reply<T> {
    key: Option<IdempotencyKey>,
    render: fn(&T) -> Answer,
}

impl<T> Reply<T> {
    pub fn new(key: Option<IdempotencyKey>, render: fn(&T) -> Answer) -> Reply<T> {
        Reply { key, render }
    }
}

/// Makes the changes of a slice; clones share everything.
#[derive(Clone)]
pub struct Changes {
    db: Db,
    in_flight: Turnstiles,
}

/// What a transaction came to.
enum Outcome<T> {
    Made(T, Answer),
    MadeBefore(Answer),
}

impl Changes {
    pub fn new(db: &Db) -> Changes {
        Changes { db: db.clone(), in_flight: Turnstiles::new(1) }
    }

    /// As [`Db::write`], answered as `reply` says: with a key, only the first request of that key
    /// runs `job`, and every other one gets its answer. `committed` then gets nothing, and has to do
    /// its work all the same: whoever made the change may have died before it came to that.
    ///
    /// # Errors
    /// Those of [`Db::write`] and [`KeyError`].
    pub async fn make<T, E, F, C>(
        &self,
        row: String,
        reply: Reply<T>,
        mut job: F,
        committed: C,
    ) -> Result<Answer, E>
    where
        F: FnMut(&mut DbConn) -> Result<T, E> + Send + 'static,
        C: FnOnce(Option<&T>) -> BoxFuture<'static, ()> + Send + 'static,
        T: Send + Sync + 'static,
        E: JobError + From<KeyError>,
    {
        let Reply { key, render } = reply;
        // Waited for here, so that those who repeat themselves hold no connection meanwhile.
        let turn = match &key {
            Some(key) => {
                let entering = self.in_flight.enter(&key.digest);
                Some(
                    tokio::time::timeout(PATIENCE, entering)
                        .await
                        .map_err(|_| KeyError::InFlight)?,
                )
            }
            None => None,
        };
        let once = move |conn: &mut DbConn| -> Result<Outcome<T>, E> {
            let _held_to_the_end = &turn;
            if let Some(key) = &key {
                match store::claim(conn, key, PATIENCE)? {
                    Claim::Fresh => {}
                    Claim::Kept(answer) => return Ok(Outcome::MadeBefore(answer)),
                    Claim::Refused(error) => return Err(error.into()),
                }
            }
            let value = job(conn)?;
            let answer = render(&value);
            if let Some(key) = &key {
                store::keep(conn, key, &answer)?;
            }
            Ok(Outcome::Made(value, answer))
        };
        let committed = move |outcome: &Outcome<T>| match outcome {
            Outcome::Made(value, _) => committed(Some(value)),
            Outcome::MadeBefore(_) => committed(None),
        };
        Ok(match self.db.write(row, once, committed).await? {
            Outcome::Made(_, answer) | Outcome::MadeBefore(answer) => answer,
        })
    }
}

/// Deletes keys that are older than 24 hours, now and for as long as the process serves.
pub async fn forget_old_keys(db: Db) {
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
        let forget = |conn: &mut DbConn| store::forget_old(conn, BATCH).map_err(DbError::from);
        let nothing_follows = |_: &usize| std::future::ready(()).boxed();
        let forgotten = db.write("idempotency_keys".into(), forget, nothing_follows).await?;
        count += forgotten;
        if forgotten == 0 {
            return Ok(count);
        }
        tokio::time::sleep(BETWEEN_BATCHES).await;
    }
}
