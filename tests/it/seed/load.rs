//! What is loaded, and what is said about it.

use super::{FAILED, Files, counts, expect_done, expect_error, run_seed, seed};
use crate::app::{App, Combination, Storage};
use crate::cases;
use serde_json::{Value, json};

cases![
    BothBackends:
        a_folder_is_loaded_into_a_new_database,
        what_is_loaded_is_served_as_it_is_in_the_files,
        members_that_a_file_leaves_out_get_their_defaults,
        money_is_read_as_a_number_or_as_text,
        one_line_says_what_was_done,
        data_of_the_working_folder_is_the_default;
];

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
