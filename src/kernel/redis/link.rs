//! The connection to Redis, as its users see it: reads and invalidations, each under a deadline.
//!
//! When an operation runs out of time, readers stop asking at once and the supervisor pings: a Redis
//! that answers was only slow for a moment and is used again. One that does not is down: the
//! supervisor connects again, delivers the invalidations that were missed, and lets readers back
//! after a pause in which every other replica does the same.
//!
//! The connection, its deadlines and its supervisor have a thread of their own: what else the process
//! does must not look like a Redis that is slow.

use super::connection::Connection;
use super::state::{Event, State};
use super::supervisor::Supervisor;
use super::timeouts::{CHECK_PENDING_EVERY, SUPERVISOR_TURNS, TELL_TIMEOUT, WRITE_TURNS};
use super::turns::{OutOfTime, TURN, within};
use crate::kernel::config::RedisUrl;
use crate::kernel::effect::Announcement;
use anyhow::Context;
use deadpool_redis::redis::{AsyncConnectionConfig, RedisError};
use deadpool_redis::{Manager, Pool, Runtime};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// One connection for all; clones share it.
#[derive(Clone)]
pub struct RedisLink {
    supervisor: Arc<Supervisor>,
    thread: Handle,
}

impl RedisLink {
    /// Starts the thread of the link. Does not connect yet.
    ///
    /// # Errors
    /// When the URL is not one that the client understands, or there is no thread to be had.
    pub fn new(url: &RedisUrl) -> anyhow::Result<RedisLink> {
        // The client's own deadlines go by the clock, and would take a pause of this process for
        // an answer that did not come.
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            .set_connection_timeout(Some(Duration::from_secs(5)));
        let manager = Manager::new_with_config(url.expose(), config)?;
        let pool = Pool::builder(manager).max_size(1).runtime(Runtime::Tokio1).build()?;
        let thread = start_thread().context("starting the thread of Redis")?;
        Ok(RedisLink { supervisor: Arc::new(Supervisor::new(pool)), thread })
    }

    /// Connects, once: at the start, or for a command that runs and ends.
    ///
    /// # Errors
    /// When Redis does not answer in time.
    pub async fn connect(&self) -> anyhow::Result<()> {
        let supervisor = Arc::clone(&self.supervisor);
        let connecting = self.thread.spawn(async move {
            let connection = supervisor.connect().await?;
            supervisor.apply(Event::Started(connection));
            anyhow::Ok(())
        });
        connecting.await?
    }

    /// Keeps the link alive from now on, for as long as the process lives.
    pub fn keep(&self) {
        let supervisor = Arc::clone(&self.supervisor);
        self.thread.spawn(async move { supervisor.supervise().await });
    }

    /// Waits until Redis has learned of every write, at most for `time_limit`.
    pub async fn settle(&self, time_limit: Duration) {
        let delivered = async {
            while !self.supervisor.pending().is_empty() {
                self.supervisor.wake();
                tokio::time::sleep(CHECK_PENDING_EVERY).await;
            }
        };
        if tokio::time::timeout(time_limit, delivered).await.is_err() {
            log::warn!(
                "Redis has not learned of the last writes: other replicas may show rows as they \
                 were, for up to CACHE_TTL_SECONDS"
            );
        }
    }

    pub fn is_up(&self) -> bool {
        self.supervisor.read_state().for_readers().is_some()
    }

    /// Runs what a request waits for beside the cache. `None` where it failed or ran out of time,
    /// which counts against the link as a read does, and at once where the link is not up.
    pub async fn ask<T: Send + 'static, F>(
        &self,
        deadline: Duration,
        operation: impl FnOnce(Connection) -> F + Send + 'static,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, RedisError>> + Send + 'static,
    {
        let connection = self.reading()?;
        let turns = deadline.as_millis() / TURN.as_millis();
        let turns = u32::try_from(turns).unwrap_or(u32::MAX);
        let supervisor = Arc::clone(&self.supervisor);
        self.run(
            async move { supervisor.ask(&connection, turns, operation(connection.clone())).await },
        )
        .await
    }

    /// Since when Redis has answered without a break; `None` while it does not.
    pub fn up_for(&self) -> Option<Duration> {
        match &*self.supervisor.read_state() {
            State::Up { since, .. } => Some(self.supervisor.now().saturating_sub(*since)),
            State::Settling { .. } | State::Suspect { .. } | State::Down => None,
        }
    }

    /// Empties the cache on every replica, at once.
    ///
    /// # Errors
    /// When Redis does not answer in time.
    pub async fn clear(&self) -> anyhow::Result<()> {
        let connection = self.writing().ok_or_else(|| anyhow::anyhow!("not connected"))?;
        let clearing =
            self.thread.spawn(async move { within(SUPERVISOR_TURNS, connection.clear()).await });
        let (cleared, _) =
            clearing.await?.map_err(|OutOfTime| anyhow::anyhow!("no answer in time"))?;
        Ok(cleared?)
    }

    /// Runs what a reader waits for; `None` when it failed, ran out of time, or cannot be believed,
    /// and at once where the link is not up. It may run twice.
    pub async fn read<T: Send + 'static, F>(
        &self,
        operation: impl Fn(Connection) -> F + Send + Sync + 'static,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, RedisError>> + Send + 'static,
    {
        let connection = self.reading()?;
        let supervisor = Arc::clone(&self.supervisor);
        self.run(async move { supervisor.read(&connection, operation).await }).await
    }

    /// Tells Redis what it may also miss; `None` where it may have.
    pub async fn tell<T: Send + 'static, F>(
        &self,
        operation: impl FnOnce(Connection) -> F + Send + 'static,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, RedisError>> + Send + 'static,
    {
        self.ask(TELL_TIMEOUT, operation).await
    }

    /// Of how many rows Redis is not known to have forgotten what it holds.
    pub(super) fn pending_invalidations(&self) -> usize {
        self.supervisor.pending().len()
    }

    /// Sends an operation ahead of whatever is sent later, and does not wait for it; does nothing
    /// where the link is not up.
    pub fn send<F>(&self, operation: impl FnOnce(Connection) -> F + Send + 'static)
    where
        F: Future<Output = Result<(), RedisError>> + Send + 'static,
    {
        let Some(connection) = self.writing() else {
            return;
        };
        let supervisor = Arc::clone(&self.supervisor);
        self.thread.spawn(async move {
            supervisor.ask(&connection, WRITE_TURNS, operation(connection.clone())).await;
        });
    }

    /// Removes an entry, or leaves that to the supervisor. It is on record before it is tried: the
    /// supervisor lets no reader back while one is outstanding.
    pub async fn invalidate(&self, key: String, announcement: Announcement) {
        let number = self.supervisor.pending().add(key.clone());
        let Some(connection) = self.writing() else {
            self.supervisor.wake();
            return;
        };
        let supervisor = Arc::clone(&self.supervisor);
        let removal = self.thread.spawn(async move {
            let removed = supervisor
                .ask(&connection, WRITE_TURNS, connection.remove(&key, Some(announcement)))
                .await;
            match removed {
                Some(()) => supervisor.pending().acknowledge(&key, number),
                None => supervisor.wake(),
            }
        });
        // It cannot panic, and the thread does not end.
        let _done = removal.await;
    }

    fn reading(&self) -> Option<Connection> {
        self.supervisor.read_state().for_readers().cloned()
    }

    fn writing(&self) -> Option<Connection> {
        self.supervisor.read_state().for_writers().cloned()
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Option<T>> + Send + 'static,
    ) -> Option<T> {
        self.thread.spawn(work).await.ok().flatten()
    }
}

/// A thread that runs what is spawned on it, for as long as the process lives.
fn start_thread() -> std::io::Result<Handle> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // For names that are looked up.
        .max_blocking_threads(1)
        .build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new().name("redis".into()).spawn(move || {
        runtime.block_on(std::future::pending::<()>());
    })?;
    Ok(handle)
}
