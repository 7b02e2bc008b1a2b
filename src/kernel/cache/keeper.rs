//! The keeper of the link: connects, pings, delivers what is owed, and decides who is believed.

use super::owed::Owed;
use super::shared::bury_late;
use deadpool_redis::Pool;
use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{InfoDict, RedisError, cmd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The whole of an invalidation: a lost one costs more than a wait.
pub const WRITE_DEADLINE: Duration = Duration::from_millis(100);
/// Connecting, and the keeper's own commands.
pub const KEEPER_DEADLINE: Duration = Duration::from_millis(500);
/// The keeper's ping when Redis is suspected to be down.
const SUSPICION_DEADLINE: Duration = Duration::from_millis(100);
/// Between two pings: also tells how long Redis was silent, to within this.
const PING_EVERY: Duration = Duration::from_millis(50);
/// Between two tries to connect.
const CONNECT_EVERY: Duration = Duration::from_millis(250);
/// After a silence shorter than this no replica can have given up an invalidation.
const HARMLESS_SILENCE: Duration = WRITE_DEADLINE;
/// From a reconnection to the first read: several looks, so that every replica that saw the
/// outage has delivered what it owed.
const SETTLE: Duration = Duration::from_secs(1);

pub struct Keeper {
    pool: Pool,
    state: RwLock<State>,
    owed: Mutex<Owed>,
    wake: Notify,
    started: Instant,
    /// When Redis last answered anything, in milliseconds since `started`.
    last_answer: AtomicU64,
    /// When the link was last found up again, likewise.
    up_since: AtomicU64,
}

/// How far the link is trusted.
#[derive(Clone)]
pub enum State {
    Down,
    /// Connected; writers may use it, readers not before the instant.
    Settling(Live, Instant),
    /// An operation ran out of time; writers may use it, readers not before the keeper's ping.
    Suspect(Live),
    Up(Live),
}

impl State {
    pub fn live(&self) -> Option<&Live> {
        match self {
            State::Down => None,
            State::Settling(live, _) | State::Suspect(live) | State::Up(live) => Some(live),
        }
    }

    /// Whether both are the same stage of the same connection.
    fn is(&self, other: &State) -> bool {
        let same_connection = match (self.live(), other.live()) {
            (Some(one), Some(two)) => Arc::ptr_eq(&one.prefix, &two.prefix),
            (None, None) => true,
            _ => false,
        };
        same_connection && std::mem::discriminant(self) == std::mem::discriminant(other)
    }
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

impl Live {
    pub async fn clear(&self) -> Result<(), RedisError> {
        cmd("DEL").arg(self.epoch_key()).exec_async(&mut self.conn.clone()).await
    }
}

impl Keeper {
    pub fn new(pool: Pool) -> Keeper {
        Keeper {
            pool,
            state: RwLock::new(State::Down),
            owed: Mutex::default(),
            wake: Notify::new(),
            started: Instant::now(),
            last_answer: AtomicU64::new(0),
            up_since: AtomicU64::new(0),
        }
    }

    /// Looks after the link, for ever.
    pub async fn keep(&self) {
        loop {
            self.look().await;
            let is_down = matches!(*self.read_state(), State::Down);
            let pause = if is_down { CONNECT_EVERY } else { PING_EVERY };
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Makes the keeper look at once.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// One round of the keeper.
    async fn look(&self) {
        let seen = self.read_state().clone();
        match &seen {
            State::Down => {
                let Ok(live) = self.connect().await else {
                    return;
                };
                if self.deliver(&live).await {
                    self.advance(&seen, State::Settling(live, Instant::now() + SETTLE));
                }
            }
            State::Settling(live, until) => {
                if self.ping(live, KEEPER_DEADLINE).await
                    && self.deliver(live).await
                    && Instant::now() >= *until
                    && self.advance(&seen, State::Up(live.clone()))
                {
                    log::info!("Redis is back");
                }
            }
            State::Suspect(live) => {
                let last_answer = self.last_answer.load(Ordering::Relaxed);
                if self.ping(live, SUSPICION_DEADLINE).await && self.deliver(live).await {
                    let silence =
                        Duration::from_millis(self.milliseconds().saturating_sub(last_answer));
                    if silence < HARMLESS_SILENCE {
                        self.advance(&seen, State::Up(live.clone()));
                    } else {
                        self.settle(&seen, live);
                    }
                }
            }
            State::Up(live) => {
                if self.ping(live, KEEPER_DEADLINE).await {
                    self.deliver(live).await;
                }
            }
        }
    }

    pub async fn connect(&self) -> anyhow::Result<Live> {
        // The pool would hand out the connection that failed.
        self.pool.retain(|_, _| false);
        let opening = async {
            let mut conn = MultiplexedConnection::clone(&*self.pool.get().await?);
            let info: InfoDict = cmd("INFO").arg("server").query_async(&mut conn).await?;
            let run_id: String = info.get("run_id").unwrap_or_default();
            anyhow::Ok(Live { conn, prefix: format!("chronos:{run_id}").into() })
        };
        let live = tokio::time::timeout(KEEPER_DEADLINE, opening).await.map_err(|_| {
            anyhow::anyhow!("no answer within {} ms", KEEPER_DEADLINE.as_millis())
        })??;
        self.last_answer.store(self.milliseconds(), Ordering::Relaxed);
        Ok(live)
    }

    /// Runs one operation under a deadline. One that runs out of time makes Redis suspect, so that
    /// the next request does not wait again; one that fails takes the link down.
    pub async fn run<T>(
        &self,
        live: &Live,
        deadline: Duration,
        operation: impl AsyncFnOnce(MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Option<T> {
        match tokio::time::timeout(deadline, operation(live.conn.clone())).await {
            Ok(Ok(value)) => self.hear(live).then_some(value),
            Ok(Err(error)) => {
                self.fail(live, &error.to_string());
                None
            }
            Err(_) => {
                self.advance(&State::Up(live.clone()), State::Suspect(live.clone()));
                self.wake.notify_one();
                None
            }
        }
    }

    /// Notes an answer. One that ends a long silence cannot be believed: another replica may have
    /// given up an invalidation meanwhile, and is about to deliver it. So this replica's readers
    /// stay away until everybody has.
    fn hear(&self, live: &Live) -> bool {
        let now = self.milliseconds();
        let before = self.last_answer.fetch_max(now, Ordering::Relaxed);
        let is_harmless = Duration::from_millis(now.saturating_sub(before)) < HARMLESS_SILENCE;
        if !is_harmless {
            self.settle(&State::Up(live.clone()), live);
        }
        is_harmless
    }

    /// Keeps readers away for a while, from the stage that was `seen`.
    fn settle(&self, seen: &State, live: &Live) {
        if self.advance(seen, State::Settling(live.clone(), Instant::now() + SETTLE)) {
            log::info!("Redis was silent: going on without it for a moment");
        }
    }

    async fn ping(&self, live: &Live, deadline: Duration) -> bool {
        let mut conn = live.conn.clone();
        // A write: a Redis that is full, or a read-only replica, takes no invalidation, and what it
        // holds goes stale although it answers a plain PING.
        let mut ping = cmd("SET");
        ping.arg(live.key("alive")).arg(1).arg("EX").arg(60);
        let answer = tokio::time::timeout(deadline, ping.exec_async(&mut conn)).await;
        if matches!(answer, Ok(Ok(()))) {
            self.hear(live);
            return true;
        }
        self.fail(live, "no answer to a ping");
        false
    }

    /// Delivers what is owed; whatever cannot be delivered stays owed.
    async fn deliver(&self, live: &Live) -> bool {
        let (everything, versions) = {
            let mut owed = self.owed();
            // Taken before it is sent: what is owed from here on is not part of it.
            (std::mem::take(&mut owed.everything), owed.versions.clone())
        };
        let delivery = async {
            if everything {
                live.clear().await?;
            }
            for (name, version) in &versions {
                bury_late(live, name, *version, live.conn.clone()).await?;
            }
            Ok::<(), RedisError>(())
        };
        if !matches!(tokio::time::timeout(KEEPER_DEADLINE, delivery).await, Ok(Ok(()))) {
            self.owed().everything |= everything;
            self.fail(live, "invalidations could not be delivered");
            return false;
        }
        let mut owed = self.owed();
        for (name, version) in &versions {
            owed.pay(name, *version);
        }
        true
    }

    /// Takes the link down.
    fn fail(&self, live: &Live, reason: &str) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // A late failure on a connection that was replaced says nothing about the new one.
        if state.live().is_some_and(|current| Arc::ptr_eq(&current.prefix, &live.prefix)) {
            log::warn!("Redis is unavailable, going on without it: {reason}");
            *state = State::Down;
            self.wake.notify_one();
        }
    }

    /// Goes on to `new`, unless the link is no longer as it was `seen`, or readers would come back
    /// while an invalidation is outstanding.
    fn advance(&self, seen: &State, new: State) -> bool {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let may = state.is(seen) && (!matches!(new, State::Up(_)) || self.owed().is_empty());
        if may {
            if matches!(new, State::Up(_)) {
                self.up_since.store(self.milliseconds(), Ordering::Relaxed);
            }
            *state = new;
        }
        may
    }

    pub fn set(&self, new: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    pub fn since_up(&self) -> Duration {
        let up_since = self.up_since.load(Ordering::Relaxed);
        Duration::from_millis(self.milliseconds().saturating_sub(up_since))
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub fn read_state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
