//! The supervisor of the link: connects, pings, delivers what is pending, and decides who is believed.
//!
//! Two questions are kept apart. Whether Redis is away is judged by turns of the thread that would
//! hear it (`turns`), so that a process that stood still blames nobody. Whether an answer can be
//! believed is judged by the clock, so that a process that stood still believes nothing that may
//! have changed meanwhile.

use super::live::Live;
use super::pending::PendingInvalidations;
use super::timeouts::{
    CONFIRMATIONS, CONNECT_EVERY, FRESH_FOR, HARMLESS_SILENCE, HARMLESS_TURNS, IDLE_PING_EVERY,
    IN_USE, PING_EVERY, READ_TURNS, SETTLE_FOR, SUPERVISOR_TURNS, SUSPICION_TURNS,
};
use super::turns::{OutOfTime, within};
use deadpool_redis::Pool;
use deadpool_redis::redis::RedisError;
use deadpool_redis::redis::aio::MultiplexedConnection;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

pub struct Supervisor {
    pool: Pool,
    state: RwLock<State>,
    pending: Mutex<PendingInvalidations>,
    wake: Notify,
    /// Held by whoever confirms that Redis lives, so that the others share the outcome.
    confirming: tokio::sync::Mutex<()>,
    started: Instant,
    /// A moment after which Redis has lived, in milliseconds since `started`: when the last command
    /// was sent whose answer was believed.
    alive_at: AtomicU64,
    /// When the link was last found up again, likewise.
    up_since: AtomicU64,
    /// When the link was last used, likewise.
    used_at: AtomicU64,
    is_dozing: AtomicBool,
    was_warned: AtomicBool,
}

/// How far the link is trusted.
#[derive(Clone)]
pub enum State {
    Down,
    /// Connected; writers may use it, readers not before the instant.
    Settling(Live, Instant),
    /// An operation ran out of so many turns; writers may use it, readers not before the supervisor's
    /// ping.
    Suspect(Live, u32),
    Up(Live),
}

impl State {
    pub fn live(&self) -> Option<&Live> {
        match self {
            State::Down => None,
            State::Settling(live, _) | State::Suspect(live, _) | State::Up(live) => Some(live),
        }
    }

    fn is_on(&self, live: &Live) -> bool {
        self.live().is_some_and(|current| current.is(live))
    }
}

impl Supervisor {
    pub fn new(pool: Pool) -> Supervisor {
        Supervisor {
            pool,
            state: RwLock::new(State::Down),
            pending: Mutex::default(),
            wake: Notify::new(),
            confirming: tokio::sync::Mutex::default(),
            started: Instant::now(),
            alive_at: AtomicU64::new(0),
            up_since: AtomicU64::new(0),
            used_at: AtomicU64::new(0),
            is_dozing: AtomicBool::new(false),
            was_warned: AtomicBool::new(false),
        }
    }

    /// Looks after the link, for ever.
    pub async fn supervise(&self) {
        loop {
            self.tick().await;
            let since_use = self.now().saturating_sub(self.used_at.load(Ordering::Relaxed));
            let pause = match *self.read_state() {
                State::Down => CONNECT_EVERY,
                State::Up(_) if since_use > milliseconds(IN_USE) => IDLE_PING_EVERY,
                _ => PING_EVERY,
            };
            self.is_dozing.store(pause == IDLE_PING_EVERY, Ordering::Relaxed);
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Makes the supervisor tick at once.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    fn note_use(&self) {
        self.used_at.store(self.now(), Ordering::Relaxed);
        if self.is_dozing.swap(false, Ordering::Relaxed) {
            self.wake();
        }
    }

    /// One round of the supervisor.
    async fn tick(&self) {
        let seen = self.read_state().clone();
        match &seen {
            State::Down => {
                if let Ok(live) = self.connect().await
                    && self.deliver(&live).await
                {
                    self.set(State::Settling(live, Instant::now() + SETTLE_FOR));
                }
            }
            State::Settling(live, until) => {
                // One that is too slow for a read stays out: it would come and go, and empty the
                // cache of the others each time.
                if let Some(turns) = self.ping(live, SUPERVISOR_TURNS).await
                    && self.deliver(live).await
                    && turns < READ_TURNS
                    && Instant::now() >= *until
                    && self.empty(live).await
                    && self.readmit_readers(live)
                {
                    log::info!("Redis is back");
                }
            }
            State::Suspect(live, turns) => {
                if let Some(more) = self.ping(live, SUSPICION_TURNS).await
                    && self.deliver(live).await
                {
                    if turns + more < HARMLESS_TURNS {
                        self.readmit_readers(live);
                    } else {
                        self.settle(live);
                    }
                }
            }
            State::Up(live) => match self.ping(live, SUPERVISOR_TURNS).await {
                Some(turns) if turns >= HARMLESS_TURNS => self.settle(live),
                Some(_) => {
                    self.deliver(live).await;
                }
                None => {}
            },
        }
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When Redis does not answer in time, or refuses.
    pub async fn connect(&self) -> anyhow::Result<Live> {
        // The pool would hand out the connection that failed.
        self.pool.retain(|_, _| false);
        let opening = async {
            let conn = MultiplexedConnection::clone(&*self.pool.get().await?);
            anyhow::Ok(Live::on(conn).await?)
        };
        let (live, _) = within(SUPERVISOR_TURNS, opening)
            .await
            .map_err(|OutOfTime| anyhow::anyhow!("no answer within {SUPERVISOR_TURNS}0 ms"))?;
        let live = live?;
        self.warn_of_eviction(&live).await;
        Ok(live)
    }

    /// Says once what a Redis that throws things away means.
    async fn warn_of_eviction(&self, live: &Live) {
        if self.was_warned.swap(true, Ordering::Relaxed) {
            return;
        }
        let asked = within(SUPERVISOR_TURNS, live.eviction_policy()).await;
        if let Ok((Some(policy), _)) = asked
            && policy != "noeviction"
        {
            log::warn!(
                "Redis has maxmemory-policy {policy}: when it is full, it may evict what the rate \
                 limit has counted, and a client gets a fresh bucket; noeviction evicts nothing. \
                 The cache shows nothing old under either"
            );
        }
    }

    /// Runs what a reader waits for, twice where the first answer cannot be believed. `None` where
    /// it failed, ran out of time, or is not to be believed.
    pub async fn read<T, F>(&self, live: &Live, operation: impl Fn(Live) -> F) -> Option<T>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let asking = async {
            for _ in 0..2 {
                if self.confirm(live).await? {
                    let sent = self.now();
                    let value = operation(live.clone()).await?;
                    if self.hear(sent) {
                        return Ok(Some(value));
                    }
                }
            }
            Ok(None)
        };
        self.run(live, READ_TURNS, asking).await.flatten()
    }

    /// Runs what needs no belief, for so many turns. `None` where it failed or ran out of time.
    pub async fn ask<T>(
        &self,
        live: &Live,
        turns: u32,
        operation: impl Future<Output = Result<T, RedisError>>,
    ) -> Option<T> {
        let sent = self.now();
        let value = self.run(live, turns, operation).await?;
        self.hear(sent);
        Some(value)
    }

    /// Runs one operation for so many turns. One that runs out of time makes Redis suspect, so that
    /// the next request does not wait again; one that fails takes the link down.
    async fn run<T>(
        &self,
        live: &Live,
        turns: u32,
        operation: impl Future<Output = Result<T, RedisError>>,
    ) -> Option<T> {
        self.note_use();
        match within(turns, operation).await {
            Ok((Ok(value), _)) => Some(value),
            Ok((Err(error), _)) => {
                self.fail(live, &error.to_string());
                None
            }
            Err(OutOfTime) => {
                self.suspect(live, turns);
                None
            }
        }
    }

    /// Takes note of an answer to a command that was `sent` then; says whether it can be believed.
    /// Between the last proof of life and now lies less than any replica waits before it gives up
    /// an invalidation: if Redis stood still meanwhile, nobody has gone on without it.
    fn hear(&self, sent: u64) -> bool {
        let silence = self.now().saturating_sub(self.alive_at.load(Ordering::SeqCst));
        let is_believed = silence < milliseconds(HARMLESS_SILENCE);
        if is_believed {
            self.alive_at.fetch_max(sent, Ordering::SeqCst);
        }
        is_believed
    }

    fn is_fresh(&self) -> bool {
        let silence = self.now().saturating_sub(self.alive_at.load(Ordering::SeqCst));
        silence < milliseconds(FRESH_FOR)
    }

    /// Has Redis prove that it lives, unless it is known to. After a silence, whoever's it was, the
    /// first answer is not enough: Redis may have stood still, and be about to carry out, in the same
    /// breath, an invalidation that another replica has given up.
    async fn confirm(&self, live: &Live) -> Result<bool, RedisError> {
        if self.is_fresh() {
            return Ok(true);
        }
        let _turn = self.confirming.lock().await;
        if self.is_fresh() {
            return Ok(true);
        }
        let mut last = 0;
        for _ in 0..CONFIRMATIONS {
            last = self.now();
            live.ping().await?;
            if self.now().saturating_sub(last) >= milliseconds(FRESH_FOR) {
                return Ok(false);
            }
        }
        self.alive_at.fetch_max(last, Ordering::SeqCst);
        Ok(true)
    }

    /// Whether Redis answers and would take a write, and after how many turns.
    async fn ping(&self, live: &Live, turns: u32) -> Option<u32> {
        let sent = self.now();
        match within(turns, live.ping()).await {
            Ok((Ok(()), turns)) => {
                self.hear(sent);
                return Some(turns);
            }
            Ok((Err(error), _)) => self.fail(live, &error.to_string()),
            Err(OutOfTime) => self.fail(live, "no answer to a ping"),
        }
        None
    }

    /// Delivers the pending invalidations; what cannot be delivered stays pending.
    async fn deliver(&self, live: &Live) -> bool {
        let (everything, keys) = {
            let mut pending = self.pending();
            // Taken before it is sent: what is pending from here on is not part of it.
            (std::mem::take(&mut pending.everything), pending.keys.clone())
        };
        let delivery = async {
            if everything {
                live.clear().await?;
            }
            for key in keys.keys() {
                live.remove(key, None).await?;
            }
            Ok::<(), RedisError>(())
        };
        if !matches!(within(SUPERVISOR_TURNS, delivery).await, Ok((Ok(()), _))) {
            self.pending().everything |= everything;
            self.fail(live, "invalidations could not be delivered");
            return false;
        }
        let mut pending = self.pending();
        for (key, number) in &keys {
            pending.acknowledge(key, *number);
        }
        true
    }

    /// Empties the cache after an outage. What replicas have delivered may not be all: one that
    /// has ended meanwhile took what was pending with it.
    async fn empty(&self, live: &Live) -> bool {
        self.pending().everything = true;
        self.deliver(live).await
    }

    /// Takes the link down.
    fn fail(&self, live: &Live, reason: &str) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // A late failure on a connection that was replaced says nothing about the new one.
        if state.is_on(live) {
            // What answers and refuses every write comes this way four times a second.
            if !matches!(*state, State::Settling(..)) {
                log::warn!("Redis is unavailable, going on without it: {reason}");
                self.wake();
            }
            *state = State::Down;
        }
    }

    fn suspect(&self, live: &Live, turns: u32) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*state, State::Up(current) if current.is(live)) {
            *state = State::Suspect(live.clone(), turns);
        }
        self.wake();
    }

    /// Keeps readers away for a while.
    fn settle(&self, live: &Live) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.is_on(live) && !matches!(*state, State::Settling(..)) {
            log::info!("Redis was silent: going on without it for a moment");
            *state = State::Settling(live.clone(), Instant::now() + SETTLE_FOR);
        }
    }

    /// Lets readers back, unless an invalidation is outstanding.
    fn readmit_readers(&self, live: &Live) -> bool {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let may = state.is_on(live) && self.pending().is_empty();
        if may {
            self.up_since.store(self.now(), Ordering::Relaxed);
            *state = State::Up(live.clone());
        }
        may
    }

    pub fn set(&self, new: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    pub fn since_up(&self) -> Duration {
        let up_since = self.up_since.load(Ordering::Relaxed);
        Duration::from_millis(self.now().saturating_sub(up_since))
    }

    /// In milliseconds since `started`, and a long time after it at the start: nothing is fresh then.
    fn now(&self) -> u64 {
        milliseconds(self.started.elapsed() + IN_USE)
    }

    pub fn read_state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn pending(&self) -> MutexGuard<'_, PendingInvalidations> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
