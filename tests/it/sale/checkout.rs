//! Selling in one call.

use super::{act, customer, done, id_of, order_of, refused, sell, shop, spent, statuses, with};
use crate::app::Combination;
use crate::cases;
use crate::stock::{add, data, end, expect_proved, hold, hold_body, level, post, send};
use serde_json::{Value, json};

cases![
    Everywhere:
        a_sale_reserves_its_pieces_at_their_price,
        a_sale_says_all_that_is_short,
        all_that_is_wrong_with_an_order_is_told,
        a_sale_needs_a_key;
    BothBackends:
        the_same_product_on_two_lines_is_asked_for_once,
        a_key_sells_once,
        a_reference_sells_once,
        a_hold_becomes_an_order,
        a_hold_that_ended_sells_nothing,
        a_total_that_is_not_expected_sells_nothing,
        a_tier_has_its_discount,
        taxes_and_shipping_add_up,
        a_number_that_is_taken_gets_a_suffix,
        a_cached_product_shows_what_was_sold,
        what_is_too_much_has_no_price;
];

fn a_sale_reserves_its_pieces_at_their_price(combination: &Combination) {
    let app = shop(combination, &[("a", 5), ("b", 3)]);
    let body = with(
        order_of(&[("a", 2), ("b", 1)]),
        &json!({ "payment_method": "card", "notes": "Gift", "shipping_address": { "city": "Bern" } }),
    );
    let answer = post(&app, "/orders", &body).expect(201);
    let order = &answer.json["data"];
    let id = id_of(order);
    let place = answer.header("location").expect("a place");
    assert_eq!(place, format!("orders/{id}"));
    let number = order["order_number"].as_str().expect("a number");
    assert!(number.starts_with("CHR-20") && number.ends_with(&format!("{id:06}")), "{number}");
    assert_eq!(statuses(order), ["pending", "unpaid", "unfulfilled"]);
    for (member, expected) in [
        ("total_amount", json!("300.00")),
        ("due_amount", json!("300.00")),
        ("currency", json!("USD")),
        ("payment_method", json!("card")),
        ("notes", json!("Gift")),
        ("payments", json!([])),
        ("fulfilments", json!([])),
    ] {
        assert_eq!(order[member], expected, "{member}");
    }
    assert_eq!(level(&app, "a"), [5, 2, 3]);
    assert_eq!(level(&app, "b"), [3, 1, 2]);
    assert_eq!(spent(&app, "c"), (300.0, "Bronze".to_owned()));
    // By its id and by its number, with a tag that changes know.
    let read = app.get(&format!("/orders/{id}")).expect(200);
    assert_eq!(read.json["data"], *order);
    assert_eq!(read.header("etag"), answer.header("etag"));
    assert_eq!(data(&app, &format!("/orders/{number}")), *order);
    let tag = read.header("etag").expect("a tag").to_owned();
    send(&app, "GET", &format!("/orders/{id}"), &[("If-None-Match", &tag)], &json!({})).expect(304);
    let path = format!("/orders/{id}/cancel");
    let stale = [("Idempotency-Key", "stale"), ("If-Match", "\"1.1\"")];
    send(&app, "POST", &path, &stale, &json!({ "reason": "x" })).expect(412);
    let met = [("Idempotency-Key", "met"), ("If-Match", tag.as_str())];
    send(&app, "POST", &path, &met, &json!({ "reason": "x" })).expect(200);
    assert_eq!(level(&app, "a"), [5, 0, 5]);
    assert_eq!(spent(&app, "c").0, 0.0);
    app.get("/orders/999").expect_failure(404, "Order not found");
    app.get("/orders/CHR-2026-999999").expect_failure(404, "Order not found");
    expect_proved(&app);
}

/// Nothing is sold, of no product.
fn a_sale_says_all_that_is_short(combination: &Combination) {
    let app = shop(combination, &[("a", 1), ("b", 3), ("d", 9)]);
    let details = refused(
        post(&app, "/orders", &order_of(&[("d", 1), ("b", 4), ("a", 2)])),
        409,
        "OUT_OF_STOCK",
    );
    let expected = json!([
        { "product_id": "a", "requested": 2, "available": 1 },
        { "product_id": "b", "requested": 4, "available": 3 },
    ]);
    assert_eq!(details["items"], expected);
    assert_eq!([level(&app, "a"), level(&app, "d")], [[1, 0, 1], [9, 0, 9]]);
    assert_eq!(data(&app, "/orders"), json!([]));
    let details = refused(
        post(&app, "/orders", &order_of(&[("d", 1), ("gone", 1)])),
        404,
        "PRODUCT_NOT_FOUND",
    );
    assert_eq!(details["product_id"], "gone");
    let body = with(order_of(&[("d", 1)]), &json!({ "customer_id": "nobody" }));
    refused(post(&app, "/orders", &body), 404, "CUSTOMER_NOT_FOUND");
    let body = with(order_of(&[("d", 1)]), &json!({ "hold_id": 99 }));
    refused(post(&app, "/orders", &body), 404, "HOLD_NOT_FOUND");
    assert_eq!(level(&app, "d"), [9, 0, 9]);
    expect_proved(&app);
}

fn all_that_is_wrong_with_an_order_is_told(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    let told = |body: &Value| -> Vec<String> {
        let answer = post(&app, "/orders", body);
        assert_eq!(answer.status, 400, "{}", answer.text);
        let errors = answer.json["errors"].as_array().cloned().unwrap_or_default();
        let one = |error: &Value| {
            let text = |name: &str| error[name].as_str().expect("a text").to_owned();
            format!("{} {}", text("field"), text("code"))
        };
        errors.iter().map(one).collect()
    };
    assert_eq!(told(&json!({})), ["customer_id REQUIRED", "items REQUIRED"]);
    let body = json!({
        "customer_id": "a b", "items": [{ "product_id": "a", "quantity": 0 }, { "quantity": 1, "price": "1" }],
        "discount": { "percent": "101" }, "shipping_amount": "-1", "tax_exempt_reason": "export",
        "reference": " ", "expected_total": "x", "hold_id": 0, "pay_by": "2020-01-01T00:00:00Z",
        "payment": { "amount": "0" }, "valid_until": "tomorrow",
    });
    let expected = [
        "customer_id BAD_CHARACTER",
        "items[0].quantity OUT_OF_RANGE",
        "items[1].product_id REQUIRED",
        "items[1].price RESERVED",
        "discount.percent OUT_OF_RANGE",
        "shipping_amount NOT_MONEY",
        "tax_exempt_reason RESERVED",
        "reference EMPTY",
        "expected_total NOT_MONEY",
        "hold_id OUT_OF_RANGE",
        "pay_by OUT_OF_RANGE",
        "payment.method REQUIRED",
        "payment.amount OUT_OF_RANGE",
        "valid_until NOT_A_TIME",
    ];
    assert_eq!(told(&body), expected);
    for (more, expected) in [
        (json!({ "items": [] }), "items EMPTY"),
        (json!({ "hold_stock": true }), "hold_stock RESERVED"),
        (json!({ "valid_until": "2100-01-01T00:00:00Z" }), "valid_until RESERVED"),
        (json!({ "draft": true, "hold_stock": true }), "valid_until REQUIRED"),
        (json!({ "draft": true, "payment": { "method": "card" } }), "payment RESERVED"),
        (json!({ "draft": true, "hold_id": 1 }), "hold_id RESERVED"),
        (json!({ "tax_exempt": true }), "tax_exempt_reason REQUIRED"),
        (json!({ "discount": "all" }), "discount NOT_ONE_OF"),
        (json!({ "discount": { "amount": "100.01" } }), "discount OUT_OF_RANGE"),
    ] {
        assert_eq!(told(&with(order_of(&[("a", 1)]), &more)), [expected], "{more}");
    }
    let many: Vec<Value> = vec![json!({ "product_id": "a", "quantity": 1 }); 101];
    assert_eq!(told(&with(order_of(&[]), &json!({ "items": many }))), ["items TOO_LONG"]);
    assert_eq!(level(&app, "a"), [5, 0, 5]);
}

fn a_sale_needs_a_key(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    let answer = app.post("/orders", &order_of(&[("a", 1)])).expect(400);
    assert_eq!(answer.json["code"], "IDEMPOTENCY_KEY_REQUIRED", "{}", answer.text);
    let id = id_of(&sell(&app, &order_of(&[("a", 1)])));
    for (path, body) in [
        ("payments", json!({ "method": "card" })),
        ("refunds", json!({ "method": "card", "reason": "x" })),
        ("fulfilments", json!({})),
        ("cancel", json!({ "reason": "x" })),
        (
            "returns",
            json!({ "lines": [{ "line": 1, "quantity": 1 }], "restock": true, "reason": "x" }),
        ),
        ("place", json!({})),
    ] {
        let answer = app.post(&format!("/orders/{id}/{path}"), &body).expect(400);
        assert_eq!(answer.json["code"], "IDEMPOTENCY_KEY_REQUIRED", "{path}: {}", answer.text);
        assert!(answer.json["message"].as_str().is_some_and(|it| it.contains("Idempotency-Key: ")));
    }
    app.post(&format!("/orders/{id}/notes"), &json!({ "text": "x" })).expect(200);
}

/// Lesson 3.
fn the_same_product_on_two_lines_is_asked_for_once(combination: &Combination) {
    let app = shop(combination, &[("a", 1)]);
    let twice = order_of(&[("a", 1), ("a", 1)]);
    let details = refused(post(&app, "/orders", &twice), 409, "OUT_OF_STOCK");
    assert_eq!(details["items"], json!([{ "product_id": "a", "requested": 2, "available": 1 }]));
    app.put("/products/a", &json!({ "stock": 2 })).expect(200);
    let order = sell(&app, &twice);
    assert_eq!(order["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(level(&app, "a"), [2, 2, 0]);
    done(&app, id_of(&order), "cancel", &json!({ "reason": "x" }));
    assert_eq!(level(&app, "a"), [2, 0, 2]);
    expect_proved(&app);
}

/// Lesson 4.
fn a_key_sells_once(combination: &Combination) {
    let app = shop(combination, &[("a", 9)]);
    let body = order_of(&[("a", 1)]);
    let sell = || send(&app, "POST", "/orders", &[("Idempotency-Key", "once")], &body);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(sell)).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    let first = sell().expect(201);
    for answer in answers {
        // Those that came while the first was under way may be told so.
        assert!([201, 409].contains(&answer.status), "{}", answer.text);
        if answer.status == 201 {
            assert_eq!(answer.text, first.text);
        }
    }
    assert_eq!(level(&app, "a"), [9, 1, 8]);
    assert_eq!(data(&app, "/orders").as_array().map(Vec::len), Some(1));
}

fn a_reference_sells_once(combination: &Combination) {
    let app = shop(combination, &[("a", 9)]);
    customer(&app, "d", "bronze");
    let body = with(order_of(&[("a", 1)]), &json!({ "reference": "POS-1" }));
    let order = sell(&app, &body);
    let details = refused(post(&app, "/orders", &body), 409, "ORDER_EXISTS");
    assert_eq!(details, json!({ "order_id": order["id"], "order_number": order["order_number"] }));
    assert_eq!(level(&app, "a"), [9, 1, 8]);
    sell(&app, &with(body, &json!({ "customer_id": "d" })));
}

/// Lesson 9: nobody is in the way of their own claim.
fn a_hold_becomes_an_order(combination: &Combination) {
    let app = shop(combination, &[("a", 2), ("b", 5)]);
    let held = hold(&app, &[("a", 2), ("b", 3)]);
    assert_eq!(level(&app, "a"), [2, 2, 0]);
    refused(post(&app, "/orders", &order_of(&[("a", 1)])), 409, "OUT_OF_STOCK");
    let body = with(order_of(&[("a", 2), ("b", 4)]), &json!({ "hold_id": held }));
    let order = id_of(&sell(&app, &body));
    assert_eq!([level(&app, "a"), level(&app, "b")], [[2, 2, 0], [5, 4, 1]]);
    let after = data(&app, &format!("/holds/{held}"));
    assert_eq!((&after["kind"], &after["order_id"]), (&json!("order"), &json!(order)));
    refused(post(&app, "/orders", &body), 409, "HOLD_NOT_OPEN");
    super::pay(&app, order);
    super::fulfil(&app, order);
    assert_eq!([level(&app, "a"), level(&app, "b")], [[0, 0, 0], [1, 0, 1]]);
    let after = data(&app, &format!("/holds/{held}"));
    assert_eq!(after["state"], "consumed");
    expect_proved(&app);
}

fn a_hold_that_ended_sells_nothing(combination: &Combination) {
    let app = shop(combination, &[("a", 2)]);
    let held = hold(&app, &[("a", 2)]);
    end(&app, held);
    let body = with(order_of(&[("a", 2)]), &json!({ "hold_id": held }));
    refused(post(&app, "/orders", &body), 409, "HOLD_EXPIRED");
    // Lesson 8: what it had can be sold at once, although nobody has given it back yet.
    sell(&app, &order_of(&[("a", 2)]));
    assert_eq!(level(&app, "a"), [2, 2, 0]);
    let held = post(&app, "/holds", &hold_body(&[("a", 1)], 3600));
    refused(held, 409, "OUT_OF_STOCK");
    expect_proved(&app);
}

fn a_total_that_is_not_expected_sells_nothing(combination: &Combination) {
    let app = shop(combination, &[("a", 2)]);
    let body = with(order_of(&[("a", 1)]), &json!({ "expected_total": "99.00" }));
    let details = refused(post(&app, "/orders", &body), 409, "PRICE_CHANGED");
    assert_eq!(details, json!({ "expected": "99.00", "total": "100.00" }));
    assert_eq!(level(&app, "a"), [2, 0, 2]);
    app.put("/products/a", &json!({ "price": "99.00" })).expect(200);
    let order = sell(&app, &body);
    assert_eq!(order["total_amount"], "99.00");
    // Lines keep the price of their day.
    app.put("/products/a", &json!({ "price": "1.00", "name": "Other" })).expect(200);
    let items = data(&app, &format!("/orders/{}", id_of(&order)))["items"].clone();
    assert_eq!(
        (&items[0]["price"], &items[0]["product_name"]),
        (&json!("99.00"), &json!("Watch a"))
    );
}

fn a_tier_has_its_discount(combination: &Combination) {
    let app = shop(combination, &[("a", 50)]);
    for (tier, rate, total) in [
        ("bronze", "5.00", "95.00"),
        ("silver", "7.50", "92.50"),
        ("gold", "10.00", "90.00"),
        ("platinum", "15.00", "85.00"),
    ] {
        customer(&app, tier, tier);
        let body = json!({
            "customer_id": tier, "items": [{ "product_id": "a", "quantity": 1 }],
        });
        let order = sell(&app, &body);
        assert_eq!(
            (&order["discount"]["tier"], &order["discount"]["rate"]),
            (&json!(tier), &json!(rate))
        );
        assert_eq!(order["total_amount"], total);
    }
    for (discount, amount) in [
        (json!("none"), "0.00"),
        (json!({ "amount": "12.34" }), "12.34"),
        (json!({ "percent": 7.5 }), "7.50"),
        (json!({ "percent": "100" }), "100.00"),
    ] {
        let order = sell(&app, &with(order_of(&[("a", 1)]), &json!({ "discount": discount })));
        assert_eq!(order["discount"]["amount"], amount, "{discount}");
    }
}

fn taxes_and_shipping_add_up(combination: &Combination) {
    for (mode, tax, total) in [("added", "22.00", "242.00"), ("included", "20.00", "220.00")] {
        let app = combination_with_tax(combination, mode);
        let body = with(order_of(&[("a", 2)]), &json!({ "shipping_amount": "20.00" }));
        let order = sell(&app, &body);
        assert_eq!((&order["tax"]["amount"], &order["total_amount"]), (&json!(tax), &json!(total)));
        assert_eq!((&order["tax"]["mode"], &order["tax"]["rate"]), (&json!(mode), &json!("10.00")));
        let exempt = json!({ "tax_exempt": true, "tax_exempt_reason": "export" });
        let order = sell(&app, &with(body, &exempt));
        assert_eq!(
            (&order["tax"]["amount"], &order["total_amount"]),
            (&json!("0.00"), &json!("220.00"))
        );
        assert_eq!(order["tax"]["exempt_reason"], "export");
        expect_proved(&app);
    }
}

fn combination_with_tax(combination: &Combination, mode: &str) -> crate::app::App {
    let settings = [
        ("CHRONOS_NO_SEED", "true"),
        ("TAX_MODE", mode),
        ("TAX_RATE", "10"),
        ("STORE_CURRENCY", "CHF"),
    ];
    let storage = crate::app::Storage::empty(&combination.backend);
    let app = crate::app::App::start(combination, storage, &settings);
    add(&app, "a", 9);
    customer(&app, "c", "bronze");
    app
}

/// Lesson 23: an imported number may be in the way.
fn a_number_that_is_taken_gets_a_suffix(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    let first = sell(&app, &order_of(&[("a", 1)]));
    let number = first["order_number"].as_str().expect("a number");
    let (start, _) = number.rsplit_once('-').expect("a number at its end");
    let next = format!("{start}-{:06}", id_of(&first) + 1);
    let taken = format!("UPDATE orders SET order_number = '{next}' WHERE id = {}", id_of(&first));
    app.storage.execute(&taken).expect("a row");
    let second = sell(&app, &order_of(&[("a", 1)]));
    assert_eq!(second["order_number"], format!("{next}-2"));
}

/// Lesson 10.
fn a_cached_product_shows_what_was_sold(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    app.get_cached("/products/a");
    let order = id_of(&sell(&app, &order_of(&[("a", 2)])));
    let answer = app.get("/products/a").expect(200);
    assert_eq!((&answer.json["data"]["stock"], &answer.json["cached"]), (&json!(3), &json!(false)));
    app.get_cached("/products/a");
    act(&app, order, "cancel", &json!({ "reason": "x" })).expect(200);
    assert_eq!(data(&app, "/products/a")["stock"], 5);
}

fn what_is_too_much_has_no_price(combination: &Combination) {
    let app = shop(combination, &[("a", i32::MAX)]);
    app.put("/products/a", &json!({ "price": "99999999.99" })).expect(200);
    let body = order_of(&[("a", i64::from(i32::MAX))]);
    refused(post(&app, "/orders", &body), 400, "AMOUNT_TOO_LARGE");
    assert_eq!(level(&app, "a")[1], 0);
}
