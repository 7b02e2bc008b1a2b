//! One connection type for both databases, and how a connection is opened and kept.

use super::error::is_conflict;
use super::hanging::Hanging;
use super::session::Session;
use crate::kernel::config::DatabaseUrl;
#[cfg(feature = "postgres")]
use crate::kernel::config::PostgresUrl;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::r2d2::{ManageConnection, R2D2Connection};
use diesel::result::{ConnectionError, ConnectionResult, Error};
use diesel::{Connection, QueryResult};
#[cfg(feature = "postgres")]
use secrecy::ExposeSecret;
use std::time::{Duration, Instant};

/// A connection that answered this recently is not pinged again when it is taken from the pool: the
/// ping would cost every query a round trip.
const PING_AFTER: Duration = Duration::from_secs(1);
/// How long SQLite waits for another process to release the file.
#[cfg(feature = "sqlite")]
pub(super) const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_millis(3_500);

/// A connection to whichever database is configured; `store.rs` files are written once for it.
#[derive(diesel::MultiConnection)]
pub enum DbConn {
    #[cfg(feature = "postgres")]
    Postgres(diesel::PgConnection),
    #[cfg(feature = "sqlite")]
    Sqlite(diesel::SqliteConnection),
}

/// Whether the connection is to PostgreSQL, for the few statements that differ.
pub fn is_postgres(conn: &DbConn) -> bool {
    match conn {
        #[cfg(feature = "postgres")]
        DbConn::Postgres(_) => true,
        #[cfg(feature = "sqlite")]
        DbConn::Sqlite(_) => false,
    }
}

impl DbConn {
    /// Opens a connection to the database that the URL's scheme names. It relies on nothing that
    /// a pooler between here and PostgreSQL may take away: see [`Session`].
    ///
    /// The derived `establish` is not used: it tries each database in turn, and SQLite takes any
    /// string for a file name, so that a PostgreSQL that is down would become a new, empty file.
    pub fn open(url: &DatabaseUrl) -> ConnectionResult<DbConn> {
        match url {
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(url) => {
                open_postgres(url.conninfo().expose_secret()).map_err(|error| discreet(url, error))
            }
            #[cfg(feature = "sqlite")]
            DatabaseUrl::SqliteFile(path) => open_sqlite(&path.to_string_lossy()),
            #[cfg(feature = "sqlite")]
            DatabaseUrl::SqliteMemory => open_sqlite(":memory:"),
            #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
            _ => Err(ConnectionError::BadConnection("this database is not compiled in".into())),
        }
    }

    /// Lets the statements of this transaction run as long as they take, for work that no request
    /// waits for. The limits of the session stay: behind a pooler, it is not this one's alone.
    pub fn lift_time_limits(&mut self) -> QueryResult<()> {
        match self {
            #[cfg(feature = "postgres")]
            DbConn::Postgres(inner) => inner.batch_execute(
                "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
                 SET LOCAL idle_in_transaction_session_timeout = 0",
            ),
            #[cfg(feature = "sqlite")]
            DbConn::Sqlite(_) => Ok(()),
        }
    }

    /// Drops the statements that were prepared on this connection, so that each is prepared anew.
    pub fn forget_statements(&mut self) -> QueryResult<()> {
        match self {
            #[cfg(feature = "postgres")]
            DbConn::Postgres(inner) => {
                use diesel::connection::CacheSize;

                inner.batch_execute("DEALLOCATE ALL")?;
                // diesel empties its list when the size changes.
                inner.set_prepared_statement_cache_size(CacheSize::Disabled);
                inner.set_prepared_statement_cache_size(CacheSize::Unbounded);
                Ok(())
            }
            // SQLite looks at the schema before each use, and prepares again by itself.
            #[cfg(feature = "sqlite")]
            DbConn::Sqlite(_) => Ok(()),
        }
    }

    /// Whether the server writes its messages in English. Asked of an error: `lc_messages` does
    /// not tell, since the server's own environment may override it.
    pub fn speaks_english(&mut self) -> bool {
        match self {
            #[cfg(feature = "postgres")]
            DbConn::Postgres(inner) => match inner.batch_execute("SELECT 1 / 0") {
                Err(Error::DatabaseError(_, answer)) => answer.message() == "division by zero",
                _ => true,
            },
            #[cfg(feature = "sqlite")]
            DbConn::Sqlite(_) => true,
        }
    }

    /// Runs `job` in one transaction: committed when it returns `Ok`, rolled back otherwise.
    pub fn transact<T, E>(&mut self, job: impl FnOnce(&mut DbConn) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.transact_in(Session::Own, job)
    }

    /// As [`DbConn::transact`], where the limits of a request hold also in a shared session.
    pub fn transact_in<T, E>(
        &mut self,
        session: Session,
        job: impl FnOnce(&mut DbConn) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        match self.transact_to_end(session, job)? {
            Ending::Committed(value) => Ok(value),
            Ending::InDoubt(_, error) => Err(error.into()),
        }
    }

    /// As [`DbConn::transact_in`], and tells a commit that failed from a job that did.
    ///
    /// The transaction holds SQLite's write lock from its start: a deferred one that reads and then
    /// writes fails at once when another writer came between, whatever the `busy_timeout`.
    #[cfg_attr(
        not(feature = "postgres"),
        allow(unused_variables, reason = "SQLite has no sessions")
    )]
    pub fn transact_to_end<T, E>(
        &mut self,
        session: Session,
        job: impl FnOnce(&mut DbConn) -> Result<T, E>,
    ) -> Result<Ending<T>, E>
    where
        E: From<Error>,
    {
        match self {
            #[cfg(feature = "postgres")]
            DbConn::Postgres(inner) => {
                AnsiTransactionManager::begin_transaction_sql(inner, &session.begin())?;
            }
            #[cfg(feature = "sqlite")]
            DbConn::Sqlite(inner) => {
                AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE")?;
            }
        }
        match job(self) {
            Ok(value) => match DbConn::commit_transaction(self) {
                Ok(()) => Ok(Ending::Committed(value)),
                Err(error) if is_conflict(&error) => Err(error.into()),
                Err(error) => Ok(Ending::InDoubt(value, error)),
            },
            Err(error) => {
                // The job's error is the one that says what happened. A roll-back that fails
                // leaves a broken connection, which the pool drops.
                if let Err(second) = DbConn::rollback_transaction(self) {
                    log::debug!("roll-back failed: {second}");
                }
                Err(error)
            }
        }
    }
}

/// How a transaction ended whose job succeeded.
pub enum Ending<T> {
    Committed(T),
    /// The commit failed, or its answer was lost: the change may have been made.
    InDoubt(T, Error),
}

/// What libpq has against the parameters of a connection; it connects to nobody.
pub(super) fn refusal_of(url: &DatabaseUrl) -> Option<String> {
    match url {
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(url) => {
            let nowhere = url.conninfo_of_nowhere();
            let refused = diesel::PgConnection::establish(nowhere.expose_secret()).err()?;
            let message = refused.to_string();
            // What it says of the server that is not there, and a hint below that.
            let is_of_nowhere =
                |line: &&str| line.starts_with("connection to server") || line.starts_with('\t');
            let reason = message.lines().find(|line| !is_of_nowhere(line))?;
            let hint = if reason.contains("SSL support is not compiled in") {
                "; build with --features tls"
            } else {
                ""
            };
            Some(url.censor_refusal(reason) + hint)
        }
        _ => None,
    }
}

/// What libpq and the server say names the user, and a line for each server that was tried.
#[cfg(feature = "postgres")]
fn discreet(url: &PostgresUrl, error: ConnectionError) -> ConnectionError {
    match error {
        ConnectionError::BadConnection(message) => {
            ConnectionError::BadConnection(url.censor(&message))
        }
        other => other,
    }
}

#[cfg(feature = "postgres")]
fn open_postgres(url: &str) -> ConnectionResult<DbConn> {
    use diesel::connection::CacheSize;

    let mut conn = diesel::PgConnection::establish(url)?;
    conn.set_prepared_statement_cache_size(CacheSize::Disabled);
    Ok(DbConn::Postgres(conn))
}

impl DbConn {
    /// Makes a session that is this connection's own quick: its limits are said once, and its
    /// statements are prepared once.
    fn settle_in(&mut self) -> QueryResult<()> {
        match self {
            #[cfg(feature = "postgres")]
            DbConn::Postgres(inner) => {
                use diesel::connection::CacheSize;

                inner.set_prepared_statement_cache_size(CacheSize::Unbounded);
                inner.batch_execute(&Session::settings())
            }
            #[cfg(feature = "sqlite")]
            DbConn::Sqlite(_) => Ok(()),
        }
    }
}

#[cfg(feature = "sqlite")]
fn open_sqlite(path: &str) -> ConnectionResult<DbConn> {
    let mut conn = diesel::SqliteConnection::establish(path)?;
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = {}; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL",
        SQLITE_BUSY_TIMEOUT.as_millis()
    ))
    .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(DbConn::Sqlite(conn))
}

/// A connection in the pool, with what is known of it.
pub(super) struct Pooled {
    pub conn: DbConn,
    pub session: Session,
    answered_at: Instant,
    is_doubted: bool,
    is_discarded: bool,
    data_version: Option<i64>,
}

impl Pooled {
    /// Has the connection pinged before it is used again. One that breaks while a statement is
    /// prepared does not count as broken with diesel: used often enough, it would never be replaced.
    pub(super) fn doubt(&mut self) {
        self.is_doubted = true;
    }

    /// A job has ended: the database has answered.
    pub(super) fn answered(&mut self) {
        self.answered_at = Instant::now();
    }

    /// Has the connection closed instead of kept.
    pub(super) fn discard(&mut self) {
        self.is_discarded = true;
    }

    /// Whether SQLite's `data_version` moved: it counts the commits of other connections, and in
    /// this process only the connection of the write lane commits.
    pub(super) fn was_changed_elsewhere(&mut self) -> QueryResult<bool> {
        use diesel::RunQueryDsl;
        use diesel::sql_types::BigInt;

        #[derive(diesel::QueryableByName)]
        struct DataVersion {
            #[diesel(sql_type = BigInt)]
            data_version: i64,
        }
        let row: DataVersion =
            diesel::sql_query("PRAGMA data_version").get_result(&mut self.conn)?;
        let before = self.data_version.replace(row.data_version);
        Ok(before != Some(row.data_version))
    }
}

/// Opens and checks the connections of the pool.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    pub url: DatabaseUrl,
    pub session: Session,
    pub hanging: Hanging,
}

impl ManageConnection for Connector {
    type Connection = Pooled;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Pooled, diesel::r2d2::Error> {
        let mut conn = DbConn::open(&self.url).map_err(diesel::r2d2::Error::ConnectionError)?;
        if self.session == Session::Own {
            conn.settle_in().map_err(diesel::r2d2::Error::QueryError)?;
        }
        Ok(Pooled {
            conn,
            session: self.session,
            answered_at: Instant::now(),
            is_doubted: false,
            is_discarded: false,
            data_version: None,
        })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), diesel::r2d2::Error> {
        if self.hanging.suspects(pooled.answered_at) {
            let reason = "it may hang, as another one does".into();
            let error = ConnectionError::BadConnection(reason);
            return Err(diesel::r2d2::Error::ConnectionError(error));
        }
        if pooled.is_doubted || pooled.answered_at.elapsed() > PING_AFTER {
            pooled.conn.ping().map_err(diesel::r2d2::Error::QueryError)?;
            pooled.answered();
        }
        pooled.is_doubted = false;
        Ok(())
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.is_discarded || pooled.conn.is_broken()
    }
}
