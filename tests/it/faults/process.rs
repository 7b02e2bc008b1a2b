//! Processes that are killed, and processes that start all at once.

use super::{MIGRATIONS, migration_count};
use crate::app::{Combination, Process, Storage, command};
use crate::cases;
use crate::kit::load::{self, Plan};
use crate::kit::{Fleet, figure, size};
use std::process::Stdio;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

cases![
    BothBackends:
        what_was_acknowledged_survives_a_kill,
        a_first_start_that_is_killed_is_made_good_by_the_next,
        six_first_starts_at_once_make_one_store;
];

/// F15: `kill -9` at any moment, under load.
fn what_was_acknowledged_survives_a_kill(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    // What was not acknowledged may be seen late: see `integrity.rs`.
    let fleet = Fleet::start(combination.door, &storage, 1, &[("CACHE_TTL_SECONDS", "3")]);
    let plan = Plan::short(true);
    let mut random = fastrand::Rng::with_seed(plan.seed);
    let (history, _) = load::run(&fleet, &plan, || {
        for _ in 0..size("TEST_KILLS", 3) {
            thread::sleep(Duration::from_millis(random.u64(50..400)));
            figure("F15", "ready after a kill", fleet.kill_and_restart(0, 0));
        }
    });
    history.expect_no_violation();
    if !combination.is_postgres() {
        let broken = "SELECT count(*) AS count FROM pragma_integrity_check \
                      WHERE integrity_check <> 'ok'";
        assert_eq!(storage.count(broken), 0);
    }
}

/// F15, F18: killed while it makes the tables, or loads the store, or has just begun to serve.
fn a_first_start_that_is_killed_is_made_good_by_the_next(combination: &Combination) {
    let expected = if combination.is_postgres() { 0 } else { data_count() };
    for round in 0..u64::try_from(size("TEST_STARTS", 4)).expect("a small number") {
        let storage = Storage::empty(&combination.backend);
        let folder = storage.folder.path();
        let mut first = command(folder)
            .args(["serve", "--role", "all"])
            .envs(storage.settings())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        // A little later in each round.
        thread::sleep(Duration::from_millis(10 + round * 25));
        first.kill().expect("it is a child");
        first.wait().expect("it is a child");
        let process = Process::start(folder, "all", &storage.settings());
        let url = format!("{}/products?limit=1", process.url("product"));
        let list = crate::client::Client::new().send("GET", &url, &[], None).expect(200);
        assert_eq!(list.json["pagination"]["total"], expected);
        assert_eq!(storage.count(MIGRATIONS), migration_count());
    }
}

/// F18: they come to a database without a table, or to a file that is not there yet.
fn six_first_starts_at_once_make_one_store(combination: &Combination) {
    const STARTS: usize = 6;
    for _ in 0..size("TEST_STARTS", 2) {
        let storage = Storage::empty(&combination.backend);
        let folder = storage.folder.path();
        let barrier = Barrier::new(STARTS);
        let processes: Vec<Process> = thread::scope(|scope| {
            let starts: Vec<_> = (0..STARTS)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        Process::start(folder, "all", &storage.settings())
                    })
                })
                .collect();
            starts.into_iter().map(|start| start.join().expect("it starts")).collect()
        });
        let client = crate::client::Client::new();
        let expected = if combination.is_postgres() { 0 } else { data_count() };
        for process in &processes {
            let url = format!("{}/products?limit=1", process.url("product"));
            let list = client.send("GET", &url, &[], None).expect(200);
            assert_eq!(list.json["pagination"]["total"], expected);
            assert!(!process.log().contains("ERROR"), "{}", process.log());
        }
        assert_eq!(storage.count(MIGRATIONS), migration_count());
    }
}

/// How many products are in `data/`.
fn data_count() -> usize {
    let file = format!("{}/data/products.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).expect("the file is there");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).expect("an array");
    rows.len()
}
