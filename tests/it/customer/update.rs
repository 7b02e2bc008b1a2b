//! `PUT /customers/{id}`.

use super::{create, customer, expect_invalid, expect_time, members, rows};
use crate::app::Combination;
use crate::cases;
use serde_json::{Value, json};

cases![
    Everywhere:
        an_update_changes_only_what_is_present,
        an_update_can_change_every_member,
        an_update_moves_updated_at_and_not_created_at,
        null_clears_phone_and_address,
        null_is_refused_where_a_value_is_required,
        an_update_keeps_the_rules_of_a_creation,
        an_update_to_the_email_of_someone_else_is_refused,
        a_customer_may_write_their_own_email_in_another_case,
        an_update_without_a_member_to_change_is_refused,
        an_id_cannot_be_changed,
        an_update_of_an_unknown_customer_is_not_found,
        a_refused_update_changes_nothing;
];

fn an_update_changes_only_what_is_present(combination: &Combination) {
    let app = combination.start_empty();
    let mut expected = create(&app, json!({ "phone": "1", "address": { "city": "Bern" } }));
    for (member, value) in [
        ("email", json!("changed@example.com")),
        ("name", json!("Changed")),
        ("tier", json!("platinum")),
        ("phone", json!("2")),
        ("address", json!({ "town": "Biel" })),
    ] {
        let updated = app.put("/customers/someone", &json!({ member: value })).expect(200);
        assert_eq!(members(&updated.json), ["data", "message", "success"]);
        assert_eq!(updated.json["success"], true);
        assert_eq!(updated.json["message"], "Customer updated successfully");
        expected[member] = value;
        expected["updated_at"] = updated.json["data"]["updated_at"].clone();
        assert_eq!(updated.json["data"], expected, "{member}");
        assert_eq!(rows(&app.get("/customers").expect(200)), std::slice::from_ref(&expected));
    }
}

fn an_update_can_change_every_member(combination: &Combination) {
    let app = combination.start_empty();
    create(&app, json!({}));
    let body = json!({
        "email": "all@example.com", "name": "All", "tier": "bronze", "phone": "3",
        "address": { "a": 1 },
    });
    let updated = app.put("/customers/someone", &body).expect(200);
    for (name, value) in body.as_object().expect("an object") {
        assert_eq!(updated.json["data"][name], *value, "{name}");
    }
}

fn an_update_moves_updated_at_and_not_created_at(combination: &Combination) {
    let app = combination.start();
    let updated = app.put("/customers/cust_001", &json!({ "name": "Changed" })).expect(200);
    assert_eq!(updated.json["data"]["created_at"], "2023-06-12T09:14:07.382Z");
    expect_time(&updated.json["data"]["updated_at"]);
    assert!(updated.json["data"]["updated_at"].as_str() > Some("2024"), "{}", updated.text);
}

fn null_clears_phone_and_address(combination: &Combination) {
    let app = combination.start_empty();
    create(&app, json!({ "phone": "1", "address": { "city": "Bern" } }));
    let updated = app.put("/customers/someone", &json!({ "phone": null })).expect(200);
    assert_eq!(updated.json["data"]["phone"], Value::Null);
    assert_eq!(updated.json["data"]["address"], json!({ "city": "Bern" }));
    app.put("/customers/someone", &json!({ "address": null })).expect(200);
    let profile = app.get("/customers/someone").expect(200);
    assert_eq!(profile.json["data"]["phone"], Value::Null);
    assert_eq!(profile.json["data"]["address"], Value::Null);
}

fn null_is_refused_where_a_value_is_required(combination: &Combination) {
    let app = combination.start();
    for member in ["email", "name", "tier"] {
        let body = json!({ member: null, "phone": "1" });
        expect_invalid(app.put("/customers/cust_001", &body), member);
    }
}

fn an_update_keeps_the_rules_of_a_creation(combination: &Combination) {
    let app = combination.start();
    for (member, bad) in [
        ("email", "plain".to_owned()),
        ("email", "a@b@c".to_owned()),
        ("email", format!("a@{}", "b".repeat(254))),
        ("name", " ".to_owned()),
        ("name", "a".repeat(256)),
        ("tier", "Gold".to_owned()),
        ("phone", String::new()),
        ("phone", "1".repeat(51)),
    ] {
        expect_invalid(app.put("/customers/cust_001", &json!({ member: bad })), member);
    }
    for bad in [json!([]), json!("Geneva")] {
        app.put("/customers/cust_001", &json!({ "address": bad }))
            .expect_failure(400, "Invalid request body");
    }
}

fn an_update_to_the_email_of_someone_else_is_refused(combination: &Combination) {
    let app = combination.start();
    for email in ["j.whitcombe@example.org", "J.WHITCOMBE@example.org"] {
        app.put("/customers/cust_001", &json!({ "email": email, "name": "Changed" }))
            .expect_failure(409, "Email already in use");
    }
}

fn a_customer_may_write_their_own_email_in_another_case(combination: &Combination) {
    let app = combination.start();
    for email in ["eleonore.vautier@example.com", "Eleonore.Vautier@Example.com"] {
        let updated = app.put("/customers/cust_001", &json!({ "email": email })).expect(200);
        assert_eq!(updated.json["data"]["email"], email);
    }
}

fn an_update_without_a_member_to_change_is_refused(combination: &Combination) {
    let app = combination.start();
    for body in [json!({}), json!({ "nick": "E" }), json!({ "created_at": null })] {
        app.put("/customers/cust_001", &body).expect_failure(400, "No fields to update");
    }
}

fn an_id_cannot_be_changed(combination: &Combination) {
    let app = combination.start();
    app.put("/customers/cust_001", &json!({ "id": "other" }))
        .expect_failure(400, "No fields to update");
    let updated = app.put("/customers/cust_001", &json!({ "id": "other", "name": "E" }));
    assert_eq!(updated.expect(200).json["data"]["id"], "cust_001");
    app.get("/customers/other").expect(404);
}

fn an_update_of_an_unknown_customer_is_not_found(combination: &Combination) {
    let app = combination.start();
    app.put("/customers/nobody", &json!({ "name": "E" })).expect_failure(404, "Customer not found");
    // A PUT does not create.
    app.put("/customers/nobody", &customer(json!({ "id": "nobody" })))
        .expect_failure(404, "Customer not found");
    app.get("/customers/nobody").expect(404);
}

fn a_refused_update_changes_nothing(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/customers/cust_001").expect(200);
    for (body, status) in [
        (json!({ "name": "Changed", "email": "j.whitcombe@example.org" }), 409),
        (json!({ "name": "Changed", "tier": "iron" }), 400),
        (json!({ "name": "Changed", "email": null }), 400),
        (json!({ "name": "Changed", "address": [] }), 400),
    ] {
        app.put("/customers/cust_001", &body).expect(status);
        assert_eq!(app.get("/customers/cust_001").expect(200).json, before.json, "{body}");
    }
}
