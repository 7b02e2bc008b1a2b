//! PostgreSQL away, killed, frozen, late, or with a row that somebody else holds.

use super::{
    Lock, MIGRATIONS, PATH, expect_unavailable, migration_count, until_a_lock_is_waited_for,
};
use crate::app::{App, Combination, Process, Storage};
use crate::cases;
use crate::kit::history::{End, Latencies};
use crate::kit::load::{self, Plan};
use crate::kit::{
    Fleet, Postgres, figure, gated_store, gated_store_with_own_cache, status_of, timed, until,
};
use diesel::Connection;
use diesel::connection::SimpleConnection;
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

cases![
    OnPostgres:
        a_database_that_goes_away_is_a_503_and_heals,
        a_database_that_hangs_is_a_503_and_heals,
        a_frozen_database_is_a_503_and_what_is_cached_is_served,
        a_crowd_takes_few_more_threads_than_connections,
        a_store_starts_beside_a_frozen_database,
        a_database_without_a_free_connection_is_a_503_and_heals,
        a_database_that_only_reads_is_a_503_for_writes_alone,
        a_database_that_comes_later_is_waited_for,
        the_process_outlives_a_database_that_restarts,
        a_write_whose_connection_breaks_is_no_success,
        a_connection_ended_before_the_commit_leaves_no_trace,
        a_commit_whose_answer_is_lost_leaves_nothing_stale,
        a_process_that_dies_after_the_commit_leaves_nothing_stale,
        a_locked_row_holds_up_nobody_else;
];

/// F6, F8: nothing is answered at all; what is cached is served.
fn a_database_that_goes_away_is_a_503_and_heals(combination: &Combination) {
    let (app, gate) = gated_store_with_own_cache(combination);
    app.get(PATH).expect(200);
    gate.cut();
    assert_eq!(app.get(PATH).expect(200).json["cached"], true, "what is cached is served");
    expect_unavailable(app.get("/products/prod_002"));
    expect_unavailable(app.get("/products"));
    expect_unavailable(app.get("/customers/cust_001"));
    expect_unavailable(app.patch(&format!("{PATH}/inventory"), &json!({ "quantity": 1 })));
    let health = app.client.send("GET", &app.product_url("/health"), &[], None).expect(503);
    assert_eq!(health.json["database"], "unavailable");
    assert_eq!(health.json["service"], "product-service");
    gate.mend();
    until("the database answers", || {
        let answer = app.get("/products/prod_002");
        assert!([200, 503].contains(&answer.status), "{answer:?}");
        answer.status == 200
    });
    app.patch(&format!("{PATH}/inventory"), &json!({ "quantity": 1 })).expect(200);
    assert!(!app.processes[0].log().contains("panicked"));
}

/// F8: its answers do not come through.
fn a_database_that_hangs_is_a_503_and_heals(combination: &Combination) {
    let (app, gate) = gated_store_with_own_cache(combination);
    app.get(PATH).expect(200);
    gate.close();
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| expect_unavailable(app.get("/products/prod_002")));
        }
        scope.spawn(|| assert_eq!(app.get(PATH).expect(200).json["cached"], true));
    });
    gate.open();
    until("the database answers", || {
        let answer = app.get("/products/prod_002");
        assert!([200, 503].contains(&answer.status), "{answer:?}");
        answer.status == 200
    });
}

/// F10: two processes are there before their database. It is migrated once, by one of them.
fn a_database_that_comes_later_is_waited_for(combination: &Combination) {
    let postgres = Postgres::reserve();
    let (app, took) = timed(|| App::start(combination, Storage::at(postgres.url(), None), &[]));
    figure("F10", "the start without a database", took);
    let other = Process::start(app.storage.folder.path(), "all", &app.storage.settings());
    for process in [&app.processes[0], &other] {
        assert!(process.banner.contains("unavailable"), "{}", process.banner);
    }
    expect_unavailable(app.get(PATH));
    let (_, took) = timed(|| expect_alive(&app, &app.product_url("")));
    figure("F10", "/livez", took);
    expect_not_ready(&app, &app.product_url(""));
    postgres.start();
    let ((), took) = timed(|| until_read_or_refused(&app, "/products"));
    figure("F10", "the first success after the database is there", took);
    until_ready(&app, &other.url("product"));
    assert_eq!(app.storage.count(MIGRATIONS), migration_count());
    for process in [&app.processes[0], &other] {
        assert!(!process.log().contains("ERROR"), "{}", process.log());
    }
}

/// F7: at the very beginning of the transaction.
fn a_write_whose_connection_breaks_is_no_success(combination: &Combination) {
    let store = gated_store(combination, &[]);
    let app = &store.app;
    let inventory = format!("{PATH}/inventory");
    app.patch(&inventory, &json!({ "quantity": 1 })).expect(200);
    thread::scope(|scope| {
        store.gate.close();
        let write = scope.spawn(|| app.patch(&inventory, &json!({ "quantity": 1 })));
        store.gate.wait_for_held_answer();
        store.gate.cut();
        expect_unavailable(write.join().expect("an answer"));
    });
    // What was held was the answer to BEGIN: nothing had happened yet.
    let url = format!("{}{PATH}", store.other.url("product"));
    let seen = app.client.send("GET", &url, &[], None).expect(200);
    assert_eq!(seen.json["data"]["stock"], 11);
    store.gate.open();
    store.gate.mend();
    until("the database answers", || app.get("/products/prod_003").status == 200);
}

/// F8: all its processes stopped where they are, which cuts no connection. What is cached is served,
/// everything else is refused in time, and no request leaves a thread behind.
fn a_frozen_database_is_a_503_and_what_is_cached_is_served(combination: &Combination) {
    const WAITING: usize = 100;
    const WRITING: usize = 20;
    let postgres = Postgres::started();
    let app = App::start(combination, postgres.seeded(), &[]);
    app.get_cached(PATH);
    let threads = || -> usize {
        let count = status_of(app.processes[0].id(), "Threads").expect("it runs");
        count.parse().expect("a number")
    };
    let before = threads();
    postgres.freeze();
    thread::scope(|scope| {
        let mut refusals = Vec::new();
        for index in 0..WAITING {
            // Two of them for each product, of whom one waits for the load of the other.
            let path = format!("/products/prod_{:03}", index % 50 + 2);
            let app = &app;
            refusals.push(scope.spawn(move || timed(|| expect_unavailable(app.get(&path))).1));
        }
        for _ in 0..WRITING {
            refusals.push(scope.spawn(|| {
                let write = || app.patch(&format!("{PATH}/inventory"), &json!({ "quantity": 1 }));
                timed(|| expect_unavailable(write())).1
            }));
        }
        for _ in 0..20 {
            let (answer, took) = timed(|| app.get(PATH).expect(200));
            assert_eq!(answer.json["cached"], true);
            figure("F8", "a cached read", took);
            let (_, took) = timed(|| expect_alive(&app, &app.gateway_url("")));
            figure("F8", "/livez", took);
        }
        let (_, took) = timed(|| expect_not_ready(&app, &app.product_url("")));
        figure("F8", "/readyz is 503", took);
        // One for each of the 8 connections, and one more for what looks after the pool.
        assert!(threads() <= before + 12, "{} threads, {before} before", threads());
        let refusals = refusals.into_iter().map(|one| one.join().expect("it is refused"));
        figure("F8", "a refusal", Latencies::of(refusals.collect()));
    });
    assert!(threads() <= before + 12, "{} threads, {before} before", threads());
    postgres.thaw();
    let ((), took) = timed(|| until_read_or_refused(&app, "/products/prod_060"));
    figure("F8", "the first success after the thaw", took);
    let inventory = format!("{PATH}/inventory");
    let last = app.patch(&inventory, &json!({ "quantity": 1 })).expect(200);
    assert_eq!(
        last.json["data"]["remaining_stock"], 11,
        "none of those refused takes effect later"
    );
}

/// F8: a thread for each request, or for each connection and worker, would be memory for nothing.
fn a_crowd_takes_few_more_threads_than_connections(combination: &Combination) {
    const CLIENTS: usize = 32;
    let app = combination.start();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for _ in 0..50 {
                    app.get("/customers?limit=1").expect(200);
                }
            });
        }
    });
    let tasks = format!("/proc/{}/task", app.processes[0].id());
    let names = std::fs::read_dir(tasks).expect("it runs").flatten().map(|task| {
        // A thread may have ended meanwhile.
        std::fs::read_to_string(task.path().join("comm")).unwrap_or_default()
    });
    let blocking = names.filter(|name| name.starts_with("tokio")).count();
    // The 8 connections of the pool, and what else may block.
    assert!((1..=12).contains(&blocking), "{blocking} threads");
}

/// F8, F10: a connection is accepted by the system, and nobody ever answers on it.
fn a_store_starts_beside_a_frozen_database(combination: &Combination) {
    let postgres = Postgres::started();
    let storage = postgres.seeded();
    postgres.freeze();
    let (app, took) = timed(|| App::start(combination, storage, &[]));
    figure("F10", "the start beside a frozen database", took);
    expect_alive(&app, &app.product_url(""));
    expect_not_ready(&app, &app.product_url(""));
    expect_unavailable(app.get(PATH));
    postgres.thaw();
    let ((), took) = timed(|| until_read_or_refused(&app, PATH));
    figure("F10", "the first success after the thaw", took);
    until_ready(&app, &app.product_url(""));
}

/// F6: others hold every connection that the server has.
fn a_database_without_a_free_connection_is_a_503_and_heals(combination: &Combination) {
    let postgres = Postgres::started();
    let app = App::start(combination, postgres.seeded(), &[]);
    app.get_cached(PATH);
    let url = format!("{}?application_name=other", postgres.url());
    let mut others = Vec::new();
    // The process may come back before the others have taken them all.
    until("there is no connection for the process", || {
        while let Ok(conn) = diesel::PgConnection::establish(&url) {
            others.push(conn);
        }
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND application_name <> 'other'";
        others[0].batch_execute(end).expect("it has its connection");
        while let Ok(conn) = diesel::PgConnection::establish(&url) {
            others.push(conn);
        }
        app.get("/products?limit=1").status == 503
    });
    assert_eq!(app.get(PATH).expect(200).json["cached"], true);
    drop(others);
    until_read_or_refused(&app, "/products?limit=1");
}

/// F6: a standby, or a server whose operator has stopped writes.
fn a_database_that_only_reads_is_a_503_for_writes_alone(combination: &Combination) {
    let postgres = Postgres::started();
    let app = App::start(combination, postgres.seeded(), &[]);
    let inventory = format!("{PATH}/inventory");
    app.patch(&inventory, &json!({ "quantity": 1 })).expect(200);
    let only_reads = |value: &str| {
        postgres.execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {value}"));
        postgres.execute("SELECT pg_reload_conf()");
    };
    only_reads("on");
    // Each connection reads its settings again when it is next used.
    until("writes are refused", || app.patch(&inventory, &json!({ "quantity": 1 })).status == 503);
    let left = app.get(PATH).expect(200).json["data"]["stock"].as_i64().expect("a stock");
    expect_unavailable(app.put(PATH, &json!({ "price": 1 })));
    app.get("/products?limit=1").expect(200);
    app.get("/customers/cust_001").expect(200);
    only_reads("off");
    until("writes are taken", || app.patch(&inventory, &json!({ "quantity": 1 })).status == 200);
    assert_eq!(app.get(PATH).expect(200).json["data"]["stock"], left - 1);
}

/// Fails the test unless a listener of the process answers, whatever becomes of the database.
#[track_caller]
fn expect_alive(app: &App, listener: &str) {
    app.client.send("GET", &format!("{listener}/livez"), &[], None).expect(200);
}

/// Fails the test unless a listener asks for requests to be sent elsewhere.
#[track_caller]
fn expect_not_ready(app: &App, listener: &str) {
    let answer = app.client.send("GET", &format!("{listener}/readyz"), &[], None).expect(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
}

/// Waits until it does not any more.
#[track_caller]
fn until_ready(app: &App, listener: &str) {
    until("the listener is ready", || {
        app.client.send("GET", &format!("{listener}/readyz"), &[], None).status == 200
    });
}

/// Reads until the answer is 200; until then it must be 503.
#[track_caller]
fn until_read_or_refused(app: &App, path: &str) {
    until("the database answers", || {
        let answer = app.get(path);
        assert!([200, 503].contains(&answer.status), "{answer:?}");
        answer.status == 200
    });
}

/// F6: connections ended, the server stopped and started, killed and started, all under load.
fn the_process_outlives_a_database_that_restarts(combination: &Combination) {
    let postgres = Postgres::started();
    let storage = Storage::at(postgres.url(), None);
    let fleet = Fleet::start(combination.door, &storage, 1, &[]);
    let process = fleet.stores[0].0[0].id();
    let pause = || thread::sleep(Duration::from_millis(300));
    let (history, back) = load::run(&fleet, &Plan::short(true), || {
        for _ in 0..3 {
            pause();
            postgres.terminate_backends();
        }
        let ways: [&dyn Fn(); 2] = [&|| postgres.stop(), &|| postgres.kill()];
        ways.map(|end| {
            end();
            pause();
            postgres.start();
            let back = Instant::now();
            fleet.until_ready(&fleet.stores[0]);
            back
        })
    });
    history.expect_no_violation();
    history.expect_ends(&[200, 201, 400, 404, 503].map(End::Status));
    assert_eq!(fleet.stores[0].0[0].id(), process);
    assert!(status_of(process, "State").is_some_and(|state| !state.starts_with('Z')));
    let refused = history.latencies(|sample| sample.end == End::Status(503));
    figure("F6", "refusals", refused);
    for back in back {
        let success = history.first_success_after(back, |_| true).expect("it serves again");
        figure("F6", "the first success after it is back", success);
    }
}

/// F7: between the update and the commit. The update has taken place, and nobody else ever sees it.
fn a_connection_ended_before_the_commit_leaves_no_trace(combination: &Combination) {
    let store = gated_store(combination, &[]);
    let inventory = format!("{PATH}/inventory");
    store.app.patch(&inventory, &json!({ "quantity": 1 })).expect(200);
    // The update answers the row, and with it the name.
    store.gate.close_at("Submariner Date");
    thread::scope(|scope| {
        let write = scope.spawn(|| store.app.patch(&inventory, &json!({ "quantity": 1 })));
        store.gate.wait_for_held_answer();
        let ended = store.storage.count(
            "SELECT count(pg_terminate_backend(pid)) AS count FROM pg_stat_activity \
             WHERE datname = current_database() AND state = 'idle in transaction'",
        );
        store.gate.open();
        assert_eq!(ended, 1, "the transaction was under way");
        expect_unavailable(write.join().expect("an answer"));
    });
    for stock in [11, 10] {
        for url in [store.app.product_url(PATH), format!("{}{PATH}", store.other.url("product"))] {
            let seen = store.app.client.send("GET", &url, &[], None).expect(200);
            assert_eq!(seen.json["data"]["stock"], stock);
        }
        store.app.patch(&inventory, &json!({ "quantity": 1 })).expect(200);
    }
}

/// F7: the commit took place, and nobody here knows. Every cache had the row as it was before.
fn a_commit_whose_answer_is_lost_leaves_nothing_stale(combination: &Combination) {
    let store = gated_store(combination, &[]);
    let (app, gate) = (&store.app, &store.gate);
    let inventory = format!("{PATH}/inventory");
    app.patch(&inventory, &json!({ "quantity": 1 })).expect(200);
    app.get_cached(PATH);
    thread::scope(|scope| {
        gate.close_at("COMMIT\0");
        let write = scope.spawn(|| app.patch(&inventory, &json!({ "quantity": 1 })));
        gate.wait_for_held_answer();
        gate.cut();
        expect_unavailable(write.join().expect("an answer"));
    });
    gate.open();
    gate.mend();
    assert_eq!(
        store.storage.count("SELECT stock::bigint AS count FROM products WHERE id = 'prod_001'"),
        10
    );
    for url in [format!("{}{PATH}", store.other.url("product")), app.product_url(PATH)] {
        until("the row is shown as it is", || {
            let seen = app.client.send("GET", &url, &[], None);
            seen.status == 200 && seen.json["data"]["stock"] == 10
        });
    }
}

/// F15, D4, D6: the process dies after the commit and before it tells the cache. Every read shows the
/// change all the same, and whoever repeats the request with its key, elsewhere, gets its answer.
fn a_process_that_dies_after_the_commit_leaves_nothing_stale(combination: &Combination) {
    let store = gated_store(combination, &[]);
    let elsewhere = store.other.url("product");
    let read = |app: &App| {
        app.client.send("GET", &format!("{elsewhere}{PATH}"), &[], None).expect(200).json["data"]
            .clone()
    };
    let headers =
        [("Idempotency-Key", "k"), ("X-User-Id", "test"), ("Content-Type", "application/json")];
    let inventory = format!("{PATH}/inventory");
    let body = json!({ "quantity": 1 }).to_string();
    let take = |app: &App, service: &str| {
        let url = format!("{service}{inventory}");
        app.client.try_send("PATCH", &url, &headers, Some(body.as_bytes()))
    };
    let before = store.app.get_cached(PATH).json["data"]["stock"].as_i64().expect("a number");
    store.gate.close_at("COMMIT\0");
    thread::scope(|scope| {
        let service = store.app.product_url("");
        let (app, take) = (&store.app, &take);
        let write = scope.spawn(move || take(app, &service));
        store.gate.wait_for_held_answer();
        app.processes[0].signal("KILL");
        assert!(write.join().expect("it ends").is_err(), "it died before it could answer");
    });
    assert_eq!(read(&store.app)["stock"], before - 1, "the change shows before anybody repeats it");
    let replay = take(&store.app, &elsewhere).expect("an answer").expect(200);
    assert_eq!(replay.header("idempotency-replayed"), Some("true"));
    assert_eq!(read(&store.app)["stock"], replay.json["data"]["remaining_stock"]);
}

/// F9: somebody else holds one row, and 100 takes wait for it.
fn a_locked_row_holds_up_nobody_else(combination: &Combination) {
    const TAKES: usize = 100;
    let app = combination.start();
    let inventory = format!("{PATH}/inventory");
    app.put(PATH, &json!({ "stock": 1000 })).expect(200);
    let lock = Lock::hold(&app.storage.database_url, "products", "prod_001");
    let answers: Vec<u16> = thread::scope(|scope| {
        let takes: Vec<_> = (0..TAKES)
            .map(|_| scope.spawn(|| app.patch(&inventory, &json!({ "quantity": 1 })).status))
            .collect();
        until_a_lock_is_waited_for(&app.storage);
        let [mut reads, mut writes] = [Vec::new(), Vec::new()];
        for round in 0..20 {
            let (_, took) =
                timed(|| app.get(&format!("/products/prod_{:03}", round + 2)).expect(200));
            reads.push(took);
            let path = format!("/products/prod_{:03}", round + 2);
            let (_, took) = timed(|| app.put(&path, &json!({ "price": 1 })).expect(200));
            writes.push(took);
        }
        figure("F9", "reads of other rows", Latencies::of(reads));
        figure("F9", "writes of other rows", Latencies::of(writes));
        // Some of them give up before it is released.
        until("a take is answered", || takes.iter().any(thread::ScopedJoinHandle::is_finished));
        lock.release();
        takes.into_iter().map(|take| take.join().expect("an answer")).collect()
    });
    assert!(answers.iter().all(|status| [200, 503].contains(status)), "{answers:?}");
    let taken = answers.iter().filter(|status| **status == 200).count();
    let left = app.get(PATH).expect(200).json["data"]["stock"].as_u64().expect("a stock");
    assert_eq!(u64::try_from(1000 - taken), Ok(left), "those refused took nothing");
}
