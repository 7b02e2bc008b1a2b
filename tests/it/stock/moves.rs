//! Pieces that come and go: each route that moves them has its line in the ledger.

use super::{add, data, expect_proved, hold, ledger, level, moves, post, send, store_of};
use crate::app::Combination;
use crate::cases;
use serde_json::{Value, json};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

cases![
    Everywhere:
        each_old_route_has_its_line_in_the_ledger,
        the_ledger_says_who_and_by_which_request,
        the_stock_of_a_product_is_told_and_never_cached,
        an_adjustment_is_a_line_of_the_ledger,
        an_adjustment_that_is_wrong_is_refused_with_all_its_mistakes,
        a_change_of_stock_wants_a_key_and_shows_one,
        a_count_is_possible_while_pieces_are_held;
    BothBackends:
        a_product_that_comes_again_goes_on_in_its_ledger,
        a_low_stock_is_listed_until_it_is_filled_up,
        more_pieces_than_can_be_counted_are_refused,
        a_threshold_is_changed_under_the_tag_that_was_seen,
        of_two_hundred_buyers_of_five_pieces_five_get_one;
];

fn each_old_route_has_its_line_in_the_ledger(combination: &Combination) {
    let app = store_of(combination, &[("a", 10), ("none", 0)]);
    app.patch("/products/a/inventory", &json!({ "quantity": 3 })).expect(200);
    app.patch("/products/a/inventory", &json!({ "quantity": 8 })).expect(400);
    app.put("/products/a", &json!({ "stock": 20, "name": "Both" })).expect(200);
    app.put("/products/a", &json!({ "stock": 5 })).expect(200);
    // Neither of these moves a piece.
    app.put("/products/a", &json!({ "stock": 5 })).expect(200);
    app.put("/products/a", &json!({ "name": "Renamed" })).expect(200);
    let expected = ["opening +10 +0", "sale -3 +0", "adjustment +13 +0", "adjustment -15 +0"];
    assert_eq!(moves(&app, "a"), expected);
    let reasons = ledger(&app, "a", &["reason"]);
    assert_eq!(reasons[2], [json!("set by PUT")]);
    assert_eq!(level(&app, "a"), [5, 0, 5]);
    assert_eq!(moves(&app, "none"), ["opening +0 +0"]);

    app.delete("/products/a").expect(200);
    app.delete("/products/none").expect(200);
    assert_eq!(moves(&app, "a").last().map(String::as_str), Some("removal -5 +0"));
    assert_eq!(moves(&app, "none"), ["opening +0 +0", "removal +0 +0"]);
    expect_proved(&app);
}

fn a_product_that_comes_again_goes_on_in_its_ledger(combination: &Combination) {
    let app = store_of(combination, &[("a", 2)]);
    app.delete("/products/a").expect(200);
    // As if the clock had been put back since.
    let later = "UPDATE stock_ledger SET version = version + 1000000000000 WHERE kind = 'removal'";
    app.storage.execute(later).expect("the line is there");
    add(&app, "a", 3);
    app.patch("/products/a/inventory", &json!({ "quantity": 1 })).expect(200);
    let expected = ["opening +2 +0", "removal -2 +0", "opening +3 +0", "sale -1 +0"];
    assert_eq!(moves(&app, "a"), expected);
    expect_proved(&app);
}

fn the_ledger_says_who_and_by_which_request(combination: &Combination) {
    let app = store_of(combination, &[("a", 10)]);
    let body = json!({ "quantity": 1 });
    let id = [("X-Request-Id", "sale.4711")];
    send(&app, "PATCH", "/products/a/inventory", &id, &body).expect(200);
    let line = &ledger(&app, "a", &["actor", "request_id", "source", "note"])[1];
    // Behind a gateway, it is the user of the token.
    let is_direct = combination.name().ends_with("/direct");
    let actor = if is_direct { "service" } else { "test" };
    assert_eq!(*line, [json!(actor), json!("sale.4711"), Value::Null, Value::Null]);
}

fn the_stock_of_a_product_is_told_and_never_cached(combination: &Combination) {
    let app = store_of(combination, &[("a", 10)]);
    app.get_cached("/products/a");
    let expected = json!({
        "product_id": "a", "on_hand": 10, "reserved": 0, "available": 10, "low_stock_at": null,
    });
    assert_eq!(data(&app, "/products/a/stock"), expected);
    hold(&app, &[("a", 4)]);
    assert_eq!(level(&app, "a"), [10, 4, 6]);
    let product = app.get("/products/a").expect(200);
    assert_eq!(
        (&product.json["data"]["stock"], &product.json["cached"]),
        (&6.into(), &false.into())
    );
    app.patch("/products/a/inventory", &json!({ "quantity": 7 })).expect(400);
    app.patch("/products/a/inventory", &json!({ "quantity": 6 })).expect(200);
    assert_eq!(level(&app, "a"), [4, 4, 0]);
    app.get("/products/none/stock").expect_failure(404, "Product not found");
}

fn an_adjustment_is_a_line_of_the_ledger(combination: &Combination) {
    let app = store_of(combination, &[("a", 10)]);
    let path = "/products/a/stock/adjustments";
    let answer = post(&app, path, &json!({ "delta": 5, "reason": "receipt" })).expect(201);
    let line = &answer.json["data"];
    assert_eq!((&line["kind"], &line["on_hand_after"]), (&json!("receipt"), &json!(15)));
    let body = json!({ "delta": -1, "reason": "damage", "note": "Crown" });
    let line = post(&app, path, &body).expect(201).json["data"].clone();
    assert_eq!((&line["kind"], &line["reason"]), (&json!("adjustment"), &json!("damage")));
    assert_eq!((&line["note"], &line["available_after"]), (&json!("Crown"), &json!(14)));
    // A count may find what the books say: that it was counted is worth a line.
    post(&app, path, &json!({ "counted": 14, "reason": "count" })).expect(201);
    post(&app, path, &json!({ "counted": 12, "reason": "count" })).expect(201);
    let expected = [
        "opening +10 +0",
        "receipt +5 +0",
        "adjustment -1 +0",
        "adjustment +0 +0",
        "adjustment -2 +0",
    ];
    assert_eq!(moves(&app, "a"), expected);
    assert_eq!(data(&app, "/products/a")["stock"], 12);
    post(&app, "/products/none/stock/adjustments", &json!({ "delta": 1, "reason": "found" }))
        .expect_failure(404, "Product not found");
    expect_proved(&app);
}

fn an_adjustment_that_is_wrong_is_refused_with_all_its_mistakes(combination: &Combination) {
    let app = store_of(combination, &[("a", 10)]);
    let path = "/products/a/stock/adjustments";
    let mistakes = |body: &Value| -> Vec<[Value; 2]> {
        let answer = post(&app, path, body).expect(400);
        let errors = answer.json["errors"].as_array().expect("a list").clone();
        errors.iter().map(|error| [error["field"].clone(), error["code"].clone()]).collect()
    };
    let wrong = |field: &str, code: &str| [json!(field), json!(code)];
    let body = json!({ "delta": 0, "reason": "theft", "note": " " });
    let expected =
        [wrong("delta", "OUT_OF_RANGE"), wrong("reason", "NOT_ONE_OF"), wrong("note", "EMPTY")];
    assert_eq!(mistakes(&body), expected);
    assert_eq!(mistakes(&json!({})), [wrong("delta", "REQUIRED"), wrong("reason", "REQUIRED")]);
    let both = json!({ "delta": 1, "counted": 1, "reason": "count" });
    assert_eq!(mistakes(&both), [wrong("counted", "REPEATED")]);
    let negative = json!({ "counted": -1, "reason": "count" });
    assert_eq!(mistakes(&negative), [wrong("counted", "OUT_OF_RANGE")]);
    assert_eq!(moves(&app, "a"), ["opening +10 +0"]);
}

fn a_change_of_stock_wants_a_key_and_shows_one(combination: &Combination) {
    let app = store_of(combination, &[("a", 10)]);
    let id = hold(&app, &[("a", 1)]);
    let release = format!("/holds/{id}/release");
    let extend = format!("/holds/{id}/extend");
    for (path, body) in [
        ("/products/a/stock/adjustments", json!({ "delta": 5, "reason": "receipt" })),
        ("/holds", super::hold_body(&[("a", 1)], 60)),
        (release.as_str(), json!({})),
        (extend.as_str(), json!({ "expires_in_seconds": 60, "reason": "Late" })),
    ] {
        let refused = app.post(path, &body);
        let refused = refused.expect_failure(400, "This request needs an Idempotency-Key");
        assert_eq!(refused.json["code"], "IDEMPOTENCY_KEY_REQUIRED", "{path}");
        let message = refused.json["message"].as_str().expect("a text");
        let (_, header) = message.split_once("Idempotency-Key: ").expect("the header to add");
        let key = header.split(',').next().expect("its value").to_owned();
        // As the message says.
        let headers = [("Idempotency-Key", key.as_str())];
        let first = send(&app, "POST", path, &headers, &body);
        assert!([200, 201, 409].contains(&first.status), "{path}: {}", first.text);
        if first.status < 300 {
            let again = send(&app, "POST", path, &headers, &body).expect(first.status);
            assert_eq!(again.json, first.json, "{path}");
            assert_eq!(again.header("idempotency-replayed"), Some("true"));
        }
    }
    assert_eq!(level(&app, "a"), [15, 1, 14]);
}

/// What made a count impossible elsewhere: pieces that are held are on the shelf as well.
fn a_count_is_possible_while_pieces_are_held(combination: &Combination) {
    let app = store_of(combination, &[("a", 4)]);
    hold(&app, &[("a", 2)]);
    let path = "/products/a/stock/adjustments";
    post(&app, path, &json!({ "counted": 5, "reason": "count" })).expect(201);
    assert_eq!(level(&app, "a"), [5, 2, 3]);
    let refused = post(&app, path, &json!({ "counted": 1, "reason": "count" })).expect(409);
    assert_eq!(refused.json["code"], "BELOW_RESERVED");
    assert_eq!(refused.json["details"], json!({ "reserved": 2, "on_hand": 5 }));
    post(&app, path, &json!({ "delta": -4, "reason": "loss" })).expect(409);
    assert_eq!(level(&app, "a"), [5, 2, 3]);
    post(&app, path, &json!({ "counted": 2, "reason": "count" })).expect(201);
    assert_eq!(level(&app, "a"), [2, 2, 0]);
    expect_proved(&app);
}

fn a_low_stock_is_listed_until_it_is_filled_up(combination: &Combination) {
    let app = store_of(combination, &[("few", 2), ("many", 10), ("own", 10), ("never", 1)]);
    let low = || -> Vec<Value> {
        let rows = data(&app, "/stock/low");
        rows.as_array().expect("a list").iter().map(|row| row["product_id"].clone()).collect()
    };
    // Three or fewer, where a product says nothing else.
    assert_eq!(low(), ["never", "few"]);
    app.put("/products/own/stock", &json!({ "low_stock_at": 10 })).expect(200);
    app.put("/products/never/stock", &json!({ "low_stock_at": 0 })).expect(200);
    assert_eq!(low(), ["few", "own"]);
    hold(&app, &[("own", 9)]);
    assert_eq!(low(), ["own", "few"], "the furthest below comes first");
    let row = data(&app, "/stock/low?limit=1")[0].clone();
    let expected = json!({
        "product_id": "own", "name": "Watch own", "on_hand": 10, "reserved": 9, "available": 1,
        "low_stock_at": 10, "threshold": 10,
    });
    assert_eq!(row, expected);
    app.put("/products/own/stock", &json!({ "low_stock_at": null })).expect(200);
    app.put("/products/few", &json!({ "stock": 4 })).expect(200);
    assert_eq!(low(), ["own"]);
    app.put("/products/own/stock", &json!({})).expect_failure(400, "No fields to update");
    app.put("/products/own/stock", &json!({ "low_stock_at": -1 })).expect(400);
    app.put("/products/none/stock", &json!({ "low_stock_at": 1 })).expect(404);
}

fn more_pieces_than_can_be_counted_are_refused(combination: &Combination) {
    let app = store_of(combination, &[("a", 10)]);
    hold(&app, &[("a", 4)]);
    app.put("/products/a", &json!({ "stock": i32::MAX })).expect(400);
    app.put("/products/a", &json!({ "stock": i32::MAX - 4 })).expect(200);
    assert_eq!(level(&app, "a"), [i64::from(i32::MAX), 4, i64::from(i32::MAX) - 4]);
    let path = "/products/a/stock/adjustments";
    post(&app, path, &json!({ "delta": 1, "reason": "found" })).expect(400);
    post(&app, path, &json!({ "delta": -i32::MAX, "reason": "loss" })).expect(409);
    expect_proved(&app);
}

fn a_threshold_is_changed_under_the_tag_that_was_seen(combination: &Combination) {
    let app = store_of(combination, &[("a", 10)]);
    let path = "/products/a/stock";
    let tag = app.get(path).expect(200).header("etag").expect("a tag").to_owned();
    let body = json!({ "low_stock_at": 2 });
    let seen = [("If-Match", tag.as_str())];
    let changed = send(&app, "PUT", path, &seen, &body).expect(200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
    send(&app, "PUT", path, &seen, &body).expect(412);
    let key = [("If-Match", tag.as_str()), ("Idempotency-Key", "k")];
    let body = json!({ "delta": 1, "reason": "found" });
    send(&app, "POST", "/products/a/stock/adjustments", &key, &body).expect(412);
    assert_eq!(moves(&app, "a"), ["opening +10 +0"]);
}

fn of_two_hundred_buyers_of_five_pieces_five_get_one(combination: &Combination) {
    let app = store_of(combination, &[("a", 5)]);
    let (bought, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let start = Barrier::new(20);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..10 {
                    let answer = app.patch("/products/a/inventory", &json!({ "quantity": 1 }));
                    let counter = if answer.status == 200 { &bought } else { &refused };
                    assert!([200, 400].contains(&answer.status), "{}", answer.text);
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!((bought.into_inner(), refused.into_inner()), (5, 195));
    assert_eq!(level(&app, "a"), [0, 0, 0]);
    assert_eq!(moves(&app, "a").len(), 6);
    expect_proved(&app);
}
