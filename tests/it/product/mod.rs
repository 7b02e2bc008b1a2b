//! The catalogue, as its clients see it: every route, its rules and its texts.

mod create;
mod delete;
mod list;
mod pages;
mod read;
mod stock;
mod update;

use crate::Case;
use crate::app::App;
use crate::client::Answer;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

pub fn cases() -> Vec<Case> {
    let cases = [
        list::cases(),
        pages::cases(),
        read::cases(),
        create::cases(),
        update::cases(),
        stock::cases(),
        delete::cases(),
    ];
    cases.into_iter().flatten().collect()
}

const HUGE: &str = "99999999999999999999";

/// As both databases take it; `2024-01-01T00:00:00.000Z` on the wire.
const INSTANT: &str = "2024-01-01 00:00:00";

/// A body that `POST /products` takes.
fn watch(id: &str) -> Value {
    json!({
        "id": id, "name": "Test Watch", "brand": "Test", "price": "100.00", "stock": 10,
        "category": "dress",
    })
}

fn with(object: &Value, member: &str, value: impl Into<Value>) -> Value {
    let mut object = object.clone();
    object[member] = value.into();
    object
}

fn without(object: &Value, member: &str) -> Value {
    let mut object = object.clone();
    object.as_object_mut().expect("an object").remove(member);
    object
}

#[track_caller]
fn add(app: &App, body: &Value) -> Value {
    app.post("/products", body).expect(201).json["data"].clone()
}

/// Adds rows past the program, with a time of their own.
fn insert_rows(app: &App, ids: &[&str], created_at: &str) {
    let rows: Vec<String> = ids
        .iter()
        .map(|id| {
            format!("('{id}', 'Row', 'Test', 100, 5, 'dress', 1, '{created_at}', '{created_at}')")
        })
        .collect();
    let sql = format!(
        "INSERT INTO products (id, name, brand, price, stock, category, version, created_at, \
         updated_at) VALUES {}",
        rows.join(", ")
    );
    app.storage.execute(&sql).expect("the rows keep the rules");
}

/// Where `Link: <…>; rel="next"` leads.
fn next_path(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let query = link.strip_prefix("<?").and_then(|rest| rest.strip_suffix(r#">; rel="next""#));
    Some(format!("/products?{}", query.unwrap_or_else(|| panic!("{link}"))))
}

fn rows(list: &Answer) -> Vec<Value> {
    list.json["data"].as_array().expect("a list").clone()
}

fn ids(list: &Answer) -> Vec<String> {
    rows(list).iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

fn members(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// RFC 3339, UTC, milliseconds, `Z`.
fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let shape = text.replace(|c: char| c.is_ascii_digit(), "0");
    shape == "0000-00-00T00:00:00.000Z" && chrono::DateTime::parse_from_rfc3339(text).is_ok()
}

fn millis(time: &Value) -> i64 {
    let text = time.as_str().expect("a text");
    chrono::DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis()
}

/// Fails the test unless this is a 400 that names the member or parameter.
#[track_caller]
fn refused(answer: Answer, named: &str) {
    let error = answer.json["error"].as_str().unwrap_or_default().to_owned();
    assert!(["Invalid request", "Invalid request body"].contains(&&*error), "{}", answer.text);
    let answer = answer.expect_failure(400, &error);
    let message = answer.json["message"].as_str().unwrap_or_default();
    let (name, _) = message.split_once([' ', ':']).unwrap_or_default();
    assert_eq!(name, named, "{}", answer.text);
    if error == "Invalid request" {
        assert_eq!(answer.json["details"]["field"], named, "{}", answer.text);
    }
}
