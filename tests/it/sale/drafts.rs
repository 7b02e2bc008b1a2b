//! Quotes.

use super::{done, id_of, order_of, refused, sell, shop, spent, statuses, with};
use crate::app::Combination;
use crate::cases;
use crate::stock::{data, expect_proved, level, post, send};
use serde_json::json;

cases![
    Everywhere: a_quote_is_placed_at_its_price;
    BothBackends:
        a_quote_holds_its_pieces_until_it_ends,
        a_draft_that_is_changed_there_and_back_has_its_first_total,
        a_draft_is_thrown_away,
        drafts_are_no_orders;
];

fn a_quote_is_placed_at_its_price(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    let body = with(
        order_of(&[("a", 2)]),
        &json!({ "draft": true, "valid_until": "2100-01-01T00:00:00Z" }),
    );
    let draft = sell(&app, &body);
    assert_eq!((&draft["status"], &draft["order_number"]), (&json!("draft"), &json!(null)));
    assert_eq!(level(&app, "a"), [5, 0, 5]);
    assert_eq!(spent(&app, "c").0, 0.0);
    app.put("/products/a", &json!({ "price": "150.00" })).expect(200);
    let id = id_of(&draft);
    let wrong = json!({ "expected_total": "300.00" });
    refused(super::act(&app, id, "place", &wrong), 409, "PRICE_CHANGED");
    let order = done(&app, id, "place", &json!({ "expected_total": "200.00" }));
    assert_eq!(statuses(&order), ["pending", "unpaid", "unfulfilled"]);
    assert_eq!((&order["total_amount"], &order["id"]), (&json!("200.00"), &json!(id)));
    assert!(order["order_number"].is_string() && order["placed_at"].is_string(), "{order}");
    assert_eq!(level(&app, "a"), [5, 2, 3]);
    assert_eq!(spent(&app, "c").0, 200.0);
    // Another price, in a draft alone.
    let body = json!({
        "customer_id": "c", "discount": "none", "draft": true,
        "items": [{ "product_id": "a", "quantity": 1, "price": "120.00" }],
    });
    assert_eq!(sell(&app, &body)["total_amount"], "120.00");
    expect_proved(&app);
}

fn a_quote_holds_its_pieces_until_it_ends(combination: &Combination) {
    let app = shop(combination, &[("a", 2)]);
    let until = chrono::Utc::now() + chrono::TimeDelta::days(3);
    let body = with(
        order_of(&[("a", 2)]),
        &json!({ "draft": true, "hold_stock": true, "valid_until": until.to_rfc3339() }),
    );
    let draft = id_of(&sell(&app, &body));
    assert_eq!(level(&app, "a"), [2, 2, 0]);
    refused(post(&app, "/orders", &order_of(&[("a", 1)])), 409, "OUT_OF_STOCK");
    // Other lines hold other pieces.
    let path = format!("/orders/{draft}");
    app.put(&path, &json!({ "items": [{ "product_id": "a", "quantity": 1 }] })).expect(200);
    assert_eq!(level(&app, "a"), [2, 1, 1]);
    let past = "2026-01-01 00:00:00";
    let ended = format!(
        "UPDATE orders SET valid_until = '{past}' WHERE id = {draft}; \
         UPDATE stock_holds SET expires_at = '{past}' WHERE order_id = {draft} AND state = 'open'"
    );
    app.storage.execute(&ended).expect("rows");
    refused(super::act(&app, draft, "place", &json!({})), 409, "QUOTE_EXPIRED");
    let order = id_of(&sell(&app, &order_of(&[("a", 2)])));
    assert_eq!(level(&app, "a"), [2, 2, 0]);
    done(&app, order, "cancel", &json!({ "reason": "x" }));
    app.put(&path, &json!({ "valid_until": "2100-01-01T00:00:00Z" })).expect(200);
    done(&app, draft, "place", &json!({}));
    assert_eq!(level(&app, "a"), [2, 1, 1]);
    expect_proved(&app);
}

/// Lesson 15.
fn a_draft_that_is_changed_there_and_back_has_its_first_total(combination: &Combination) {
    let app = shop(combination, &[("a", 5), ("b", 5)]);
    let body = json!({
        "customer_id": "c", "draft": true, "shipping_amount": "5.00",
        "items": [{ "product_id": "a", "quantity": 3 }, { "product_id": "b", "quantity": 1 }],
    });
    let draft = sell(&app, &body);
    let path = format!("/orders/{}", id_of(&draft));
    let put = |body: serde_json::Value| app.put(&path, &body).expect(200).json["data"].clone();
    let other = put(json!({ "items": [{ "product_id": "b", "quantity": 2 }], "discount": "none" }));
    assert_eq!(other["total_amount"], "205.00");
    let back = put(json!({ "items": body["items"], "discount": "tier" }));
    for member in ["total_amount", "items", "discount", "original_amount", "items_amount"] {
        assert_eq!(back[member], draft[member], "{member}");
    }
    // What was sold is not edited.
    done(&app, id_of(&draft), "place", &json!({}));
    for body in [json!({ "items": body["items"] }), json!({ "discount": "none" })] {
        let answer = send(&app, "PUT", &path, &[], &body);
        refused(answer, 409, "ORDER_STATE");
    }
    assert_eq!(put(json!({ "notes": "Gift" }))["notes"], "Gift");
}

fn a_draft_is_thrown_away(combination: &Combination) {
    let app = shop(combination, &[("a", 2)]);
    let until = chrono::Utc::now() + chrono::TimeDelta::days(3);
    let body = with(
        order_of(&[("a", 2)]),
        &json!({ "draft": true, "hold_stock": true, "valid_until": until.to_rfc3339() }),
    );
    let draft = id_of(&sell(&app, &body));
    let path = format!("/orders/{draft}");
    app.delete(&path).expect(200);
    assert_eq!(level(&app, "a"), [2, 0, 2]);
    app.get(&path).expect(404);
    let order = id_of(&sell(&app, &order_of(&[("a", 1)])));
    assert_ne!(order, draft, "no id is used again");
    refused(app.delete(&format!("/orders/{order}")), 409, "ORDER_STATE");
    expect_proved(&app);
}

fn drafts_are_no_orders(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    sell(&app, &with(order_of(&[("a", 1)]), &json!({ "draft": true })));
    assert_eq!(data(&app, "/orders"), json!([]));
    assert_eq!(data(&app, "/customers/c/orders"), json!([]));
    assert_eq!(data(&app, "/orders?status=draft").as_array().map(Vec::len), Some(1));
    assert_eq!(data(&app, "/customers/c/tier")["orders"], json!([]));
    let export = app.get("/orders/export").expect(200);
    assert_eq!(export.text.lines().count(), 1, "{}", export.text);
}
