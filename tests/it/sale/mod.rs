//! Sales, from quote to refund, as clients see them. A case that is one of the lessons of the design says
//! which.

mod checkout;
mod crowd;
mod drafts;
mod lists;
mod money;
mod pieces;
mod states;

use crate::Case;
use crate::app::{App, Combination};
use crate::client::Answer;
use crate::stock::{post, store_of};
use serde_json::{Value, json};

pub fn cases() -> Vec<Case> {
    let cases = [
        checkout::cases(),
        crowd::cases(),
        drafts::cases(),
        lists::cases(),
        money::cases(),
        pieces::cases(),
        states::cases(),
    ];
    cases.into_iter().flatten().collect()
}

/// A store with these products, each of 100.00, and the customer `c`, who has nothing off.
#[track_caller]
fn shop(combination: &Combination, products: &[(&str, i32)]) -> App {
    let app = store_of(combination, products);
    customer(&app, "c", "bronze");
    app
}

#[track_caller]
fn customer(app: &App, id: &str, tier: &str) {
    let body = json!({ "id": id, "email": format!("{id}@example.com"), "name": id, "tier": tier });
    app.post("/customers", &body).expect(201);
}

/// The body of an order without a discount.
fn order_of(items: &[(&str, i64)]) -> Value {
    let items: Vec<Value> = items
        .iter()
        .map(|(id, quantity)| json!({ "product_id": id, "quantity": quantity }))
        .collect();
    json!({ "customer_id": "c", "items": items, "discount": "none" })
}

/// A body with more members.
fn with(mut body: Value, more: &Value) -> Value {
    let members = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(members);
    body
}

/// Sells, and returns the order.
#[track_caller]
fn sell(app: &App, body: &Value) -> Value {
    post(app, "/orders", body).expect(201).json["data"].clone()
}

#[track_caller]
fn id_of(order: &Value) -> i64 {
    order["id"].as_i64().expect("an id")
}

/// Something that is done with an order.
#[track_caller]
fn act(app: &App, order: i64, what: &str, body: &Value) -> Answer {
    post(app, &format!("/orders/{order}/{what}"), body)
}

#[track_caller]
fn done(app: &App, order: i64, what: &str, body: &Value) -> Value {
    act(app, order, what, body).expect(200).json["data"].clone()
}

#[track_caller]
fn pay(app: &App, order: i64) -> Value {
    done(app, order, "payments", &json!({ "method": "card" }))
}

#[track_caller]
fn fulfil(app: &App, order: i64) -> Value {
    done(app, order, "fulfilments", &json!({}))
}

fn lines(line: i64, quantity: i64) -> Value {
    json!([{ "line": line, "quantity": quantity }])
}

fn statuses(order: &Value) -> [&str; 3] {
    ["status", "payment_status", "fulfilment_status"]
        .map(|name| order[name].as_str().expect("a status"))
}

#[track_caller]
fn spent(app: &App, customer: &str) -> (f64, String) {
    let data = crate::stock::data(app, &format!("/customers/{customer}"));
    let tier = data["vip_tier"].as_str().expect("a tier").to_owned();
    (data["total_spent"].as_f64().expect("a number"), tier)
}

/// Fails the test unless it is this failure; returns its details.
#[track_caller]
fn refused(answer: Answer, status: u16, code: &str) -> Value {
    let answer = answer.expect(status);
    assert_eq!(answer.json["code"], code, "{}", answer.text);
    answer.json["details"].clone()
}
