//! Lists and exports of orders.

use super::{done, id_of, order_of, pay, sell, shop, with};
use crate::app::{App, Combination};
use crate::cases;
use crate::stock::data;
use serde_json::{Value, json};

cases![
    Everywhere:
        orders_are_listed_by_every_filter,
        an_export_has_every_order,
        a_bad_filter_of_orders_is_told;
    BothBackends:
        a_cell_is_no_formula,
        the_orders_of_the_example_store_are_there,
        a_store_in_another_currency_is_not_served;
];

fn ids(app: &App, query: &str) -> Vec<i64> {
    let list = data(app, &format!("/orders?{query}"));
    list.as_array().expect("a list").iter().map(id_of).collect()
}

fn orders_are_listed_by_every_filter(combination: &Combination) {
    let app = shop(combination, &[("a", 50), ("b", 50)]);
    super::customer(&app, "d", "bronze");
    let first = id_of(&sell(&app, &with(order_of(&[("a", 1)]), &json!({ "reference": "R-1" }))));
    let second = id_of(&sell(&app, &order_of(&[("a", 2), ("b", 1)])));
    let third = sell(&app, &with(order_of(&[("b", 1)]), &json!({ "customer_id": "d" })));
    let (third, number) =
        (id_of(&third), third["order_number"].as_str().expect("a number").to_owned());
    pay(&app, first);
    done(
        &app,
        first,
        "fulfilments",
        &json!({ "lines": [{ "line": 1, "quantity": 1, "serials": ["S"] }] }),
    );
    done(&app, third, "cancel", &json!({ "reason": "x" }));
    let by_number = format!("order_number={number}");
    for (query, expected) in [
        ("", vec![third, second, first]),
        ("status=pending", vec![second]),
        ("status=completed", vec![first]),
        ("status=draft", vec![]),
        ("payment_status=paid", vec![first]),
        ("payment_status=void", vec![third]),
        ("fulfilment_status=fulfilled", vec![first]),
        ("fulfilment_status=unfulfilled", vec![second]),
        ("customer_id=d", vec![third]),
        ("customer_id=nobody", vec![]),
        ("product_id=a", vec![second, first]),
        ("product_id=b&status=pending", vec![second]),
        ("serial=S", vec![first]),
        (by_number.as_str(), vec![third]),
        ("reference=R-1", vec![first]),
        ("from=2026-01-01T00:00:00Z", vec![third, second, first]),
        ("to=2026-01-01T00:00:00Z", vec![]),
        ("minTotal=100.01", vec![second]),
        ("maxTotal=100", vec![third, first]),
        ("sort=-total_amount", vec![second, third, first]),
    ] {
        assert_eq!(ids(&app, query), expected, "{query}");
        let list = app.get(&format!("/orders?{query}&limit=1")).expect(200);
        assert_eq!(list.json["pagination"]["total"], expected.len(), "{query}");
    }
    // From page to page.
    let mut seen = Vec::new();
    let mut next = Some("limit=1".to_owned());
    while let Some(query) = next {
        let page = app.get(&format!("/orders?{query}")).expect(200);
        seen.extend(page.json["data"].as_array().expect("a list").iter().map(id_of));
        let link = page.header("link").and_then(|link| link.strip_prefix("<?"));
        next = link.and_then(|link| link.split_once('>')).map(|(query, _)| query.to_owned());
    }
    assert_eq!(seen, [third, second, first]);
    let picked = data(&app, "/orders?fields=id,total_amount&limit=1");
    assert_eq!(picked, json!([{ "id": third, "total_amount": "100.00" }]));
}

fn an_export_has_every_order(combination: &Combination) {
    let app = combination.start();
    let answer = app.get("/orders/export").expect(200);
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(answer.header("content-disposition").is_some_and(|it| it.contains("orders.csv")));
    let rows: Vec<Vec<&str>> = answer.text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 121);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{:?}", rows[0]);
    assert_eq!(rows[1][0..3], ["120", "CHR-2025-000120", "cust_021"]);
    let completed = app.get("/orders/export?status=completed").expect(200);
    let total =
        app.get("/orders?status=completed&limit=1").expect(200).json["pagination"]["total"].clone();
    assert_eq!(json!(completed.text.lines().count() - 1), total);
    let bad = app.get("/orders/export?status=open&minTotal=x");
    let told = bad.expect_failure(400, "Invalid request");
    assert_eq!(told.json["errors"].as_array().map(Vec::len), Some(2), "{}", told.text);
}

fn a_bad_filter_of_orders_is_told(combination: &Combination) {
    let app = combination.start();
    let answer = app.get(
        "/orders?status=open&payment_status=x&customer_id=a+b&from=2026&minTotal=2&maxTotal=1&serial=+",
    );
    let answer = answer.expect_failure(400, "Invalid request");
    let told = answer.json["errors"].as_array().expect("a list");
    let told: Vec<&str> = told.iter().filter_map(|one| one["field"].as_str()).collect();
    assert_eq!(told, ["status", "payment_status", "customer_id", "serial", "from", "minTotal"]);
    app.get("/orders/0").expect(400);
    app.get("/orders/99999999999999999999").expect(400);
    app.get("/orders/1/timeline?after=x").expect(400);
}

fn a_cell_is_no_formula(combination: &Combination) {
    let app = shop(combination, &[("a", 50)]);
    for reference in ["=1+1", "+1", "-x", "@x", "a,\"b\"\nc"] {
        let more = json!({ "reference": reference, "payment_method": "=x" });
        sell(&app, &with(order_of(&[("a", 1)]), &more));
    }
    let text = app.get("/orders/export").expect(200).text;
    for cell in ["'=1+1", "'+1", "'-x", "'@x", "\"a,\"\"b\"\"\nc\"", ",'=x,"] {
        assert!(text.contains(cell), "{cell}: {text}");
    }
    assert!(!text.contains(",=") && !text.contains(",+") && !text.contains(",@"), "{text}");
}

/// What was imported can be paid, delivered and taken back.
fn the_orders_of_the_example_store_are_there(combination: &Combination) {
    let app = combination.start();
    let order = data(&app, "/orders/CHR-2025-000119");
    assert_eq!(super::statuses(&order), ["pending", "unpaid", "unfulfilled"]);
    assert_eq!(order["total_amount"], "21300.00");
    pay(&app, 119);
    super::fulfil(&app, 119);
    let order: Value = data(&app, "/orders/15");
    assert_eq!(super::statuses(&order), ["completed", "paid", "fulfilled"]);
    assert_eq!(order["discount"]["amount"], "602.50");
    assert_eq!(order["payments"][0]["amount"], order["total_amount"]);
    let body = json!({ "lines": [{ "line": 2, "quantity": 1 }], "restock": true, "reason": "x" });
    let after = done(&app, 15, "returns", &body);
    assert_eq!(after["refund_due_amount"], "2850.00");
    crate::stock::expect_proved(&app);
}

fn a_store_in_another_currency_is_not_served(combination: &Combination) {
    let app = shop(combination, &[("a", 50)]);
    sell(&app, &order_of(&[("a", 1)]));
    let mut command = crate::app::command(app.storage.folder.path());
    let output = command
        .args(["serve", "--store-currency", "EUR"])
        .env("DATABASE_URL", &app.storage.database_url)
        .output()
        .expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("USD") && said.contains("STORE_CURRENCY"), "{said}");
}
