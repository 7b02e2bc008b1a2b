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

mod local;
mod shared;
mod single_flight;

#[cfg(fuzzing)]
pub use shared::decode_row as decode_entry;

use crate::kernel::effect::{Announcement, Effect, Effects};
use crate::kernel::ids::Id;
use crate::kernel::redis::RedisLink;
use crate::kernel::task::Tasks;
use futures_util::future::BoxFuture;
use local::Local;
use serde::{Serialize, de::DeserializeOwned};
use shared::Shared;
use single_flight::SingleFlight;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// A row that can be cached.
pub trait Cacheable: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The first part of its keys: `product`.
    const KIND: &'static str;

    fn id(&self) -> &Id;

    /// About how many bytes it holds in memory.
    fn weight(&self) -> usize;
}

/// Whether the cache answered, or the database had to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Cache,
    Database,
}

/// How long at most the cache says that there is no such row.
const ABSENCE_LIFETIME: Duration = Duration::from_secs(5);
/// How long a reservation stands. A load that takes longer is not cached; nothing else depends on
/// this.
const RESERVATION_LIFETIME: Duration = Duration::from_secs(10);

/// What a lookup found.
enum Lookup<V> {
    Row(Arc<V>),
    /// There is no such row.
    Absent,
    Miss,
    /// The cache is away.
    Away,
}

/// What became of a reservation.
enum Reserved<V> {
    /// Somebody has filled the entry meanwhile.
    Row(Arc<V>),
    Absent,
    /// A fill with this ticket is taken until the row is invalidated or the cache emptied.
    For(Ticket),
    /// The cache is away, or a write is about to replace the row: load, and leave the cache alone.
    Away,
}

/// Names one reservation, which several loads may share.
#[derive(Debug, Clone)]
struct Ticket(String);

/// How the cache is reached, for `/health`.
#[derive(Clone)]
pub enum CacheState {
    InProcess(LocalCaches),
    Redis(RedisLink),
}

/// The caches of this process, by the kinds of their rows.
#[derive(Clone, Default)]
pub struct LocalCaches(Arc<RwLock<HashMap<&'static str, Arc<Forget>>>>);

/// Has a cache forget a row.
type Forget = dyn Fn(&Id) + Send + Sync;

impl LocalCaches {
    fn register(&self, kind: &'static str, forget: Arc<Forget>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(kind, forget);
    }

    fn forget(&self, kind: &str, id: &Id) {
        if let Some(forget) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(kind) {
            forget(id);
        }
    }
}

impl Effects for CacheState {
    fn announce(&self, effects: &[Effect]) -> Announcement {
        let announcement = Announcement::new();
        // A cache in this process ends with the process.
        if let CacheState::Redis(link) = self
            && !effects.is_empty()
        {
            let keys = effects.iter().map(|Effect::Forget { kind, id }| key(kind, id)).collect();
            shared::announce(link, keys, announcement);
        }
        announcement
    }

    fn carry_out(
        &self,
        effects: Vec<Effect>,
        announcement: Announcement,
    ) -> BoxFuture<'static, ()> {
        let state = self.clone();
        Box::pin(async move {
            for Effect::Forget { kind, id } in effects {
                match &state {
                    CacheState::InProcess(caches) => caches.forget(kind, &id),
                    CacheState::Redis(link) => {
                        link.invalidate(key(kind, &id), announcement).await;
                    }
                }
            }
        })
    }
}

/// The key of a row in Redis.
fn key(kind: &str, id: &Id) -> String {
    format!("chronos:{kind}:{id}")
}

impl CacheState {
    /// `connected`, `unavailable`, or `disabled` without Redis.
    pub fn as_str(&self) -> &'static str {
        match self {
            CacheState::InProcess(_) => "disabled",
            CacheState::Redis(link) if link.is_up() => "connected",
            CacheState::Redis(_) => "unavailable",
        }
    }
}

/// Loads one row from the database: `None` where there is none.
pub type Loader<V, E> = dyn Fn(Id) -> BoxFuture<'static, Result<Option<V>, E>> + Send + Sync;

/// A cache of `V`, loading with errors `E`; clones share everything.
pub struct Cache<V, E> {
    store: Arc<Store<V>>,
    single_flight: SingleFlight<V, E>,
}

enum Store<V> {
    Local(Local<V>),
    Shared(Shared<V>),
}

impl<V: Cacheable, E: Clone + Send + Sync + 'static> Cache<V, E> {
    /// In the process or in Redis, as `state` says; entries live for `ttl`, and loads run in
    /// `tasks`.
    pub fn new(
        state: &CacheState,
        ttl: Duration,
        tasks: &Tasks,
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
        let loading = Arc::clone(&store);
        let single_flight = SingleFlight::new(tasks, move |id: Id| {
            let (store, load) = (Arc::clone(&loading), Arc::clone(&load));
            Box::pin(async move { store.get_or_load(&id, &*load).await })
        });
        Cache { store, single_flight }
    }

    /// The row, from the cache or else from the database.
    ///
    /// # Errors
    /// Those of the loader.
    pub async fn get(&self, id: &Id) -> Result<Option<(Arc<V>, Origin)>, Option<E>> {
        match self.store.lookup(id).await {
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
        Cache { store: Arc::clone(&self.store), single_flight: self.single_flight.clone() }
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

    async fn fill(&self, id: &Id, ticket: Ticket, row: Option<&Arc<V>>) {
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
            self.fill(id, ticket, row.as_ref()).await;
        }
        Ok(row.map(|row| (row, Origin::Database)))
    }
}
