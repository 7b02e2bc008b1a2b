//! Holds: pieces that nobody else can have, until they end.

use super::{
    add, data, end, expect_proved, fresh_key, hold, hold_body, level, moves, post, send, state,
    store_of,
};
use crate::app::{App, Combination, Process};
use crate::cases;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;

cases![
    Everywhere:
        a_hold_is_made_read_extended_and_released,
        a_hold_that_is_wrong_is_refused_with_all_its_mistakes,
        all_that_is_short_is_told_and_nothing_is_held,
        the_same_product_on_two_lines_is_added_up,
        a_hold_that_has_ended_blocks_nobody,
        a_hold_that_has_ended_is_expired_from_then_on;
    BothBackends:
        a_product_of_which_pieces_are_reserved_stays,
        a_hold_is_changed_under_the_tag_that_was_seen,
        a_hold_of_an_order_is_the_orders_alone,
        holds_are_listed_by_state_customer_and_product,
        a_hold_outlives_its_customer,
        holds_that_end_while_they_are_used_have_one_outcome_each,
        holds_of_the_same_products_in_any_order_never_meet_in_a_deadlock;
    OnPostgres:
        another_replica_shows_what_a_hold_left;
];

fn a_hold_is_made_read_extended_and_released(combination: &Combination) {
    let app = store_of(combination, &[("a", 5), ("b", 5)]);
    let customer = json!({ "id": "c-1", "email": "c@example.com", "name": "C", "tier": "gold" });
    app.post("/customers", &customer).expect(201);
    let mut body = hold_body(&[("b", 2), ("a", 1)], 3600);
    body["customer_id"] = "c-1".into();
    body["reason"] = "Decides until Friday".into();
    let made = post(&app, "/holds", &body).expect(201);
    let hold = made.json["data"].clone();
    let path = format!("/holds/{}", hold["id"]);
    assert_eq!(made.header("location"), Some(&path[1..]));
    let items = json!([
        { "product_id": "a", "quantity": 1, "open_quantity": 1 },
        { "product_id": "b", "quantity": 2, "open_quantity": 2 },
    ]);
    assert_eq!((&hold["items"], &hold["state"]), (&items, &json!("open")));
    assert_eq!((&hold["kind"], &hold["order_id"]), (&json!("hold"), &Value::Null));
    assert_eq!((&hold["customer_id"], &hold["reason"]), (&body["customer_id"], &body["reason"]));
    assert_eq!(data(&app, &path), hold);
    assert_eq!((level(&app, "a"), level(&app, "b")), ([5, 1, 4], [5, 2, 3]));

    let extended = json!({ "expires_at": "2099-01-01T00:00:00Z", "reason": "Travels" });
    post(&app, &format!("{path}/extend"), &extended).expect(400);
    let extended = json!({ "expires_in_seconds": 7200, "reason": "Travels" });
    let later = post(&app, &format!("{path}/extend"), &extended).expect(200).json["data"].clone();
    assert!(later["expires_at"].as_str() > hold["expires_at"].as_str(), "{later}");
    assert_eq!(later["reason"], "Travels");
    assert_eq!(level(&app, "b"), [5, 2, 3]);

    let reason = json!({ "reason": "Bought another" });
    let gone = post(&app, &format!("{path}/release"), &reason).expect(200).json["data"].clone();
    assert_eq!(
        (&gone["state"], &gone["items"][1]["open_quantity"]),
        (&"released".into(), &0.into())
    );
    assert_eq!((level(&app, "a"), level(&app, "b")), ([5, 0, 5], [5, 0, 5]));
    assert_eq!(moves(&app, "b"), ["opening +5 +0", "hold +0 +2", "release +0 -2"]);
    for again in ["release", "extend"] {
        let refused = post(&app, &format!("{path}/{again}"), &extended).expect(409);
        assert_eq!(refused.json["code"], "HOLD_NOT_OPEN");
        assert_eq!(refused.json["details"], json!({ "state": "released" }));
    }
    app.get("/holds/999999").expect_failure(404, "Hold not found");
    app.get("/holds/x").expect(400);
    expect_proved(&app);
}

fn a_hold_that_is_wrong_is_refused_with_all_its_mistakes(combination: &Combination) {
    let app = store_of(combination, &[("a", 5)]);
    let mistakes = |body: &Value| -> Vec<String> {
        let answer = post(&app, "/holds", body).expect(400);
        let errors = answer.json["errors"].as_array().expect("a list").clone();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        errors.iter().map(|it| text(&it["field"]) + " " + &text(&it["code"])).collect()
    };
    let body = json!({
        "items": [{ "product_id": "a b", "quantity": 0 }, { "quantity": 1 }],
        "expires_in_seconds": 59, "customer_id": "", "reason": " ",
    });
    let expected = [
        "items[0].product_id BAD_CHARACTER",
        "items[0].quantity OUT_OF_RANGE",
        "items[1].product_id REQUIRED",
        "expires_in_seconds OUT_OF_RANGE",
        "customer_id EMPTY",
        "reason EMPTY",
    ];
    assert_eq!(mistakes(&body), expected);
    assert_eq!(mistakes(&json!({})), ["items REQUIRED", "expires_in_seconds REQUIRED"]);
    assert_eq!(mistakes(&hold_body(&[], 60)), ["items EMPTY"]);
    let too_long = hold_body(&[("a", 1)], 30 * 24 * 3600 + 60);
    assert_eq!(mistakes(&too_long), ["expires_in_seconds OUT_OF_RANGE"]);
    let huge = hold_body(&[("a", 1)], i64::MAX);
    assert_eq!(mistakes(&huge), ["expires_in_seconds OUT_OF_RANGE"]);
    let many = hold_body(&vec![("a", 1); 101], 60);
    assert_eq!(mistakes(&many), ["items TOO_LONG"]);
    let sum = hold_body(&[("a", i32::MAX.into()), ("a", 1)], 60);
    assert_eq!(mistakes(&sum), ["items OUT_OF_RANGE"]);
    let mut customer = hold_body(&[("a", 1)], 60);
    customer["customer_id"] = "nobody".into();
    post(&app, "/holds", &customer).expect_failure(404, "Customer not found");
    let gone = post(&app, "/holds", &hold_body(&[("a", 1), ("gone", 1)], 60));
    let gone = gone.expect_failure(404, "Product not found");
    assert_eq!(gone.json["details"], json!({ "product_id": "gone" }));
    assert_eq!(level(&app, "a"), [5, 0, 5]);
}

fn all_that_is_short_is_told_and_nothing_is_held(combination: &Combination) {
    let app = store_of(combination, &[("a", 5), ("b", 1), ("c", 0)]);
    let refused = post(&app, "/holds", &hold_body(&[("c", 1), ("a", 5), ("b", 2)], 60));
    let refused = refused.expect_failure(409, "Not enough in stock");
    assert_eq!(refused.json["code"], "OUT_OF_STOCK");
    let short = json!([
        { "product_id": "b", "requested": 2, "available": 1 },
        { "product_id": "c", "requested": 1, "available": 0 },
    ]);
    assert_eq!(refused.json["details"]["items"], short);
    for (id, stock) in [("a", 5), ("b", 1), ("c", 0)] {
        assert_eq!(level(&app, id), [stock, 0, stock]);
    }
    assert_eq!(data(&app, "/holds"), json!([]));
}

/// Two lines of one product pass a check one by one, where nobody adds them up.
fn the_same_product_on_two_lines_is_added_up(combination: &Combination) {
    let app = store_of(combination, &[("a", 1)]);
    let body = hold_body(&[("a", 1), ("a", 1)], 60);
    let refused = post(&app, "/holds", &body).expect(409);
    let short = json!([{ "product_id": "a", "requested": 2, "available": 1 }]);
    assert_eq!(refused.json["details"]["items"], short);
    app.put("/products/a", &json!({ "stock": 2 })).expect(200);
    let made = post(&app, "/holds", &body).expect(201);
    let items = json!([{ "product_id": "a", "quantity": 2, "open_quantity": 2 }]);
    assert_eq!(made.json["data"]["items"], items);
    assert_eq!(level(&app, "a"), [2, 2, 0]);
}

/// Nobody sweeps them up: whoever wants the pieces does.
fn a_hold_that_has_ended_blocks_nobody(combination: &Combination) {
    let app = store_of(combination, &[("a", 1), ("b", 1)]);
    let taken = |app: &App| {
        let id = hold(app, &[("a", 1), ("b", 1)]);
        assert_eq!(level(app, "a"), [1, 1, 0]);
        app.patch("/products/a/inventory", &json!({ "quantity": 1 })).expect(400);
        post(app, "/holds", &hold_body(&[("a", 1)], 60)).expect(409);
        app.delete("/products/a").expect(409);
        end(app, id);
        id
    };
    let first = taken(&app);
    app.patch("/products/a/inventory", &json!({ "quantity": 1 })).expect(200);
    assert_eq!((level(&app, "a"), level(&app, "b")), ([0, 0, 0], [1, 0, 1]));
    assert_eq!(state(&app, first), "expired");
    app.put("/products/a", &json!({ "stock": 1 })).expect(200);

    let second = taken(&app);
    let third = hold(&app, &[("a", 1)]);
    assert_eq!((state(&app, second), state(&app, third)), ("expired".into(), "open".into()));
    end(&app, third);
    let counted = json!({ "counted": 0, "reason": "count" });
    post(&app, "/products/a/stock/adjustments", &counted).expect(201);
    app.put("/products/a", &json!({ "stock": 1 })).expect(200);

    taken(&app);
    app.delete("/products/a").expect(200);
    expect_proved(&app);
}

fn a_hold_that_has_ended_is_expired_from_then_on(combination: &Combination) {
    let app = store_of(combination, &[("a", 1)]);
    let id = hold(&app, &[("a", 1)]);
    let tag = |app: &App| {
        let hold = app.get(&format!("/holds/{id}")).expect(200);
        hold.header("etag").expect("a tag").to_owned()
    };
    let open = tag(&app);
    end(&app, id);
    assert_eq!(state(&app, id), "expired");
    assert_ne!(tag(&app), open, "it is shown otherwise");
    let body = json!({ "expires_in_seconds": 60, "reason": "Too late" });
    for change in ["extend", "release"] {
        let refused = post(&app, &format!("/holds/{id}/{change}"), &body).expect(409);
        assert_eq!(refused.json["code"], "HOLD_EXPIRED", "{change}");
    }
    let of = |state: &str| data(&app, &format!("/holds?state={state}")).as_array().map(Vec::len);
    assert_eq!((of("open"), of("expired")), (Some(0), Some(1)));
    assert_eq!(level(&app, "a"), [1, 1, 0], "nobody has asked for the piece");
    let again = hold(&app, &[("a", 1)]);
    assert_ne!(again, id);
    assert_eq!((of("open"), of("expired")), (Some(1), Some(1)));
    let expected = ["opening +1 +0", "hold +0 +1", "release +0 -1", "hold +0 +1"];
    assert_eq!(moves(&app, "a"), expected);
    expect_proved(&app);
}

fn a_product_of_which_pieces_are_reserved_stays(combination: &Combination) {
    let app = store_of(combination, &[("a", 3)]);
    let id = hold(&app, &[("a", 2)]);
    let refused = app.delete("/products/a").expect(409);
    assert_eq!(refused.json["code"], "PRODUCT_RESERVED");
    assert_eq!(refused.json["details"], json!({ "reserved": 2 }));
    post(&app, &format!("/holds/{id}/release"), &json!({})).expect(200);
    app.delete("/products/a").expect(200);
    app.delete("/products/a").expect(404);
    assert_eq!(moves(&app, "a").last().map(String::as_str), Some("removal -3 +0"));
    expect_proved(&app);
}

fn a_hold_is_changed_under_the_tag_that_was_seen(combination: &Combination) {
    let app = store_of(combination, &[("a", 3)]);
    let id = hold(&app, &[("a", 2)]);
    let path = format!("/holds/{id}");
    let read = app.get(&path).expect(200);
    let tag = read.header("etag").expect("a tag").to_owned();
    let known = app.client.send(
        "GET",
        &app.url(&path),
        &[("Authorization", &format!("Bearer {}", app.token())), ("If-None-Match", &tag)],
        None,
    );
    known.expect(304);
    let extend = json!({ "expires_in_seconds": 60, "reason": "Late" });
    let with = |path: &str, body: &Value| {
        let key = fresh_key();
        let headers = [("If-Match", tag.as_str()), ("Idempotency-Key", key.as_str())];
        send(&app, "POST", path, &headers, body)
    };
    with(&format!("{path}/extend"), &extend).expect(200);
    with(&format!("{path}/extend"), &extend).expect(412);
    let refused = with(&format!("{path}/release"), &json!({})).expect(412);
    assert_eq!(refused.json["code"], "VERSION_MISMATCH");
    assert_eq!(level(&app, "a"), [3, 2, 1]);
}

fn a_hold_of_an_order_is_the_orders_alone(combination: &Combination) {
    let app = combination.start();
    let of_order = data(&app, "/holds?limit=1")[0].clone();
    assert_eq!((&of_order["kind"], &of_order["expires_at"]), (&json!("order"), &Value::Null));
    let path = format!("/holds/{}", of_order["id"]);
    let body = json!({ "expires_in_seconds": 60, "reason": "By hand" });
    for change in ["extend", "release"] {
        let refused = post(&app, &format!("{path}/{change}"), &body).expect(409);
        assert_eq!(refused.json["code"], "HOLD_NOT_OPEN");
        assert_eq!(refused.json["details"], json!({ "order_id": of_order["order_id"] }));
    }
    assert_eq!(data(&app, &path), of_order);
    expect_proved(&app);
}

fn holds_are_listed_by_state_customer_and_product(combination: &Combination) {
    let app = store_of(combination, &[("a", 9), ("b", 9)]);
    for id in ["c-1", "c-2"] {
        let email = format!("{id}@example.com");
        let customer = json!({ "id": id, "email": email, "name": "C", "tier": "gold" });
        app.post("/customers", &customer).expect(201);
    }
    let made = |product: &str, customer: &str| {
        let mut body = hold_body(&[(product, 1)], 600);
        body["customer_id"] = customer.into();
        post(&app, "/holds", &body).expect(201).json["data"]["id"].as_i64().expect("an id")
    };
    let (one, two, three) = (made("a", "c-1"), made("b", "c-1"), made("a", "c-2"));
    post(&app, &format!("/holds/{two}/release"), &json!({})).expect(200);
    let listed = |query: &str| -> Vec<i64> {
        let rows = data(&app, &format!("/holds?{query}"));
        rows.as_array().expect("a list").iter().filter_map(|row| row["id"].as_i64()).collect()
    };
    assert_eq!(listed(""), [three, two, one]);
    assert_eq!(listed("sort=created_at"), [one, two, three]);
    assert_eq!(listed("customer_id=c-1"), [two, one]);
    assert_eq!(listed("customer_id=c-1&state=open"), [one]);
    assert_eq!(listed("product_id=a"), [three, one]);
    assert_eq!(listed("product_id=b&state=released"), [two]);
    assert_eq!(listed("state=consumed"), [0; 0]);
    app.get("/holds?state=lost").expect(400);
    let first = app.get("/holds?limit=2").expect(200);
    let next = first.header("link").expect("a next page");
    let next = next.strip_prefix("<?").and_then(|it| it.split('>').next()).expect("a query");
    assert_eq!(listed(next), [one]);
}

fn a_hold_outlives_its_customer(combination: &Combination) {
    let app = store_of(combination, &[("a", 9)]);
    let customer = json!({ "id": "c-1", "email": "c@example.com", "name": "C", "tier": "gold" });
    app.post("/customers", &customer).expect(201);
    let mut body = hold_body(&[("a", 1)], 600);
    body["customer_id"] = "c-1".into();
    let id = post(&app, "/holds", &body).expect(201).json["data"]["id"].clone();
    app.delete("/customers/c-1").expect(200);
    let left = data(&app, &format!("/holds/{id}"));
    assert_eq!((&left["customer_id"], &left["state"]), (&Value::Null, &json!("open")));
}

/// Extended, released and wanted by buyers, at the moment of their end.
fn holds_that_end_while_they_are_used_have_one_outcome_each(combination: &Combination) {
    const HOLDS: usize = 120;
    let app = store_of(combination, &[("a", i32::try_from(HOLDS).expect("few"))]);
    let ids: Vec<i64> = (0..HOLDS).map(|_| hold(&app, &[("a", 1)])).collect();
    // Half of them have ended when they are used, whoever comes.
    let (ended, open): (Vec<_>, Vec<_>) =
        ids.iter().copied().enumerate().partition(|(i, _)| i % 2 == 0);
    for (_, id) in &ended {
        end(&app, *id);
    }
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for worker in 0..8 {
            let (app, ids, start) = (&app, &ids, &start);
            scope.spawn(move || {
                start.wait();
                for id in ids.iter().skip(worker) {
                    let body = json!({ "expires_in_seconds": 600, "reason": "Late" });
                    let status = match worker % 4 {
                        0 => post(app, &format!("/holds/{id}/extend"), &body).status,
                        1 => post(app, &format!("/holds/{id}/release"), &json!({})).status,
                        _ => {
                            let body = json!({ "quantity": 1 });
                            app.patch("/products/a/inventory", &body).status
                        }
                    };
                    assert!([200, 400, 409].contains(&status), "{status}");
                }
            });
        }
    });
    for (_, id) in ended {
        assert_eq!(state(&app, id), "expired");
    }
    for (_, id) in open {
        assert_eq!(state(&app, id), "released");
    }
    // Each has given its piece back once, or still has it.
    let lines = super::ledger(&app, "a", &["source"]);
    let mut of_hold: BTreeMap<String, u32> = BTreeMap::new();
    for source in lines.iter().filter_map(|line| line[0].as_str()) {
        let (kind, id) = source.split_once(':').expect("a kind and an id");
        if kind != "hold" {
            *of_hold.entry(id.to_owned()).or_default() += 1;
        }
    }
    assert!(of_hold.values().all(|count| *count == 1), "{of_hold:?}");
    expect_proved(&app);
}

fn holds_of_the_same_products_in_any_order_never_meet_in_a_deadlock(combination: &Combination) {
    let products = ["a", "b", "c", "d", "e", "f"];
    let app = store_of(combination, &products.map(|id| (id, 1_000)));
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for worker in 0..8_usize {
            let (app, start) = (&app, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..15_usize {
                    // Three products, in an order that differs from client to client.
                    let mut items: Vec<(&str, i64)> = (0..3)
                        .map(|step| {
                            (products[(worker * 5 + round + step * (1 + worker % 4)) % 6], 1)
                        })
                        .collect();
                    if worker % 2 == 0 {
                        items.reverse();
                    }
                    let id = hold(app, &items);
                    if round % 2 == 0 {
                        post(app, &format!("/holds/{id}/release"), &json!({})).expect(200);
                    }
                }
            });
        }
    });
    expect_proved(&app);
}

/// "In stock" that ignores what is reserved, at a replica with a cached answer.
fn another_replica_shows_what_a_hold_left(combination: &Combination) {
    let app = store_of(combination, &[("a", 3)]);
    let settings = app.storage.settings();
    let other = Process::start(app.storage.folder.path(), "product", &settings);
    let read = || {
        let url = format!("{}/products/a", other.url("product"));
        app.client.send("GET", &url, &[], None).expect(200).json
    };
    crate::kit::until("the other one has cached it", || read()["cached"] == true);
    add(&app, "b", 1);
    hold(&app, &[("a", 3)]);
    let shown = read();
    assert_eq!((&shown["cached"], &shown["data"]["stock"]), (&json!(false), &json!(0)));
}
