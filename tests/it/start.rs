//! The start: what it needs of the database, what it waits for, and what it says.

use crate::app::{Combination, Process, Storage, command};
use crate::cases;
use crate::client::Client;
use crate::kit::until;
use diesel::connection::SimpleConnection;
use diesel::sql_types::Integer;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::thread;

cases![
    OnPostgres:
        a_role_that_may_not_create_tables_serves,
        a_role_that_may_only_read_serves_and_its_writes_are_503,
        a_server_that_only_reads_serves,
        a_role_that_may_not_make_what_is_missing_is_told_so,
        a_migration_by_another_session_is_waited_for_by_name,
        the_wait_for_a_migration_has_an_end;
    BothBackends:
        a_newer_schema_is_said_and_served;
    OnSqlite:
        a_file_that_may_not_be_written_serves_and_its_writes_are_503,
        a_file_that_is_being_written_serves_at_once,
        a_new_file_that_another_process_holds_is_waited_for_by_name;
];

/// The number that a migration takes a lock by.
const LOCK: &str = "SELECT pg_advisory_lock(4843726154)";

/// A role of this test alone, which may do what `rights` grants; returns the URL to connect with.
fn role_with(storage: &Storage, rights: &str) -> String {
    let (_, name) = storage.database_url.rsplit_once('/').expect("a URL with a path");
    let role = format!("{name}_clerk");
    let sql = format!("CREATE ROLE {role} LOGIN; {}", rights.replace("ROLE", &role));
    storage.execute(&sql).expect("the tests may do everything");
    storage.database_url.replacen("chronos@", &format!("{role}@"), 1)
}

fn start_with_url(storage: &Storage, url: String) -> Process {
    let settings = [("DATABASE_URL".to_owned(), url)];
    Process::start(storage.folder.path(), "all", &settings)
}

/// The status of a read, of a taking of stock, and of a new customer.
fn statuses(process: &Process) -> [u16; 3] {
    let client = Client::new();
    let send = |method: &str, url: String, body: Option<String>| {
        let headers = [("Content-Type", "application/json")];
        let headers = if body.is_some() { &headers[..] } else { &[] };
        client.send(method, &url, headers, body.as_deref().map(str::as_bytes)).status
    };
    let (product, customer) = (process.url("product"), process.url("customer"));
    let new = json!({ "id": "c1", "name": "N", "email": "n@example.com", "tier": "gold" });
    [
        send("GET", format!("{product}/products/prod_001"), None),
        send(
            "PATCH",
            format!("{product}/products/prod_001/inventory"),
            Some(json!({ "quantity": 1 }).to_string()),
        ),
        send("POST", format!("{customer}/customers"), Some(new.to_string())),
    ]
}

fn a_role_that_may_not_create_tables_serves(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let url = role_with(
        &storage,
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ROLE; \
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ROLE",
    );
    let process = start_with_url(&storage, url);
    assert_eq!(statuses(&process), [200, 200, 201]);
}

fn a_role_that_may_only_read_serves_and_its_writes_are_503(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let url = role_with(&storage, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO ROLE");
    let process = start_with_url(&storage, url);
    assert_eq!(statuses(&process), [200, 503, 503]);
}

/// As a standby does, and a role for reports.
fn a_server_that_only_reads_serves(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let url = role_with(
        &storage,
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO ROLE; \
         ALTER USER ROLE SET default_transaction_read_only = on",
    );
    let process = start_with_url(&storage, url);
    assert_eq!(statuses(&process), [200, 503, 503]);
}

fn a_role_that_may_not_make_what_is_missing_is_told_so(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let url = role_with(&storage, "REVOKE CREATE ON SCHEMA public FROM PUBLIC, ROLE");
    let output = command(storage.folder.path())
        .args(["serve", "--database-url", &url])
        .output()
        .expect("the binary starts");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("GRANT CREATE ON SCHEMA public"), "{message}");
}

/// What the processes that log into this folder have said.
fn logs_in(folder: &Path) -> String {
    let files = std::fs::read_dir(folder).expect("readable").flatten().map(|entry| entry.path());
    let logs = files.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.map(|path| std::fs::read_to_string(path).unwrap_or_default()).collect()
}

/// Starts a store while `holder` is in the way, and has it let go once the log has said twice who
/// is waited for.
fn expect_wait(storage: &Storage, holder: &str, let_go: impl FnOnce() + Send) -> Process {
    let folder = storage.folder.path();
    thread::scope(|scope| {
        let starting = scope.spawn(|| Process::start(folder, "all", &storage.settings()));
        until("the log has said twice who is waited for", || {
            logs_in(folder).lines().filter(|line| line.contains(holder)).count() >= 2
        });
        let_go();
        starting.join().expect("it starts")
    })
}

fn a_migration_by_another_session_is_waited_for_by_name(combination: &Combination) {
    #[derive(QueryableByName)]
    struct Pid {
        #[diesel(sql_type = Integer)]
        pid: i32,
    }
    let storage = Storage::empty(&combination.backend);
    let url = format!("{}?application_name=deploy", storage.database_url);
    let mut other = PgConnection::establish(&url).expect("PostgreSQL is there");
    other.batch_execute(LOCK).expect("nobody else has it");
    let Pid { pid } =
        sql_query("SELECT pg_backend_pid() AS pid").get_result(&mut other).expect("it is there");
    let holder = format!("pid {pid}, application deploy");
    let process = expect_wait(&storage, &holder, || drop(other));
    until("it is ready", || {
        let url = format!("{}/readyz", process.url("product"));
        Client::new().send("GET", &url, &[], None).status == 200
    });
    // Nobody is left with the lock.
    let held = "SELECT count(*) AS count FROM pg_locks WHERE locktype = 'advisory' AND database = \
                (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(storage.count(held), 0);
}

fn the_wait_for_a_migration_has_an_end(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let mut other = PgConnection::establish(&storage.database_url).expect("PostgreSQL is there");
    other.batch_execute(LOCK).expect("nobody else has it");
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    let output = command(storage.folder.path())
        .args(["seed", "--data-dir", data, "--database-url", &storage.database_url])
        .output()
        .expect("the binary starts");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("pg_terminate_backend"), "{message}");
}

fn a_newer_schema_is_said_and_served(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    storage
        .execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000000')")
        .expect("it is a table");
    let process = Process::start(storage.folder.path(), "all", &storage.settings());
    let log = process.log();
    assert!(log.contains("newer than this program") && log.contains("29991231000000"), "{log}");
    assert_eq!(statuses(&process), [200, 200, 201]);
}

/// The binary, bound by the rights of files even where the tests run as root.
fn bound_by_rights(folder: &Path) -> Command {
    let mut program = crate::app::program("setpriv", folder);
    if std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("Linux")) == 0 {
        let none = "-dac_override,-dac_read_search";
        program.args(["--bounding-set", none, "--inh-caps", none]);
    }
    program.arg("--").arg(&*crate::app::BINARY);
    program
}

/// Gives a file or a folder these rights.
fn allow(path: &Path, mode: u32) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, mode).expect("it is ours");
}

fn a_file_that_may_not_be_written_serves_and_its_writes_are_503(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let folder = storage.folder.path();
    allow(&folder.join("chronos.db"), 0o444);
    let process = Process::start_as(bound_by_rights(folder), folder, "all", &[]);
    assert_eq!(statuses(&process), [200, 503, 503]);
}

fn a_file_that_is_being_written_serves_at_once(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let file = storage.folder.path().join("chronos.db");
    let mut other = SqliteConnection::establish(&file.to_string_lossy()).expect("it opens");
    other.batch_execute("BEGIN IMMEDIATE").expect("nobody else writes");
    let process = Process::start(storage.folder.path(), "all", &storage.settings());
    assert_eq!(statuses(&process)[0], 200);
    assert!(!process.log().contains("waiting for"), "{}", process.log());
}

fn a_new_file_that_another_process_holds_is_waited_for_by_name(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let file = storage.folder.path().join("chronos.db");
    let mut other = SqliteConnection::establish(&file.to_string_lossy()).expect("it opens");
    other.batch_execute("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE").expect("nobody else writes");
    let holder = format!("pid {}", std::process::id());
    let process =
        expect_wait(&storage, &holder, || other.batch_execute("ROLLBACK").expect("it is open"));
    assert_eq!(statuses(&process), [200, 200, 201]);
}
