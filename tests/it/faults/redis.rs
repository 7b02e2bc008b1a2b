//! Redis away, killed, frozen, full, restarted: no request fails, and nothing is stale.

use super::PATH;
use crate::app::{App, Combination, Storage};
use crate::cases;
use crate::client::Answer;
use crate::kit::history::{End, Kind, Sample};
use crate::kit::load::{self, Plan};
use crate::kit::{Fleet, Gate, Redis, figure, timed, until, until_redis_is};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

cases![
    WithServers:
        without_redis_the_store_starts_and_uses_it_when_it_comes,
        a_killed_redis_fails_no_request,
        a_frozen_redis_fails_no_request_and_leaves_nothing_stale,
        a_redis_that_restarts_with_an_old_snapshot_shows_nothing_old,
        a_flushed_redis_is_filled_again,
        whatever_happens_to_redis_no_request_fails;
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

/// F1: it starts without Redis, and uses it without being started again.
fn without_redis_the_store_starts_and_uses_it_when_it_comes(combination: &Combination) {
    let redis = Redis::reserve();
    let (app, took) = timed(|| start_with(combination, &redis));
    figure("F1", "the start without Redis", took);
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
    let ((), took) = timed(|| until_cached(&app, "2.00"));
    figure("F1", "the first hit after Redis is there", took);
    until_redis_is(&app, &app.product_url(""), "connected");
}

/// F2: reads go to the database, also while writes go on.
fn a_killed_redis_fails_no_request(combination: &Combination) {
    let redis = Redis::started();
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

/// F3: the connection stays, and nothing answers.
fn a_frozen_redis_fails_no_request_and_leaves_nothing_stale(combination: &Combination) {
    let redis = Redis::started();
    let app = start_with(combination, &redis);
    until_redis_is(&app, &app.product_url(""), "connected");
    app.put(PATH, &json!({ "price": "1.00" })).expect(200);
    until_cached(&app, "1.00");
    redis.freeze();
    // The invalidation of this write cannot be delivered.
    let (_, took) = timed(|| app.put(PATH, &json!({ "price": "2.00" })).expect(200));
    figure("F3", "the first write", took);
    for _ in 0..20 {
        let (read, took) = timed(|| app.get(PATH).expect(200));
        assert_eq!(read.json["data"]["price"], "2.00");
        figure("F3", "a read", took);
    }
    until_redis_is(&app, &app.product_url(""), "unavailable");
    app.patch(&format!("{PATH}/inventory"), &json!({ "quantity": 1 })).expect(200);
    redis.thaw();
    until_cached(&app, "2.00");
    assert_eq!(app.get(PATH).expect(200).json["data"]["stock"], 11);
}

/// F4: what it brings back is from before the last write.
fn a_redis_that_restarts_with_an_old_snapshot_shows_nothing_old(combination: &Combination) {
    let redis = Redis::started();
    let app = start_with(combination, &redis);
    until_redis_is(&app, &app.product_url(""), "connected");
    app.put(PATH, &json!({ "price": "1.00" })).expect(200);
    until_cached(&app, "1.00");
    redis.save();
    app.put(PATH, &json!({ "price": "2.00" })).expect(200);
    redis.kill();
    redis.start();
    assert!(redis.command("KEYS *").contains("product:prod_001"), "the snapshot is loaded");
    let ((), took) = timed(|| until_cached(&app, "2.00"));
    figure("F4", "the first hit after a restart", took);
}

/// F4: emptied by somebody else.
fn a_flushed_redis_is_filled_again(combination: &Combination) {
    let redis = Redis::started();
    let app = start_with(combination, &redis);
    until_redis_is(&app, &app.product_url(""), "connected");
    until_cached(&app, "14500.00");
    redis.command("FLUSHALL");
    assert_eq!(app.get(PATH).expect(200).json["cached"], false);
    until_cached(&app, "14500.00");
}

/// F2, F3, F4, D5: under load, over two stores, one fault after the other.
fn whatever_happens_to_redis_no_request_fails(combination: &Combination) {
    let redis = Redis::started();
    let gate = Gate::to(&redis.address());
    let mut storage = Storage::empty(&combination.backend);
    storage.redis_url = Some(format!("redis://{}", gate.address()));
    // So high that nobody meets it: the limiter asks Redis, too.
    let settings = [("RATE_LIMIT_PER_MINUTE", "1000000")];
    let fleet = Fleet::start(combination.door, &storage, 2, &settings);
    let pause = || thread::sleep(Duration::from_millis(400));
    type Fault<'a> = (&'a str, &'a dyn Fn(), &'a dyn Fn());
    let slow = |ms| gate.slow_down(Duration::from_millis(ms));
    let faults: [Fault; 6] = [
        ("F2 Redis killed", &|| redis.kill(), &|| redis.start()),
        ("F3 Redis frozen", &|| redis.freeze(), &|| redis.thaw()),
        ("F4 Redis flushed", &|| drop(redis.command("FLUSHALL")), &|| ()),
        ("F4 Redis full", &|| redis.fill(), &|| redis.make_room()),
        // Too slow for a read, and for an invalidation.
        ("F3 Redis slow", &|| slow(70), &|| slow(0)),
        ("F3 Redis very slow", &|| slow(150), &|| slow(0)),
    ];
    let (history, times) = load::run(&fleet, &Plan::short(true), || {
        faults.map(|(name, break_it, mend_it)| {
            pause();
            let begin = Instant::now();
            break_it();
            pause();
            mend_it();
            (name, begin, Instant::now())
        })
    });
    history.expect_no_violation();
    history.expect_ends(&[200, 201, 400, 404].map(End::Status));
    let is_read = |sample: &Sample| sample.kind == Kind::Read;
    let first = times[0].1;
    figure("F2", "reads before", history.latencies(|s| is_read(s) && s.at < first));
    for (name, begin, end) in times {
        let reads = history.latencies(|s| is_read(s) && s.at >= begin && s.at <= end);
        figure(name, "reads meanwhile", reads);
    }
}
