//! `chronos seed` beside a server, and what `chronos serve` loads by itself.

use super::{Files, Outcome, counts, counts_of_data, dump, expect_done, seed};
use crate::app::{self, App, Combination, Storage};
use crate::cases;
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

cases![
    BothBackends:
        a_running_server_shows_the_new_rows_after_a_reset;
    BothGateways:
        serve_loads_a_new_embedded_database_and_never_another;
    Once:
        the_help_names_every_flag_and_its_variable,
        a_database_in_memory_is_loaded_by_serve,
        serve_leaves_a_new_file_empty_when_told,
        the_flag_no_seed_leaves_a_new_file_empty,
        serve_loads_a_file_only_when_it_is_new,
        serve_leaves_a_file_alone_that_seed_has_loaded;
];

fn a_running_server_shows_the_new_rows_after_a_reset(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let mut files = Files::good();
    expect_done(seed(&storage, &files, &[]));
    let app = App::start(combination, storage, &[("CACHE_TTL_SECONDS", "3600")]);
    let read = || app.get("/products/prod_a").expect(200).json;
    // What the cache does not answer yet cannot be stale.
    assert!(eventually(|| read()["cached"] == true));
    files.products[0]["price"] = json!("1.00");
    files.products.remove(1);
    files.customers[1]["name"] = json!("Changed");
    app.get("/products/prod_b").expect(200);
    expect_done(seed(&app.storage, &files, &["--reset"]));
    if combination.is_postgres() {
        let answer = read();
        assert_eq!(answer["data"]["price"], "1.00");
        assert_eq!(answer["cached"], false);
    } else {
        assert!(eventually(|| read()["data"]["price"] == "1.00"));
    }
    app.get("/products/prod_b").expect(404);
    assert_eq!(app.get("/products").expect(200).json["pagination"]["total"], 1);
    assert_eq!(app.get("/customers/cust_b").expect(200).json["data"]["name"], "Changed");
}

fn serve_loads_a_new_embedded_database_and_never_another(combination: &Combination) {
    let app = App::start(combination, Storage::empty(&combination.backend), &[]);
    let expected = if combination.is_postgres() { [0; 4] } else { counts_of_data() };
    assert_eq!(counts(&app.storage), expected);
    let total = &app.get("/products").expect(200).json["pagination"]["total"];
    assert_eq!(*total, expected[0]);
    let banner = &app.processes[0].banner;
    assert_eq!(banner.contains("loaded"), !combination.is_postgres(), "{banner}");
}

fn a_database_in_memory_is_loaded_by_serve(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let app = App::start(combination, storage, &[("DATABASE_URL", "sqlite::memory:")]);
    let total = &app.get("/customers").expect(200).json["pagination"]["total"];
    assert_eq!(*total, counts_of_data()[1]);
}

fn serve_leaves_a_new_file_empty_when_told(combination: &Combination) {
    let app = combination.start_empty();
    assert_eq!(counts(&app.storage), [0; 4]);
    assert!(!app.processes[0].banner.contains("loaded"), "{}", app.processes[0].banner);
    // It is no new file any more.
    let App { storage, processes, .. } = app;
    drop(processes);
    let app = App::start(combination, storage, &[]);
    assert_eq!(counts(&app.storage), [0; 4]);
}

fn the_flag_no_seed_leaves_a_new_file_empty(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let mut server = app::command(storage.folder.path())
        .args(["serve", "--no-seed"])
        .envs(storage.settings())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let banner = BufReader::new(server.stdout.take().expect("stdout is piped"));
    let is_open = banner.lines().any(|line| line.is_ok_and(|line| line.contains("Ctrl-C")));
    server.kill().expect("it is running");
    server.wait().expect("it is a child");
    assert!(is_open);
    assert_eq!(counts(&storage), [0; 4]);
}

fn serve_loads_a_file_only_when_it_is_new(combination: &Combination) {
    let app = App::start(combination, Storage::empty(&combination.backend), &[]);
    app.delete("/products/prod_005").expect(200);
    app.put("/customers/cust_001", &json!({ "name": "Changed" })).expect(200);
    let before = dump(&app.storage);
    let App { storage, processes, .. } = app;
    drop(processes);
    let app = App::start(combination, storage, &[]);
    assert_eq!(dump(&app.storage), before);
    app.get("/products/prod_005").expect(404);
}

fn serve_leaves_a_file_alone_that_seed_has_loaded(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    expect_done(seed(&storage, &Files::good(), &[]));
    let before = dump(&storage);
    let app = App::start(combination, storage, &[]);
    assert_eq!(dump(&app.storage), before);
}

fn the_help_names_every_flag_and_its_variable(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let output = app::command(folder.path()).args(["seed", "--help"]).output();
    let help = Outcome::of(output.expect("the binary starts"));
    assert_eq!((help.status, help.stderr.as_str()), (Some(0), ""));
    for part in [
        "products.json, customers.json and orders.json",
        "--data-dir",
        "[env: CHRONOS_DATA_DIR=]",
        "[default: data, where it has them",
        "--reset",
        "[env: CHRONOS_SEED_RESET=]",
        "--strict",
        "[env: CHRONOS_SEED_STRICT=]",
        "--database-url",
        "[env: DATABASE_URL]",
        "[default: sqlite://chronos.db]",
        "--redis-url",
        "[env: REDIS_URL]",
    ] {
        assert!(help.stdout.contains(part), "no {part} in:\n{}", help.stdout);
    }
}

/// Whether the condition comes true within some seconds.
fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let give_up_at = Instant::now() + Duration::from_secs(10);
    while Instant::now() < give_up_at {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
