//! A cache in front of one table: loads on a miss, and never shows what a finished write replaced.
//!
//! Three rules make that hold:
//! - whoever loads reserves the entry first, an invalidation ends the reservation, and a fill is
//!   taken only while its reservation stands: a slow reader cannot put an old row back, however
//!   slow it is;
//! - a reader shares only a load that started after it came (`single_flight`);
//! - Redis is asked under one deadline, and believed again after a silence only when every missed
//!   invalidation has been delivered (`kernel/redis`).
//!
//! That there is no such row is cached like a row, for a shorter time.

mod entry;
mod local;
mod metrics;
mod shared;
mod single_flight;
mod state;

pub use entry::{Cacheable, Origin};
#[cfg(fuzzing)]
pub use shared::decode_row as decode_entry;
pub use state::{CacheState, LocalCaches};

use crate::kernel::ids::Id;
use crate::kernel::metrics::Metrics;
use crate::kernel::task::Tasks;
use entry::{Lookup, Reserved, Ticket};
use futures_util::future::BoxFuture;
use local::Local;
use metrics::{CacheMetrics, Filled};
use shared::Shared;
use single_flight::SingleFlight;
use std::sync::Arc;
use std::time::Duration;

/// Loads one row from the database: `None` where there is none.
pub type Loader<V, E> = dyn Fn(Id) -> BoxFuture<'static, Result<Option<V>, E>> + Send + Sync;

/// A cache of `V`, loading with errors `E`; clones share everything.
pub struct Cache<V, E> {
    store: Arc<Store<V>>,
    metrics: Arc<CacheMetrics>,
    single_flight: SingleFlight<V, E>,
}

enum Store<V> {
    Local(Local<V>),
    Shared(Shared<V>),
}

impl<V: Cacheable, E: Clone + Send + Sync + 'static> Cache<V, E> {
    /// In the process or in Redis, as `state` says; entries live for `ttl`, loads run in `tasks`, and
    /// `metrics` tell of it.
    pub fn new(
        state: &CacheState,
        ttl: Duration,
        tasks: &Tasks,
        metrics: &Metrics,
        load: impl Fn(Id) -> BoxFuture<'static, Result<Option<V>, E>> + Send + Sync + 'static,
    ) -> Cache<V, E> {
        let store = Arc::new(match state {
            CacheState::InProcess(_) => Store::Local(Local::new(ttl)),
            CacheState::Redis(link) => Store::Shared(Shared::new(link.clone(), ttl)),
        });
        if let CacheState::InProcess(caches) = state {
            let forgetting = Arc::clone(&store);
            caches.register(
                V::KIND,
                Arc::new(move |id| {
                    if let Store::Local(local) = &*forgetting {
                        local.invalidate(id);
                    }
                }),
            );
        }
        let load: Arc<Loader<V, E>> = Arc::new(load);
        let metrics = Arc::new(CacheMetrics::new(V::KIND, metrics));
        let (loading, counting) = (Arc::clone(&store), Arc::clone(&metrics));
        let single_flight = SingleFlight::new(tasks, move |id: Id| {
            let (store, load) = (Arc::clone(&loading), Arc::clone(&load));
            let metrics = Arc::clone(&counting);
            Box::pin(async move { store.get_or_load(&id, &*load, &metrics).await })
        });
        Cache { store, metrics, single_flight }
    }

    /// The row, from the cache or else from the database.
    ///
    /// # Errors
    /// Those of the loader.
    pub async fn get(&self, id: &Id) -> Result<Option<(Arc<V>, Origin)>, Option<E>> {
        let found = self.store.lookup(id).await;
        self.metrics.count_lookup(&found);
        match found {
            Lookup::Row(row) => Ok(Some((row, Origin::Cache))),
            Lookup::Absent => Ok(None),
            Lookup::Miss | Lookup::Away => self.single_flight.join(id).await,
        }
    }

    /// Forgets everything that lives in this process; Redis is emptied by who changed the data.
    pub fn clear_local(&self) {
        if let Store::Local(local) = &*self.store {
            local.clear();
        }
    }
}

impl<V, E> Clone for Cache<V, E> {
    fn clone(&self) -> Self {
        let (store, metrics) = (Arc::clone(&self.store), Arc::clone(&self.metrics));
        Cache { store, metrics, single_flight: self.single_flight.clone() }
    }
}

impl<V: Cacheable> Store<V> {
    async fn lookup(&self, id: &Id) -> Lookup<V> {
        match self {
            Store::Local(local) => local.lookup(id),
            Store::Shared(shared) => shared.lookup(id).await,
        }
    }

    async fn reserve(&self, id: &Id) -> Reserved<V> {
        match self {
            Store::Local(local) => local.reserve(id),
            Store::Shared(shared) => shared.reserve(id).await,
        }
    }

    async fn fill(&self, id: &Id, ticket: Ticket, row: Option<&Arc<V>>) -> Filled {
        match self {
            Store::Local(local) => local.fill(id, &ticket, row),
            Store::Shared(shared) => shared.fill(id, ticket, row).await,
        }
    }

    /// Looks once more, since the load before this one may have filled the entry; then loads.
    async fn get_or_load<E>(
        &self,
        id: &Id,
        load: &Loader<V, E>,
        metrics: &CacheMetrics,
    ) -> Result<Option<(Arc<V>, Origin)>, E> {
        let ticket = match self.reserve(id).await {
            Reserved::Row(row) => return Ok(Some((row, Origin::Cache))),
            Reserved::Absent => return Ok(None),
            Reserved::For(ticket) => Some(ticket),
            Reserved::Away => None,
        };
        log::debug!("loading {} {id}", V::KIND);
        let row = load(id.clone()).await?.map(Arc::new);
        if let Some(ticket) = ticket {
            metrics.count_fill(self.fill(id, ticket, row.as_ref()).await);
        }
        Ok(row.map(|row| (row, Origin::Database)))
    }
}
