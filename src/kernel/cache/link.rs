//! The connection to Redis: one for all, watched, and trusted only while it is known to be whole.
//!
//! A keeper task looks after it. When an operation fails or runs out of time, the link goes down
//! at once and requests stop asking; the keeper connects again, delivers the invalidations that
//! were missed, and lets readers back after a pause in which every other replica does the same.

use super::shared::bury_late;
use crate::kernel::config::RedisUrl;
use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{InfoDict, RedisError, cmd};
use deadpool_redis::{Config, Pool, Runtime};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The whole of one operation that a request waits for.
const DEADLINE: Duration = Duration::from_millis(50);
/// Connecting, and the keeper's own commands.
const KEEPER_DEADLINE: Duration = Duration::from_millis(500);
/// Between two looks of the keeper.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// From a reconnection to the first read: several looks, so that every replica that saw the
/// outage has delivered what it owed.
const SETTLE: Duration = Duration::from_secs(1);
/// Missed invalidations that are remembered one by one; past that, everything is forgotten.
const MAX_OWED: usize = 10_000;

#[derive(Clone)]
pub struct RedisLink(Arc<Inner>);

struct Inner {
    pool: Pool,
    state: RwLock<State>,
    owed: Mutex<Owed>,
    wake: Notify,
}

#[derive(Clone)]
enum State {
    Down,
    /// Connected; writers may use it, readers not before the instant.
    Settling(Live, Instant),
    Up(Live),
}

/// A connection, and the names of the keys on this run of the server.
#[derive(Clone)]
pub struct Live {
    conn: MultiplexedConnection,
    prefix: Arc<str>,
}

impl Live {
    /// The key of an entry. It holds the server's `run_id`: a Redis that restarts may bring back
    /// an old snapshot, whose entries then have no name any more.
    pub fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    /// The key of the epoch, which every entry repeats: deleting it empties the cache at once.
    pub fn epoch_key(&self) -> String {
        format!("{}:epoch", self.prefix)
    }
}

/// Invalidations that did not reach Redis.
#[derive(Default)]
struct Owed {
    versions: HashMap<String, i64>,
    everything: bool,
}

impl RedisLink {
    /// Does not connect; [`RedisLink::keep`] does.
    ///
    /// # Errors
    /// When the URL is not one that the client understands.
    pub fn new(url: &RedisUrl) -> anyhow::Result<RedisLink> {
        let mut config = Config::from_url(url.expose());
        config.pool = Some(deadpool_redis::PoolConfig::new(1));
        let pool = config.create_pool(Some(Runtime::Tokio1))?;
        Ok(RedisLink(Arc::new(Inner {
            pool,
            state: RwLock::new(State::Down),
            owed: Mutex::default(),
            wake: Notify::new(),
        })))
    }

    /// Connects, once, for a command that runs and ends.
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
        let mut first = true;
        loop {
            self.0.look(&mut first).await;
            tokio::select! {
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    pub fn is_up(&self) -> bool {
        self.reading().is_some()
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
            State::Settling(..) | State::Down => None,
        }
    }

    /// The connection for an invalidation.
    pub(super) fn writing(&self) -> Option<Live> {
        match &*self.0.read_state() {
            State::Up(live) | State::Settling(live, _) => Some(live.clone()),
            State::Down => None,
        }
    }

    /// Runs one operation under the deadline. A failure takes the link down for everybody: the
    /// next request does not wait again.
    pub(super) async fn within_deadline<T>(
        &self,
        live: &Live,
        operation: impl AsyncFnOnce(MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Option<T> {
        let reason = match tokio::time::timeout(DEADLINE, operation(live.conn.clone())).await {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} ms", DEADLINE.as_millis()),
        };
        self.0.fail(live, &reason);
        None
    }

    /// Keeps an invalidation that did not reach Redis, for the keeper to deliver.
    pub(super) fn remember(&self, name: String, version: i64) {
        self.0.owed().add(name, version);
        self.0.wake.notify_one();
    }
}

impl Owed {
    fn add(&mut self, name: String, version: i64) {
        if self.versions.len() >= MAX_OWED && !self.versions.contains_key(&name) {
            self.everything = true;
            self.versions.clear();
        }
        if !self.everything {
            let owed = self.versions.entry(name).or_insert(version);
            *owed = version.max(*owed);
        }
    }
}

impl Live {
    async fn clear(&self) -> Result<(), RedisError> {
        cmd("DEL").arg(self.epoch_key()).exec_async(&mut self.conn.clone()).await
    }
}

impl Inner {
    /// One round of the keeper.
    async fn look(&self, first: &mut bool) {
        let state = self.read_state().clone();
        match state {
            State::Down => {
                let Ok(live) = self.connect().await else {
                    return;
                };
                if self.deliver(&live).await {
                    let was_first = std::mem::replace(first, false);
                    if was_first {
                        log::info!("Redis is connected");
                        self.set(State::Up(live));
                    } else {
                        self.set(State::Settling(live, Instant::now() + SETTLE));
                    }
                }
            }
            State::Settling(live, until) => {
                if !self.ping(&live).await || !self.deliver(&live).await {
                    return;
                }
                if Instant::now() >= until {
                    log::info!("Redis is back");
                    self.set(State::Up(live));
                }
            }
            State::Up(live) => {
                if self.ping(&live).await {
                    self.deliver(&live).await;
                }
            }
        }
    }

    async fn connect(&self) -> anyhow::Result<Live> {
        // The pool would hand out the connection that failed.
        self.pool.retain(|_, _| false);
        let opening = async {
            let mut conn = MultiplexedConnection::clone(&*self.pool.get().await?);
            let info: InfoDict = cmd("INFO").arg("server").query_async(&mut conn).await?;
            let run_id: String = info.get("run_id").unwrap_or_default();
            anyhow::Ok(Live { conn, prefix: format!("chronos:{run_id}").into() })
        };
        tokio::time::timeout(KEEPER_DEADLINE, opening)
            .await
            .map_err(|_| anyhow::anyhow!("no answer within {} ms", KEEPER_DEADLINE.as_millis()))?
    }

    async fn ping(&self, live: &Live) -> bool {
        let mut conn = live.conn.clone();
        let ping = cmd("PING");
        let answer = tokio::time::timeout(KEEPER_DEADLINE, ping.exec_async(&mut conn)).await;
        if !matches!(answer, Ok(Ok(()))) {
            self.fail(live, "no answer to a ping");
            return false;
        }
        true
    }

    /// Delivers what is owed; whatever cannot be delivered stays owed.
    async fn deliver(&self, live: &Live) -> bool {
        let owed = std::mem::take(&mut *self.owed());
        let delivery = async {
            if owed.everything {
                live.clear().await?;
            }
            for (name, version) in &owed.versions {
                bury_late(live, name, *version, live.conn.clone()).await?;
            }
            Ok::<(), RedisError>(())
        };
        if matches!(tokio::time::timeout(KEEPER_DEADLINE, delivery).await, Ok(Ok(()))) {
            return true;
        }
        {
            let mut still_owed = self.owed();
            still_owed.everything |= owed.everything;
            for (name, version) in owed.versions {
                still_owed.add(name, version);
            }
        }
        self.fail(live, "invalidations could not be delivered");
        false
    }

    fn fail(&self, live: &Live, reason: &str) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let current = match &*state {
            State::Up(current) | State::Settling(current, _) => current,
            State::Down => return,
        };
        // A late failure on a connection that was replaced says nothing about the new one.
        if Arc::ptr_eq(&current.prefix, &live.prefix) {
            log::warn!("Redis is unavailable, going on without it: {reason}");
            *state = State::Down;
            self.wake.notify_one();
        }
    }

    fn set(&self, new: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    fn read_state(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
