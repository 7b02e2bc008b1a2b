//! The catalogue, as its clients see it.

use crate::app::Combination;
use crate::cases;
use serde_json::json;

cases![
    Everywhere: a_product_is_cached_after_the_first_read;
];

fn a_product_is_cached_after_the_first_read(combination: &Combination) {
    let app = combination.start();
    let first = app.get("/products/prod_001").expect(200);
    assert_eq!(first.json["cached"], false);
    assert_eq!(first.json["data"]["price"], "14500.00");
    let second = app.get("/products/prod_001").expect(200);
    assert_eq!(second.json["cached"], true);
    assert_eq!(first.json["data"], second.json["data"]);
    app.patch("/products/prod_001/inventory", &json!({ "quantity": 1 })).expect(200);
    assert_eq!(app.get("/products/prod_001").expect(200).json["cached"], false);
}
