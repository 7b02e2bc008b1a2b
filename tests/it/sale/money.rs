//! Money that comes in and goes out.

use super::{
    act, customer, done, fulfil, id_of, lines, order_of, pay, refused, sell, shop, spent, statuses,
    with,
};
use crate::app::Combination;
use crate::cases;
use crate::stock::{data, expect_proved};
use serde_json::{Value, json};

cases![
    Everywhere: an_order_is_paid_in_parts;
    BothBackends:
        money_for_a_cancelled_order_is_due_back,
        a_payment_is_written_down_once,
        returns_refund_what_was_paid_to_the_cent,
        of_two_refunds_at_once_one_is_made,
        an_allowance_lowers_the_total,
        what_is_spent_follows_cancellations_and_returns,
        an_order_of_nothing_is_paid;
];

fn an_order_is_paid_in_parts(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    let order = id_of(&sell(&app, &order_of(&[("a", 1)])));
    let deposit = json!({ "method": "bank_transfer", "amount": "40.00", "received_at": "2026-11-01T10:00:00Z" });
    let after = done(&app, order, "payments", &deposit);
    assert_eq!(statuses(&after), ["pending", "partially_paid", "unfulfilled"]);
    assert_eq!(after["due_amount"], "60.00");
    assert_eq!(after["payments"][0]["received_at"], "2026-11-01T10:00:00.000Z");
    let details = refused(
        act(&app, order, "payments", &json!({ "method": "card", "amount": "60.01" })),
        409,
        "PAYMENT_EXCEEDS_DUE",
    );
    assert_eq!(details, json!({ "due": "60.00" }));
    let details = refused(act(&app, order, "fulfilments", &json!({})), 409, "ORDER_UNPAID");
    assert_eq!(details, json!({ "due": "60.00" }));
    let after = pay(&app, order);
    assert_eq!(after["payment_status"], "paid");
    assert_eq!(after["payments"][1]["amount"], "60.00");
    let after = fulfil(&app, order);
    assert_eq!(statuses(&after), ["completed", "paid", "fulfilled"]);
    let too_much = json!({ "method": "card", "amount": "5.00", "allow_overpayment": true });
    let after = done(&app, order, "payments", &too_much);
    assert_eq!(
        (&after["payment_status"], &after["refund_due_amount"]),
        (&json!("refund_due"), &json!("5.00"))
    );
    let after = done(&app, order, "refunds", &json!({ "method": "card", "reason": "a typo" }));
    assert_eq!(
        (&after["payment_status"], &after["payments"][3]["amount"]),
        (&json!("paid"), &json!("5.00"))
    );
    expect_proved(&app);
}

/// Lesson 11.
fn money_for_a_cancelled_order_is_due_back(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    let order = id_of(&sell(&app, &order_of(&[("a", 1)])));
    let after = done(&app, order, "cancel", &json!({ "reason": "changed their mind" }));
    assert_eq!(statuses(&after), ["cancelled", "void", "none"]);
    assert_eq!(after["cancel_reason"], "changed their mind");
    let money = json!({ "method": "bank_transfer", "amount": "100.00" });
    let details = refused(act(&app, order, "payments", &money), 409, "PAYMENT_EXCEEDS_DUE");
    assert_eq!(details, json!({ "due": "0.00" }));
    let after = done(&app, order, "payments", &with(money, &json!({ "allow_overpayment": true })));
    assert_eq!(
        (&after["payment_status"], &after["refund_due_amount"]),
        (&json!("refund_due"), &json!("100.00"))
    );
    let after =
        done(&app, order, "refunds", &json!({ "method": "bank_transfer", "reason": "cancelled" }));
    assert_eq!(statuses(&after), ["cancelled", "refunded", "none"]);
    expect_proved(&app);
}

fn a_payment_is_written_down_once(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    let order = id_of(&sell(&app, &order_of(&[("a", 2)])));
    let body = json!({ "method": "card", "amount": "100.00", "reference": "ch_1" });
    done(&app, order, "payments", &body);
    refused(act(&app, order, "payments", &body), 409, "PAYMENT_EXISTS");
    done(&app, order, "payments", &with(body.clone(), &json!({ "reference": "ch_2" })));
    let refund = json!({ "method": "card", "amount": "1.00", "reference": "ch_1", "reason": "x" });
    done(&app, order, "refunds", &refund);
    refused(act(&app, order, "refunds", &refund), 409, "PAYMENT_EXISTS");
    let order = data(&app, &format!("/orders/{order}"));
    assert_eq!(
        (&order["paid_amount"], &order["refunded_amount"]),
        (&json!("200.00"), &json!("1.00"))
    );
}

/// Lesson 14.
fn returns_refund_what_was_paid_to_the_cent(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    app.put("/products/a", &json!({ "price": "333.33" })).expect(200);
    customer(&app, "s", "silver");
    let body = json!({ "customer_id": "s", "items": [{ "product_id": "a", "quantity": 3 }] });
    let order = id_of(&sell(&app, &body));
    let paid = pay(&app, order)["paid_amount"].clone();
    assert_eq!(paid, "924.99");
    fulfil(&app, order);
    let mut back = Vec::new();
    for _ in 0..3 {
        let body = json!({ "lines": lines(1, 1), "restock": true, "reason": "x" });
        done(&app, order, "returns", &body);
        let after =
            done(&app, order, "refunds", &json!({ "method": "card", "reason": "returned" }));
        let last =
            after["payments"].as_array().and_then(|all| all.last()).expect("a refund").clone();
        back.push(last["amount"].as_str().expect("an amount").to_owned());
    }
    assert_eq!(back, ["308.33", "308.33", "308.33"]);
    let after = data(&app, &format!("/orders/{order}"));
    assert_eq!(statuses(&after), ["completed", "refunded", "returned"]);
    assert_eq!((&after["refunded_amount"], &after["total_amount"]), (&paid, &json!("0.00")));
    refused(
        act(&app, order, "refunds", &json!({ "method": "card", "amount": "0.01", "reason": "x" })),
        409,
        "REFUND_EXCEEDS_PAID",
    );
    expect_proved(&app);
}

fn of_two_refunds_at_once_one_is_made(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    let order = id_of(&sell(&app, &order_of(&[("a", 1)])));
    pay(&app, order);
    done(&app, order, "cancel", &json!({ "reason": "x" }));
    let refund = || act(&app, order, "refunds", &json!({ "method": "card", "reason": "x" })).status;
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(refund)).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 5, "{statuses:?}");
    assert_eq!(data(&app, &format!("/orders/{order}"))["refunded_amount"], "100.00");
}

fn an_allowance_lowers_the_total(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    let order = id_of(&sell(&app, &order_of(&[("a", 1)])));
    pay(&app, order);
    fulfil(&app, order);
    let scratch = json!({ "method": "card", "amount": "10.00", "reason": "a scratch" });
    refused(act(&app, order, "refunds", &scratch), 409, "REFUND_EXCEEDS_PAID");
    let without = json!({ "method": "card", "reason": "a scratch", "allowance": true });
    assert_eq!(
        act(&app, order, "refunds", &without).expect(400).json["errors"][0]["field"],
        "amount"
    );
    let after = done(&app, order, "refunds", &with(scratch, &json!({ "allowance": true })));
    for (member, amount) in [
        ("total_amount", "90.00"),
        ("allowance_amount", "10.00"),
        ("refunded_amount", "10.00"),
        ("refund_due_amount", "0.00"),
    ] {
        assert_eq!(after[member], amount, "{member}");
    }
    assert_eq!(spent(&app, "c").0, 90.0);
    expect_proved(&app);
}

/// Lesson 22: the last cent decides.
fn what_is_spent_follows_cancellations_and_returns(combination: &Combination) {
    let app = shop(combination, &[("a", 5), ("b", 5)]);
    app.put("/products/a", &json!({ "price": "10000.00" })).expect(200);
    app.put("/products/b", &json!({ "price": "0.01" })).expect(200);
    let order = id_of(&sell(&app, &order_of(&[("a", 1), ("b", 1)])));
    assert_eq!(spent(&app, "c"), (10_000.01, "Gold".to_owned()));
    let tag = app.get("/customers/c").expect(200).header("etag").map(str::to_owned);
    pay(&app, order);
    fulfil(&app, order);
    done(&app, order, "returns", &json!({ "lines": lines(2, 1), "restock": false, "reason": "x" }));
    assert_eq!(spent(&app, "c"), (10_000.0, "Silver".to_owned()));
    // The total is a part of what the customer's tag names.
    assert_ne!(app.get("/customers/c").expect(200).header("etag").map(str::to_owned), tag);
    let tier: Value = data(&app, "/customers/c/tier");
    assert_eq!(tier["next"], json!({ "vip_tier": "Gold", "missing": "0.01" }));
    assert_eq!(tier["orders"][0]["total_amount"], "10000.00");
    let other = id_of(&sell(&app, &order_of(&[("a", 1)])));
    assert_eq!(spent(&app, "c").0, 20_000.0);
    done(&app, other, "cancel", &json!({ "reason": "x" }));
    assert_eq!(spent(&app, "c").0, 10_000.0);
    done(&app, order, "returns", &json!({ "lines": lines(1, 1), "restock": true, "reason": "x" }));
    assert_eq!(spent(&app, "c"), (0.0, "Bronze".to_owned()));
    expect_proved(&app);
}

/// Lesson 12.
fn an_order_of_nothing_is_paid(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    let body = with(
        order_of(&[("a", 1)]),
        &json!({ "discount": { "percent": "100" }, "pay_by": "2100-01-01T00:00:00Z" }),
    );
    let order = sell(&app, &body);
    assert_eq!(statuses(&order), ["pending", "paid", "unfulfilled"]);
    let after = fulfil(&app, id_of(&order));
    assert_eq!(statuses(&after), ["completed", "paid", "fulfilled"]);
}
