//! The supervisor of the link: connects, pings, and delivers what is pending. What an event makes of
//! the link is decided in `state`.
//!
//! Two questions are kept apart. Whether Redis is away is judged by turns of the thread that would
//! hear it (`turns`), so that a process that stood still blames nobody. Whether an answer can be
//! believed is judged by the clock (`belief`), so that a process that stood still believes nothing
//! that may have changed meanwhile.

use super::belief::Belief;
use super::clock::{Clock, Moment};
use super::connection::Connection;
use super::pending::PendingInvalidations;
use super::state::{Action, Event, Round, State};
use super::timeouts::{IDLE_PING_EVERY, SUPERVISOR_TURNS};
use super::turns::{OutOfTime, within};
use deadpool_redis::Pool;
use deadpool_redis::redis::RedisError;
use deadpool_redis::redis::aio::MultiplexedConnection;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;
use tokio::sync::Notify;

pub(super) struct Supervisor {
    pool: Pool,
    state: RwLock<State<Connection>>,
    pending: Mutex<PendingInvalidations>,
    wake: Notify,
    pub belief: Belief,
    clock: Clock,
    used_at: Moment,
    /// Whether the next ping is far off because nobody uses the link.
    is_idle: AtomicBool,
    was_warned: AtomicBool,
}

impl Supervisor {
    pub(super) fn new(pool: Pool) -> Supervisor {
        Supervisor {
            pool,
            state: RwLock::new(State::Down),
            pending: Mutex::default(),
            wake: Notify::new(),
            belief: Belief::default(),
            clock: Clock::start(),
            used_at: Moment::default(),
            is_idle: AtomicBool::new(false),
            was_warned: AtomicBool::new(false),
        }
    }

    /// Looks after the link, for ever.
    pub(super) async fn supervise(&self) {
        loop {
            self.do_round().await;
            let pause = self.read_state().pause(self.used_at.before(self.now()));
            self.is_idle.store(pause == IDLE_PING_EVERY, Ordering::Relaxed);
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Makes the supervisor begin its next round at once.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) fn note_use(&self) {
        self.used_at.set(self.now());
        if self.is_idle.swap(false, Ordering::Relaxed) {
            self.wake();
        }
    }

    async fn do_round(&self) {
        let round = self.read_state().round();
        match round {
            Round::Connect => {
                if let Ok(connection) = self.connect().await
                    && self.deliver(&connection).await
                {
                    self.apply(Event::Connected(connection));
                }
            }
            Round::Ping { connection, turns } => self.ping(&connection, turns).await,
        }
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When Redis does not answer in time, or refuses.
    pub(super) async fn connect(&self) -> anyhow::Result<Connection> {
        // The pool would hand out the connection that failed.
        self.pool.retain(|_, _| false);
        let opening = async {
            let multiplexed = MultiplexedConnection::clone(&*self.pool.get().await?);
            anyhow::Ok(Connection::open(multiplexed).await?)
        };
        let (connection, _) = within(SUPERVISOR_TURNS, opening)
            .await
            .map_err(|OutOfTime| anyhow::anyhow!("no answer within {SUPERVISOR_TURNS}0 ms"))?;
        let connection = connection?;
        self.warn_of_eviction(&connection).await;
        Ok(connection)
    }

    /// Says once what a Redis that throws things away means.
    async fn warn_of_eviction(&self, connection: &Connection) {
        if self.was_warned.swap(true, Ordering::Relaxed) {
            return;
        }
        let asked = within(SUPERVISOR_TURNS, connection.eviction_policy()).await;
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

    /// Asks whether Redis answers and would take a write, for so many turns.
    async fn ping(&self, connection: &Connection, turns: u32) {
        let sent = self.now();
        let turns = match within(turns, connection.ping()).await {
            Ok((Ok(()), turns)) => turns,
            Ok((Err(error), _)) => return self.fail(connection, &error.to_string()),
            Err(OutOfTime) => return self.fail(connection, "no answer to a ping"),
        };
        self.belief.accept(sent, self.now());
        let connection = connection.clone();
        match self.apply(Event::PingAnswered { connection: connection.clone(), sent, turns }) {
            Action::Deliver => {
                self.deliver(&connection).await;
            }
            Action::DeliverThenReadmit => {
                if self.deliver(&connection).await {
                    self.readmit_readers(connection);
                }
            }
            // What replicas have delivered may not be all: one that has ended during the outage
            // took what was pending with it.
            Action::EmptyThenReadmit => {
                self.pending().everything = true;
                if self.deliver(&connection).await {
                    self.readmit_readers(connection);
                }
            }
            Action::Nothing | Action::BeginRound => {}
        }
    }

    /// Delivers the pending invalidations; what cannot be delivered stays pending.
    async fn deliver(&self, connection: &Connection) -> bool {
        let (everything, keys) = {
            let mut pending = self.pending();
            // Taken before it is sent: what is pending from here on is not part of it.
            (std::mem::take(&mut pending.everything), pending.keys.clone())
        };
        let delivery = async {
            if everything {
                connection.clear().await?;
            }
            for key in keys.keys() {
                connection.remove(key, None).await?;
            }
            Ok::<(), RedisError>(())
        };
        if !matches!(within(SUPERVISOR_TURNS, delivery).await, Ok((Ok(()), _))) {
            self.pending().everything |= everything;
            self.fail(connection, "invalidations could not be delivered");
            return false;
        }
        let mut pending = self.pending();
        for (key, number) in &keys {
            pending.acknowledge(key, *number);
        }
        true
    }

    /// Lets readers back, unless an invalidation is pending.
    fn readmit_readers(&self, connection: Connection) {
        // Locked before it is asked what is pending: an invalidation that is added later finds the
        // link up, and is sent by its writer.
        let mut state = self.write_state();
        let is_anything_pending = !self.pending().is_empty();
        self.change(&mut state, Event::Delivered { connection, is_anything_pending });
    }

    /// Takes the link down.
    pub(super) fn fail(&self, connection: &Connection, reason: &str) {
        if self.apply(Event::Failed(connection.clone())) == Action::BeginRound {
            log::warn!("Redis is unavailable, going on without it: {reason}");
        }
    }

    pub(super) fn apply(&self, event: Event<Connection>) -> Action {
        self.change(&mut self.write_state(), event)
    }

    fn change(&self, state: &mut State<Connection>, event: Event<Connection>) -> Action {
        let (new, action) = state.on(event, self.now());
        match (&*state, &new) {
            (State::Up { .. } | State::Suspect { .. }, State::Settling { .. }) => {
                log::info!("Redis was silent: going on without it for a moment");
            }
            (State::Settling { .. }, State::Up { .. }) => log::info!("Redis is back"),
            _ => {}
        }
        *state = new;
        if action == Action::BeginRound {
            self.wake();
        }
        action
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    pub(super) fn read_state(&self) -> RwLockReadGuard<'_, State<Connection>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_state(&self) -> std::sync::RwLockWriteGuard<'_, State<Connection>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn pending(&self) -> MutexGuard<'_, PendingInvalidations> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
