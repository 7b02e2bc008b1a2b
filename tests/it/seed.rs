//! `chronos seed`, and what `serve` loads by itself: a whole store, or everything as it was.

use crate::app::{self, App, Combination, Storage};
use crate::cases;
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

cases![
    BothBackends:
        a_folder_is_loaded_into_a_new_database,
        what_is_loaded_is_served_as_it_is_in_the_files,
        members_that_a_file_leaves_out_get_their_defaults,
        money_is_read_as_a_number_or_as_text,
        one_line_says_what_was_done,
        data_of_the_working_folder_is_the_default,
        a_database_with_rows_is_refused_and_left_alone,
        one_row_in_any_table_is_enough_to_refuse,
        reset_replaces_everything,
        reset_of_an_empty_database_loads_it,
        the_environment_can_ask_for_a_reset,
        orders_of_a_reset_keep_the_ids_of_the_file,
        the_next_order_is_numbered_after_those_of_the_files,
        nobody_sees_an_empty_store_during_a_reset,
        an_error_of_the_database_at_the_last_record_takes_back_everything,
        broken_json_is_refused,
        a_file_that_is_not_an_array_is_refused,
        a_record_that_is_not_an_object_is_refused,
        an_order_of_an_unknown_customer_is_refused,
        a_product_id_that_occurs_twice_is_refused,
        a_customer_id_that_occurs_twice_is_refused,
        an_order_id_that_occurs_twice_is_refused,
        an_order_number_that_occurs_twice_is_refused,
        an_email_that_occurs_twice_in_any_case_is_refused,
        a_negative_price_is_refused,
        a_price_with_three_decimals_is_refused,
        a_price_that_is_too_high_is_refused,
        a_negative_stock_is_refused,
        a_tier_that_does_not_exist_is_refused,
        a_status_that_does_not_exist_is_refused,
        a_total_that_does_not_add_up_is_refused,
        totals_beyond_64_bits_are_refused,
        an_order_without_items_is_refused,
        a_quantity_of_zero_is_refused,
        an_id_with_other_characters_is_refused,
        a_malformed_email_is_refused,
        a_member_that_is_missing_is_named,
        a_member_of_the_wrong_type_is_named,
        a_time_that_is_none_is_refused,
        a_nul_character_is_refused,
        a_folder_that_is_missing_is_named,
        a_file_that_is_missing_is_named,
        a_redis_that_is_away_is_named_before_anything_changes,
        a_database_that_is_away_is_an_error,
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

pub const FAILED: i32 = 1;
pub const REFUSED: i32 = 2;

// ------------------------------------------------------------------- What is loaded

fn a_folder_is_loaded_into_a_new_database(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    expect_done(seed(&storage, &Files::good(), &[]));
    assert_eq!(counts(&storage), [2, 2, 2, 3]);
}

fn what_is_loaded_is_served_as_it_is_in_the_files(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let files = Files::good();
    expect_done(seed(&storage, &files, &[]));
    let app = App::start(combination, storage, &[]);
    let mut expected = files.products;
    expected.reverse();
    assert_eq!(app.get("/products").expect(200).json["data"], json!(expected));
    let mut expected = files.customers;
    expected.reverse();
    assert_eq!(app.get("/customers").expect(200).json["data"], json!(expected));
    let orders = app.get("/customers/cust_a/orders").expect(200);
    assert_eq!(orders.json["data"], json!([files.orders[1], files.orders[0]]));
}

fn members_that_a_file_leaves_out_get_their_defaults(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let mut files = Files::good();
    for (records, optional) in [
        (&mut files.products, ["metadata", "created_at", "updated_at"].as_slice()),
        (&mut files.customers, &["phone", "address", "created_at", "updated_at"]),
        (
            &mut files.orders,
            &["payment_method", "shipping_address", "notes", "created_at", "updated_at"],
        ),
    ] {
        for record in records {
            let members = record.as_object_mut().expect("an object");
            members.retain(|name, _| !optional.contains(&name.as_str()));
        }
    }
    expect_done(seed(&storage, &files, &[]));
    let app = App::start(combination, storage, &[]);
    let product = app.get("/products/prod_a").expect(200).json["data"].clone();
    let customer = app.get("/customers/cust_a").expect(200).json["data"].clone();
    let order = app.get("/customers/cust_a/orders").expect(200).json["data"][0].clone();
    for absent in [
        &product["metadata"],
        &customer["phone"],
        &customer["address"],
        &order["payment_method"],
        &order["shipping_address"],
        &order["notes"],
    ] {
        assert_eq!(*absent, Value::Null);
    }
    for record in [product, customer, order] {
        assert_eq!(record["created_at"], record["updated_at"]);
        assert!(record["created_at"].as_str() > Some("2024"), "{record}");
    }
}

fn money_is_read_as_a_number_or_as_text(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let mut files = Files::good();
    files.products[0]["price"] = json!(99_999_999);
    files.products[1]["price"] = json!(0.1);
    files.orders[0]["items"][0]["price"] = json!(14500);
    files.orders[0]["total_amount"] = json!(14500);
    expect_done(seed(&storage, &files, &[]));
    let app = App::start(combination, storage, &[]);
    assert_eq!(app.get("/products/prod_a").expect(200).json["data"]["price"], "99999999.00");
    assert_eq!(app.get("/products/prod_b").expect(200).json["data"]["price"], "0.10");
    let orders = app.get("/customers/cust_a/orders").expect(200);
    assert_eq!(orders.json["data"][1]["total_amount"], "14500.00");
}

fn one_line_says_what_was_done(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let done = seed(&storage, &Files::good(), &[]);
    assert_eq!((done.status, done.stderr.as_str()), (Some(0), ""));
    assert_eq!(done.stdout.lines().count(), 1, "{}", done.stdout);
    let start = "Loaded 2 products, 2 customers, 2 orders into ";
    assert!(done.stdout.starts_with(start), "{}", done.stdout);
    let scheme = if combination.is_postgres() { "postgres://" } else { "sqlite://" };
    assert!(done.stdout.contains(scheme), "{}", done.stdout);
    assert!(!done.stdout.contains("chronos@"), "it shows who logs in: {}", done.stdout);
}

fn data_of_the_working_folder_is_the_default(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let files = Files::good().write();
    let data = storage.folder.path().join("data");
    std::fs::rename(files.path(), &data).expect("it can be moved");
    // A folder that lacks one of the files is a mistake, and no reason to load another store.
    std::fs::rename(data.join("orders.json"), data.join("other.json")).expect("it can be moved");
    expect_error(&run_seed(&storage, &[]), FAILED, &["data/orders.json", "--data-dir"]);
    std::fs::rename(data.join("other.json"), data.join("orders.json")).expect("it can be moved");
    expect_done(run_seed(&storage, &[]));
    assert_eq!(counts(&storage), [2, 2, 2, 3]);
}

// ------------------------------------------------------------------------ The reset

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
        "DELETE FROM orders; DELETE FROM customers",
        "DELETE FROM orders; DELETE FROM products",
        "DELETE FROM products; DELETE FROM orders WHERE id > 1",
    ] {
        let storage = Storage::seeded(&combination.backend);
        storage.execute(emptied).expect("rows can be deleted");
        let before = dump(&storage);
        expect_error(&seed(&storage, &Files::good(), &[]), REFUSED, &["--reset"]);
        assert_eq!(dump(&storage), before, "{emptied}");
    }
    let storage = Storage::seeded(&combination.backend);
    let everything = "DELETE FROM orders; DELETE FROM customers; DELETE FROM products";
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
                  created_at, updated_at) VALUES ('NEXT', 'cust_a', 0, 'pending', 1, \
                  '2026-01-01 00:00:00', '2026-01-01 00:00:00')";
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

// -------------------------------------------------------------------- What is refused

fn broken_json_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    for name in ["products", "customers", "orders"] {
        for broken in ["", "[", "[{\"id\":", "[{},]", "[] []", "nonsense"] {
            let bad = |folder: &Path| write(folder, name, broken);
            store.refuses_folder(bad, &[&format!("{name}.json"), "line 1"]);
        }
    }
}

fn a_file_that_is_not_an_array_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    for name in ["products", "customers", "orders"] {
        let bad = |folder: &Path| write(folder, name, r#"{"data": []}"#);
        store.refuses_folder(bad, &[&format!("{name}.json"), "not an array"]);
    }
}

fn a_record_that_is_not_an_object_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    store.refuses(|files| files.products[1] = json!("x"), &["products.json", "record 2"]);
    store.refuses(|files| files.customers[1] = json!(1), &["customers.json", "record 2"]);
    store.refuses(|files| files.orders[0] = Value::Null, &["orders.json", "record 1"]);
}

fn an_order_of_an_unknown_customer_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.orders[1]["customer_id"] = json!("nobody");
    store.refuses(bad, &["orders.json", "record 2 (9)", "customer_id", "nobody"]);
}

fn a_product_id_that_occurs_twice_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.products[1]["id"] = json!("prod_a");
    store.refuses(bad, &["products.json", "record 2", "id prod_a", "record 1"]);
}

fn a_customer_id_that_occurs_twice_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.customers[1]["id"] = json!("cust_a");
    store.refuses(bad, &["customers.json", "record 2", "id cust_a", "record 1"]);
}

fn an_order_id_that_occurs_twice_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.orders[1]["id"] = json!(7);
    store.refuses(bad, &["orders.json", "record 2", "id 7", "record 1"]);
}

fn an_order_number_that_occurs_twice_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.orders[1]["order_number"] = json!("N-7");
    store.refuses(bad, &["orders.json", "record 2", "order_number N-7", "record 1"]);
}

fn an_email_that_occurs_twice_in_any_case_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.customers[1]["email"] = json!("A@Example.COM");
    store.refuses(bad, &["customers.json", "record 2", "email a@example.com", "record 1"]);
}

fn a_negative_price_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    for price in [json!("-1.00"), json!(-1), json!("-0.01")] {
        let bad = |files: &mut Files| files.products[1]["price"] = price;
        store.refuses(bad, &["products.json", "record 2 (prod_b)", "price"]);
    }
    let bad = |files: &mut Files| files.orders[0]["items"][0]["price"] = json!("-1.00");
    store.refuses(bad, &["orders.json", "record 1 (7)", "items[0].price"]);
}

fn a_price_with_three_decimals_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    for price in [json!("1.005"), json!(1.005), json!("1.000")] {
        let bad = |files: &mut Files| files.products[0]["price"] = price;
        store.refuses(bad, &["products.json", "record 1 (prod_a)", "price", "two decimals"]);
    }
}

fn a_price_that_is_too_high_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.products[0]["price"] = json!("100000000.00");
    store.refuses(bad, &["products.json", "record 1 (prod_a)", "price", "99999999.99"]);
}

fn a_negative_stock_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.products[0]["stock"] = json!(-1);
    store.refuses(bad, &["products.json", "record 1 (prod_a)", "stock"]);
}

fn a_tier_that_does_not_exist_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.customers[1]["tier"] = json!("diamond");
    store.refuses(bad, &["customers.json", "record 2 (cust_b)", "tier", "platinum"]);
}

fn a_status_that_does_not_exist_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.orders[1]["status"] = json!("paid");
    store.refuses(bad, &["orders.json", "record 2 (9)", "status", "completed"]);
}

fn a_total_that_does_not_add_up_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.orders[1]["total_amount"] = json!("2000.01");
    let expected = ["orders.json", "record 2 (9)", "total_amount", "2000.01", "2000.00"];
    store.refuses(bad, &expected);
}

fn totals_beyond_64_bits_are_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    // Half of what 64 bits hold, and a little more.
    let half = |order: &mut Value| {
        order["items"] = json!([{
            "product_id": "prod_a", "product_name": "A", "quantity": 500_000_000,
            "price": "99999999.99",
        }]);
        order["total_amount"] = json!("49999999995000000.00");
    };
    let bad = |files: &mut Files| files.orders.iter_mut().for_each(half);
    store.refuses(bad, &["orders.json", "record 2 (9)", "cust_a", "too much"]);
    let bad = |files: &mut Files| {
        half(&mut files.orders[0]);
        files.orders[0]["items"][0]["quantity"] = json!(2_000_000_000);
    };
    store.refuses(bad, &["orders.json", "record 1 (7)", "items"]);
}

fn an_order_without_items_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| {
        files.orders[0]["items"] = json!([]);
        files.orders[0]["total_amount"] = json!(0);
    };
    store.refuses(bad, &["orders.json", "record 1 (7)", "items"]);
}

fn a_quantity_of_zero_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.orders[1]["items"][1]["quantity"] = json!(0);
    store.refuses(bad, &["orders.json", "record 2 (9)", "items[1].quantity"]);
}

fn an_id_with_other_characters_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.products[0]["id"] = json!("prod a");
    store.refuses(bad, &["products.json", "record 1 (prod a)", "id"]);
    let bad = |files: &mut Files| files.orders[0]["id"] = json!(0);
    store.refuses(bad, &["orders.json", "record 1 (0)", "id"]);
}

fn a_malformed_email_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.customers[0]["email"] = json!("nobody");
    store.refuses(bad, &["customers.json", "record 1 (cust_a)", "email"]);
}

fn a_member_that_is_missing_is_named(combination: &Combination) {
    let store = Loaded::new(combination);
    let remove = |record: &mut Value, member: &str| {
        record.as_object_mut().expect("an object").remove(member).expect("it was there");
    };
    for member in ["name", "brand", "price", "stock", "category"] {
        let bad = |files: &mut Files| remove(&mut files.products[1], member);
        store.refuses(bad, &["products.json", "record 2 (prod_b)", member]);
    }
    for member in ["email", "name", "tier"] {
        let bad = |files: &mut Files| remove(&mut files.customers[1], member);
        store.refuses(bad, &["customers.json", "record 2 (cust_b)", member]);
    }
    for member in ["order_number", "customer_id", "items", "total_amount", "status"] {
        let bad = |files: &mut Files| remove(&mut files.orders[1], member);
        store.refuses(bad, &["orders.json", "record 2 (9)", member]);
    }
    let bad = |files: &mut Files| remove(&mut files.orders[1]["items"][0], "price");
    store.refuses(bad, &["orders.json", "record 2 (9)", "items[0]", "price"]);
    let bad = |files: &mut Files| remove(&mut files.products[1], "id");
    store.refuses(bad, &["products.json", "record 2", "id"]);
}

fn a_member_of_the_wrong_type_is_named(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.products[0]["stock"] = json!("5");
    store.refuses(bad, &["products.json", "record 1 (prod_a)", "stock"]);
    let bad = |files: &mut Files| files.products[0]["metadata"] = json!([]);
    store.refuses(bad, &["products.json", "record 1 (prod_a)", "metadata"]);
    let bad = |files: &mut Files| files.customers[0]["name"] = json!(5);
    store.refuses(bad, &["customers.json", "record 1 (cust_a)", "name"]);
    let bad = |files: &mut Files| files.orders[0]["items"] = json!({});
    store.refuses(bad, &["orders.json", "record 1 (7)", "items"]);
}

fn a_time_that_is_none_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    for time in ["yesterday", "2026-01-01", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z"] {
        let bad = |files: &mut Files| files.customers[0]["created_at"] = json!(time);
        store.refuses(bad, &["customers.json", "record 1 (cust_a)", "created_at"]);
    }
}

fn a_nul_character_is_refused(combination: &Combination) {
    let store = Loaded::new(combination);
    let bad = |files: &mut Files| files.products[1]["name"] = json!("a\0b");
    store.refuses(bad, &["products.json", "record 2 (prod_b)", "NUL"]);
    let bad = |files: &mut Files| files.products[1]["metadata"]["a\0b"] = json!(1);
    store.refuses(bad, &["products.json", "record 2 (prod_b)", "NUL"]);
    let bad = |files: &mut Files| files.customers[0]["address"] = json!({ "city": "\0" });
    store.refuses(bad, &["customers.json", "record 1 (cust_a)", "NUL"]);
    let bad = |files: &mut Files| files.orders[0]["notes"] = json!("\0");
    store.refuses(bad, &["orders.json", "record 1 (7)", "NUL"]);
}

fn a_folder_that_is_missing_is_named(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let before = dump(&storage);
    let failed = run_seed(&storage, &["--data-dir", "no/such/folder", "--reset"]);
    expect_error(&failed, FAILED, &["no/such/folder", "--data-dir"]);
    assert_eq!(dump(&storage), before);
}

fn a_file_that_is_missing_is_named(combination: &Combination) {
    let store = Loaded::new(combination);
    for name in ["products.json", "customers.json", "orders.json"] {
        let remove = |folder: &Path| std::fs::remove_file(folder.join(name)).expect("it was there");
        store.refuses_folder(remove, &[name]);
    }
}

fn a_redis_that_is_away_is_named_before_anything_changes(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let before = dump(&storage);
    // Nothing listens at this port.
    let away = ["--redis-url", "redis://user:hunter2@127.0.0.1:1", "--reset"];
    let failed = seed(&storage, &Files::good(), &away);
    expect_error(&failed, FAILED, &["REDIS_URL", "127.0.0.1:1", "nothing was changed"]);
    assert!(!failed.stderr.contains("hunter2"), "{}", failed.stderr);
    assert_eq!(dump(&storage), before);
}

fn a_database_that_is_away_is_an_error(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let away = if combination.is_postgres() {
        "postgres://user:hunter2@127.0.0.1:1/store"
    } else {
        "sqlite:///no/such/folder/chronos.db"
    };
    let failed = seed(&storage, &Files::good(), &["--database-url", away]);
    expect_error(&failed, FAILED, &[]);
    assert!(!failed.stderr.contains("hunter2"), "{}", failed.stderr);
}

// --------------------------------------------------------------------- Beside a server

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
        .args(["serve", "--no-seed", "--gateway-port", "0", "--product-service-port", "0"])
        .args(["--customer-service-port", "0"])
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
    app.delete("/products/prod_001").expect(200);
    app.put("/customers/cust_001", &json!({ "name": "Changed" })).expect(200);
    let before = dump(&app.storage);
    let App { storage, processes, .. } = app;
    drop(processes);
    let app = App::start(combination, storage, &[]);
    assert_eq!(dump(&app.storage), before);
    app.get("/products/prod_001").expect(404);
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

// ------------------------------------------------------------ What the cases use

/// A small store as the three files describe it.
pub struct Files {
    pub products: Vec<Value>,
    pub customers: Vec<Value>,
    pub orders: Vec<Value>,
}

impl Files {
    /// One without a mistake, and with every member that an answer shows.
    pub fn good() -> Files {
        let product = |id: &str, price: &str, day: u32| {
            json!({
                "id": id, "name": id.to_uppercase(), "brand": "Brand", "price": price, "stock": day,
                "category": "dive", "metadata": { "reference": id, "year": 2023 },
                "created_at": format!("2024-01-0{day}T00:00:00.000Z"),
                "updated_at": format!("2024-02-0{day}T01:02:03.456Z"),
            })
        };
        let customer = |id: &str, email: &str, day: u32| {
            json!({
                "id": id, "email": email, "name": "É 'x' \"y\" \\", "tier": "gold",
                "phone": "+41 22 555 01 23", "address": { "city": "Genève" },
                "created_at": format!("2024-01-0{day}T00:00:00.000Z"),
                "updated_at": format!("2024-02-0{day}T01:02:03.456Z"),
            })
        };
        let item = |id: &str, quantity: u32, price: &str| {
            json!({
                "product_id": id, "product_name": id.to_uppercase(), "quantity": quantity,
                "price": price,
            })
        };
        let order = |id: u32, items: Value, total: &str| {
            json!({
                "id": id, "order_number": format!("N-{id}"), "customer_id": "cust_a",
                "items": items, "total_amount": total, "status": "completed",
                "payment_method": "cash", "shipping_address": { "city": "Bern" }, "notes": null,
                "created_at": format!("2024-03-0{id}T00:00:00.000Z"),
                "updated_at": format!("2024-03-0{id}T01:02:03.456Z"),
            })
        };
        Files {
            products: vec![product("prod_a", "14500.00", 1), product("prod_b", "0.99", 2)],
            customers: vec![
                customer("cust_a", "a@example.com", 1),
                customer("cust_b", "b@example.com", 2),
            ],
            orders: vec![
                order(7, json!([item("prod_a", 1, "14500.00")]), "14500.00"),
                order(
                    9,
                    json!([item("prod_b", 2, "999.99"), item("prod_a", 1, "0.02")]),
                    "2000.00",
                ),
            ],
        }
    }

    pub fn write(&self) -> TempDir {
        let folder = TempDir::new().expect("a temporary folder");
        let files = [
            ("products", &self.products),
            ("customers", &self.customers),
            ("orders", &self.orders),
        ];
        for (name, records) in files {
            let text = serde_json::to_string_pretty(records).expect("it is JSON");
            write(folder.path(), name, &text);
        }
        folder
    }
}

pub fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(format!("{name}.json")), text).expect("the folder can be written");
}

pub fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// How a run of the binary ended.
#[derive(Debug)]
pub struct Outcome {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    pub fn of(output: std::process::Output) -> Outcome {
        Outcome {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("it writes text"),
            stderr: String::from_utf8(output.stderr).expect("it writes text"),
        }
    }
}

/// Runs `chronos seed` on these files.
pub fn seed(storage: &Storage, files: &Files, arguments: &[&str]) -> Outcome {
    let folder = files.write();
    let folder = shown(folder.path());
    run_seed(storage, &[&["--data-dir", &folder], arguments].concat())
}

pub fn run_seed(storage: &Storage, arguments: &[&str]) -> Outcome {
    let output = app::command(storage.folder.path())
        .arg("seed")
        .args(arguments)
        .envs(storage.settings())
        .output();
    Outcome::of(output.expect("the binary starts"))
}

#[track_caller]
pub fn expect_done(outcome: Outcome) {
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
}

/// Fails the test unless the command ended with this status and one line that has these parts.
#[track_caller]
pub fn expect_error(outcome: &Outcome, status: i32, parts: &[&str]) {
    assert_eq!(outcome.status, Some(status), "{outcome:?}");
    assert_eq!(outcome.stdout, "", "{outcome:?}");
    assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
    assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    for part in parts {
        assert!(outcome.stderr.contains(part), "no {part} in {outcome:?}");
    }
}

/// A loaded store, which refuses to be reset by files that have a mistake.
struct Loaded {
    storage: Storage,
    rows: Vec<String>,
}

impl Loaded {
    fn new(combination: &Combination) -> Loaded {
        let storage = Storage::seeded(&combination.backend);
        let rows = dump(&storage);
        Loaded { storage, rows }
    }

    /// Tries files with a mistake, and looks that everything stays as it was.
    #[track_caller]
    fn refuses(&self, mistake: impl FnOnce(&mut Files), parts: &[&str]) {
        let mut files = Files::good();
        mistake(&mut files);
        self.refuses_reset(files.write().path(), parts);
    }

    /// As [`Loaded::refuses`], for a mistake in the folder itself.
    #[track_caller]
    fn refuses_folder(&self, mistake: impl FnOnce(&Path), parts: &[&str]) {
        let folder = Files::good().write();
        mistake(folder.path());
        self.refuses_reset(folder.path(), parts);
    }

    #[track_caller]
    fn refuses_reset(&self, folder: &Path, parts: &[&str]) {
        let failed = run_seed(&self.storage, &["--data-dir", &shown(folder), "--reset"]);
        expect_error(&failed, FAILED, parts);
        assert_eq!(failed.stderr.lines().count(), 1, "{}", failed.stderr);
        assert_eq!(dump(&self.storage), self.rows);
    }
}

/// Every row of every table, in every column.
pub fn dump(storage: &Storage) -> Vec<String> {
    let tables = [
        "'product', id, name, brand, price, stock, category, metadata, version, created_at, \
         updated_at) AS line FROM products",
        "'customer', id, email, name, tier, phone, address, version, created_at, updated_at) \
         AS line FROM customers",
        "'order', id, order_number, customer_id, total_amount, status, payment_method, \
         shipping_address, notes, version, created_at, updated_at, discount_amount, \
         shipping_amount, tax_amount) AS line FROM orders",
        "'item', order_id, line, product_id, product_name, quantity, price) AS line \
         FROM order_items",
    ];
    let of_table = |table| lines(storage, &format!("SELECT concat_ws('|', {table}"));
    tables.into_iter().flat_map(of_table).collect()
}

/// How many products, customers, orders and items there are.
pub fn counts(storage: &Storage) -> [usize; 4] {
    ["products", "customers", "orders", "order_items"].map(|table| {
        let count = lines(storage, &format!("SELECT concat_ws('', count(*)) AS line FROM {table}"));
        count[0].parse().expect("a number")
    })
}

/// As [`counts`], of the files in `data/`.
pub fn counts_of_data() -> [usize; 4] {
    let [products, customers, orders] = ["products", "customers", "orders"].map(|name| {
        let path = format!("{}/data/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the file is there");
        serde_json::from_str::<Vec<Value>>(&text).expect("an array")
    });
    let items = orders.iter().map(|order| order["items"].as_array().expect("a list").len());
    [products.len(), customers.len(), orders.len(), items.sum()]
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The sorted answer to `SELECT … AS line`.
#[track_caller]
pub fn lines(storage: &Storage, sql: &str) -> Vec<String> {
    let rows: Result<Vec<Line>, _> = match storage.database_url.strip_prefix("sqlite://") {
        Some(file) => {
            let mut conn = SqliteConnection::establish(file).expect("the file opens");
            sql_query("PRAGMA busy_timeout = 5000").execute(&mut conn).expect("it is a setting");
            sql_query(sql).load(&mut conn)
        }
        None => {
            let conn = PgConnection::establish(&storage.database_url);
            sql_query(sql).load(&mut conn.expect("PostgreSQL is there"))
        }
    };
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut lines: Vec<String> = rows.into_iter().map(|row| row.line).collect();
    lines.sort();
    lines
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
