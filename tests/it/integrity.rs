//! Stores under load while everything breaks: stock is exact, and every store shows what was written.

use crate::app::{Combination, Storage};
use crate::cases;
use crate::kit::history::{End, Kind};
use crate::kit::load::{self, Plan};
use crate::kit::{Fleet, Postgres, Redis, figure, size};
use std::thread;
use std::time::Duration;

cases![
    BothGateways:
        two_stores_keep_their_word,
        two_stores_keep_their_word_while_everything_breaks;
];

/// D1, D4: where nothing breaks, nothing fails.
fn two_stores_keep_their_word(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let fleet = Fleet::start(combination.door, &storage, 2, &[]);
    // On SQLite each process has a cache of its own.
    let plan = Plan::short(combination.is_postgres());
    let (history, ()) = load::run(&fleet, &plan, || ());
    history.expect_no_violation();
    figure("D1", "violations", history.violations.len());
    history.expect_ends(&[200, 201, 400, 404].map(End::Status));
    figure("D1", "all, nothing breaks", history.latencies(|_| true));
}

/// D1, F2, F3, F6, F15, F18: one fault after the other, in a random order, as often as
/// `TEST_FAULTS` says.
fn two_stores_keep_their_word_while_everything_breaks(combination: &Combination) {
    // A process that dies between a commit and its answer tells no cache: what nobody was promised
    // is seen when the entry ends, and the look at the end waits that long. The limit is so high that
    // nobody meets it: the limiter asks Redis, too.
    let settings = [("CACHE_TTL_SECONDS", "3"), ("RATE_LIMIT_PER_MINUTE", "1000000")];
    if !combination.is_postgres() {
        let storage = Storage::empty(&combination.backend);
        let fleet = Fleet::start(combination.door, &storage, 2, &settings);
        return break_everything(&fleet, &Plan::short(false), &[]);
    }
    let (postgres, redis) = (Postgres::started(), Redis::started());
    let storage = Storage::at(postgres.url(), Some(redis.url()));
    let fleet = Fleet::start(combination.door, &storage, 2, &settings);
    let faults: [&dyn Fn(); 6] = [
        &|| {
            redis.kill();
            pause();
            redis.start();
        },
        &|| {
            redis.freeze();
            pause();
            redis.thaw();
        },
        &|| drop(redis.command("FLUSHALL")),
        &|| postgres.terminate_backends(),
        &|| {
            postgres.freeze();
            pause();
            postgres.thaw();
        },
        &|| {
            postgres.kill();
            pause();
            postgres.start();
        },
    ];
    break_everything(&fleet, &Plan::short(true), &faults);
}

fn pause() {
    thread::sleep(Duration::from_millis(300));
}

/// Goes through the faults, and the death of each process, once or more often.
fn break_everything(fleet: &Fleet, plan: &Plan, faults: &[&dyn Fn()]) {
    let kills =
        fleet.stores.iter().enumerate().flat_map(|(store, processes)| {
            (0..processes.0.len()).map(move |process| (store, process))
        });
    let kills: Vec<(usize, usize)> = kills.collect();
    let mut random = fastrand::Rng::with_seed(plan.seed);
    let mut turns: Vec<usize> = (0..faults.len() + kills.len()).collect();
    let (history, ()) = load::run(fleet, plan, || {
        for _ in 0..size("TEST_FAULTS", 1) {
            random.shuffle(&mut turns);
            for turn in &turns {
                pause();
                match turn.checked_sub(faults.len()) {
                    None => faults[*turn](),
                    Some(kill) => {
                        let (store, process) = kills[kill];
                        figure("F15", "ready after a kill", fleet.kill_and_restart(store, process));
                    }
                }
            }
        }
    });
    history.expect_no_violation();
    figure("D1", "violations", history.violations.len());
    let is_take = |end: End| history.count(|s| s.kind == Kind::Take && s.end == end);
    assert!(is_take(End::Status(200)) > 0 && is_take(End::Status(400)) > 0, "{history}");
    figure("D1", "takes acknowledged", is_take(End::Status(200)));
    figure("D1", "all, everything breaks", history.latencies(|_| true));
}
