//! The connection to Redis, as the cache uses it: reads and invalidations, each under a deadline.
//!
//! When an operation runs out of time, readers stop asking at once and the keeper pings: a Redis
//! that answers was only slow for a moment and is used again. One that does not is down: the keeper
//! connects again, delivers the invalidations that were missed, and lets readers back after a pause
//! in which every other replica does the same.

use super::keeper::{KEEPER_DEADLINE, Keeper, Live, State, WRITE_DEADLINE};
use crate::kernel::config::RedisUrl;
use deadpool_redis::redis::RedisError;
use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::{Config, Runtime};
use std::sync::Arc;
use std::time::Duration;

/// The whole of a read that a request waits for.
const READ_DEADLINE: Duration = Duration::from_millis(50);

/// Between two looks at what is still to be delivered at the end.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// One connection for all; clones share it.
#[derive(Clone)]
pub struct RedisLink(Arc<Keeper>);

impl RedisLink {
    /// Does not connect yet.
    ///
    /// # Errors
    /// When the URL is not one that the client understands.
    pub fn new(url: &RedisUrl) -> anyhow::Result<RedisLink> {
        let mut config = Config::from_url(url.expose());
        config.pool = Some(deadpool_redis::PoolConfig::new(1));
        let pool = config.create_pool(Some(Runtime::Tokio1))?;
        Ok(RedisLink(Arc::new(Keeper::new(pool))))
    }

    /// Connects, once: at the start, or for a command that runs and ends.
    ///
    /// # Errors
    /// When Redis does not answer in time.
    pub async fn connect(&self) -> anyhow::Result<()> {
        let live = self.0.connect().await?;
        self.0.set(State::Up(live));
        Ok(())
    }

    /// Keeps the link alive, for as long as the process serves.
    pub async fn keep(self) {
        self.0.keep().await;
    }

    /// Waits until Redis has learned of every write, at most for `patience`.
    pub async fn settle(&self, patience: Duration) {
        let delivered = async {
            while !self.0.owed().is_empty() {
                self.0.wake();
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(patience, delivered).await.is_err() {
            log::warn!(
                "Redis has not learned of the last writes: other replicas may show rows as they \
                 were, for up to CACHE_TTL_SECONDS"
            );
        }
    }

    pub fn is_up(&self) -> bool {
        self.reading().is_some()
    }

    /// Runs what a request waits for beside the cache. `None` where it failed or ran out of time,
    /// which counts against the link as a read does, and at once where the link is not up.
    pub async fn ask<T>(
        &self,
        deadline: Duration,
        operation: impl AsyncFnOnce(MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Option<T> {
        let live = self.reading()?;
        self.0.run(&live, deadline, operation).await
    }

    /// Since when Redis has answered without a break; `None` while it does not.
    pub fn up_for(&self) -> Option<Duration> {
        self.is_up().then(|| self.0.since_up())
    }

    /// Empties the cache on every replica, at once.
    ///
    /// # Errors
    /// When Redis does not answer in time.
    pub async fn clear(&self) -> anyhow::Result<()> {
        let live = self.writing().ok_or_else(|| anyhow::anyhow!("not connected"))?;
        Ok(tokio::time::timeout(KEEPER_DEADLINE, live.clear()).await??)
    }

    /// The connection for a reader, where its answers can be believed.
    pub(super) fn reading(&self) -> Option<Live> {
        match &*self.0.read_state() {
            State::Up(live) => Some(live.clone()),
            State::Settling(..) | State::Suspect(_) | State::Down => None,
        }
    }

    /// The connection for an invalidation.
    fn writing(&self) -> Option<Live> {
        self.0.read_state().live().cloned()
    }

    /// Runs what a reader waits for; `None` when it failed or ran out of time.
    pub(super) async fn read<T>(
        &self,
        live: &Live,
        operation: impl AsyncFnOnce(MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Option<T> {
        self.0.run(live, READ_DEADLINE, operation).await
    }

    /// Runs an invalidation, or keeps it for the keeper to deliver. It is on record before it is
    /// tried: the keeper lets no reader back while one is outstanding.
    pub(super) async fn invalidate(
        &self,
        name: String,
        version: i64,
        operation: impl AsyncFnOnce(Live, MultiplexedConnection) -> Result<(), RedisError>,
    ) {
        self.0.owed().add(name.clone(), version);
        if let Some(live) = self.writing() {
            let run =
                self.0.run(&live, WRITE_DEADLINE, async |conn| operation(live.clone(), conn).await);
            if run.await.is_some() {
                self.0.owed().pay(&name, version);
                return;
            }
        }
        self.0.wake();
    }
}
