//! A lane into the database: a pool, a number of places, a bounded queue, one deadline.

use super::DbError;
use super::connection::{Connector, Pooled};
use super::hanging::{EndOf, Hanging, Running};
use super::keyed_limit::{KeyPermit, KeyedLimit};
use super::metrics::{Reason, Refusals};
use super::outage::Outage;
use super::rows::Rows;
use super::session::Session;
use super::statements::Statements;
use crate::kernel::config::DatabaseUrl;
use crate::kernel::task::Tasks;
use diesel::r2d2::{HandleError, Pool, PooledConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinHandle};

/// How many jobs may wait for a place; past that, the answer is an immediate 503.
const QUEUE_LIMIT: usize = 2_048;
/// How long the pool may take to hand out, or to open, a connection. Short: a database that
/// refuses connections is answered with 503 within two seconds.
const CHECKOUT_TIMEOUT: Duration = Duration::from_millis(1_500);
/// What an attempt should have left of its deadline. A deadlock is found after a second, and leaves
/// more; the time-outs of locks and statements leave less.
const NEAR: Duration = Duration::from_millis(1_750);
/// How many jobs are given up at a time where there are fewer connections.
const FEWEST_GIVEN_UP: u32 = 2;
/// How long a job that hangs waits, while too many are given up already, before it is given up.
const GIVE_UP_RETRY: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct PoolLane {
    pool: Pool<Connector>,
    /// Taken in this order. As many places as connections: a job never waits inside the pool for
    /// another one, and a database that hangs holds no more threads than this.
    places: Vec<Arc<Semaphore>>,
    /// How many places are this lane's own, the first of `places`.
    size: usize,
    waiting: Arc<AtomicUsize>,
    refusals: Arc<Refusals>,
    outage: Outage,
    hanging: Hanging,
    time_limit: Duration,
    tasks: Tasks,
    statements: Statements,
    priority: Priority,
}

/// Of the threads that jobs run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Priority {
    Usual,
    Low,
}

impl PoolLane {
    /// Jobs run on the blocking threads of `tasks`. One that runs longer than `time_limit` hangs,
    /// and is given up; on SQLite it computes, and would do so beside its successor.
    pub(super) fn new(
        url: &DatabaseUrl,
        session: Session,
        size: u32,
        time_limit: Duration,
        tasks: &Tasks,
        statements: &Statements,
    ) -> PoolLane {
        let given_up = match url {
            DatabaseUrl::Postgres(_) => size.max(FEWEST_GIVEN_UP),
            DatabaseUrl::SqliteFile(_) | DatabaseUrl::SqliteMemory => 0,
        };
        let hanging = Hanging::at_most(to_usize(given_up));
        let pool = Pool::builder()
            // Connections that were given up belong to the pool until they end.
            .max_size(size.saturating_add(given_up))
            .min_idle(Some(0))
            // An idle connection of an in-memory database is the database.
            .idle_timeout(None)
            .max_lifetime(None)
            .connection_timeout(CHECKOUT_TIMEOUT)
            .error_handler(Box::new(LogAtDebug))
            .build_unchecked(Connector { url: url.clone(), session, hanging: hanging.clone() });
        let places = vec![Arc::new(Semaphore::new(to_usize(size)))];
        PoolLane {
            pool,
            places,
            size: to_usize(size),
            waiting: Arc::default(),
            refusals: Arc::default(),
            outage: Outage::default(),
            hanging,
            time_limit,
            tasks: tasks.clone(),
            statements: statements.clone(),
            priority: Priority::Usual,
        }
    }

    /// A lane into the same pool that may hold at most `size` of its connections.
    pub(super) fn bounded(&self, size: u32) -> PoolLane {
        let mut places = vec![Arc::new(Semaphore::new(to_usize(size)))];
        places.extend(self.places.iter().cloned());
        PoolLane {
            places,
            size: to_usize(size),
            waiting: Arc::default(),
            refusals: Arc::default(),
            ..self.clone()
        }
    }

    /// As [`PoolLane::bounded`], for jobs that leave the processors to those of other lanes.
    pub(super) fn for_lists(&self, size: u32) -> PoolLane {
        PoolLane { priority: Priority::Low, ..self.bounded(size) }
    }

    /// Takes a connection on the calling thread, which may block.
    pub(super) fn checkout(&self) -> Result<PooledConnection<Connector>, DbError> {
        match self.pool.get() {
            Ok(conn) => {
                self.outage.end();
                Ok(conn)
            }
            Err(error) => {
                let error = DbError::Unavailable(error.to_string());
                self.outage.begin(error.clone());
                Err(error)
            }
        }
    }

    /// Runs `job` on a blocking thread and waits for it until the deadline.
    pub(super) async fn run<T, E, F, J>(&self, name: &'static str, job: F) -> Result<T, E>
    where
        F: FnOnce(&mut Pooled) -> Result<T, J> + Send + 'static,
        T: Send + 'static,
        J: Into<E>,
        E: From<DbError> + Send + 'static,
    {
        let deadline = self.deadline();
        let work = self.run_to_end(name, deadline, None, |pooled, _| job(pooled));
        match tokio::time::timeout_at(deadline.0.into(), work).await {
            Ok(result) => result,
            Err(_) => Err(self.too_late().into()),
        }
    }

    /// Runs `job` on a blocking thread and waits for its end, however long it takes once it has
    /// begun. It begins before the deadline or not at all, and is told the deadline: after it, the
    /// client has been answered with 503, whatever the job does.
    pub(super) async fn run_to_end<T, E, F, J>(
        &self,
        name: &'static str,
        deadline: Deadline,
        rows: Option<(&KeyedLimit, &Rows)>,
        job: F,
    ) -> Result<T, E>
    where
        F: FnOnce(&mut Pooled, Deadline) -> Result<T, J> + Send + 'static,
        T: Send + 'static,
        J: Into<E>,
        E: From<DbError> + Send + 'static,
    {
        let entering = tokio::time::timeout_at(deadline.0.into(), self.enter(rows));
        let late = |_| Err((Reason::NoPlaceInTime, self.too_late()));
        let places = entering.await.unwrap_or_else(late).map_err(|refused| self.refuse(refused))?;
        self.outage.check().map_err(|error| self.refuse((Reason::NoConnection, error)))?;
        let running = self.hanging.begin(places);
        let (lane, end) = (self.clone(), EndOf(Arc::clone(&running)));
        let on_thread = move || {
            let conn = lane.checkout();
            let mut conn = conn.map_err(|error| lane.refuse((Reason::NoConnection, error)))?;
            let result = if deadline.has_passed() {
                // The client has its 503: the job must not take effect behind its back.
                Err(E::from(lane.refuse((Reason::NoPlaceInTime, lane.too_late()))))
            } else {
                let done = lane.statements.time(name, || job(&mut conn, deadline));
                conn.answered();
                if done.is_err() {
                    conn.doubt();
                }
                done.map_err(J::into)
            };
            if end.0.is_given_up() {
                conn.discard();
            }
            drop(conn);
            drop(end);
            result
        };
        // Those that were given up keep the usual threads.
        let blocking = match self.priority {
            _ if self.hanging.is_any() => self.tasks.block_beside(on_thread),
            Priority::Low => self.tasks.block_low(on_thread),
            Priority::Usual => self.tasks.block(on_thread),
        };
        match self.watch(running).until_end_of(blocking).await {
            Ok(result) => result,
            Err(panic) => Err(E::from(DbError::Panicked(panic.to_string()))),
        }
    }

    pub(super) fn places(&self) -> usize {
        self.size
    }

    pub(super) fn places_in_use(&self) -> usize {
        let free = self.places.first().map_or(0, |places| places.available_permits());
        self.size.saturating_sub(free)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    fn watch(&self, running: Arc<Running<Places>>) -> Watch {
        let running = Some(running).filter(|_| self.hanging.is_watched());
        Watch { running, time_limit: self.time_limit, tasks: self.tasks.clone() }
    }

    /// Until when a client that comes now waits.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline(Instant::now() + self.time_limit)
    }

    pub(super) fn too_late(&self) -> DbError {
        DbError::Unavailable(format!("no answer within {} ms", self.time_limit.as_millis()))
    }

    /// Counts a job that does not begin.
    fn refuse(&self, (reason, error): (Reason, DbError)) -> DbError {
        self.refusals.count(reason);
        error
    }

    async fn enter(&self, rows: Option<(&KeyedLimit, &Rows)>) -> Result<Places, (Reason, DbError)> {
        let _waiting = Waiting::join(&self.waiting)?;
        let mut row_permits = Vec::new();
        if let Some((limit, rows)) = rows {
            for row in rows.iter() {
                row_permits.push(limit.acquire(row).await);
            }
        }
        let mut permits = Vec::with_capacity(self.places.len());
        for places in &self.places {
            let permit = Arc::clone(places).acquire_owned().await;
            permits.push(permit.expect("the semaphore is never closed"));
        }
        Ok(Places { _permits: permits, _row_permits: row_permits })
    }
}

/// Watches over a job, also when nobody waits for it any more.
struct Watch {
    /// `None` when there is nothing more to be done about it.
    running: Option<Arc<Running<Places>>>,
    time_limit: Duration,
    tasks: Tasks,
}

impl Watch {
    async fn until_end_of<T>(mut self, mut blocking: JoinHandle<T>) -> Result<T, JoinError> {
        if let Some(running) = self.running.clone() {
            tokio::select! {
                biased;
                ended = &mut blocking => {
                    self.running = None;
                    return ended;
                }
                () = give_up_late(running, self.time_limit) => self.running = None,
            }
        }
        blocking.await
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.tasks.detach(give_up_late(running, self.time_limit));
        }
    }
}

/// Gives a job up as soon as it has run longer than `time_limit` and may be given up.
async fn give_up_late(running: Arc<Running<Places>>, time_limit: Duration) {
    tokio::time::sleep(time_limit.saturating_sub(running.age())).await;
    while !running.give_up() {
        tokio::time::sleep(GIVE_UP_RETRY).await;
    }
}

/// What a job holds while it runs.
struct Places {
    _permits: Vec<OwnedSemaphorePermit>,
    _row_permits: Vec<KeyPermit>,
}

/// The instant at which a client gives up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(pub Instant);

impl Deadline {
    pub(super) fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }

    /// Whether too little time is left to begin something again.
    pub(super) fn is_near(self) -> bool {
        Instant::now() + NEAR >= self.0
    }
}

/// A place in the queue, given back when the wait ends or is given up.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn join(waiting: &AtomicUsize) -> Result<Waiting<'_>, (Reason, DbError)> {
        let place = Waiting(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) < QUEUE_LIMIT {
            Ok(place)
        } else {
            Err((Reason::QueueFull, DbError::Overloaded))
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The pool retries in the background and would log every attempt as an error; the request that
/// waits for the connection logs the failure already.
#[derive(Debug)]
struct LogAtDebug;

impl HandleError<diesel::r2d2::Error> for LogAtDebug {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        log::debug!("opening a database connection: {error}");
    }
}

fn to_usize(size: u32) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}
