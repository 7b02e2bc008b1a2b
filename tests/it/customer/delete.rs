//! `DELETE /customers/{id}`.

use super::create;
use crate::app::Combination;
use crate::cases;
use serde_json::{Value, json};

cases![
    Everywhere:
        a_deleted_customer_is_shown_once_more_and_gone,
        the_id_and_the_email_of_a_deleted_customer_are_free_again,
        a_deletion_of_an_unknown_customer_is_not_found,
        a_customer_with_orders_cannot_be_deleted_and_loses_nothing,
        a_customer_with_only_cancelled_orders_cannot_be_deleted;
];

fn a_deleted_customer_is_shown_once_more_and_gone(combination: &Combination) {
    let app = combination.start();
    let created = create(&app, json!({ "phone": "1", "address": { "city": "Bern" } }));
    let deleted = app.delete("/customers/someone").expect(200);
    assert_eq!(
        deleted.json,
        json!({ "success": true, "message": "Customer deleted successfully", "data": created })
    );
    app.get("/customers/someone").expect_failure(404, "Customer not found");
    app.get("/customers/someone/orders").expect_failure(404, "Customer not found");
    app.put("/customers/someone", &json!({ "name": "A" })).expect(404);
    assert_eq!(app.get("/customers").expect(200).json["pagination"]["total"], 40);
}

fn the_id_and_the_email_of_a_deleted_customer_are_free_again(combination: &Combination) {
    let app = combination.start_empty();
    create(&app, json!({ "name": "First", "phone": "1" }));
    app.delete("/customers/someone").expect(200);
    let again = create(&app, json!({ "name": "Second" }));
    assert_eq!(again["name"], "Second");
    assert_eq!(again["phone"], Value::Null);
}

fn a_deletion_of_an_unknown_customer_is_not_found(combination: &Combination) {
    let app = combination.start();
    app.delete("/customers/nobody").expect_failure(404, "Customer not found");
    app.delete("/customers/cust_040").expect(200);
    app.delete("/customers/cust_040").expect_failure(404, "Customer not found");
}

fn a_customer_with_orders_cannot_be_deleted_and_loses_nothing(combination: &Combination) {
    let app = combination.start();
    let profile = app.get("/customers/cust_001").expect(200);
    let orders = app.get("/customers/cust_001/orders").expect(200);
    app.delete("/customers/cust_001")
        .expect_failure(409, "Cannot delete customer with existing orders");
    assert_eq!(app.get("/customers/cust_001").expect(200).text, profile.text);
    assert_eq!(app.get("/customers/cust_001/orders").expect(200).text, orders.text);
}

fn a_customer_with_only_cancelled_orders_cannot_be_deleted(combination: &Combination) {
    let app = combination.start();
    app.delete("/customers/cust_008")
        .expect_failure(409, "Cannot delete customer with existing orders");
    app.get("/customers/cust_008").expect(200);
}
