//! The stock and its books, as clients see them: moves, holds, the ledger and its proof.

mod books;
mod holds;
mod moves;
mod proof;

use crate::Case;
use crate::app::{App, Combination, Storage, command};
use crate::client::Answer;
use serde_json::{Value, json};
use std::process::Output;
use std::sync::atomic::{AtomicU32, Ordering};

pub fn cases() -> Vec<Case> {
    let cases = [moves::cases(), holds::cases(), books::cases(), proof::cases()];
    cases.into_iter().flatten().collect()
}

/// A time that has passed, as both databases take it.
const PAST: &str = "2026-01-01 00:00:00";

/// A store with these products, of which there are so many pieces.
#[track_caller]
pub fn store_of(combination: &Combination, products: &[(&str, i32)]) -> App {
    let app = combination.start_empty();
    for (id, stock) in products {
        add(&app, id, *stock);
    }
    app
}

#[track_caller]
pub fn add(app: &App, id: &str, stock: i32) {
    let body = json!({
        "id": id, "name": format!("Watch {id}"), "brand": "Test", "price": "100.00",
        "stock": stock, "category": "dress",
    });
    app.post("/products", &body).expect(201);
}

pub fn fresh_key() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("key-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Sends a body with a key that is new.
#[track_caller]
pub fn post(app: &App, path: &str, body: &Value) -> Answer {
    send(app, "POST", path, &[("Idempotency-Key", &fresh_key())], body)
}

#[track_caller]
pub fn send(app: &App, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let bearer = format!("Bearer {}", app.token());
    let mut all = vec![("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    all.extend(headers);
    app.client.send(method, &app.url(path), &all, Some(body.to_string().as_bytes()))
}

/// The data of what is read.
#[track_caller]
pub fn data(app: &App, path: &str) -> Value {
    app.get(path).expect(200).json["data"].clone()
}

/// What is on hand, reserved and available.
#[track_caller]
pub fn level(app: &App, id: &str) -> [i64; 3] {
    let level = data(app, &format!("/products/{id}/stock"));
    ["on_hand", "reserved", "available"].map(|name| level[name].as_i64().expect("a number"))
}

pub fn hold_body(items: &[(&str, i64)], seconds: i64) -> Value {
    let items: Vec<Value> = items
        .iter()
        .map(|(id, quantity)| json!({ "product_id": id, "quantity": quantity }))
        .collect();
    json!({ "items": items, "expires_in_seconds": seconds })
}

/// Makes a hold, and returns its id.
#[track_caller]
pub fn hold(app: &App, items: &[(&str, i64)]) -> i64 {
    let answer = post(app, "/holds", &hold_body(items, 3600)).expect(201);
    answer.json["data"]["id"].as_i64().expect("an id")
}

/// Has the end of a hold pass.
#[track_caller]
pub fn end(app: &App, hold: i64) {
    let sql = format!("UPDATE stock_holds SET expires_at = '{PAST}' WHERE id = {hold}");
    app.storage.execute(&sql).expect("a hold has an end");
}

fn state(app: &App, hold: i64) -> String {
    let hold = data(app, &format!("/holds/{hold}"));
    hold["state"].as_str().expect("a text").to_owned()
}

/// The members of the lines of a product's ledger, the oldest first.
#[track_caller]
fn ledger(app: &App, id: &str, names: &[&str]) -> Vec<Vec<Value>> {
    let lines = data(app, &format!("/products/{id}/stock/ledger?limit=1000&sort=created_at"));
    let lines = lines.as_array().expect("a list");
    lines.iter().map(|line| names.iter().map(|name| line[name].clone()).collect()).collect()
}

/// Kinds and changes: `opening +10 +0`.
#[track_caller]
fn moves(app: &App, id: &str) -> Vec<String> {
    let lines = ledger(app, id, &["kind", "on_hand_delta", "reserved_delta"]);
    let line = |line: Vec<Value>| {
        let number = |value: &Value| format!("{:+}", value.as_i64().expect("a number"));
        format!("{} {} {}", line[0].as_str().expect("a kind"), number(&line[1]), number(&line[2]))
    };
    lines.into_iter().map(line).collect()
}

/// `chronos proof` of a store.
pub fn proof(storage: &Storage) -> Output {
    let mut command = command(storage.folder.path());
    command.arg("proof").env("DATABASE_URL", &storage.database_url);
    command.output().expect("the binary starts")
}

/// Fails the test unless the books prove the store, over HTTP and by the command.
#[track_caller]
pub fn expect_proved(app: &App) {
    let answer = data(app, "/stock/proof");
    assert_eq!((&answer["proved"], &answer["drift"]), (&json!(true), &json!([])));
    let output = proof(&app.storage);
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}
