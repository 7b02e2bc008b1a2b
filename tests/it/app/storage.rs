//! The databases of one test: its own in SQLite or PostgreSQL, and a numbered one of Redis.

use super::template::{Template, template};
use super::{Backend, Servers, fresh_name};
use crate::client::send_raw;
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// A database of one test, and a numbered database of Redis; given back at the end.
pub struct Storage {
    pub folder: TempDir,
    pub database_url: String,
    pub redis_url: Option<String>,
    /// `HOST:PORT` of the pooler that processes go through.
    pooler: Option<String>,
    postgres: Option<(Servers, String)>,
    redis_index: Option<u32>,
}

impl Storage {
    pub fn empty(backend: &Backend) -> Storage {
        Storage::new(backend, None)
    }

    pub fn seeded(backend: &Backend) -> Storage {
        Storage::new(backend, Some(template(backend)))
    }

    fn new(backend: &Backend, template: Option<&Template>) -> Storage {
        let folder = TempDir::new().expect("a temporary folder");
        match backend {
            Backend::Sqlite => {
                let file = folder.path().join("chronos.db");
                if let Some(template) = template {
                    std::fs::copy(&template.sqlite_file, &file).expect("the template is there");
                }
                let database_url = format!("sqlite://{}", file.display());
                Storage::of(folder, database_url, None)
            }
            Backend::Postgres(servers) | Backend::Pooled(servers) => {
                let name = fresh_name("test");
                let copy = template.map_or(String::new(), |t| format!(" TEMPLATE {}", t.postgres));
                servers.execute(&format!("CREATE DATABASE {name}{copy}"));
                let redis = servers.redis_url.as_ref().map(|url| (url, RedisIndexes::take()));
                Storage {
                    folder,
                    database_url: servers.database(&name),
                    redis_url: redis.map(|(url, index)| format!("{url}/{index}")),
                    pooler: matches!(backend, Backend::Pooled(_)).then(|| servers.pooler.clone()),
                    postgres: Some((servers.clone(), name)),
                    redis_index: redis.map(|(_, index)| index),
                }
            }
        }
    }

    /// A database that somebody else made, and takes away.
    pub fn at(database_url: String, redis_url: Option<String>) -> Storage {
        Storage::of(TempDir::new().expect("a temporary folder"), database_url, redis_url)
    }

    fn of(folder: TempDir, database_url: String, redis_url: Option<String>) -> Storage {
        let (pooler, postgres, redis_index) = (None, None, None);
        Storage { folder, database_url, redis_url, pooler, postgres, redis_index }
    }

    /// Runs SQL on the database itself, past the program.
    pub fn execute(&self, sql: &str) -> diesel::QueryResult<()> {
        match self.database_url.strip_prefix("sqlite://") {
            Some(file) => {
                let mut conn = diesel::SqliteConnection::establish(file).expect("the file opens");
                conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON")?;
                conn.batch_execute(sql)
            }
            None => PgConnection::establish(&self.database_url)
                .expect("PostgreSQL is there")
                .batch_execute(sql),
        }
    }

    /// Gives a product metadata of so many bytes and more, as a version could that had no bound: the
    /// largest answers come from such rows.
    #[track_caller]
    pub fn enlarge(&self, product_id: &str, bytes: usize) {
        let text = "x".repeat(bytes);
        let sql = format!(
            "UPDATE products SET metadata = '{{\"text\":\"{text}\"}}' WHERE id = '{product_id}'"
        );
        let (off, on) = if self.postgres.is_some() {
            (
                "ALTER TABLE products DISABLE TRIGGER USER",
                "ALTER TABLE products ENABLE TRIGGER USER",
            )
        } else {
            ("DROP TRIGGER products_metadata_changed", "SELECT 1")
        };
        self.execute(&format!("{off}; {sql}; {on}")).expect("the row is there");
    }

    /// The answer of the database itself to `SELECT … AS count`.
    #[track_caller]
    pub fn count(&self, sql: &str) -> i64 {
        let counted = match self.database_url.strip_prefix("sqlite://") {
            Some(file) => {
                let mut conn = diesel::SqliteConnection::establish(file).expect("the file opens");
                conn.batch_execute("PRAGMA busy_timeout = 5000").expect("it is a setting");
                sql_query(sql).get_result(&mut conn)
            }
            None => {
                let conn = PgConnection::establish(&self.database_url);
                sql_query(sql).get_result(&mut conn.expect("PostgreSQL is there"))
            }
        };
        let Count { count } = counted.unwrap_or_else(|error| panic!("{sql}: {error}"));
        count
    }

    /// The settings that point a process at this storage.
    pub fn settings(&self) -> Vec<(String, String)> {
        let mut settings = match &self.pooler {
            None => vec![("DATABASE_URL".to_owned(), self.database_url.clone())],
            Some(pooler) => {
                let (before, rest) = self.database_url.split_once('@').expect("a user in the URL");
                let (_, name) = rest.split_once('/').expect("a database in the URL");
                let off = ("DATABASE_PREPARED_STATEMENTS".to_owned(), "off".to_owned());
                vec![("DATABASE_URL".to_owned(), format!("{before}@{pooler}/{name}")), off]
            }
        };
        settings.extend(self.redis_url.iter().map(|url| ("REDIS_URL".to_owned(), url.clone())));
        settings
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl Drop for Storage {
    fn drop(&mut self) {
        if let Some((servers, name)) = &self.postgres {
            servers.execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
        if let Some(index) = self.redis_index {
            if let Some(url) = &self.redis_url {
                flush_redis(url);
            }
            RedisIndexes::give_back(index);
        }
    }
}

/// Empties one numbered database of Redis.
pub fn flush_redis(url: &str) {
    redis_command(url, "FLUSHDB");
}

/// Sends one command, written inline, and returns the raw reply.
pub fn redis_command(url: &str, command: &str) -> String {
    let rest = url.strip_prefix("redis://").expect("a redis:// URL");
    let (address, index) = rest.split_once('/').unwrap_or((rest, "0"));
    send_raw(address, format!("SELECT {index}\r\n{command}\r\nQUIT\r\n").as_bytes())
}

/// Redis has 16 numbered databases; each test has one for itself.
struct RedisIndexes;

static FREE_REDIS_INDEXES: Mutex<Vec<u32>> = Mutex::new(Vec::new());
static NEXT_REDIS_INDEX: AtomicU32 = AtomicU32::new(0);

impl RedisIndexes {
    fn take() -> u32 {
        let free = FREE_REDIS_INDEXES.lock().expect("no test panics here").pop();
        free.unwrap_or_else(|| {
            let index = NEXT_REDIS_INDEX.fetch_add(1, Ordering::Relaxed);
            assert!(index < 16, "more than 16 tests at once: run with --test-threads=16 or fewer");
            index
        })
    }

    fn give_back(index: u32) {
        FREE_REDIS_INDEXES.lock().expect("no test panics here").push(index);
    }
}
