//! What can be done with an order in which state: every state against every route.

use super::{act, done, fulfil, id_of, lines, order_of, pay, sell, shop, statuses, with};
use crate::app::{App, Combination};
use crate::cases;
use crate::stock::{data, send};
use serde_json::{Value, json};

cases![BothBackends: dead_orders_cannot_be_acted_on];

const STATES: [&str; 8] = [
    "draft",
    "pending",
    "pending, paid",
    "pending, part fulfilled",
    "completed",
    "completed, returned",
    "cancelled",
    "cancelled, paid",
];

/// An order in a state.
fn order_in(app: &App, state: &str) -> i64 {
    let body = order_of(&[("a", 2)]);
    if state == "draft" {
        return id_of(&sell(app, &with(body, &json!({ "draft": true }))));
    }
    let order = id_of(&sell(app, &body));
    match state {
        "pending" => {}
        "pending, paid" => drop(pay(app, order)),
        "pending, part fulfilled" => {
            pay(app, order);
            done(app, order, "fulfilments", &json!({ "lines": lines(1, 1) }));
        }
        "completed" | "completed, returned" => {
            pay(app, order);
            fulfil(app, order);
            if state.ends_with("returned") {
                let body = json!({ "lines": lines(1, 2), "restock": true, "reason": "x" });
                done(app, order, "returns", &body);
            }
        }
        _ => {
            if state.ends_with("paid") {
                pay(app, order);
            }
            done(app, order, "cancel", &json!({ "reason": "x" }));
        }
    }
    order
}

/// Lesson 13. `Y`: 200; else the code of the refusal.
fn dead_orders_cannot_be_acted_on(combination: &Combination) {
    let app = shop(combination, &[("a", 1_000)]);
    let routes: [(&str, &str, Value); 11] = [
        ("PUT", "", json!({ "notes": "x" })),
        ("PUT", "", json!({ "items": [{ "product_id": "a", "quantity": 1 }] })),
        ("DELETE", "", Value::Null),
        ("POST", "/place", json!({})),
        ("POST", "/payments", json!({ "method": "card" })),
        (
            "POST",
            "/payments",
            json!({ "method": "card", "amount": "1.00", "allow_overpayment": true }),
        ),
        ("POST", "/fulfilments", json!({})),
        ("POST", "/cancel", json!({ "reason": "x" })),
        ("POST", "/cancel", json!({ "reason": "x", "lines": lines(1, 1) })),
        ("POST", "/returns", json!({ "lines": lines(1, 1), "restock": false, "reason": "x" })),
        ("POST", "/refunds", json!({ "method": "card", "reason": "x" })),
    ];
    const NO: &str = "ORDER_STATE";
    const OPEN: &str = "QUANTITY_EXCEEDS_OPEN";
    const DUE: &str = "PAYMENT_EXCEEDS_DUE";
    const PAID: &str = "REFUND_EXCEEDS_PAID";
    const Y: &str = "Y";
    let expected: [[&str; 8]; 11] = [
        // draft, pending, paid, part fulfilled, completed, returned, cancelled, cancelled and paid
        [Y, Y, Y, Y, Y, Y, Y, Y],
        [Y, NO, NO, NO, NO, NO, NO, NO],
        [Y, NO, NO, NO, NO, NO, NO, NO],
        [Y, NO, NO, NO, NO, NO, NO, NO],
        [NO, Y, DUE, DUE, DUE, DUE, DUE, DUE],
        [NO, Y, Y, Y, Y, Y, Y, Y],
        [NO, "ORDER_UNPAID", Y, Y, NO, NO, NO, NO],
        [NO, Y, Y, NO, NO, NO, NO, NO],
        [NO, Y, Y, Y, NO, NO, NO, NO],
        [NO, OPEN, OPEN, Y, Y, OPEN, NO, NO],
        [NO, PAID, PAID, PAID, PAID, Y, PAID, Y],
    ];
    let mut table = format!("{:<16}{}\n", "", STATES.join(" | "));
    for ((method, path, body), expected) in routes.iter().zip(expected) {
        let mut row = Vec::new();
        for state in STATES {
            let order = order_in(&app, state);
            let before = data(&app, &format!("/orders/{order}"));
            let key = crate::stock::fresh_key();
            let headers = [("Idempotency-Key", key.as_str())];
            let url = format!("/orders/{order}{path}");
            let answer = send(&app, method, &url, &headers, body);
            let said = match answer.status {
                200 => Y.to_owned(),
                409 => answer.json["code"].as_str().expect("a code").to_owned(),
                _ => panic!("{method} {path} of {state}: {}", answer.text),
            };
            if said != Y {
                let after = data(&app, &format!("/orders/{order}"));
                assert_eq!(after, before, "{method} {path} of {state}: nothing has happened");
            }
            row.push(said);
        }
        table += &format!("{method} {path:<16}{}\n", row.join(" | "));
        assert_eq!(row, expected, "{method} {path} {body}\n{table}");
    }
    println!("{table}");
    // The states are those that they are called.
    let order = data(&app, &format!("/orders/{}", order_in(&app, "completed, returned")));
    assert_eq!(statuses(&order), ["completed", "refund_due", "returned"]);
    let order = data(&app, &format!("/orders/{}", order_in(&app, "cancelled, paid")));
    assert_eq!(statuses(&order), ["cancelled", "refund_due", "none"]);
    act(&app, 1, "notes", &json!({ "text": "" })).expect(400);
}
