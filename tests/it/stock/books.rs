//! What the schema refuses of the books by itself, when somebody writes past the program. Each refusal
//! stands beside the same statement with a good value, which passes.

use super::{PAST, hold, post, store_of};
use crate::app::Combination;
use crate::cases;
use serde_json::json;

cases![
    BothBackends:
        wrong_statements_by_hand_are_refused,
        the_ledger_is_walked_from_both_ends,
        the_ledger_is_filtered_by_kind_and_time;
];

fn wrong_statements_by_hand_are_refused(combination: &Combination) {
    let app = store_of(combination, &[("a", 3)]);
    let id = hold(&app, &[("a", 2)]);
    let expect = |good: &str, bad: &[&str]| {
        for bad in bad {
            app.storage.execute(bad).expect_err(bad);
        }
        app.storage.execute(good).unwrap_or_else(|error| panic!("{good}: {error}"));
    };
    expect(
        "UPDATE products SET reserved = 2",
        &[
            "UPDATE products SET reserved = -1",
            "UPDATE products SET reserved = reserved - 3",
            "UPDATE products SET stock = 2147483647",
            "UPDATE products SET stock = 2147483646, reserved = 2",
            "UPDATE products SET reserved = NULL",
        ],
    );
    expect("UPDATE products SET low_stock_at = 0", &["UPDATE products SET low_stock_at = -1"]);
    expect(
        "UPDATE stock_hold_items SET open_quantity = quantity",
        &[
            "UPDATE stock_hold_items SET open_quantity = quantity + 1",
            "UPDATE stock_hold_items SET open_quantity = -1",
            "UPDATE stock_hold_items SET quantity = 0, open_quantity = 0",
            "DELETE FROM stock_holds",
        ],
    );
    expect(
        "UPDATE stock_holds SET state = 'open'",
        &[
            "UPDATE stock_holds SET state = 'lost'",
            "UPDATE stock_holds SET kind = 'gift'",
            "UPDATE stock_holds SET expires_at = NULL",
            "UPDATE stock_holds SET order_id = 1",
            "UPDATE stock_holds SET kind = 'quote'",
            "UPDATE stock_holds SET customer_id = 'nobody'",
            "UPDATE stock_holds SET version = 0",
        ],
    );
    let of_order = |id: i64, state: &str| {
        format!(
            "INSERT INTO stock_holds (id, kind, state, order_id, actor, version, created_at, \
             updated_at) VALUES ({id}, 'order', '{state}', 7, 'by hand', 1, '{PAST}', '{PAST}')"
        )
    };
    app.storage.execute(&of_order(id + 1, "open")).expect("the order has none");
    app.storage.execute(&of_order(id + 2, "open")).expect_err("it has one that is open");
    app.storage.execute(&of_order(id + 2, "released")).expect("that one is closed");
    let line = |version: i64, kind: &str, numbers: &str, source: &str, reason: &str| {
        format!(
            "INSERT INTO stock_ledger (product_id, version, kind, on_hand_delta, reserved_delta, \
             on_hand_after, reserved_after, source, reason, actor, created_at) VALUES \
             ('a', {version}, '{kind}', {numbers}, {source}, {reason}, 'by hand', '{PAST}')"
        )
    };
    expect(
        &line(1, "sale", "-1, 0, 3, 2", "'sale:1'", "NULL"),
        &[
            &line(1, "gift", "-1, 0, 3, 2", "NULL", "NULL"),
            &line(1, "sale", "0, 0, 3, 2", "NULL", "NULL"),
            &line(1, "sale", "-1, 0, -1, -1", "NULL", "NULL"),
            &line(1, "sale", "-1, 0, 3, 4", "NULL", "NULL"),
            &line(1, "sale", "-1, 0, 3, -1", "NULL", "NULL"),
            &line(0, "sale", "-1, 0, 3, 2", "NULL", "NULL"),
            &line(1, "adjustment", "-1, 0, 3, 2", "NULL", "NULL"),
        ],
    );
    expect(
        &line(2, "return", "1, 0, 3, 2", "'return:1'", "NULL"),
        &[
            // The version is taken, and what happens once moves a product once.
            &line(1, "return", "1, 0, 3, 2", "'return:1'", "NULL"),
            &line(2, "return", "1, 0, 3, 2", "'sale:1'", "NULL"),
        ],
    );
    expect(
        &line(3, "return", "1, 0, 3, 2", "'return:2'", "NULL"),
        &[&line(3, "return", "1, 0, 3, 2", "'return:1'", "NULL")],
    );
}

fn the_ledger_is_walked_from_both_ends(combination: &Combination) {
    let app = store_of(combination, &[("a", 50), ("b", 50)]);
    for _ in 0..6 {
        for id in ["a", "b"] {
            app.patch(&format!("/products/{id}/inventory"), &json!({ "quantity": 1 })).expect(200);
        }
    }
    for base in ["/stock/ledger", "/products/a/stock/ledger"] {
        let walked = |sort: &str| {
            let mut seen = Vec::new();
            let mut next = Some(format!("limit=3&sort={sort}"));
            while let Some(query) = next {
                let page = app.get(&format!("{base}?{query}")).expect(200);
                let rows = page.json["data"].as_array().expect("a list");
                seen.extend(rows.iter().map(|row| {
                    (row["product_id"].to_string(), row["version"].as_i64().expect("a number"))
                }));
                next = page.header("link").and_then(|link| {
                    let next = link.split(", ").find(|it| it.contains("rel=\"next\""))?;
                    Some(next.strip_prefix("<?")?.split_once('>')?.0.to_owned())
                });
                assert!(seen.len() <= 14, "a page comes again");
            }
            seen
        };
        let (newest, mut oldest) = (walked("-created_at"), walked("created_at"));
        oldest.reverse();
        assert_eq!(newest, oldest, "{base}");
        assert_eq!(newest.len(), if base.starts_with("/stock") { 14 } else { 7 });
    }
}

fn the_ledger_is_filtered_by_kind_and_time(combination: &Combination) {
    let app = store_of(combination, &[("a", 5)]);
    post(&app, "/products/a/stock/adjustments", &json!({ "delta": 1, "reason": "found" }))
        .expect(201);
    let sql = format!("UPDATE stock_ledger SET created_at = '{PAST}' WHERE kind = 'opening'");
    app.storage.execute(&sql).expect("the line is there");
    let kinds = |query: &str| -> Vec<String> {
        let rows = super::data(&app, &format!("/stock/ledger?{query}"));
        let rows = rows.as_array().expect("a list").clone();
        rows.iter().map(|row| row["kind"].as_str().expect("a kind").to_owned()).collect()
    };
    assert_eq!(kinds(""), ["adjustment", "opening"]);
    assert_eq!(kinds("kind=opening"), ["opening"]);
    assert_eq!(kinds("from=2026-01-01T00:00:00.001Z"), ["adjustment"]);
    assert_eq!(kinds("from=2026-01-01T02:00:00%2B02:00"), ["adjustment", "opening"]);
    assert_eq!(kinds("to=2026-01-01T00:00:00.001Z"), ["opening"]);
    assert_eq!(kinds("to=2026-01-01T00:00:00Z"), [""; 0]);
    for wrong in ["kind=theft", "from=yesterday", "to=2026-01-01"] {
        app.get(&format!("/stock/ledger?{wrong}")).expect(400);
    }
}
