//! Redis or the database away, killed, frozen, restarted: nothing fails that need not, nothing is
//! stale, and everything heals by itself.

use crate::app::{App, Combination, Storage};
use crate::cases;
use crate::client::Answer;
use crate::kit::{
    Redis, gated_store, gated_store_with_own_cache, storage_behind_gate, until, until_redis_is,
};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

const PATH: &str = "/products/prod_001";

cases![
    WithServers:
        without_redis_the_store_starts_and_uses_it_when_it_comes,
        a_killed_redis_fails_no_request,
        a_frozen_redis_fails_no_request_and_leaves_nothing_stale,
        a_redis_that_restarts_with_an_old_snapshot_shows_nothing_old,
        a_flushed_redis_is_filled_again;
    OnPostgres:
        a_database_that_goes_away_is_a_503_and_heals,
        a_database_that_hangs_is_a_503_and_heals,
        a_database_that_comes_later_is_waited_for,
        a_write_whose_connection_breaks_is_no_success;
    OnSqlite:
        a_locked_file_delays_writes_and_not_reads,
        a_file_locked_for_long_is_a_503;
];

/// A store whose Redis is this one.
fn start_with(combination: &Combination, redis: &Redis) -> App {
    App::start(combination, Storage::seeded(&combination.backend), &[("REDIS_URL", &redis.url())])
}

/// Reads until the cache answers; the price must be right from the first read on.
fn until_cached(app: &App, price: &str) {
    until("the cache answers", || {
        let answer = app.get(PATH).expect(200);
        assert_eq!(answer.json["data"]["price"], price);
        answer.json["cached"] == true
    });
}

fn without_redis_the_store_starts_and_uses_it_when_it_comes(combination: &Combination) {
    let mut redis = Redis::reserve();
    let app = start_with(combination, &redis);
    until_redis_is(&app, &app.product_url(""), "unavailable");
    for price in ["1.00", "2.00"] {
        app.put(PATH, &json!({ "price": price })).expect(200);
        let read = app.get(PATH).expect(200);
        assert_eq!(
            (&read.json["data"]["price"], &read.json["cached"]),
            (&json!(price), &json!(false))
        );
    }
    redis.start();
    until_cached(&app, "2.00");
    until_redis_is(&app, &app.product_url(""), "connected");
}

fn a_killed_redis_fails_no_request(combination: &Combination) {
    let mut redis = Redis::started();
    let app = start_with(combination, &redis);
    until_redis_is(&app, &app.product_url(""), "connected");
    let is_over = AtomicBool::new(false);
    let floor = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let known = floor.load(Ordering::SeqCst);
                    assert!(price_of(&app.get(PATH).expect(200)) >= known);
                }
            });
        }
        for price in 1..=60 {
            app.put(PATH, &json!({ "price": price })).expect(200);
            floor.store(price, Ordering::SeqCst);
            match price {
                20 => redis.kill(),
                40 => redis.start(),
                _ => {}
            }
        }
        is_over.store(true, Ordering::SeqCst);
    });
    until_cached(&app, "60.00");
}

fn price_of(answer: &Answer) -> u32 {
    let price = answer.json["data"]["price"].as_str().expect("a string");
    price.split('.').next().expect("whole").parse().expect("digits")
}

fn a_frozen_redis_fails_no_request_and_leaves_nothing_stale(combination: &Combination) {
    let redis = Redis::started();
    let app = start_with(combination, &redis);
    until_redis_is(&app, &app.product_url(""), "connected");
    app.put(PATH, &json!({ "price": "1.00" })).expect(200);
    until_cached(&app, "1.00");
    redis.signal("STOP");
    // The invalidation of this write cannot be delivered.
    app.put(PATH, &json!({ "price": "2.00" })).expect(200);
    for _ in 0..20 {
        assert_eq!(app.get(PATH).expect(200).json["data"]["price"], "2.00");
    }
    until_redis_is(&app, &app.product_url(""), "unavailable");
    app.patch(&format!("{PATH}/inventory"), &json!({ "quantity": 1 })).expect(200);
    redis.signal("CONT");
    until_cached(&app, "2.00");
    assert_eq!(app.get(PATH).expect(200).json["data"]["stock"], 11);
}

fn a_redis_that_restarts_with_an_old_snapshot_shows_nothing_old(combination: &Combination) {
    let mut redis = Redis::started();
    let app = start_with(combination, &redis);
    until_redis_is(&app, &app.product_url(""), "connected");
    app.put(PATH, &json!({ "price": "1.00" })).expect(200);
    until_cached(&app, "1.00");
    redis.save();
    app.put(PATH, &json!({ "price": "2.00" })).expect(200);
    redis.kill();
    redis.start();
    assert!(redis.command("KEYS *").contains("product:prod_001"), "the snapshot is loaded");
    until_cached(&app, "2.00");
}

fn a_flushed_redis_is_filled_again(combination: &Combination) {
    let redis = Redis::started();
    let app = start_with(combination, &redis);
    until_redis_is(&app, &app.product_url(""), "connected");
    until_cached(&app, "14500.00");
    redis.command("FLUSHALL");
    assert_eq!(app.get(PATH).expect(200).json["cached"], false);
    until_cached(&app, "14500.00");
}

/// Fails the test unless the answer is the 503 of a dependency that is away.
#[track_caller]
fn expect_unavailable(answer: Answer) {
    let answer = answer.expect_failure(503, "Service temporarily unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

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

fn a_database_that_comes_later_is_waited_for(combination: &Combination) {
    let (storage, gate) = storage_behind_gate(combination);
    gate.cut();
    let app = App::start(combination, storage, &[]);
    assert!(app.processes[0].banner.contains("unavailable"), "{}", app.processes[0].banner);
    expect_unavailable(app.get(PATH));
    app.client.send("GET", &app.gateway_url("/health"), &[], None).expect(200);
    gate.mend();
    until("the store is ready", || app.get(PATH).status == 200);
}

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

/// Another process that holds the write lock of the file.
struct Locker(diesel::SqliteConnection);

impl Locker {
    fn lock(storage: &Storage) -> Locker {
        use diesel::Connection;
        use diesel::connection::SimpleConnection;

        let file = storage.database_url.strip_prefix("sqlite://").expect("a file");
        let mut conn = diesel::SqliteConnection::establish(file).expect("the file opens");
        conn.batch_execute("BEGIN IMMEDIATE").expect("the lock is free");
        Locker(conn)
    }

    fn release(mut self) {
        use diesel::connection::SimpleConnection;

        self.0.batch_execute("COMMIT").expect("nothing was written");
    }
}

fn a_locked_file_delays_writes_and_not_reads(combination: &Combination) {
    let app = combination.start();
    let lock = Locker::lock(&app.storage);
    thread::scope(|scope| {
        let writes: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| app.patch(&format!("{PATH}/inventory"), &json!({ "quantity": 1 })))
            })
            .collect();
        for _ in 0..20 {
            app.get("/products/prod_002").expect(200);
            app.get("/products").expect(200);
        }
        lock.release();
        for write in writes {
            write.join().expect("an answer").expect(200);
        }
    });
    assert_eq!(app.get(PATH).expect(200).json["data"]["stock"], 4);
}

fn a_file_locked_for_long_is_a_503(combination: &Combination) {
    let app = combination.start();
    let lock = Locker::lock(&app.storage);
    expect_unavailable(app.patch(&format!("{PATH}/inventory"), &json!({ "quantity": 1 })));
    app.get("/products/prod_002").expect(200);
    lock.release();
    app.patch(&format!("{PATH}/inventory"), &json!({ "quantity": 1 })).expect(200);
    assert_eq!(
        app.get(PATH).expect(200).json["data"]["stock"],
        11,
        "the refused one left no trace"
    );
}
