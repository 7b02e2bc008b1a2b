//! Pieces that leave, that are not sold after all, and that come back.

use super::{act, done, fulfil, id_of, lines, order_of, pay, refused, sell, shop, statuses};
use crate::app::Combination;
use crate::cases;
use crate::stock::{data, expect_proved, level};
use serde_json::{Value, json};

cases![
    Everywhere: an_order_is_fulfilled_in_parts;
    BothBackends:
        a_serial_is_sold_once,
        lines_are_cancelled_and_the_rest_completes,
        a_line_that_is_cancelled_whole_cancels_the_order,
        a_piece_comes_back_once,
        pieces_of_products_that_are_gone_have_no_stock,
        unpaid_pieces_leave_where_the_store_says_so;
];

fn an_order_is_fulfilled_in_parts(combination: &Combination) {
    let app = shop(combination, &[("a", 5), ("b", 5)]);
    let order = id_of(&sell(&app, &order_of(&[("a", 3), ("b", 1)])));
    pay(&app, order);
    let body = json!({
        "lines": lines(1, 2), "carrier": "Post", "tracking_number": "T-1",
        "papers": { "certificate": "C-1" },
    });
    let after = done(&app, order, "fulfilments", &body);
    assert_eq!(statuses(&after), ["pending", "paid", "partially_fulfilled"]);
    assert_eq!([level(&app, "a"), level(&app, "b")], [[3, 1, 2], [5, 1, 4]]);
    let sent = &after["fulfilments"][0];
    assert_eq!((&sent["kind"], &sent["carrier"]), (&json!("shipment"), &json!("Post")));
    assert_eq!(sent["papers"], json!({ "certificate": "C-1" }));
    assert_eq!(sent["lines"], json!([{ "line": 1, "quantity": 2, "serials": [] }]));
    for (body, expected) in [
        (json!({ "lines": lines(1, 2) }), json!({ "line": 1, "open": 1 })),
        (json!({ "lines": lines(2, 2) }), json!({ "line": 2, "open": 1 })),
    ] {
        let details = refused(act(&app, order, "fulfilments", &body), 409, "QUANTITY_EXCEEDS_OPEN");
        assert_eq!(details, expected);
    }
    let wrong = act(&app, order, "fulfilments", &json!({ "lines": lines(7, 1) })).expect(400);
    assert_eq!(wrong.json["errors"][0]["field"], "lines", "{}", wrong.text);
    let twice = json!({ "lines": [{ "line": 1, "quantity": 1 }, { "line": 1, "quantity": 1 }] });
    act(&app, order, "fulfilments", &twice).expect(400);
    refused(act(&app, order, "cancel", &json!({ "reason": "x" })), 409, "ORDER_STATE");
    let after = fulfil(&app, order);
    assert_eq!(statuses(&after), ["completed", "paid", "fulfilled"]);
    assert_eq!([level(&app, "a"), level(&app, "b")], [[2, 0, 2], [4, 0, 4]]);
    let kinds: Vec<Value> = data(&app, &format!("/orders/{order}/timeline"))
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    let expected = [
        "order.placed",
        "order.payment_recorded",
        "order.paid",
        "order.fulfilled",
        "order.fulfilled",
        "order.completed",
    ];
    assert_eq!(kinds, expected);
    expect_proved(&app);
}

fn a_serial_is_sold_once(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    let out = |serials: &Value| {
        let order = id_of(&sell(&app, &order_of(&[("a", 1)])));
        pay(&app, order);
        let body = json!({ "lines": [{ "line": 1, "quantity": 1, "serials": serials }] });
        (order, act(&app, order, "fulfilments", &body))
    };
    let (first, answer) = out(&json!(["S-1"]));
    let after = answer.expect(200).json["data"].clone();
    assert_eq!(after["fulfilments"][0]["lines"][0]["serials"], json!(["S-1"]));
    let (second, answer) = out(&json!(["S-1"]));
    let details = refused(answer, 409, "SERIAL_SOLD");
    assert_eq!(details, json!({ "product_id": "a", "serial": "S-1" }));
    assert_eq!(data(&app, &format!("/orders/{second}"))["fulfilment_status"], "unfulfilled");
    let (_, answer) = out(&json!(["S-2", "S-3"]));
    assert_eq!(answer.expect(400).json["errors"][0]["field"], "lines[0].serials");
    let found = data(&app, "/orders?serial=S-1");
    assert_eq!((&found[0]["id"], found.as_array().map(Vec::len)), (&json!(first), Some(1)));

    // A piece comes back under its number, and can be sold again.
    let back = |serials: Value| {
        let line = json!([{ "line": 1, "quantity": 1, "serials": serials }]);
        json!({ "lines": line, "restock": true, "reason": "x" })
    };
    for serials in [json!([]), json!(["S-9"])] {
        let answer = act(&app, first, "returns", &back(serials)).expect(400);
        assert_eq!(answer.json["errors"][0]["field"], "lines[0].serials", "{}", answer.text);
    }
    let after = done(&app, first, "returns", &back(json!(["S-1"])));
    assert_eq!(after["fulfilments"][1]["lines"][0]["serials"], json!(["S-1"]));
    let body = json!({ "lines": [{ "line": 1, "quantity": 1, "serials": ["S-1"] }] });
    done(&app, second, "fulfilments", &body);
    assert_eq!(data(&app, "/orders?serial=S-1").as_array().map(Vec::len), Some(2));
    expect_proved(&app);
}

fn lines_are_cancelled_and_the_rest_completes(combination: &Combination) {
    let app = shop(combination, &[("a", 5), ("b", 5)]);
    let order = id_of(&sell(&app, &order_of(&[("a", 3), ("b", 1)])));
    pay(&app, order);
    done(&app, order, "fulfilments", &json!({ "lines": lines(1, 2) }));
    let after = done(&app, order, "cancel", &json!({ "reason": "sold out", "lines": lines(1, 1) }));
    assert_eq!(statuses(&after), ["pending", "refund_due", "partially_fulfilled"]);
    assert_eq!(
        (&after["total_amount"], &after["taken_back_amount"]),
        (&json!("300.00"), &json!("100.00"))
    );
    assert_eq!(level(&app, "a"), [3, 0, 3]);
    let after = done(&app, order, "cancel", &json!({ "reason": "x", "lines": lines(2, 1) }));
    assert_eq!(statuses(&after), ["completed", "refund_due", "fulfilled"]);
    let after = done(&app, order, "refunds", &json!({ "method": "card", "reason": "x" }));
    assert_eq!(
        (&after["payment_status"], &after["refunded_amount"]),
        (&json!("paid"), &json!("200.00"))
    );
    expect_proved(&app);
}

fn a_line_that_is_cancelled_whole_cancels_the_order(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    let order = id_of(&sell(&app, &order_of(&[("a", 2)])));
    let after = done(&app, order, "cancel", &json!({ "reason": "x", "lines": lines(1, 2) }));
    assert_eq!(statuses(&after), ["cancelled", "void", "none"]);
    assert_eq!(after["total_amount"], "200.00");
    assert_eq!(level(&app, "a"), [5, 0, 5]);
    expect_proved(&app);
}

/// Lesson 18.
fn a_piece_comes_back_once(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    let order = id_of(&sell(&app, &order_of(&[("a", 2)])));
    pay(&app, order);
    fulfil(&app, order);
    assert_eq!(level(&app, "a"), [3, 0, 3]);
    let body = json!({ "lines": lines(1, 1), "restock": true, "reason": "x" });
    let back = || act(&app, order, "returns", &body).status;
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..10).map(|_| scope.spawn(back)).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 2, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 409).count(), 8, "{answers:?}");
    assert_eq!(level(&app, "a"), [5, 0, 5]);
    let ledger = data(&app, "/products/a/stock/ledger?kind=return");
    assert_eq!(ledger.as_array().map(Vec::len), Some(2));
    let after = data(&app, &format!("/orders/{order}"));
    assert_eq!(statuses(&after), ["completed", "refund_due", "returned"]);
    expect_proved(&app);
}

fn pieces_of_products_that_are_gone_have_no_stock(combination: &Combination) {
    let app = shop(combination, &[("a", 5), ("b", 5)]);
    let order = id_of(&sell(&app, &order_of(&[("a", 1), ("b", 1)])));
    app.delete("/products/a").expect_failure(409, "Pieces of this product are reserved");
    pay(&app, order);
    fulfil(&app, order);
    app.delete("/products/a").expect(200);
    let body = json!({ "lines": lines(1, 1), "restock": true, "reason": "x" });
    let after = done(&app, order, "returns", &body);
    assert_eq!(after["fulfilment_status"], "partially_returned");
    expect_proved(&app);
}

fn unpaid_pieces_leave_where_the_store_says_so(combination: &Combination) {
    let storage = crate::app::Storage::empty(&combination.backend);
    let settings = [("CHRONOS_NO_SEED", "true"), ("FULFIL_UNPAID", "on")];
    let app = crate::app::App::start(combination, storage, &settings);
    crate::stock::add(&app, "a", 5);
    super::customer(&app, "c", "bronze");
    let order = id_of(&sell(&app, &order_of(&[("a", 1)])));
    let after = fulfil(&app, order);
    assert_eq!(statuses(&after), ["pending", "unpaid", "fulfilled"]);
    let after = pay(&app, order);
    assert_eq!(statuses(&after), ["completed", "paid", "fulfilled"]);
    expect_proved(&app);
}
