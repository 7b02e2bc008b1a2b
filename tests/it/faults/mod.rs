//! Dependencies and processes that break on purpose: nothing fails that need not, nothing is stale or
//! lost, and everything heals by itself.

mod database;
mod foreign;
mod process;
mod promotion;
mod redis;
mod sqlite;

use crate::app::Storage;
use crate::client::Answer;
use crate::kit::until;
use diesel::Connection;
use diesel::connection::SimpleConnection;

/// A product of `data/`, of which there are 12.
const PATH: &str = "/products/prod_001";

pub fn cases() -> Vec<crate::Case> {
    [
        redis::cases(),
        database::cases(),
        promotion::cases(),
        foreign::cases(),
        sqlite::cases(),
        process::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Fails the test unless the answer is the 503 of a dependency that is away.
#[track_caller]
fn expect_unavailable(answer: Answer) {
    let answer = answer.expect_failure(503, "Service temporarily unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

/// Locks of a transaction that is none of the program's.
struct Lock(diesel::PgConnection);

impl Lock {
    fn hold(database_url: &str, table: &str, id: &str) -> Lock {
        let sql = format!("BEGIN; SELECT 1 FROM {table} WHERE id = '{id}' FOR UPDATE");
        Lock::take(database_url, &sql)
    }

    /// As [`Lock::hold`], by these statements.
    fn take(database_url: &str, sql: &str) -> Lock {
        let mut conn = diesel::PgConnection::establish(database_url).expect("it is there");
        conn.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        Lock(conn)
    }

    /// One more statement in its transaction.
    fn then(&mut self, sql: &str) {
        self.0.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn release(mut self) {
        self.0.batch_execute("COMMIT").expect("nothing was written");
    }
}

/// Waits until somebody waits for a lock in a database.
#[track_caller]
fn until_a_lock_is_waited_for(storage: &Storage) {
    until("somebody waits for a lock", || {
        let waiting = "SELECT count(*) AS count FROM pg_locks JOIN pg_stat_activity USING (pid) \
                       WHERE datname = current_database() AND NOT granted";
        storage.count(waiting) > 0
    });
}

/// How often a migration was applied.
const MIGRATIONS: &str = "SELECT count(*) AS count FROM __diesel_schema_migrations";

/// How many migrations there are; both databases have the same.
fn migration_count() -> i64 {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    let count = std::fs::read_dir(folder).expect("the folder is there").count();
    i64::try_from(count).expect("a small number")
}
