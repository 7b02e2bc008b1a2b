//! Starts the real binary for one test: its own database, its own ports, ended with the test.

use crate::client::{Answer, Client, send_raw};
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock};
use tempfile::TempDir;

/// The binary of this build, or another one that `TEST_BINARY` names: the long runs want the release.
pub static BINARY: LazyLock<String> = LazyLock::new(|| {
    std::env::var("TEST_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_chronos").to_owned())
});
/// Signs the tokens of the tests.
pub const SECRET: &str = "4f1c0e9b7a6d5283f0e1d2c3b4a59687";

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

    fn execute(&self, sql: &str) {
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

/// A database loaded from `data/` once, and copied for each test.
struct Template {
    _folder: TempDir,
    sqlite_file: PathBuf,
    postgres: String,
}

static SQLITE_TEMPLATE: OnceLock<Template> = OnceLock::new();
static POSTGRES_TEMPLATE: OnceLock<Template> = OnceLock::new();

fn template(backend: &Backend) -> &'static Template {
    match backend {
        Backend::Sqlite => SQLITE_TEMPLATE.get_or_init(|| {
            let folder = TempDir::new().expect("a temporary folder");
            let sqlite_file = folder.path().join("template.db");
            seed(&format!("sqlite://{}", sqlite_file.display()));
            Template { _folder: folder, sqlite_file, postgres: String::new() }
        }),
        Backend::Postgres(servers) | Backend::Pooled(servers) => {
            POSTGRES_TEMPLATE.get_or_init(|| {
                let name = fresh_name("template");
                servers.execute(&format!("CREATE DATABASE {name}"));
                seed(&servers.database(&name));
                let folder = TempDir::new().expect("a temporary folder");
                Template { _folder: folder, sqlite_file: PathBuf::new(), postgres: name }
            })
        }
    }
}

/// Drops what [`template`] left on the server.
pub fn remove_templates(servers: Option<&Servers>) {
    if let (Some(servers), Some(template)) = (servers, POSTGRES_TEMPLATE.get()) {
        servers.execute(&format!("DROP DATABASE {} WITH (FORCE)", template.postgres));
    }
}

/// Loads `data/` into a database.
pub fn seed(database_url: &str) {
    let output = command(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["seed", "--database-url", database_url])
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn fresh_name(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("chronos_{what}_{}_{number}", std::process::id())
}

/// The binary, in a folder and with no setting from this environment.
pub fn command(folder: &Path) -> Command {
    program(&BINARY, folder)
}

/// Any program, as [`command`] starts the binary.
pub fn program(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    // Nothing but what the loader of shared libraries and coverage tools may need.
    for name in ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// One process of the binary that serves.
pub struct Process {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    log: PathBuf,
    pub banner: String,
}

impl Process {
    /// Starts `chronos serve` on free ports, as most tests want it, and waits for its banner.
    #[track_caller]
    pub fn start(folder: &Path, role: &str, settings: &[(String, String)]) -> Process {
        let usual = [
            ("JWT_SECRET", SECRET),
            ("AUTH_TOKEN_ENDPOINT", "on"),
            ("RATE_LIMIT_PER_MINUTE", "0"),
            ("DATABASE_POOL_SIZE", "8"),
        ];
        let given = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<(&str, &str)> = usual.into_iter().chain(given).collect();
        Process::start_plain(folder, role, &all)
    }

    /// As [`Process::start`], with no other settings than these.
    #[track_caller]
    pub fn start_plain(folder: &Path, role: &str, settings: &[(&str, &str)]) -> Process {
        Process::start_as(command(folder), folder, role, settings)
    }

    /// As [`Process::start_plain`], where `program` is the binary, or becomes it.
    #[track_caller]
    pub fn start_as(
        mut program: Command,
        folder: &Path,
        role: &str,
        settings: &[(&str, &str)],
    ) -> Process {
        let log = folder.join(format!("{}.log", fresh_name(role)));
        let mut child = program
            .args(["serve", "--role", role])
            .envs([
                ("GATEWAY_PORT", "0"),
                ("PRODUCT_SERVICE_PORT", "0"),
                ("CUSTOMER_SERVICE_PORT", "0"),
                // The names that tests write by hand.
                ("ALLOWED_HOSTS", "a, x, sto, store, chronos, store.example"),
            ])
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).expect("a log file"))
            .spawn()
            .expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut banner = String::new();
        while !banner.contains("Ctrl-C") {
            let read = stdout.read_line(&mut banner).expect("the banner is text");
            if read == 0 {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                panic!("chronos serve --role {role} ended at its start:\n{log}");
            }
        }
        Process { child, _stdout: stdout, log, banner }
    }

    /// The URL that the banner gives for a listener.
    pub fn url(&self, listener: &str) -> String {
        let line = self.banner.lines().map(str::trim).find(|line| line.starts_with(listener));
        let url = line.and_then(|line| line.split_whitespace().nth(1));
        url.unwrap_or_else(|| panic!("no {listener} in {}", self.banner)).to_owned()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal, by its name: `TERM`, `STOP`, `CONT`, `KILL`.
    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status();
        assert!(status.expect("kill is there").success(), "kill -{name}");
    }

    /// Waits for the end and returns the exit status.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("it is a child").code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(15)..];
            eprintln!("--- {}\n{}", self.log.display(), tail.join("\n"));
        }
    }
}

/// A running store, reached through one door.
pub struct App {
    pub processes: Vec<Process>,
    pub storage: Storage,
    pub client: Client,
    door: Door,
    gateway: String,
    product: String,
    customer: String,
    token: String,
}

impl App {
    #[track_caller]
    pub fn start(combination: &Combination, storage: Storage, settings: &[(&str, &str)]) -> App {
        let mut all = storage.settings();
        all.extend(settings.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let folder = storage.folder.path();
        let (processes, gateway, product, customer) = if combination.door == Door::Split {
            let product = Process::start(folder, "product", &all);
            let customer = Process::start(folder, "customer", &all);
            let (product_url, customer_url) = (product.url("product"), customer.url("customer"));
            all.push(("PRODUCT_SERVICE_URL".into(), product_url.clone()));
            all.push(("CUSTOMER_SERVICE_URL".into(), customer_url.clone()));
            let gateway = Process::start(folder, "gateway", &all);
            let gateway_url = gateway.url("gateway");
            (vec![product, customer, gateway], gateway_url, product_url, customer_url)
        } else {
            let process = Process::start(folder, "all", &all);
            let urls = ["gateway", "product", "customer"].map(|name| process.url(name));
            let [gateway, product, customer] = urls;
            (vec![process], gateway, product, customer)
        };
        let client = Client::new();
        let door = combination.door;
        let token = make_token(3600);
        App { processes, storage, client, door, gateway, product, customer, token }
    }

    /// The URL of a path, behind the door of this combination.
    pub fn url(&self, path: &str) -> String {
        let base = match self.door {
            Door::Direct if path.starts_with("/customers") => &self.customer,
            Door::Direct => &self.product,
            Door::All | Door::Split => &self.gateway,
        };
        format!("{base}{path}")
    }

    pub fn gateway_url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway)
    }

    pub fn product_url(&self, path: &str) -> String {
        format!("{}{path}", self.product)
    }

    pub fn customer_url(&self, path: &str) -> String {
        format!("{}{path}", self.customer)
    }

    /// `HOST:PORT` behind the door, for raw bytes.
    pub fn address(&self, path: &str) -> String {
        let url = self.url(path);
        let rest = url.strip_prefix("http://").expect("an http:// URL");
        rest.split('/').next().expect("a host").to_owned()
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    /// Reads until the cache answers. The first answer may still come from the database: Redis has
    /// 50 ms to take it in, and a busy machine can miss them.
    #[track_caller]
    pub fn get_cached(&self, path: &str) -> Answer {
        let mut last = self.get(path).expect(200);
        crate::kit::until("the cache answers", || {
            last = self.get(path).expect(200);
            last.json["cached"] == true
        });
        last
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body))
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, Some(body))
    }

    #[track_caller]
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, Some(body))
    }

    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None)
    }

    /// With the token of the tests, and a body as JSON.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(Value::to_string);
        self.send_bytes(method, path, body.as_deref().map(str::as_bytes))
    }

    /// With the token of the tests, and a body that is declared as JSON.
    #[track_caller]
    pub fn send_bytes(&self, method: &str, path: &str, body: Option<&[u8]>) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("Authorization", bearer.as_str())];
        if body.is_some() {
            headers.push(("Content-Type", "application/json"));
        }
        self.client.send(method, &self.url(path), &headers, body)
    }

    /// A request head with a raw path, and what comes back.
    pub fn get_raw(&self, path: &str) -> String {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: chronos\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            self.token
        );
        send_raw(&self.address("/products"), head.as_bytes())
    }
}

/// A token as another program with the key would make it, from now for some seconds.
pub fn make_token(seconds: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = i64::try_from(now.expect("after 1970").as_secs()).expect("before the sun ends");
    sign(&serde_json::json!({
        "userId": "test", "email": "test@example.com", "iat": now, "exp": now + seconds
    }))
}

/// A token with any claims.
pub fn sign(claims: &Value) -> String {
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

    chronos::gateway::install_hs256();
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).expect("claims are JSON")
}
