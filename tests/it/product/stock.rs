//! `PATCH /products/{id}/inventory`: taking stock.

use super::{HUGE, add, watch, with};
use crate::app::Combination;
use crate::cases;
use serde_json::json;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

cases![
    Everywhere:
        a_purchase_says_what_was_bought,
        a_quantity_is_a_positive_whole_number,
        more_than_the_stock_is_refused,
        the_whole_stock_can_be_taken,
        a_total_cost_is_exact,
        a_total_cost_beyond_64_bits_takes_nothing,
        stock_never_goes_below_zero,
        what_was_taken_is_what_is_missing;
];

fn a_purchase_says_what_was_bought(combination: &Combination) {
    let app = combination.start_empty();
    let body = with(&with(&watch("a"), "price", "1499.95"), "name", "Alpinist");
    add(&app, &body);
    let answer = app.patch("/products/a/inventory", &json!({ "quantity": 3 })).expect(200);
    let expected = json!({
        "success": true,
        "message": "Inventory updated successfully",
        "data": {
            "product_id": "a",
            "product_name": "Alpinist",
            "quantity_purchased": 3,
            "remaining_stock": 7,
            "price_per_unit": "1499.95",
            "total_cost": "4499.85",
        },
    });
    assert_eq!(answer.json, expected);
    assert_eq!(app.get("/products/a").expect(200).json["data"]["stock"], 7);
}

fn a_quantity_is_a_positive_whole_number(combination: &Combination) {
    let app = combination.start_empty();
    add(&app, &watch("a"));
    let take = |body: &str| app.send_bytes("PATCH", "/products/a/inventory", Some(body.as_bytes()));
    let others = r#"0 -1 -0 0.0 1.5 0.9999 "2" "" null true [] [1] {} 1e-1 -1e300"#;
    for quantity in others.split(' ') {
        take(&format!(r#"{{"quantity":{quantity}}}"#))
            .expect_failure(400, "Quantity must be a positive number");
    }
    for body in ["{}", r#"{"Quantity":1}"#, r#"{"quantity ":1}"#] {
        take(body).expect_failure(400, "Quantity must be a positive number");
    }
    // Too large to count with: refused as one or the other.
    for quantity in ["1e300", HUGE, "18446744073709551616"] {
        let answer = take(&format!(r#"{{"quantity":{quantity}}}"#)).expect(400);
        let error = answer.json["error"].as_str().unwrap_or_default().to_owned();
        assert!(["Quantity must be a positive number", "Insufficient stock"].contains(&&*error));
        answer.expect_failure(400, &error);
    }
    assert_eq!(app.get("/products/a").expect(200).json["data"]["stock"], 10);
    // JSON does not tell 2.0 from 2.
    for quantity in ["2.0", "2.00"] {
        let answer = take(&format!(r#"{{"quantity":{quantity}}}"#)).expect(200);
        assert_eq!(answer.json["data"]["quantity_purchased"], 2);
    }
    assert_eq!(app.get("/products/a").expect(200).json["data"]["stock"], 6);
}

fn more_than_the_stock_is_refused(combination: &Combination) {
    let app = combination.start_empty();
    add(&app, &watch("a"));
    for quantity in [11, 2_147_483_647, 2_147_483_648, 4_294_967_297, 9_223_372_036_854_775_807_u64]
    {
        let answer = app
            .patch("/products/a/inventory", &json!({ "quantity": quantity }))
            .expect_failure(400, "Insufficient stock");
        assert_eq!(answer.json["details"], json!({ "requested": quantity, "available": 10 }));
    }
    assert_eq!(app.get("/products/a").expect(200).json["data"]["stock"], 10);
}

fn the_whole_stock_can_be_taken(combination: &Combination) {
    let app = combination.start_empty();
    add(&app, &watch("a"));
    let all = app.patch("/products/a/inventory", &json!({ "quantity": 10 })).expect(200);
    assert_eq!(all.json["data"]["remaining_stock"], 0);
    let none = app
        .patch("/products/a/inventory", &json!({ "quantity": 1 }))
        .expect_failure(400, "Insufficient stock");
    assert_eq!(none.json["details"], json!({ "requested": 1, "available": 0 }));
    // A new delivery can be sold again.
    app.put("/products/a", &json!({ "stock": 1 })).expect(200);
    app.patch("/products/a/inventory", &json!({ "quantity": 1 })).expect(200);
}

fn a_total_cost_is_exact(combination: &Combination) {
    let app = combination.start_empty();
    for (id, price, quantity, total) in [
        ("a", "0.29", 3, "0.87"),
        ("b", "1.15", 100, "115.00"),
        ("c", "0.00", 5, "0.00"),
        ("d", "99999999.99", 7, "699999999.93"),
        // Beyond what a float counts exactly, up to the last that 64 bits hold.
        ("e", "4194304.01", i32::MAX, "9007199272021524.47"),
        ("f", "99999999.99", 922_337_203, "92233720290776627.97"),
    ] {
        add(&app, &with(&with(&watch(id), "price", price), "stock", i32::MAX));
        let path = format!("/products/{id}/inventory");
        let answer = app.patch(&path, &json!({ "quantity": quantity })).expect(200);
        assert_eq!(answer.json["data"]["total_cost"], total, "{price} x {quantity}");
        assert_eq!(answer.json["data"]["price_per_unit"], price);
        assert_eq!(answer.json["data"]["remaining_stock"], i32::MAX - quantity);
    }
}

fn a_total_cost_beyond_64_bits_takes_nothing(combination: &Combination) {
    let app = combination.start_empty();
    add(&app, &with(&with(&watch("a"), "price", "99999999.99"), "stock", i32::MAX));
    for quantity in [i32::MAX, 922_337_204] {
        app.patch("/products/a/inventory", &json!({ "quantity": quantity }))
            .expect_failure(400, "Total cost is too large");
        assert_eq!(app.get("/products/a").expect(200).json["data"]["stock"], i32::MAX);
    }
}

/// D1: more buyers than stock.
fn stock_never_goes_below_zero(combination: &Combination) {
    let app = combination.start_empty();
    add(&app, &with(&watch("a"), "stock", 100));
    let remaining = Mutex::new(Vec::new());
    let requests = AtomicUsize::new(0);
    at_once(16, |_| {
        while requests.fetch_add(1, Ordering::Relaxed) < 200 {
            let answer = app.patch("/products/a/inventory", &json!({ "quantity": 1 }));
            if answer.status == 200 {
                let left = answer.json["data"]["remaining_stock"].as_i64();
                remaining.lock().expect("no thread panics here").push(left);
            } else {
                let answer = answer.expect_failure(400, "Insufficient stock");
                assert_eq!(answer.json["details"], json!({ "requested": 1, "available": 0 }));
            }
            let seen = app.get("/products/a").expect(200);
            assert!(seen.json["data"]["stock"].as_i64() >= Some(0), "{}", seen.text);
        }
    });
    let mut remaining = remaining.into_inner().expect("no thread panicked");
    remaining.sort_unstable();
    // Each take saw a stock that no other one saw.
    assert_eq!(remaining, (0..100).map(Some).collect::<Vec<_>>());
    assert_eq!(app.get("/products/a").expect(200).json["data"]["stock"], 0);
}

/// D1: as much as there is.
fn what_was_taken_is_what_is_missing(combination: &Combination) {
    let app = combination.start_empty();
    add(&app, &with(&watch("a"), "stock", 600));
    let taken = Mutex::new(0);
    at_once(16, |thread| {
        let mut random = fastrand::Rng::with_seed(thread);
        for _ in 0..12 {
            let quantity = random.i64(1..=12);
            let answer = app.patch("/products/a/inventory", &json!({ "quantity": quantity }));
            if answer.status == 200 {
                assert_eq!(answer.json["data"]["quantity_purchased"], quantity);
                *taken.lock().expect("no thread panics here") += quantity;
            } else {
                let answer = answer.expect_failure(400, "Insufficient stock");
                assert_eq!(answer.json["details"]["requested"], quantity);
                let available = answer.json["details"]["available"].as_i64().expect("a number");
                assert!((0..quantity).contains(&available), "{}", answer.text);
            }
        }
    });
    let taken = taken.into_inner().expect("no thread panicked");
    assert!(taken > 500, "{taken}");
    assert_eq!(app.get("/products/a").expect(200).json["data"]["stock"], 600 - taken);
}

/// Runs the closure on this many threads, with their numbers.
fn at_once(threads: u64, run: impl Fn(u64) + Sync) {
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let run = &run;
            scope.spawn(move || run(thread));
        }
    });
}
