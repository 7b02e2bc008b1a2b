//! `POST /customers`: what a customer may be.

use super::{
    CUSTOMER_MEMBERS, create, customer, expect_invalid, expect_time, members, rows, text,
    total_spent,
};
use crate::app::Combination;
use crate::cases;
use crate::client::Answer;
use serde_json::{Value, json};

cases![
    Everywhere:
        a_created_customer_is_answered_with_201_and_its_location,
        a_created_customer_can_be_read_and_listed,
        each_missing_member_is_named,
        null_counts_as_missing,
        an_id_that_is_taken_is_refused,
        an_email_that_is_taken_is_refused_in_any_case,
        a_refused_creation_leaves_nothing_behind,
        a_customer_has_one_of_four_tiers,
        a_customer_needs_a_well_formed_email,
        an_email_is_kept_as_it_is_written,
        an_id_has_1_to_50_plain_characters,
        a_name_has_1_to_255_characters,
        a_phone_has_1_to_50_characters,
        an_address_is_an_object,
        phone_and_address_are_optional,
        members_that_a_customer_does_not_have_are_ignored;
];

fn a_created_customer_is_answered_with_201_and_its_location(combination: &Combination) {
    let app = combination.start_empty();
    let body = json!({
        "id": "new-One_1", "email": "new@example.com", "name": "New One", "tier": "silver",
        "phone": "+41 22 555 00 00", "address": { "city": "Genève", "lines": ["1", { "x": null }] },
    });
    let created = app.post("/customers", &body).expect(201);
    assert_eq!(created.header("location"), Some("customers/new-One_1"));
    assert_eq!(members(&created.json), ["data", "success"]);
    assert_eq!(created.json["success"], true);
    let data = &created.json["data"];
    assert_eq!(members(data), CUSTOMER_MEMBERS);
    for (name, value) in body.as_object().expect("an object") {
        assert_eq!(data[name], *value, "{name}");
    }
    assert_eq!(data["created_at"], data["updated_at"]);
    expect_time(&data["created_at"]);
}

fn a_created_customer_can_be_read_and_listed(combination: &Combination) {
    let app = combination.start_empty();
    let created = create(&app, json!({ "id": "new", "address": { "a": [1, 2.5, "é"] } }));
    assert_eq!(rows(&app.get("/customers").expect(200)), std::slice::from_ref(&created));
    let mut profile = app.get("/customers/new").expect(200).json["data"].clone();
    let profile = profile.as_object_mut().expect("an object");
    profile.retain(|name, _| CUSTOMER_MEMBERS.contains(&name.as_str()));
    assert_eq!(Value::Object(profile.clone()), created);
}

fn each_missing_member_is_named(combination: &Combination) {
    let app = combination.start_empty();
    expect_missing(app.post("/customers", &json!({})), &["id", "email", "name", "tier"]);
    for member in ["id", "email", "name", "tier"] {
        let mut body = customer(json!({}));
        body.as_object_mut().expect("an object").remove(member);
        expect_missing(app.post("/customers", &body), &[member]);
    }
    let some = json!({ "email": "a@example.com", "tier": "gold" });
    expect_missing(app.post("/customers", &some), &["id", "name"]);
    assert_eq!(app.get("/customers").expect(200).json["count"], 0);
}

fn null_counts_as_missing(combination: &Combination) {
    let app = combination.start_empty();
    for member in ["id", "email", "name", "tier"] {
        let body = customer(json!({ member: null }));
        expect_missing(app.post("/customers", &body), &[member]);
    }
}

fn an_id_that_is_taken_is_refused(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/customers/cust_001").expect(200);
    let body = customer(json!({ "id": "cust_001", "email": "other@example.com" }));
    app.post("/customers", &body)
        .expect_failure(409, "Customer with this ID or email already exists");
    assert_eq!(app.get("/customers/cust_001").expect(200).json, before.json);
}

fn an_email_that_is_taken_is_refused_in_any_case(combination: &Combination) {
    let app = combination.start();
    for email in ["eleonore.vautier@example.com", "Eleonore.VAUTIER@Example.COM"] {
        let body = customer(json!({ "id": "other", "email": email }));
        app.post("/customers", &body)
            .expect_failure(409, "Customer with this ID or email already exists");
    }
    create(&app, json!({ "id": "other", "email": "eleonore.vautier@example.org" }));
}

fn a_refused_creation_leaves_nothing_behind(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/customers?limit=500").expect(200);
    let taken = json!({ "id": "other", "email": "eleonore.vautier@example.com" });
    app.post("/customers", &customer(taken)).expect(409);
    app.post("/customers", &customer(json!({ "id": "other", "tier": "iron" }))).expect(400);
    app.post("/customers", &json!({ "id": "other" })).expect(400);
    app.get("/customers/other").expect(404);
    assert_eq!(app.get("/customers?limit=500").expect(200).json, before.json);
}

fn a_customer_has_one_of_four_tiers(combination: &Combination) {
    let app = combination.start_empty();
    for bad in ["Gold", "GOLD", "vip", "", " gold", "gold "] {
        expect_invalid(app.post("/customers", &customer(json!({ "tier": bad }))), "tier");
    }
    for tier in ["bronze", "silver", "gold", "platinum"] {
        let email = format!("{tier}@example.com");
        let created = create(&app, json!({ "id": tier, "email": email, "tier": tier }));
        assert_eq!(created["tier"], tier);
    }
}

fn a_customer_needs_a_well_formed_email(combination: &Combination) {
    let app = combination.start_empty();
    let too_long = format!("{}@example.com", "a".repeat(244));
    for bad in [
        "", " ", "plain", "@", "a@", "@b", "a@b@c", "a b@c", " a@b", "a@b ", "a@b\n", "é@b", "a@é",
        &too_long,
    ] {
        expect_invalid(app.post("/customers", &customer(json!({ "email": bad }))), "email");
    }
    let longest = format!("{}@example.com", "a".repeat(243));
    assert_eq!(longest.len(), 255);
    for (number, good) in
        ["a@b", "o'hara+tag@mail.example.com", r#"%_\"*[x]@b"#, &longest].iter().enumerate()
    {
        let id = format!("c{number}");
        assert_eq!(create(&app, json!({ "id": id, "email": good }))["email"], *good);
    }
}

fn an_email_is_kept_as_it_is_written(combination: &Combination) {
    let app = combination.start_empty();
    create(&app, json!({ "id": "ada", "email": "Ada.Lovelace@Example.COM" }));
    let profile = app.get("/customers/ada").expect(200);
    assert_eq!(profile.json["data"]["email"], "Ada.Lovelace@Example.COM");
}

fn an_id_has_1_to_50_plain_characters(combination: &Combination) {
    let app = combination.start_empty();
    for bad in ["", " ", "a b", ".", "..", "a/b", "é", "a'b", "a\n", &"a".repeat(51)] {
        expect_invalid(app.post("/customers", &customer(json!({ "id": bad }))), "id");
    }
    for (number, good) in
        ["a", "-", "_", "A-z_09", "a.b", ".a.", &"a".repeat(50)].iter().enumerate()
    {
        let email = format!("c{number}@example.com");
        assert_eq!(create(&app, json!({ "id": good, "email": email }))["id"], *good);
        app.get(&format!("/customers/{good}")).expect(200);
    }
}

fn a_name_has_1_to_255_characters(combination: &Combination) {
    let app = combination.start_empty();
    for bad in ["", "   ", "\t\n", "\u{a0}\u{3000}", &"é".repeat(256)] {
        expect_invalid(app.post("/customers", &customer(json!({ "name": bad }))), "name");
    }
    for (number, name) in ["v", "n", "0", &"é".repeat(255)].iter().enumerate() {
        let id = format!("c{number}");
        assert_eq!(create(&app, json!({ "id": id, "name": name }))["name"], *name);
    }
    let name = " O'Hara; \"Ann\" \\ 日本 😀 ";
    let other = json!({ "id": "other", "email": "other@example.com", "name": name });
    assert_eq!(create(&app, other)["name"], name);
}

fn a_phone_has_1_to_50_characters(combination: &Combination) {
    let app = combination.start_empty();
    for bad in ["", "  ", &"1".repeat(51)] {
        expect_invalid(app.post("/customers", &customer(json!({ "phone": bad }))), "phone");
    }
    let phone = "1".repeat(50);
    assert_eq!(create(&app, json!({ "phone": phone }))["phone"], phone);
}

fn an_address_is_an_object(combination: &Combination) {
    let app = combination.start_empty();
    for bad in [json!([]), json!("Geneva"), json!(1), json!(true)] {
        let refused = app.post("/customers", &customer(json!({ "address": bad })));
        let refused = refused.expect_failure(400, "Invalid request body");
        assert!(text(&refused.json["message"]).contains("address"), "{}", refused.text);
    }
    assert_eq!(create(&app, json!({ "address": {} }))["address"], json!({}));
}

fn phone_and_address_are_optional(combination: &Combination) {
    let app = combination.start_empty();
    let without = create(&app, json!({ "id": "a", "email": "a@example.com" }));
    let with_null = json!({ "id": "b", "email": "b@example.com", "phone": null, "address": null });
    for created in [without, create(&app, with_null)] {
        assert_eq!(members(&created), CUSTOMER_MEMBERS);
        assert_eq!(created["phone"], Value::Null);
        assert_eq!(created["address"], Value::Null);
    }
}

fn members_that_a_customer_does_not_have_are_ignored(combination: &Combination) {
    let app = combination.start_empty();
    let created = create(
        &app,
        json!({ "id": "a", "version": 7, "total_spent": 1e9, "created_at": "2001-01-01T00:00:00Z" }),
    );
    assert_eq!(members(&created), CUSTOMER_MEMBERS);
    assert!(created["created_at"].as_str() > Some("2020"));
    assert_eq!(total_spent(&app, "a"), "0.00");
}

#[track_caller]
fn expect_missing(answer: Answer, missing: &[&str]) {
    let answer = answer.expect_failure(400, "Missing required fields (id, email, name, tier)");
    assert_eq!(answer.json["details"], json!({ "missing": missing }));
}
