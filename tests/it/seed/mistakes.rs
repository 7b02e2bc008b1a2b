//! Files with a mistake: refused, and nothing is changed.

use super::{FAILED, Files, Loaded, dump, expect_error, run_seed, seed, write};
use crate::app::{Combination, Storage};
use crate::cases;
use serde_json::{Value, json};
use std::path::Path;

cases![
    BothBackends:
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
        all_that_is_wrong_with_a_record_is_told_at_once,
        a_folder_that_is_missing_is_named,
        a_file_that_is_missing_is_named,
        a_redis_that_is_away_is_named_before_anything_changes,
        a_database_that_is_away_is_an_error;
];

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

fn all_that_is_wrong_with_a_record_is_told_at_once(combination: &Combination) {
    let store = Loaded::new(combination);
    let mut files = Files::good();
    files.products[1] = json!({
        "id": "prod b", "name": "", "brand": 5, "price": "1,5", "category": "c",
        "created_at": "yesterday",
    });
    files.orders[0]["items"][0] = json!({ "product_id": "p q", "quantity": 0, "price": -1 });
    files.orders[0]["status"] = json!("paid");
    let expected = [
        "record 2 (prod b): brand: ",
        "record 2 (prod b): missing: stock\n",
        "record 2 (prod b): id must",
        "record 2 (prod b): name must",
        "record 2 (prod b): price must",
        "record 2 (prod b): created_at must",
        "record 1 (7): missing: items[0].product_name\n",
        "record 1 (7): items[0].product_id must",
        "record 1 (7): items[0].quantity must",
        "record 1 (7): items[0].price must",
        "record 1 (7): status must",
        "11 mistakes",
    ];
    let failed = seed(&store.storage, &files, &["--reset"]);
    expect_error(&failed, FAILED, &expected);
    assert_eq!(dump(&store.storage), store.rows);
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
