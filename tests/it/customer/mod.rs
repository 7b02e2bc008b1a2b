//! Customers and their orders, as their clients see them.

mod concurrency;
mod create;
mod delete;
mod filters;
mod list;
mod methods;
mod orders;
mod pages;
mod profile;
mod update;

use crate::Case;
use crate::app::App;
use crate::client::Answer;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

pub fn cases() -> Vec<Case> {
    let cases = [
        list::cases(),
        filters::cases(),
        pages::cases(),
        profile::cases(),
        create::cases(),
        update::cases(),
        orders::cases(),
        delete::cases(),
        concurrency::cases(),
        methods::cases(),
    ];
    cases.into_iter().flatten().collect()
}

const CUSTOMER_MEMBERS: [&str; 8] =
    ["address", "created_at", "email", "id", "name", "phone", "tier", "updated_at"];

/// Those whose row says something else than their orders.
pub const CUSTOMERS_WITH_ANOTHER_SUM: &str = "SELECT count(*) AS count FROM customers WHERE total_spent <> \
     (SELECT COALESCE(sum(total_amount), 0) FROM orders WHERE customer_id = customers.id \
     AND status IN ('pending', 'completed'))";

/// A customer that can be created, with these members in place of its own.
fn customer(members: Value) -> Value {
    let mut body = json!({ "id": "someone", "email": "someone@example.com", "name": "Some One", "tier": "gold" });
    let own = body.as_object_mut().expect("an object");
    if let Some(id) = members["id"].as_str() {
        own.insert("email".into(), format!("{id}@example.com").into());
    }
    own.extend(members.as_object().expect("an object").clone());
    body
}

/// Creates [`customer`] and returns it as the answer shows it.
#[track_caller]
fn create(app: &App, members: Value) -> Value {
    app.post("/customers", &customer(members)).expect(201).json["data"].clone()
}

/// Adds customers past the program, all created at one moment.
#[track_caller]
fn add_customers(app: &App, ids: &[String], created_at: &str) {
    let mut sql = "INSERT INTO customers \
                   (id, email, name, tier, version, created_at, updated_at) VALUES "
        .to_owned();
    for (index, id) in ids.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(sql, "{comma}('{id}', '{id}.{index}.{}@x.com', 'N', 'gold', 1, ", ids.len())
            .and_then(|()| write!(sql, "'{created_at}', '{created_at}')"))
            .expect("writing to a string cannot fail");
    }
    execute(app, &sql);
}

#[track_caller]
fn execute(app: &App, sql: &str) {
    app.storage.execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn pagination(limit: i64, offset: i64, total: i64, has_more: bool) -> Value {
    json!({ "limit": limit, "offset": offset, "total": total, "hasMore": has_more })
}

#[track_caller]
fn rows(list: &Answer) -> &[Value] {
    list.json["data"].as_array().expect("a list")
}

#[track_caller]
fn ids(list: &Answer) -> Vec<String> {
    rows(list).iter().map(|row| text(&row["id"])).collect()
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

/// The names of an object's members, sorted.
#[track_caller]
fn members(object: &Value) -> Vec<&str> {
    let members: BTreeMap<_, _> = object.as_object().expect("an object").iter().collect();
    members.into_keys().map(String::as_str).collect()
}

/// `total_spent` as it is written: a JSON number read into a float would hide what is wrong.
#[track_caller]
fn total_spent(app: &App, id: &str) -> String {
    let profile = app.get(&format!("/customers/{id}")).expect(200);
    let (_, rest) = profile.text.split_once("\"total_spent\":").expect("total_spent is there");
    rest.split([',', '}']).next().expect("a value").to_owned()
}

/// Fails the test unless the request was refused for this member or parameter.
#[track_caller]
fn expect_invalid(answer: Answer, field: &str) {
    let answer = answer.expect_failure(400, "Invalid request");
    assert_eq!(answer.json["details"]["field"], field, "{}", answer.text);
    assert!(text(&answer.json["message"]).starts_with(field), "{}", answer.text);
}

/// RFC 3339 in UTC with milliseconds and `Z`: `2026-01-31T12:00:00.000Z`.
#[track_caller]
fn expect_time(value: &Value) {
    let shape: String =
        text(value).chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!(shape, "9999-99-99T99:99:99.999Z", "{value}");
}

/// The records of a file in `data/`.
fn data_file(name: &str) -> Vec<Value> {
    let path = format!("{}/data/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the file is there");
    serde_json::from_str(&text).expect("an array")
}
