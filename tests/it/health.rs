//! `/livez` and `/readyz`: what a supervisor and a load balancer are told, and when.

use crate::app::{App, Combination, Process};
use crate::cases;
use crate::client::Answer;
use crate::kit::{storage_behind_gate, until};
use chronos::app::MODULES;
use std::thread;
use tempfile::TempDir;

cases![
    Everywhere:
        every_listener_has_public_probes;
    OnPostgres:
        a_frozen_database_is_not_ready_and_alive,
        a_probe_does_not_queue_behind_requests,
        lists_leave_places_for_reads_of_one_row,
        a_database_that_comes_later_makes_the_process_ready;
    Once:
        probes_are_neither_limited_nor_guarded,
        a_gateway_is_ready_without_a_database;
];

fn ask(app: &App, url: &str) -> Answer {
    app.client.send("GET", url, &[], None)
}

fn every_listener_has_public_probes(combination: &Combination) {
    let app = combination.start();
    let services = MODULES.iter().map(|row| (app.service_url(row.name, ""), row.service));
    let listeners = std::iter::once((app.gateway_url(""), "gateway")).chain(services);
    for (url, service) in listeners {
        let live = ask(&app, &format!("{url}/livez")).expect(200);
        assert_eq!((&live.json["status"], &live.json["service"]), (&"ok".into(), &service.into()));
        assert!(live.json["timestamp"].is_string(), "{}", live.text);
        let ready = ask(&app, &format!("{url}/readyz")).expect(200);
        assert_eq!(ready.json["status"], "ready", "{}", ready.text);
        assert_eq!(ready.json["service"], service);
        assert!(ready.json["redis"].is_string(), "{}", ready.text);
        let has_database = app.processes.len() == 1 || service != "gateway";
        let database = has_database.then_some("connected");
        assert_eq!(ready.json["database"].as_str(), database, "{}", ready.text);
        for path in ["/livez", "/readyz"] {
            let url = format!("{url}{path}");
            let head = app.client.send("HEAD", &url, &[], None).expect(200);
            assert_eq!(head.text, "");
            let other = app.client.send("POST", &url, &[], Some(b"{}"));
            let other = other.expect_failure(405, "Method Not Allowed");
            assert_eq!(other.header("allow"), Some("GET, HEAD"));
        }
    }
}

fn probes_are_neither_limited_nor_guarded(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let token = "a-token-that-only-gateways-of-this-test-know";
    let settings = [
        ("DATABASE_URL", "sqlite::memory:"),
        ("RATE_LIMIT_PER_MINUTE", "1"),
        ("SERVICE_TOKEN", token),
    ];
    let process = Process::start_plain(folder.path(), "all", &settings);
    let client = crate::client::Client::new();
    for listener in ["gateway", "product", "customer", "order"] {
        for path in ["/livez", "/readyz"] {
            for _ in 0..5 {
                let url = format!("{}{path}", process.url(listener));
                client.send("GET", &url, &[], None).expect(200);
            }
        }
    }
}

fn a_gateway_is_ready_without_a_database(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let process = Process::start(folder.path(), "gateway", &[]);
    let url = format!("{}/readyz", process.url("gateway"));
    let ready = crate::client::Client::new().send("GET", &url, &[], None).expect(200);
    assert_eq!(ready.json.get("database"), None);
}

/// F8: while PostgreSQL is frozen, `/readyz` is 503 within 2 s, and `/livez` is not touched.
fn a_frozen_database_is_not_ready_and_alive(combination: &Combination) {
    let (storage, gate) = storage_behind_gate(combination);
    let app = App::start(combination, storage, &[]);
    let (live, ready) = (app.product_url("/livez"), app.gateway_url("/readyz"));
    ask(&app, &ready).expect(200);
    gate.close();
    thread::scope(|scope| {
        // Many ask at once, as several load balancers would.
        for _ in 0..50 {
            scope.spawn(|| {
                let answer = ask(&app, &ready).expect(503);
                assert_eq!(answer.json["status"], "unavailable", "{}", answer.text);
                assert_eq!(answer.json["database"], "unavailable", "{}", answer.text);
                assert_eq!(answer.header("retry-after"), Some("1"));
            });
        }
        for _ in 0..50 {
            ask(&app, &live).expect(200);
        }
    });
    gate.open();
    until("it is ready again", || ask(&app, &ready).status == 200);
}

/// F10: a process whose database comes later lives, is not ready, and becomes so.
fn a_database_that_comes_later_makes_the_process_ready(combination: &Combination) {
    let (storage, gate) = storage_behind_gate(combination);
    gate.cut();
    let app = App::start(combination, storage, &[]);
    for service in [app.gateway_url(""), app.product_url("")] {
        ask(&app, &format!("{service}/livez")).expect(200);
        let answer = ask(&app, &format!("{service}/readyz")).expect(503);
        assert_eq!(answer.json["status"], "unavailable", "{}", answer.text);
        assert_eq!(answer.json["database"], "migrating", "{}", answer.text);
    }
    gate.mend();
    until("it is ready", || ask(&app, &app.gateway_url("/readyz")).status == 200);
    app.get("/products/prod_001").expect(200);
}

/// An outside transaction that keeps everybody else out of a table.
fn lock(app: &App, table: &str) -> diesel::PgConnection {
    use diesel::Connection;
    use diesel::connection::SimpleConnection;

    let mut conn =
        diesel::PgConnection::establish(&app.storage.database_url).expect("PostgreSQL is there");
    conn.batch_execute(&format!("BEGIN; LOCK TABLE {table}")).expect("the lock is free");
    conn
}

/// How many connections to the database wait for a lock.
fn waiting(app: &App) -> i64 {
    app.storage.count(
        "SELECT count(*) AS count FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
}

/// L9: every place is taken, by requests that wait for a lock; the database is well.
fn a_probe_does_not_queue_behind_requests(combination: &Combination) {
    let app = combination.start();
    let lock = lock(&app, "customers");
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let answer = app.get("/customers/cust_001");
                assert!([200, 503].contains(&answer.status), "{answer:?}");
            });
        }
        until("every place is taken", || waiting(&app) >= 8);
        for listener in [app.gateway_url(""), app.product_url(""), app.customer_url("")] {
            let answer = ask(&app, &format!("{listener}/readyz")).expect(200);
            assert_eq!(answer.json["database"], "connected", "{}", answer.text);
        }
        for service in [app.product_url(""), app.customer_url("")] {
            ask(&app, &format!("{service}/health")).expect(200);
        }
        assert!(waiting(&app) >= 8, "the places were taken all the while");
        drop(lock);
    });
}

/// L8: lists that all hang hold a third of the 8 places at most, and rows are read beside them.
fn lists_leave_places_for_reads_of_one_row(combination: &Combination) {
    const LISTS: usize = 30;
    let app = combination.start();
    let lock = lock(&app, "products");
    thread::scope(|scope| {
        let lists: Vec<_> = (0..LISTS)
            .map(|_| {
                scope.spawn(|| {
                    let answer = app.get("/products?limit=1");
                    assert!([200, 503].contains(&answer.status), "{answer:?}");
                })
            })
            .collect();
        until("lists hang", || waiting(&app) >= 1);
        let mut most = 0;
        while !lists.iter().any(|list| list.is_finished()) {
            app.get("/customers/cust_001").expect(200);
            most = waiting(&app).max(most);
        }
        drop(lock);
        assert!((1..=2).contains(&most), "{most}");
    });
}
