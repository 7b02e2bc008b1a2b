//! Changes that need pieces, made again where holds that have ended had them. For the routes of this slice
//! and of those above.

use super::error::Shortage;
use super::service::give_back_due;
use crate::kernel::db::{Db, JobError, Rows, Tx};
use crate::kernel::http::{Failure, StoredResponse};
use crate::kernel::idempotency::{Changes, IdempotencyKey};
use crate::product::model::ProductId;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Makes changes as [`Changes`] does; clones share everything.
#[derive(Clone)]
pub struct StockChanges {
    changes: Changes,
    db: Db,
}

impl StockChanges {
    /// `changes` are those of the slice.
    pub fn new(db: &Db, changes: &Changes) -> StockChanges {
        StockChanges { changes: changes.clone(), db: db.clone() }
    }

    /// Runs a use case as [`Changes::make`] does. Where it fails for too few pieces, its transaction is
    /// rolled back, the holds of these products whose end has passed give back what they have in a
    /// transaction of their own, and the use case runs once more.
    ///
    /// # Errors
    /// Those of [`Changes::make`].
    pub async fn make<T, E, F>(
        &self,
        name: &'static str,
        key: Option<IdempotencyKey>,
        rows: Rows,
        use_case: F,
        render: fn(&T) -> StoredResponse,
    ) -> Result<StoredResponse, Failure>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: 'static,
        E: JobError + Shortage + Into<Failure>,
    {
        let use_case = Arc::new(Mutex::new(use_case));
        let short: Arc<Mutex<Vec<ProductId>>> = Arc::default();
        let attempt = || {
            let (use_case, short) = (Arc::clone(&use_case), Arc::clone(&short));
            move |tx: &mut Tx<'_>| {
                let made = lock(&use_case)(tx);
                *lock(&short) = made.as_ref().err().map(Shortage::short_of).unwrap_or_default();
                made
            }
        };
        let refused =
            match self.changes.make(name, key.clone(), rows.clone(), attempt(), render).await {
                Ok(answer) => return Ok(answer),
                Err(refused) => refused,
            };
        let short = std::mem::take(&mut *lock(&short));
        if short.is_empty() {
            return Err(refused);
        }
        match give_back_due(&self.db, short).await {
            Ok(true) => self.changes.make(name, key, rows, attempt(), render).await,
            Ok(false) => Err(refused),
            // What is asked for may be there: "too few" would not be true.
            Err(error) => Err(error.into()),
        }
    }
}

/// Nothing panics while a lock is held but a use case, which does not run again then.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
