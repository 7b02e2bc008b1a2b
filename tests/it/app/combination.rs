//! Where a case runs: the servers, the back end, and the door.

use super::{App, Storage};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

/// Where the private PostgreSQL and Redis of this run are.
#[derive(Clone, PartialEq, Eq)]
pub struct Servers {
    pub database_url: String,
    /// `None`: the cache lives in the process.
    pub redis_url: Option<String>,
    /// `HOST:PORT` of the PgBouncer in front of the database.
    pub pooler: String,
}

impl Servers {
    /// `None` unless all are set; some of them are a mistake that must not look like a pass.
    pub fn from_env() -> Option<Servers> {
        let value = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        // The last three are for the servers that tests start for themselves (kit/postgres.rs).
        let names = [
            "TEST_DATABASE_URL",
            "TEST_REDIS_URL",
            "TEST_POOLER",
            "TEST_POSTGRES_BIN",
            "TEST_POSTGRES_TEMPLATE",
            "TEST_LOCALES",
        ];
        match names.map(value) {
            [Some(database_url), Some(redis_url), Some(pooler), Some(_), Some(_), Some(_)] => {
                Some(Servers { database_url, redis_url: Some(redis_url), pooler })
            }
            [None, None, None, None, None, None] => None,
            _ => panic!("set all of {}, or none: scripts/services run does", names.join(", ")),
        }
    }

    /// The URL of another database on the same server.
    pub fn database(&self, name: &str) -> String {
        let (base, _) = self.database_url.rsplit_once('/').expect("a URL with a path");
        format!("{base}/{name}")
    }

    /// The same PostgreSQL, and no Redis.
    pub fn without_redis(&self) -> Servers {
        Servers { redis_url: None, ..self.clone() }
    }

    pub(super) fn execute(&self, sql: &str) {
        let mut conn = PgConnection::establish(&self.database_url).expect("PostgreSQL is there");
        conn.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

#[derive(Clone)]
pub enum Backend {
    Sqlite,
    Postgres(Servers),
    /// PostgreSQL, which processes reach through a pooler.
    Pooled(Servers),
}

/// How requests reach the modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The gateway of `--role all`.
    All,
    /// `--role gateway` in front of `--role product` and `--role customer`.
    Split,
    /// The service listeners themselves.
    Direct,
}

#[derive(Clone)]
pub struct Combination {
    pub backend: Backend,
    pub door: Door,
}

impl Combination {
    pub fn name(&self) -> String {
        let backend = match self.backend {
            Backend::Sqlite => "sqlite",
            Backend::Postgres(Servers { redis_url: Some(_), .. }) => "postgres",
            Backend::Postgres(Servers { redis_url: None, .. }) => "postgres-alone",
            Backend::Pooled(_) => "pooler",
        };
        format!("{backend}/{:?}", self.door).to_lowercase()
    }

    pub fn is_postgres(&self) -> bool {
        !matches!(self.backend, Backend::Sqlite)
    }

    /// A running store, loaded from `data/`.
    #[track_caller]
    pub fn start(&self) -> App {
        self.start_with(&[])
    }

    /// As [`Combination::start`], with more settings.
    #[track_caller]
    pub fn start_with(&self, settings: &[(&str, &str)]) -> App {
        App::start(self, Storage::seeded(&self.backend), settings)
    }

    /// A running store without a row.
    #[track_caller]
    pub fn start_empty(&self) -> App {
        App::start(self, Storage::empty(&self.backend), &[("CHRONOS_NO_SEED", "true")])
    }
}
