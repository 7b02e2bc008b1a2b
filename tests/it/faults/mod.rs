//! Dependencies and processes that break on purpose: nothing fails that need not, nothing is stale or
//! lost, and everything heals by itself.

mod database;
mod process;
mod redis;
mod sqlite;

use crate::client::Answer;

/// A product of `data/`, of which there are 12.
const PATH: &str = "/products/prod_001";

pub fn cases() -> Vec<crate::Case> {
    [redis::cases(), database::cases(), sqlite::cases(), process::cases()]
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

/// How often a migration was applied.
const MIGRATIONS: &str = "SELECT count(*) AS count FROM __diesel_schema_migrations";

/// How many migrations there are; both databases have the same.
fn migration_count() -> i64 {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    let count = std::fs::read_dir(folder).expect("the folder is there").count();
    i64::try_from(count).expect("a small number")
}
