//! One load for many waiting readers.
//!
//! A reader must not share a load that was under way when it came: a write may have finished in
//! between, and the load may have seen the row before it. So the readers that come during a load
//! wait for the next one and share that; two loads serve any number of readers at once. A load that
//! fails fails for all of them.

use super::entry::Origin;
use crate::kernel::ids::Id;
use crate::kernel::task::Tasks;
use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// A row with where it came from, nothing, or the loader's error.
type Outcome<V, E> = Result<Option<(Arc<V>, Origin)>, E>;

/// Where the readers of one load wait for its outcome.
type Readers<V, E> = watch::Sender<Option<Outcome<V, E>>>;

/// The keys with a load under way, each with the readers of its next load.
type UnderWay<V, E> = HashMap<Id, Option<Readers<V, E>>>;

type Load<V, E> = dyn Fn(Id) -> BoxFuture<'static, Outcome<V, E>> + Send + Sync;

pub(super) struct SingleFlight<V, E>(Arc<Inner<V, E>>);

struct Inner<V, E> {
    load: Box<Load<V, E>>,
    tasks: Tasks,
    under_way: Mutex<UnderWay<V, E>>,
}

impl<V, E> Clone for SingleFlight<V, E> {
    fn clone(&self) -> Self {
        SingleFlight(Arc::clone(&self.0))
    }
}

impl<V, E> SingleFlight<V, E>
where
    V: Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    pub(super) fn new(
        tasks: &Tasks,
        load: impl Fn(Id) -> BoxFuture<'static, Outcome<V, E>> + Send + Sync + 'static,
    ) -> Self {
        SingleFlight(Arc::new(Inner {
            load: Box::new(load),
            tasks: tasks.clone(),
            under_way: Mutex::default(),
        }))
    }

    /// The outcome of a load of `id` that starts now or later.
    ///
    /// # Errors
    /// That of the load; `None` when the load panicked.
    pub(super) async fn join(&self, id: &Id) -> Result<Option<(Arc<V>, Origin)>, Option<E>> {
        let mut outcome = self.join_or_start(id);
        log::debug!("waiting for a load of {id}");
        match outcome.wait_for(Option::is_some).await {
            Ok(loaded) => loaded.clone().ok_or(None)?.map_err(Some),
            Err(_) => Err(None),
        }
    }

    fn join_or_start(&self, id: &Id) -> watch::Receiver<Option<Outcome<V, E>>> {
        let mut under_way = self.0.lock();
        match under_way.get_mut(id) {
            Some(Some(next)) => next.subscribe(),
            Some(next) => {
                let (sender, receiver) = watch::channel(None);
                *next = Some(sender);
                receiver
            }
            None => {
                let (sender, receiver) = watch::channel(None);
                under_way.insert(id.clone(), None);
                // A task of its own: a reader that goes away must not take the load from the rest.
                self.0.tasks.spawn(SingleFlight::run(self.clone(), id.clone(), sender));
                receiver
            }
        }
    }

    async fn run(self, id: Id, first: Readers<V, E>) {
        let mut guard = Guard { inner: &self.0, id: &id, is_done: false };
        let mut readers = first;
        loop {
            let outcome = (self.0.load)(id.clone()).await;
            readers.send_replace(Some(outcome.clone()));
            let mut under_way = self.0.lock();
            match under_way.get_mut(&id).and_then(Option::take) {
                Some(next) if outcome.is_ok() => readers = next,
                next => {
                    // A failure shows nobody anything old. Those who wait for the next load would
                    // wait as long again for a database that has just been too slow.
                    if let Some(next) = next {
                        next.send_replace(Some(outcome));
                    }
                    under_way.remove(&id);
                    guard.is_done = true;
                    return;
                }
            }
        }
    }
}

impl<V, E> Inner<V, E> {
    fn lock(&self) -> MutexGuard<'_, UnderWay<V, E>> {
        // Nothing panics while the lock is held.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Frees the key if a load panics; its readers see their sender dropped.
struct Guard<'a, V, E> {
    inner: &'a Inner<V, E>,
    id: &'a Id,
    is_done: bool,
}

impl<V, E> Drop for Guard<'_, V, E> {
    fn drop(&mut self) {
        if !self.is_done {
            self.inner.lock().remove(self.id);
        }
    }
}
