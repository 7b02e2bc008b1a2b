//! Redis away, killed, frozen, full, restarted: no request fails, and nothing is stale.

use super::PATH;
use crate::app::{App, Combination, Process, Storage};
use crate::cases;
use crate::client::Answer;
use crate::kit::history::{End, Kind, Sample};
use crate::kit::load::{self, Plan};
use crate::kit::{Fleet, Gate, Percent, Redis, figure, timed, until, until_redis_is};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

cases![
    WithServers:
        without_redis_the_store_starts_and_uses_it_when_it_comes,
        a_killed_redis_fails_no_request,
        a_frozen_redis_fails_no_request_and_leaves_nothing_stale,
        a_redis_that_restarts_with_an_old_snapshot_shows_nothing_old,
        another_redis_in_its_place_shows_nothing_old,
        a_flushed_redis_is_filled_again,
        a_process_that_pauses_takes_redis_for_well,
        hot_reads_of_many_clients_come_from_the_cache,
        an_idle_process_asks_redis_once_a_second_and_writes_nothing,
        a_redis_user_without_dangerous_commands_is_enough,
        a_redis_that_may_evict_is_warned_of,
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
    let mut storage = Storage::seeded(&combination.backend);
    storage.redis_url = Some(redis.url());
    let app = App::start(combination, storage, &[]);
    until_redis_is(&app, &app.product_url(""), "connected");
    app.put(PATH, &json!({ "price": "1.00" })).expect(200);
    until_cached(&app, "1.00");
    redis.save();
    app.put(PATH, &json!({ "price": "2.00" })).expect(200);
    redis.kill();
    redis.start();
    assert!(redis.command("KEYS *").contains("product:prod_001"), "the snapshot is loaded");
    // Nor one that has not seen the restart.
    let new = Process::start(app.storage.folder.path(), "product", &app.storage.settings());
    let read = app.client.send("GET", &format!("{}{PATH}", new.url("product")), &[], None);
    assert_eq!(read.expect(200).json["data"]["price"], "2.00");
    let ((), took) = timed(|| until_cached(&app, "2.00"));
    figure("F4", "the first hit after a restart", took);
}

/// F4: at once, with what the first one had before the last write, and while many read.
fn another_redis_in_its_place_shows_nothing_old(combination: &Combination) {
    let redis = Redis::started();
    let gate = Gate::to(&redis.address());
    let mut storage = Storage::seeded(&combination.backend);
    storage.redis_url = Some(format!("redis://{}", gate.address()));
    let app = App::start(combination, storage, &[]);
    until_redis_is(&app, &app.product_url(""), "connected");
    app.put(PATH, &json!({ "price": "1.00" })).expect(200);
    until_cached(&app, "1.00");
    redis.save();
    app.put(PATH, &json!({ "price": "2.00" })).expect(200);
    until_cached(&app, "2.00");
    let other = redis.start_copy();
    assert!(other.command("KEYS *").contains("product:prod_001"), "the snapshot is loaded");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    assert_eq!(app.get(PATH).expect(200).json["data"]["price"], "2.00");
                }
            });
        }
        for target in [&other, &redis, &other] {
            gate.lead_to(&target.address());
            until("the other one answers", || app.get(PATH).expect(200).json["cached"] == false);
            until_cached(&app, "2.00");
        }
        is_over.store(true, Ordering::SeqCst);
    });
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

/// F24: Redis is well all the time, and a process that stood still does not say otherwise.
fn a_process_that_pauses_takes_redis_for_well(combination: &Combination) {
    const READERS: usize = 4;
    const PAUSES: usize = 5;
    let redis = Redis::started();
    let app = start_with(combination, &redis);
    until_redis_is(&app, &app.product_url(""), "connected");
    until_cached(&app, "14500.00");
    let [reads, misses] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let is_over = AtomicBool::new(false);
    let process = &app.processes[0];
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let read = app.get(PATH).expect(200);
                    reads.fetch_add(1, Ordering::SeqCst);
                    if read.json["cached"] != true {
                        misses.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        for _ in 0..PAUSES {
            process.signal("STOP");
            thread::sleep(Duration::from_millis(150));
            let before = reads.load(Ordering::SeqCst);
            process.signal("CONT");
            until("reads go on", || reads.load(Ordering::SeqCst) >= before + 20 * READERS);
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let (reads, misses) = (reads.into_inner(), misses.into_inner());
    assert!(reads > misses, "{misses} of {reads} reads went past the cache");
    // Those that were under way, and the two loads that others shared after them: 3 * 4 * 5.
    figure("F24", "reads past the cache, with five pauses", misses);
    let log = process.log();
    assert!(!log.contains("Redis is unavailable") && !log.contains("Redis was silent"), "{log}");
}

/// Of 256 connections, each asks again as soon as it has its answer.
fn hot_reads_of_many_clients_come_from_the_cache(combination: &Combination) {
    const CLIENTS: usize = 256;
    const READS_OF_EACH: usize = 20;
    let redis = Redis::started();
    let app = start_with(combination, &redis);
    until_redis_is(&app, &app.product_url(""), "connected");
    until_cached(&app, "14500.00");
    let hits = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for _ in 0..READS_OF_EACH {
                    if app.get(PATH).expect(200).json["cached"] == true {
                        hits.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    let (hits, reads) = (hits.into_inner(), CLIENTS * READS_OF_EACH);
    figure("F24", "hits of hot reads at 256 connections", Percent(hits * 100 / reads));
}

/// The number behind `name` in what `INFO` says of this section.
fn info(redis: &Redis, section: &str, name: &str) -> u64 {
    let text = redis.command(&format!("INFO {section}"));
    let value = text.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap_or("0");
    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{name} in {text}"))
}

fn an_idle_process_asks_redis_once_a_second_and_writes_nothing(combination: &Combination) {
    let redis = Redis::started();
    let app = start_with(combination, &redis);
    until_redis_is(&app, &app.product_url(""), "connected");
    let changes = || info(&redis, "persistence", "rdb_changes_since_last_save:");
    let commands = || info(&redis, "stats", "total_commands_processed:");
    let (changed, before, begin) = (changes(), commands(), Instant::now());
    thread::sleep(Duration::from_secs(4));
    // The first look's own command and its end, and the beginning of the second look.
    let asked = commands() - before - 3;
    let seconds = begin.elapsed().as_secs() + 1;
    figure("F28", "commands beyond one a second", asked.saturating_sub(seconds));
    assert_eq!(changes(), changed, "an idle process writes");
}

/// What docs/OPERATING.md lists, too.
fn a_redis_user_without_dangerous_commands_is_enough(combination: &Combination) {
    let operating = include_str!("../../../docs/OPERATING.md");
    let listed = "~chronos:* -@all +get +getrange +set +del +time +evalsha +script|load \
                  +script|exists +auth +select";
    assert!(operating.contains(listed), "the page does not list the commands that are tried here");
    for rules in ["~* &* +@all -@dangerous", listed] {
        let redis = Redis::started();
        let make_user = || {
            let reply = redis.command(&format!("ACL SETUSER chronos on >secret {rules}"));
            assert!(reply.contains("OK"), "{reply}");
        };
        make_user();
        let url = redis.url().replace("redis://", "redis://chronos:secret@");
        let settings = [("REDIS_URL", url.as_str()), ("RATE_LIMIT_PER_MINUTE", "1000000")];
        let app = App::start(combination, Storage::seeded(&combination.backend), &settings);
        until_redis_is(&app, &app.product_url(""), "connected");
        app.put(PATH, &json!({ "price": "1.00" })).expect(200);
        until_cached(&app, "1.00");
        let log = app.processes[0].log();
        assert!(!log.contains("Redis is unavailable"), "a write is refused: {log}");
        // Nobody but the rate limit asks for the time.
        assert!(redis.command("INFO commandstats").contains("cmdstat_time:"), "it counts there");
        redis.save();
        app.put(PATH, &json!({ "price": "2.00" })).expect(200);
        redis.kill();
        redis.start();
        make_user();
        until_cached(&app, "2.00");
        let seed = crate::app::command(std::path::Path::new(env!("CARGO_MANIFEST_DIR")))
            .args(["seed", "--reset"])
            .envs(app.storage.settings())
            .env("REDIS_URL", &url)
            .output()
            .expect("the binary starts");
        assert!(seed.status.success(), "{}", String::from_utf8_lossy(&seed.stderr));
        assert_eq!(app.get(PATH).expect(200).json["data"]["price"], "14500.00");
        let denied = redis.command("ACL LOG");
        assert!(!denied.contains("eval") && !denied.contains("script"), "{denied}");
    }
}

fn a_redis_that_may_evict_is_warned_of(combination: &Combination) {
    for (policy, is_warned_of) in
        [("noeviction", false), ("allkeys-lru", true), ("volatile-ttl", true)]
    {
        let redis = Redis::started();
        redis.command(&format!("CONFIG SET maxmemory-policy {policy}"));
        let app = start_with(combination, &redis);
        until_redis_is(&app, &app.product_url(""), "connected");
        let warning = format!("maxmemory-policy {policy}");
        assert_eq!(app.processes[0].log().contains(&warning), is_warned_of, "{policy}");
    }
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
    type Fault<'a> = (&'a str, &'a str, &'a dyn Fn(), &'a dyn Fn());
    let slow = |ms| gate.slow_down(Duration::from_millis(ms));
    let faults: [Fault; 6] = [
        ("F2", "killed", &|| redis.kill(), &|| redis.start()),
        ("F3", "frozen", &|| redis.freeze(), &|| redis.thaw()),
        ("F4", "flushed", &|| drop(redis.command("FLUSHALL")), &|| ()),
        ("F4", "full", &|| redis.fill(), &|| redis.make_room()),
        // Too slow for a read, and for an invalidation.
        ("F3", "slow", &|| slow(70), &|| slow(0)),
        ("F3", "very slow", &|| slow(150), &|| slow(0)),
    ];
    let (history, times) = load::run(&fleet, &Plan::short(true), || {
        faults.map(|(promise, fault, break_it, mend_it)| {
            pause();
            let begin = Instant::now();
            break_it();
            pause();
            mend_it();
            (promise, fault, begin, Instant::now())
        })
    });
    history.expect_no_violation();
    history.expect_ends(&[200, 201, 400, 404].map(End::Status));
    let is_read = |sample: &Sample| sample.kind == Kind::Read;
    let first = times[0].2;
    let before = history.latencies(|s| is_read(s) && s.at < first);
    figure("F2", "reads before", &before);
    let before = before.percentile(99);
    for (promise, fault, begin, end) in times {
        let reads = history.latencies(|s| is_read(s) && s.at >= begin && s.at <= end);
        let what = format!("reads beside a {fault} Redis");
        figure(promise, &what, &reads);
        let above = |time: Duration| time.saturating_sub(before);
        if promise == "F2" {
            figure("F2", &format!("{what}, p99 above that before"), above(reads.percentile(99)));
        } else {
            figure(promise, &format!("{what}, the longest above p99 before"), above(reads.max()));
        }
    }
}
