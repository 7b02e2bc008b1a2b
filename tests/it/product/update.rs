//! `PUT /products/{id}`.

use super::{INSTANT, insert_rows, is_time, members, millis, refused, with, without};
use crate::app::Combination;
use crate::cases;
use crate::client::Answer;
use serde_json::{Value, json};

cases![
    Everywhere:
        an_update_changes_what_is_present_and_nothing_else,
        null_clears_the_metadata_alone,
        an_update_of_nothing_is_refused,
        a_refused_update_changes_nothing,
        a_change_moves_updated_at_and_keeps_created_at;
];

fn an_update_changes_what_is_present_and_nothing_else(combination: &Combination) {
    let app = combination.start();
    let mut expected = app.get("/products/prod_001").expect(200).json["data"].clone();
    let changes = [
        ("name", json!("Submariner")),
        ("brand", json!("Rolex SA")),
        ("price", json!("14999.99")),
        ("stock", json!(7)),
        ("category", json!("sport")),
        ("metadata", json!({ "year": 2025 })),
        ("metadata", json!({})),
    ];
    for (member, value) in changes {
        let answer = app.put("/products/prod_001", &json!({ (member): value })).expect(200);
        assert_eq!(members(&answer.json), ["data", "success"]);
        expected = with(&expected, member, value);
        expected = with(&expected, "updated_at", answer.json["data"]["updated_at"].clone());
        assert_eq!(answer.json["data"], expected, "{member}");
        assert_eq!(app.get("/products/prod_001").expect(200).json["data"], expected);
    }
    let several = json!({ "name": "Two", "stock": 2, "price": 2 });
    let answer = app.put("/products/prod_001", &several).expect(200);
    expected = with(&with(&expected, "name", "Two"), "stock", 2);
    expected = with(&expected, "price", "2.00");
    assert_eq!(without(&answer.json["data"], "updated_at"), without(&expected, "updated_at"));
}

fn null_clears_the_metadata_alone(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/products/prod_001").expect(200).json["data"].clone();
    for member in ["name", "brand", "price", "stock", "category"] {
        refused(app.put("/products/prod_001", &json!({ (member): null })), member);
        let beside = json!({ (member): null, "metadata": null });
        refused(app.put("/products/prod_001", &beside), member);
    }
    assert_eq!(app.get("/products/prod_001").expect(200).json["data"], before);
    let cleared = app.put("/products/prod_001", &json!({ "metadata": null })).expect(200);
    assert_eq!(cleared.json["data"]["metadata"], Value::Null);
    let read = app.get("/products/prod_001").expect(200).json["data"].clone();
    assert_eq!(without(&read, "updated_at"), {
        without(&with(&before, "metadata", Value::Null), "updated_at")
    });
}

fn an_update_of_nothing_is_refused(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/products/prod_001").expect(200).json["data"].clone();
    for body in [json!({}), json!({ "colour": "blue" }), json!({ "id": "x", "created_at": null })] {
        app.put("/products/prod_001", &body).expect_failure(400, "No fields to update");
    }
    assert_eq!(app.get("/products/prod_001").expect(200).json["data"], before);
}

fn a_refused_update_changes_nothing(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/products/prod_001").expect(200).json["data"].clone();
    for (member, value) in [("price", json!(-1)), ("stock", json!(-1)), ("category", json!(" "))] {
        let body = json!({ "name": "Changed", (member): value });
        refused(app.put("/products/prod_001", &body), member);
    }
    assert_eq!(app.get("/products/prod_001").expect(200).json["data"], before);
}

fn a_change_moves_updated_at_and_keeps_created_at(combination: &Combination) {
    let app = combination.start_empty();
    insert_rows(&app, &["old"], INSTANT);
    let read = || app.get("/products/old").expect(200).json["data"].clone();
    assert_eq!(read()["created_at"], "2024-01-01T00:00:00.000Z");
    assert_eq!(read()["updated_at"], "2024-01-01T00:00:00.000Z");
    let mut last = millis(&read()["updated_at"]);
    let writes: [&dyn Fn() -> Answer; 2] =
        [&|| app.put("/products/old", &json!({ "stock": 9 })), &|| {
            app.patch("/products/old/inventory", &json!({ "quantity": 1 }))
        }];
    for write in writes {
        let before = chrono::Utc::now().timestamp_millis();
        write().expect(200);
        let row = read();
        assert_eq!(row["created_at"], "2024-01-01T00:00:00.000Z");
        assert!(is_time(&row["updated_at"]), "{row}");
        assert!(millis(&row["updated_at"]) >= before.max(last), "{row}");
        last = millis(&row["updated_at"]);
    }
}
