//! A database with rows: refused, or replaced as a whole.

use super::{
    FAILED, Files, Outcome, REFUSED, counts, dump, expect_done, expect_error, lines, run_seed, seed,
};
use crate::app::{self, App, Combination, Storage};
use crate::cases;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};

cases![
    BothBackends:
        a_database_with_rows_is_refused_and_left_alone,
        one_row_in_any_table_is_enough_to_refuse,
        reset_replaces_everything,
        reset_of_an_empty_database_loads_it,
        the_environment_can_ask_for_a_reset,
        orders_of_a_reset_keep_the_ids_of_the_file,
        the_next_order_is_numbered_after_those_of_the_files,
        nobody_sees_an_empty_store_during_a_reset,
        an_error_of_the_database_at_the_last_record_takes_back_everything;
];

fn a_database_with_rows_is_refused_and_left_alone(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let before = dump(&storage);
    let refused = seed(&storage, &Files::good(), &[]);
    expect_error(&refused, REFUSED, &["--reset", "nothing was changed"]);
    assert_eq!(dump(&storage), before);
    // The same files again are refused, too.
    let data = format!("{}/data", env!("CARGO_MANIFEST_DIR"));
    let refused = run_seed(&storage, &["--data-dir", &data]);
    expect_error(&refused, REFUSED, &["--reset"]);
    assert_eq!(dump(&storage), before);
}

fn one_row_in_any_table_is_enough_to_refuse(combination: &Combination) {
    for emptied in [
        "DELETE FROM payments; DELETE FROM orders; DELETE FROM customers",
        "DELETE FROM payments; DELETE FROM orders; DELETE FROM products",
        "DELETE FROM products; DELETE FROM payments; DELETE FROM orders WHERE id > 1",
        // What is left are the books.
        "DELETE FROM payments; DELETE FROM orders; DELETE FROM customers; DELETE FROM products",
    ] {
        let storage = Storage::seeded(&combination.backend);
        storage.execute(emptied).expect("rows can be deleted");
        let before = dump(&storage);
        expect_error(&seed(&storage, &Files::good(), &[]), REFUSED, &["--reset"]);
        assert_eq!(dump(&storage), before, "{emptied}");
    }
    let storage = Storage::seeded(&combination.backend);
    let everything = "DELETE FROM payments; DELETE FROM orders; DELETE FROM customers; DELETE FROM products; \
                      DELETE FROM stock_hold_items; DELETE FROM stock_holds; DELETE FROM stock_ledger";
    storage.execute(everything).expect("rows can be deleted");
    expect_done(seed(&storage, &Files::good(), &[]));
}

fn reset_replaces_everything(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let files = Files::good();
    expect_done(seed(&storage, &files, &["--reset"]));
    assert_eq!(counts(&storage), [2, 2, 2, 3]);
    let app = App::start(combination, storage, &[]);
    for gone in ["/products/prod_001", "/customers/cust_001", "/customers/cust_001/orders"] {
        app.get(gone).expect(404);
    }
    let mut expected = files.customers;
    expected.reverse();
    assert_eq!(app.get("/customers").expect(200).json["data"], json!(expected));
    assert_eq!(app.get("/products").expect(200).json["pagination"]["total"], 2);
}

fn reset_of_an_empty_database_loads_it(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    expect_done(seed(&storage, &Files::good(), &["--reset"]));
    assert_eq!(counts(&storage), [2, 2, 2, 3]);
}

fn the_environment_can_ask_for_a_reset(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let files = Files::good().write();
    let seed_with = |reset: &str| {
        let output = app::command(storage.folder.path())
            .arg("seed")
            .envs(storage.settings())
            .env("CHRONOS_DATA_DIR", files.path())
            .env("CHRONOS_SEED_RESET", reset)
            .output();
        Outcome::of(output.expect("the binary starts"))
    };
    expect_error(&seed_with("false"), REFUSED, &["--reset"]);
    expect_done(seed_with("true"));
    assert_eq!(counts(&storage), [2, 2, 2, 3]);
}

fn orders_of_a_reset_keep_the_ids_of_the_file(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    // Loaded once more, nothing is numbered anew.
    for _ in 0..2 {
        expect_done(seed(&storage, &Files::good(), &["--reset"]));
        assert_eq!(lines(&storage, "SELECT concat_ws(' ', id) AS line FROM orders"), ["7", "9"]);
    }
}

fn the_next_order_is_numbered_after_those_of_the_files(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    expect_done(seed(&storage, &Files::good(), &[]));
    let insert = "INSERT INTO orders (order_number, customer_id, total_amount, status, version, \
                  created_at, updated_at, placed_at) VALUES ('NEXT', 'cust_a', 0, 'pending', 1, \
                  '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00')";
    storage.execute(insert).expect("the database numbers it");
    assert_eq!(lines(&storage, "SELECT concat_ws(' ', id) AS line FROM orders"), ["10", "7", "9"]);
}

fn nobody_sees_an_empty_store_during_a_reset(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let whole = [counts(&storage)[1], 2];
    let data = format!("{}/data", env!("CARGO_MANIFEST_DIR"));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut seen = Vec::new();
            while !done.load(Ordering::Relaxed) {
                seen.push(counts(&storage)[1]);
            }
            seen
        });
        let outcomes = [
            seed(&storage, &Files::good(), &["--reset"]),
            run_seed(&storage, &["--data-dir", &data, "--reset"]),
            seed(&storage, &Files::good(), &["--reset"]),
        ];
        done.store(true, Ordering::Relaxed);
        outcomes.into_iter().for_each(expect_done);
        let seen = watch.join().expect("the tables can be read");
        assert!(!seen.is_empty());
        assert!(seen.iter().all(|customers| whole.contains(customers)), "{seen:?}");
    });
}

/// The files keep every rule, and the database refuses their last record: by then all that was
/// there is deleted, and nearly all that is new is inserted.
fn an_error_of_the_database_at_the_last_record_takes_back_everything(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    expect_done(seed(&storage, &Files::good(), &[]));
    let one_note = "CREATE UNIQUE INDEX a_note_occurs_once ON orders (notes)";
    storage.execute(one_note).expect("no note occurs twice");
    let before = dump(&storage);
    let mut files = Files::good();
    files.products[0]["name"] = json!("Changed");
    files.orders[0]["notes"] = json!("the same");
    files.orders[1]["notes"] = json!("the same");
    let failed = seed(&storage, &files, &["--reset"]);
    expect_error(&failed, FAILED, &["orders.json", "record 2"]);
    assert_eq!(dump(&storage), before);
    files.orders[1]["notes"] = json!("another");
    expect_done(seed(&storage, &files, &["--reset"]));
    assert_ne!(dump(&storage), before);
}
