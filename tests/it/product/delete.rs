//! `DELETE /products/{id}`.

use super::{add, ids, watch};
use crate::app::Combination;
use crate::cases;
use serde_json::json;

cases![
    Everywhere:
        a_deleted_product_is_gone,
        a_deleted_id_can_be_given_again;
];

fn a_deleted_product_is_gone(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/products/prod_005").expect(200).json["data"].clone();
    app.get_cached("/products/prod_005");
    let answer = app.delete("/products/prod_005").expect(200);
    let expected =
        json!({ "success": true, "message": "Product deleted successfully", "data": before });
    assert_eq!(answer.json, expected);
    app.get("/products/prod_005").expect_failure(404, "Product not found");
    app.delete("/products/prod_005").expect_failure(404, "Product not found");
    app.put("/products/prod_005", &json!({ "stock": 1 })).expect_failure(404, "Product not found");
    app.patch("/products/prod_005/inventory", &json!({ "quantity": 1 }))
        .expect_failure(404, "Product not found");
    assert!(!ids(&app.get("/products?limit=500").expect(200)).contains(&"prod_005".to_owned()));
}

fn a_deleted_id_can_be_given_again(combination: &Combination) {
    let app = combination.start();
    app.get("/products/prod_005").expect(200);
    app.get_cached("/products/prod_005");
    app.delete("/products/prod_005").expect(200);
    let again = add(&app, &watch("prod_005"));
    let read = app.get("/products/prod_005").expect(200);
    assert_eq!(read.json["data"], again);
    assert_eq!(read.json["cached"], false);
    assert_eq!(app.get_cached("/products/prod_005").json["data"], again);
}
