//! The database: one pool, one connection type for SQLite and PostgreSQL, and the rules of use.
//!
//! Every query runs on a blocking thread, inside [`Db::read`] or [`Db::write`], under a deadline
//! and behind a bounded queue. Nothing else in the program may touch a connection while it serves.

mod attempts;
mod connection;
mod error;
#[cfg(feature = "sqlite")]
mod file;
mod hanging;
mod json;
mod keyed_limit;
mod list;
mod metrics;
mod migrate;
mod occupied;
mod outage;
mod ping;
mod pool_lane;
mod rows;
mod session;
mod sql;
mod statements;
mod tx;
mod upkeep;

pub use attempts::{JobError, job_error};
pub use connection::{DbConn, MultiBackend, is_postgres};
pub use error::{DbError, unreadable};
pub use json::{Json, JsonObject};
pub use keyed_limit::KeyedLimit;
pub use list::{
    ListSource, PageOf, count_rows, count_up_to, estimated, fill_page, folded_column, in_order,
    show_rows,
};
pub use migrate::{Load, PrepareError, Prepared};
pub use rows::Rows;
pub use session::Session;
pub use sql::{Beyond, Compared, Counted, Frequent, InOrder, Plan, holds, pattern_of};
pub use statements::Statements;
pub use tx::Tx;

use crate::kernel::config::DatabaseUrl;
use crate::kernel::effect::Effects;
use crate::kernel::error::Refusal;
use crate::kernel::task::Tasks;
use connection::{Ending, Pooled};
use ping::LastPing;
use pool_lane::{Deadline, PoolLane};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// Refuses a URL that no database could be reached by, however long one waits.
///
/// # Errors
/// What libpq has against it, without a value of it.
pub fn refuse_url(url: &DatabaseUrl) -> Result<(), Refusal> {
    match connection::refusal_of(url) {
        Some(reason) => Err(Refusal(format!("DATABASE_URL (--database-url): {reason}"))),
        None => Ok(()),
    }
}

/// The whole of a job on SQLite, with waiting: longer than its `busy_timeout` of 3.5 s, so that a
/// write that waits for another process ends before its client is told that it did not; and shorter
/// than a gateway waits for its service.
const SQLITE_DEADLINE: Duration = Duration::from_secs(4);
/// The whole of a job on PostgreSQL: longer than the server's own `statement_timeout`.
const POSTGRES_DEADLINE: Duration = Duration::from_millis(3_500);
/// The whole of a ping.
const PING_DEADLINE: Duration = Duration::from_secs(1);
/// How many writes of one row may hold a connection at once: one works and the next one waits for
/// the row's lock. More would take connections from the other rows and gain nothing.
const WRITES_AT_ONE_ROW: usize = 2;

/// A handle on the database; clones share one pool.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    url: DatabaseUrl,
    reads: PoolLane,
    lists: PoolLane,
    /// For lists while rows are asked for.
    few_lists: PoolLane,
    /// Whether a row was asked for since the last list began.
    rows_are_asked_for: AtomicBool,
    writes: PoolLane,
    pings: PoolLane,
    last_ping: LastPing,
    rows: KeyedLimit,
    effects: Arc<dyn Effects>,
    tasks: Tasks,
    migrated: AtomicBool,
}

impl Db {
    /// Builds the pool without connecting: the database may come later than the process.
    ///
    /// `pool_size` is the number of connections. SQLite has one more, the only one that writes:
    /// writers then queue here, in order, instead of racing for the lock of the file; and what
    /// that connection sees change was changed by another process. Each has one more for pings,
    /// which tell whether the database answers, and not how much it has to do.
    ///
    /// `session` is whose the sessions of PostgreSQL are.
    ///
    /// Writes run in `tasks`, and every query on its blocking threads. `effects` carries out what
    /// must follow a commit, and `statements` looks at how long what is asked takes.
    pub fn new(
        url: &DatabaseUrl,
        session: Session,
        pool_size: u32,
        effects: Arc<dyn Effects>,
        tasks: &Tasks,
        statements: &Statements,
    ) -> Db {
        let lane = |size, deadline| PoolLane::new(url, session, size, deadline, tasks, statements);
        // A list may take a hundred times as long as the read of a row, and keep a processor busy
        // all the while, here and at the database: lists have a third of the places, and fewer than
        // half of the processors while rows are asked for.
        let some_for_lists = (pool_size / 3).max(1);
        let few_for_lists = some_for_lists.min(processors() / 2).max(1);
        let (reads, lists, writes) = match url {
            DatabaseUrl::SqliteMemory => {
                let only = lane(1, SQLITE_DEADLINE);
                (only.clone(), only.clone(), only)
            }
            DatabaseUrl::SqliteFile(_) => {
                let all = lane(pool_size, SQLITE_DEADLINE);
                (all.clone(), all.for_lists(some_for_lists), lane(1, SQLITE_DEADLINE))
            }
            DatabaseUrl::Postgres(_) => {
                let all = lane(pool_size, POSTGRES_DEADLINE);
                // Writes that queue on one locked row must leave connections for the reads, also
                // beside lists.
                let some = all.bounded(pool_size - pool_size / 4);
                (all, some.for_lists(some_for_lists), some)
            }
        };
        Db(Arc::new(Inner {
            url: url.clone(),
            reads,
            few_lists: lists.bounded(few_for_lists),
            lists,
            rows_are_asked_for: AtomicBool::new(false),
            writes,
            pings: lane(1, PING_DEADLINE),
            last_ping: LastPing::default(),
            rows: KeyedLimit::new(WRITES_AT_ONE_ROW),
            effects,
            tasks: tasks.clone(),
            migrated: AtomicBool::new(false),
        }))
    }

    /// Runs one query by a key, or several that need no common snapshot, under a name for the log and
    /// the metrics. `job` runs again from its start where the database asks for that.
    ///
    /// # Errors
    /// The closure's own error; [`DbError::Unavailable`] when the database does not answer in
    /// time; [`DbError::Overloaded`] when too many wait already.
    pub async fn read<T, E, F>(&self, name: &'static str, job: F) -> Result<T, E>
    where
        F: FnMut(&mut DbConn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: JobError,
    {
        self.refuse_before_migration()?;
        self.row_was_asked_for();
        read_in(&self.0.reads, name, job).await
    }

    /// Notes that a row was asked for, also where a cache had it: lists make room.
    pub fn row_was_asked_for(&self) {
        // Few lists reset it, and many readers would contend for writing it.
        if !self.0.rows_are_asked_for.load(Ordering::Relaxed) {
            self.0.rows_are_asked_for.store(true, Ordering::Relaxed);
        }
    }

    /// As [`Db::read`], for whatever reads many rows: lists, searches.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn list<T, E, F>(&self, name: &'static str, job: F) -> Result<T, E>
    where
        F: FnMut(&mut DbConn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: JobError,
    {
        self.refuse_before_migration()?;
        let make_room = self.0.rows_are_asked_for.swap(false, Ordering::Relaxed);
        read_in(if make_room { &self.0.few_lists } else { &self.0.lists }, name, job).await
    }

    /// Runs `job` in one transaction, which can write from its start: committed when it returns
    /// `Ok`, rolled back otherwise. After a deadlock and the like it runs again, in a new
    /// transaction, as if for the first time. `rows` names what is written: few writes of one row
    /// run at once, so that a row in great demand leaves room for the others.
    ///
    /// What `job` registers is carried out after every commit that was made or may have been made,
    /// before the client is answered where there is time, and else behind its back: neither a
    /// disconnect nor the deadline nor the stop of a worker cancels it.
    ///
    /// # Errors
    /// As [`Db::read`]. After [`DbError::Unavailable`] the effect is unknown, as ever when an
    /// answer is lost.
    pub async fn write<T, E, F>(&self, name: &'static str, rows: Rows, mut job: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: JobError,
    {
        self.refuse_before_migration()?;
        self.row_was_asked_for();
        let announcing = Arc::clone(&self.0.effects);
        let mut in_time = move |conn: &mut DbConn, deadline: Deadline| {
            let mut tx = Tx::on(conn);
            let value = job(&mut tx)?;
            let effects = tx.into_effects();
            let announcement = announcing.announce(&effects);
            if deadline.has_passed() {
                // The client has its 503: better that it is true.
                return Err(E::from(DbError::Unavailable("the write took too long".into())));
            }
            Ok((value, effects, announcement))
        };
        let transaction = move |pooled: &mut Pooled, deadline| {
            let session = pooled.session;
            let ending = pooled.attempt(deadline, |conn| {
                conn.transact_to_end(session, |conn| in_time(conn, deadline))
            });
            if matches!(ending, Ok(Ending::InDoubt(..))) {
                pooled.doubt();
            }
            ending
        };
        let deadline = self.0.writes.deadline();
        let (answer, answered) = oneshot::channel();
        let db = self.clone();
        self.0.tasks.spawn(async move {
            let limited = Some((&db.0.rows, &rows));
            let result = match db.0.writes.run_to_end(name, deadline, limited, transaction).await {
                Ok(Ending::Committed((value, effects, announcement))) => {
                    db.0.effects.carry_out(effects, announcement).await;
                    Ok(value)
                }
                Ok(Ending::InDoubt((_, effects, announcement), error)) => {
                    db.0.effects.carry_out(effects, announcement).await;
                    Err(E::from(error))
                }
                Err(error) => Err(error),
            };
            // The client may have gone, or have given up.
            let _unheard = answer.send(result);
        });
        match tokio::time::timeout_at(deadline.0.into(), answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(DbError::Panicked("a write".into()).into()),
            Err(_) => Err(self.0.writes.too_late().into()),
        }
    }

    /// Whether the schema is there, as far as this process has seen.
    pub fn is_migrated(&self) -> bool {
        self.0.migrated.load(Ordering::Acquire)
    }

    fn refuse_before_migration(&self) -> Result<(), DbError> {
        if self.is_migrated() {
            Ok(())
        } else {
            Err(DbError::Unavailable("the schema is not migrated yet".into()))
        }
    }
}

fn processors() -> u32 {
    let processors = std::thread::available_parallelism();
    processors.ok().and_then(|count| u32::try_from(count.get()).ok()).unwrap_or(1)
}

async fn read_in<T, E, F>(lane: &PoolLane, name: &'static str, mut job: F) -> Result<T, E>
where
    F: FnMut(&mut DbConn) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: JobError,
{
    let deadline = lane.deadline();
    let read = move |pooled: &mut Pooled| {
        let session = pooled.session;
        pooled.attempt(deadline, |conn| match session {
            Session::Own => job(conn),
            // The limits hold in a transaction alone.
            Session::Shared => conn.transact_in(session, &mut job),
        })
    };
    lane.run(name, read).await
}
