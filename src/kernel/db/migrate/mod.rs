//! The schema, compiled in, brought up to date by whichever process comes first.
//!
//! A database that lacks nothing is only read: a role that may not create tables can serve it.

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use super::connection::DbConn;
use super::occupied::refuse_tables_of_another_program;
use super::pool_lane::PoolLane;
use crate::kernel::config::DatabaseUrl;
use anyhow::anyhow;
use diesel::QueryResult;
use diesel::RunQueryDsl;
use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::time::{Duration, Instant};

#[cfg(feature = "postgres")]
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
#[cfg(feature = "sqlite")]
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// How long a start waits for whoever migrates now, or holds the file.
const WAIT_AT_MOST: Duration = Duration::from_secs(30);
/// How often a start that waits says so.
const SAY_EVERY: Duration = Duration::from_secs(1);

/// Fills a new database.
pub type Load = fn(&mut DbConn) -> anyhow::Result<()>;

/// What `Db::prepare` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepared {
    /// The database was there before.
    Existing,
    /// A new embedded database, empty.
    Created,
    /// A new embedded database, with the store loaded.
    Loaded,
}

#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

pub(super) fn prepare(
    url: &DatabaseUrl,
    writes: &PoolLane,
    load: Option<Load>,
) -> Result<Prepared, PrepareError> {
    match url {
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(_) => postgres::prepare(url),
        #[cfg(feature = "sqlite")]
        DatabaseUrl::SqliteFile(_) | DatabaseUrl::SqliteMemory => {
            sqlite::prepare(url, writes, load)
        }
        #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
        _ => {
            let _unused = (writes, load);
            Err(PrepareError::Failed(anyhow!("{url}: this database is not compiled in")))
        }
    }
}

/// How the schema of a database differs from the one of this program.
#[derive(Debug)]
struct Difference {
    /// How many migrations the database lacks.
    missing: usize,
    /// The versions that this program does not know.
    unknown: Vec<String>,
}

impl Difference {
    /// Reads which migrations were made; changes nothing.
    fn of(conn: &mut DbConn) -> QueryResult<Difference> {
        let made = made_versions(conn)?;
        let known = known_versions(conn);
        let missing = known.iter().filter(|version| !made.contains(version)).count();
        let unknown = made.into_iter().filter(|version| !known.contains(version)).collect();
        Ok(Difference { missing, unknown })
    }

    /// A newer program has been here: this one works as long as that one left it what it needs.
    fn warn_of_newer_schema(&self, url: &DatabaseUrl) {
        if !self.unknown.is_empty() {
            log::warn!(
                "the schema of {url} is newer than this program, which does not know its \
                 migrations {}; going on with it",
                self.unknown.join(", ")
            );
        }
    }
}

/// How many migrations of this program a database lacks; changes nothing.
pub(super) fn count_missing(conn: &mut DbConn) -> QueryResult<usize> {
    Ok(Difference::of(conn)?.missing)
}

/// The versions that the database says were made; none where it says nothing yet.
fn made_versions(conn: &mut DbConn) -> QueryResult<Vec<String>> {
    use diesel::sql_types::{Bool, Text};

    #[derive(diesel::QueryableByName)]
    struct Found {
        #[diesel(sql_type = Bool)]
        found: bool,
    }
    #[derive(diesel::QueryableByName)]
    struct Made {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let find = match conn {
        #[cfg(feature = "postgres")]
        DbConn::Postgres(_) => {
            "SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL AS found"
        }
        #[cfg(feature = "sqlite")]
        DbConn::Sqlite(_) => {
            "SELECT count(*) > 0 AS found FROM sqlite_schema \
             WHERE type = 'table' AND name = '__diesel_schema_migrations'"
        }
    };
    let Found { found } = diesel::sql_query(find).get_result(conn)?;
    if !found {
        return Ok(Vec::new());
    }
    let made: Vec<Made> =
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version")
            .load(conn)?;
    Ok(made.into_iter().map(|row| row.version).collect())
}

fn known_versions(conn: &DbConn) -> Vec<String> {
    match conn {
        #[cfg(feature = "postgres")]
        DbConn::Postgres(_) => versions_of::<diesel::pg::Pg>(&POSTGRES),
        #[cfg(feature = "sqlite")]
        DbConn::Sqlite(_) => versions_of::<diesel::sqlite::Sqlite>(&SQLITE),
    }
}

fn versions_of<B: diesel::backend::Backend>(source: &impl MigrationSource<B>) -> Vec<String> {
    let migrations = source.migrations().expect("they were read when this was compiled");
    migrations.iter().map(|migration| migration.name().version().to_string()).collect()
}

/// Makes what is missing, each migration once: the caller's transaction holds the lock.
fn run_migrations(conn: &mut DbConn, url: &DatabaseUrl) -> anyhow::Result<()> {
    refuse_tables_of_another_program(conn, url)?;
    let done = match conn {
        #[cfg(feature = "postgres")]
        DbConn::Postgres(conn) => conn.run_pending_migrations(POSTGRES).map(drop),
        #[cfg(feature = "sqlite")]
        DbConn::Sqlite(conn) => conn.run_pending_migrations(SQLITE).map(drop),
    };
    done.map_err(|error| anyhow!("migrating {url}: {error}"))
}

/// A wait that says once a second what for, and has an end.
struct Wait {
    began: Instant,
    said: u32,
}

impl Wait {
    fn begin() -> Wait {
        Wait { began: Instant::now(), said: 0 }
    }

    /// Whether the time is over. Says who is waited for, where a second has passed since it was said.
    fn is_over(&mut self, what: &str, holder: &str) -> bool {
        let waited = self.began.elapsed();
        if waited >= SAY_EVERY * self.said {
            log::warn!(
                "waiting for {what}, held by {holder}: {} of {} s",
                waited.as_secs(),
                WAIT_AT_MOST.as_secs()
            );
            self.said += 1;
        }
        waited >= WAIT_AT_MOST
    }
}
