//! What there is among the products that a filter lets through.

use crate::app::{App, Combination};
use crate::cases;
use serde_json::{Value, json};
use std::collections::BTreeMap;

cases![
    Everywhere:
        facets_count_what_the_list_has,
        facets_of_nothing_are_empty,
        a_bad_filter_of_facets_is_told,
        no_product_is_called_facets;
    BothBackends:
        facets_are_at_most_a_hundred_with_the_most_frequent_first;
];

fn facets(app: &App, query: &str) -> Value {
    app.get(&format!("/products/facets?{query}")).expect(200).json["data"].clone()
}

/// How many rows have each value: the most frequent first, and of as many by their bytes.
fn counted(rows: &[Value], member: &str) -> Value {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for row in rows {
        *counts.entry(row[member].as_str().expect("a text")).or_default() += 1;
    }
    let mut counts: Vec<(&str, i64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| -count);
    counts.into_iter().map(|(value, count)| json!({ "value": value, "count": count })).collect()
}

fn facets_count_what_the_list_has(combination: &Combination) {
    let app = combination.start();
    app.storage.execute("UPDATE products SET stock = 0 WHERE brand = 'Omega'").expect("rows");
    app.put("/products/prod_002", &json!({ "brand": "éterna", "stock": 3 })).expect(200);
    app.put("/products/prod_003", &json!({ "brand": "Éterna" })).expect(200);
    for query in [
        "",
        "brand=Rolex",
        "category=dive&in_stock=true",
        "in_stock=false",
        "minPrice=5000&maxPrice=9000",
        "ids=prod_001,prod_002,prod_003,not-there",
        "q=rolex",
        "q=ro+da",
        "q=dive+professional&in_stock=true",
    ] {
        let list = app.get(&format!("/products?limit=1000&{query}")).expect(200);
        let rows = list.json["data"].as_array().expect("a list");
        assert!(!rows.is_empty(), "{query}");
        let cents = |row: &Value| -> i64 {
            row["price"].as_str().expect("money").replace('.', "").parse().expect("cents")
        };
        let by_price = |row: &&Value| cents(row);
        let expected = json!({
            "total": rows.len(),
            "in_stock": rows.iter().filter(|row| row["stock"] != 0).count(),
            "price": {
                "min": rows.iter().min_by_key(by_price).expect("a row")["price"],
                "max": rows.iter().max_by_key(by_price).expect("a row")["price"],
            },
            "brands": counted(rows, "brand"),
            "categories": counted(rows, "category"),
        });
        assert_eq!(facets(&app, query), expected, "{query}");
        assert_eq!(facets(&app, &format!("{query}&limit=x&sort=x&after=x")), expected, "{query}");
    }
    let answer = app.get("/products/facets").expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!((answer.header("etag"), answer.header("link")), (None, None));
    let head = app.send("HEAD", "/products/facets", None).expect(200);
    assert_eq!(head.text, "");
    assert_eq!(head.header("content-type"), Some("application/json"));
}

fn facets_of_nothing_are_empty(combination: &Combination) {
    let app = combination.start_empty();
    let nothing =
        json!({ "total": 0, "in_stock": 0, "price": null, "brands": [], "categories": [] });
    assert_eq!(facets(&app, ""), nothing);
    assert_eq!(facets(&app, "q=rolex&brand=Rolex"), nothing);
    // A product that is added is counted at once.
    let new = json!({
        "id": "a", "name": "N", "brand": "B", "price": 0, "stock": 0, "category": "c",
    });
    app.post("/products", &new).expect(201);
    let one = json!({
        "total": 1, "in_stock": 0, "price": { "min": "0.00", "max": "0.00" },
        "brands": [{ "value": "B", "count": 1 }], "categories": [{ "value": "c", "count": 1 }],
    });
    assert_eq!(facets(&app, "in_stock=false"), one);
}

fn a_bad_filter_of_facets_is_told(combination: &Combination) {
    let app = combination.start();
    let answer = app.get("/products/facets?minPrice=x&ids=,&in_stock=1&q=+&Brand=x");
    let answer = answer.expect_failure(400, "Invalid request");
    let told = answer.json["errors"].as_array().expect("a list");
    let told: Vec<&str> = told.iter().filter_map(|one| one["field"].as_str()).collect();
    assert_eq!(told, ["brand", "minPrice", "ids", "in_stock", "q"]);
}

fn no_product_is_called_facets(combination: &Combination) {
    let app = combination.start();
    let mut new = json!({
        "id": "facets", "name": "N", "brand": "B", "price": 0, "stock": 0, "category": "c",
    });
    let answer = app.post("/products", &new).expect_failure(400, "Invalid request");
    assert_eq!(answer.json["errors"][0]["field"], "id");
    assert_eq!(answer.json["errors"][0]["code"], "RESERVED");
    for id in ["Facets", "facets.1", "facet"] {
        new["id"] = id.into();
        app.post("/products", &new).expect(201);
        app.get(&format!("/products/{id}")).expect(200);
    }
    let answer = app.put("/products/facets", &json!({ "stock": 1 }));
    let answer = answer.expect_failure(405, "Method Not Allowed");
    assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    app.delete("/products/facets").expect(405);
    app.patch("/products/facets/inventory", &json!({ "quantity": 1 })).expect(404);
}

fn facets_are_at_most_a_hundred_with_the_most_frequent_first(combination: &Combination) {
    let app = combination.start_empty();
    let columns = "id, name, brand, price, stock, category, version, created_at, updated_at";
    let rows = format!(
        "INSERT INTO products ({columns}) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 \
         FROM n WHERE i < 249) SELECT 'p' || i, 'N', CASE WHEN i < 4 THEN 'zz' ELSE 'b' || i END, \
         9999999999, 1, CASE WHEN i % 2 = 0 THEN 'B' ELSE 'a' END, 1, '2026-01-01 00:00:00', \
         '2026-01-01 00:00:00' FROM n"
    );
    app.storage.execute(&rows).expect("rows");
    let all = facets(&app, "");
    assert_eq!((&all["total"], &all["price"]["max"]), (&json!(250), &json!("99999999.99")));
    let mut ids: Vec<String> = (4..250).map(|i| format!("b{i}")).collect();
    ids.sort();
    let brands = all["brands"].as_array().expect("a list");
    assert_eq!(brands.len(), 100);
    assert_eq!(brands[0], json!({ "value": "zz", "count": 4 }));
    for (told, expected) in brands[1..].iter().zip(&ids) {
        assert_eq!(*told, json!({ "value": expected, "count": 1 }));
    }
    let both = json!([{ "value": "B", "count": 125 }, { "value": "a", "count": 125 }]);
    assert_eq!(all["categories"], both, "by bytes");
}
