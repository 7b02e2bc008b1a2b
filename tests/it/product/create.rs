//! `POST /products`: what a product may be.

use super::{HUGE, add, is_time, members, millis, refused, watch, with, without};
use crate::app::{App, Combination};
use crate::cases;
use crate::client::Answer;
use serde_json::{Value, json};

cases![
    Everywhere:
        a_new_product_comes_back_whole,
        every_missing_member_is_named,
        an_id_is_given_only_once,
        a_price_is_kept_to_the_cent,
        numbers_in_metadata_come_back_alike_from_both_databases,
        what_is_not_a_price_is_refused,
        a_stock_is_a_whole_number_from_0_to_2147483647,
        a_text_is_neither_blank_nor_too_long,
        an_id_is_1_to_50_plain_characters,
        a_member_that_is_not_known_is_ignored,
        metadata_is_an_object_or_null,
        numbers_in_metadata_keep_their_value;
];

fn a_new_product_comes_back_whole(combination: &Combination) {
    let app = combination.start_empty();
    let before = chrono::Utc::now().timestamp_millis();
    let body = json!({
        "id": "New_watch-1", "name": "Reverso", "brand": "Jaeger-LeCoultre", "price": "9200.50",
        "stock": 3, "category": "dress",
        "metadata": { "year": 2024, "straps": ["alligator", null, { "width": 19.5 }], "": {} },
    });
    let answer = app.post("/products", &body).expect(201);
    let after = chrono::Utc::now().timestamp_millis();
    assert_eq!(answer.header("location"), Some("products/New_watch-1"));
    assert_eq!(members(&answer.json), ["data", "success"]);
    assert_eq!(answer.json["success"], true);
    let product = &answer.json["data"];
    for (member, value) in body.as_object().expect("an object") {
        assert_eq!(&product[member], value, "{member}");
    }
    assert!(is_time(&product["created_at"]), "{product}");
    assert_eq!(product["created_at"], product["updated_at"]);
    assert!((before..=after).contains(&millis(&product["created_at"])), "{product}");
    assert_eq!(&app.get("/products/New_watch-1").expect(200).json["data"], product);
    assert_eq!(app.get("/products").expect(200).json["data"], json!([product]));

    // The metadata may be left out.
    let plain = add(&app, &watch("plain"));
    assert_eq!(plain["metadata"], Value::Null);
    assert!(plain.as_object().is_some_and(|plain| plain.contains_key("metadata")));
    let null = add(&app, &with(&watch("null"), "metadata", Value::Null));
    assert_eq!(null["metadata"], Value::Null);
}

fn every_missing_member_is_named(combination: &Combination) {
    let app = combination.start_empty();
    let required = ["id", "name", "brand", "price", "stock", "category"];
    let missing = |body: &Value, named: &[&str]| {
        let answer = app.post("/products", body).expect_failure(400, "Missing required fields");
        assert_eq!(answer.json["details"], json!({ "missing": named }), "{body}");
    };
    missing(&json!({}), &required);
    missing(&json!({ "metadata": {}, "quantity": 1 }), &required);
    missing(
        &json!({ "price": 1, "id": "a", "Name": "a" }),
        &["name", "brand", "stock", "category"],
    );
    for member in required {
        let mut body = watch("a");
        body.as_object_mut().expect("an object").remove(member);
        missing(&body, &[member]);
        // Null counts as missing.
        missing(&with(&watch("a"), member, Value::Null), &[member]);
    }
    assert_eq!(app.get("/products").expect(200).json["pagination"]["total"], 0);
}

fn an_id_is_given_only_once(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/products/prod_001").expect(200).json["data"].clone();
    app.post("/products", &watch("prod_001"))
        .expect_failure(409, "Product with this ID already exists");
    assert_eq!(app.get("/products/prod_001").expect(200).json["data"], before);
    // Another case is another id.
    add(&app, &watch("PROD_001"));
}

fn a_price_is_kept_to_the_cent(combination: &Combination) {
    let app = combination.start_empty();
    let kept_as_sent = "0.01 0.29 0.57 1.15 4.35 90071992.54 99999999.99".split(' ');
    let others = [
        ("14500", "14500.00"),
        ("14500.5", "14500.50"),
        (r#""14500.00""#, "14500.00"),
        (r#""14500""#, "14500.00"),
        (r#""7.5""#, "7.50"),
        (r#""1\u0035.00""#, "15.00"),
        (r#""99999999.99""#, "99999999.99"),
        ("0", "0.00"),
        ("0.0", "0.00"),
        ("0.1", "0.10"),
    ];
    let prices = kept_as_sent.map(|price| (price, price)).chain(others);
    for (index, (sent, kept)) in prices.enumerate() {
        let id = format!("w{index}");
        let added = post_text(&app, &text_of(&watch(&id), "price", sent)).expect(201);
        assert_eq!(added.json["data"]["price"], kept, "{sent}");
        // From the database, and from the cache.
        for _ in 0..2 {
            let read = app.get(&format!("/products/{id}")).expect(200);
            assert_eq!(read.json["data"]["price"], kept, "{sent}");
        }
        let update = format!(r#"{{"price":{sent}}}"#);
        let path = format!("/products/{id}");
        let updated = app.send_bytes("PUT", &path, Some(update.as_bytes())).expect(200);
        assert_eq!(updated.json["data"]["price"], kept, "{sent}");
    }
}

fn numbers_in_metadata_come_back_alike_from_both_databases(combination: &Combination) {
    let app = combination.start();
    let numbers = [
        ("0.1", "0.1"),
        ("5.0", "5.0"),
        ("-0.0", "0.0"),
        ("1e15", "1000000000000000.0"),
        ("1e16", "10000000000000000"),
        ("-2.5e17", "-250000000000000000"),
        ("18446744073709551615", "18446744073709551615"),
        ("1e20", "1e+20"),
        ("1.5e300", "1.5e+300"),
        ("1e-7", "1e-7"),
    ];
    for (sent, kept) in numbers {
        let body = format!(r#"{{"metadata":{{"number":{sent},"list":[{sent}]}}}}"#);
        app.send_bytes("PUT", "/products/prod_001", Some(body.as_bytes())).expect(200);
        let read = app.get("/products/prod_001").expect(200);
        let expected = format!(r#""metadata":{{"list":[{kept}],"number":{kept}}}"#);
        assert!(read.text.contains(&expected), "{sent}: {}", read.text);
    }
}

fn what_is_not_a_price_is_refused(combination: &Combination) {
    let app = combination.start();
    let values = "-1 -0.01 0.001 1.005 1e3 1E-2 100000000 99999999.999 true [] [1] {}";
    let texts = "abc 1,5 1. .5 +1 -1 1e3 0x1 NaN Infinity 1.2.3 100000000.00 \\u0661";
    let in_quotes = texts.split(' ').chain(["", " 1", "1 "]).map(|text| format!("\"{text}\""));
    for price in values.split(' ').map(str::to_owned).chain([HUGE.to_owned()]).chain(in_quotes) {
        refused(post_text(&app, &text_of(&watch("a"), "price", &price)), "price");
        let update = format!(r#"{{"price":{price}}}"#);
        refused(app.send_bytes("PUT", "/products/prod_001", Some(update.as_bytes())), "price");
    }
    // Beyond what JSON parsers can hold: no number at all.
    let endless = text_of(&watch("a"), "price", "1e400");
    post_text(&app, &endless).expect_failure(400, "Invalid request body");
    assert_eq!(app.get("/products/prod_001").expect(200).json["data"]["price"], "14500.00");
    app.get("/products/a").expect(404);
}

fn a_stock_is_a_whole_number_from_0_to_2147483647(combination: &Combination) {
    let app = combination.start_empty();
    for (id, stock) in [("none", 0), ("one", 1), ("most", i32::MAX)] {
        assert_eq!(add(&app, &with(&watch(id), "stock", stock))["stock"], stock);
        let read = app.get(&format!("/products/{id}")).expect(200);
        assert_eq!(read.json["data"]["stock"], stock);
    }
    let not_stocks =
        ["-1", "2147483648", "4294967296", "1.5", r#""5""#, "true", "[]", "{}", "1e30", HUGE];
    for stock in not_stocks {
        refused(post_text(&app, &text_of(&watch("a"), "stock", stock)), "stock");
        let update = format!(r#"{{"stock":{stock}}}"#);
        refused(app.send_bytes("PUT", "/products/one", Some(update.as_bytes())), "stock");
    }
    assert_eq!(app.get("/products/one").expect(200).json["data"]["stock"], 1);
}

fn a_text_is_neither_blank_nor_too_long(combination: &Combination) {
    let app = combination.start();
    for (member, longest) in [("name", 255), ("brand", 100), ("category", 50)] {
        let most = "x".repeat(longest);
        let kept = add(&app, &with(&watch(member), member, most.as_str()));
        assert_eq!(kept[member], most.as_str());
        let more = "x".repeat(longest + 1);
        for text in ["", " ", " \t\r\n ", "\u{a0}", "\u{3000}", &more] {
            refused(app.post("/products", &with(&watch("a"), member, text)), member);
            refused(app.put("/products/prod_001", &json!({ (member): text })), member);
        }
    }
}

fn an_id_is_1_to_50_plain_characters(combination: &Combination) {
    let app = combination.start_empty();
    let longest = "x".repeat(50);
    for id in ["a", "0", "_", "-", "A-Z_a-z_0-9", "126610LN.0001", ".a", "a..", &longest] {
        let answer = app.post("/products", &watch(id)).expect(201);
        assert_eq!(answer.header("location"), Some(format!("products/{id}").as_str()));
        assert_eq!(app.get(&format!("/products/{id}")).expect(200).json["data"]["id"], id);
    }
    let too_long = "x".repeat(51);
    for id in ["", " ", "a b", " a", "a/b", "é", "a\n", "a%20b", ".", "..", &too_long] {
        refused(app.post("/products", &watch(id)), "id");
    }
}

fn a_member_that_is_not_known_is_ignored(combination: &Combination) {
    let app = combination.start_empty();
    let mut body = watch("a");
    let more = json!({
        "created_at": "1999-01-01T00:00:00.000Z", "updated_at": 5, "version": 7, "cached": true,
        "Price": "1.00", "price_": [], "": null, "stock ": { "deep": [[[1]]] },
    });
    merge(&mut body, &more);
    let added = add(&app, &body);
    assert_eq!(added["price"], "100.00");
    assert!(added["created_at"].as_str() > Some("2020"), "{added}");
    let mut update = more.clone();
    merge(&mut update, &json!({ "stock": 5, "id": "b" }));
    let updated = app.put("/products/a", &update).expect(200);
    assert_eq!(without(&updated.json["data"], "updated_at"), {
        without(&with(&added, "stock", 5), "updated_at")
    });
    app.get("/products/b").expect(404);
    let mut purchase = more;
    merge(&mut purchase, &json!({ "quantity": 2, "price": 1 }));
    let bought = app.patch("/products/a/inventory", &purchase).expect(200);
    assert_eq!(bought.json["data"]["total_cost"], "200.00");
}

fn metadata_is_an_object_or_null(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/products/prod_001").expect(200).json["data"].clone();
    for metadata in [json!([]), json!("x"), json!(1), json!(true), json!([{}])] {
        refused(
            app.post("/products", &with(&watch("a"), "metadata", metadata.clone())),
            "metadata",
        );
        refused(app.put("/products/prod_001", &json!({ "metadata": metadata })), "metadata");
    }
    assert_eq!(app.get("/products/prod_001").expect(200).json["data"], before);
    for (id, metadata) in [
        ("empty", json!({})),
        ("flat", json!({ "b": 1, "a": "x", "c": null, "d": [], "e": false })),
        ("deep", nested(120)),
        ("keys", json!({ "ключ": 1, " ": 2, "a.b": 3, "$": 4, "\"": 5, "\\u0000": 6, "\n": 7 })),
    ] {
        let added = add(&app, &with(&watch(id), "metadata", metadata.clone()));
        assert_eq!(added["metadata"], metadata);
        let path = format!("/products/{id}");
        assert_eq!(app.get(&path).expect(200).json["data"]["metadata"], metadata);
        assert_eq!(app.get_cached(&path).json["data"]["metadata"], metadata);
    }
}

fn numbers_in_metadata_keep_their_value(combination: &Combination) {
    let app = combination.start_empty();
    let numbers = "0 -1 41.5 0.1 1.15 100.0 9007199254740993 18446744073709551615 \
                   -9223372036854775808 9.221885624698875e-5 0.12088995980580641 \
                   3.7052266664574677e-6 2.2250738585072014e-308 1.7976931348623157e308";
    for (index, number) in numbers.split(' ').enumerate() {
        let id = format!("w{index}");
        let metadata = format!(r#"{{"number":{number}}}"#);
        post_text(&app, &text_of(&watch(&id), "metadata", &metadata)).expect(201);
        let sent: f64 = number.parse().expect("a number");
        for _ in 0..2 {
            let read = app.get(&format!("/products/{id}")).expect(200);
            let (_, rest) = read.text.split_once(r#""number":"#).expect("it is there");
            let (text, _) = rest.split_once('}').expect("it ends");
            let is_same = text == number || text.parse() == Ok(sent) && number.contains(['.', 'e']);
            assert!(is_same, "{number} came back as {text}");
        }
    }
}

fn merge(object: &mut Value, more: &Value) {
    for (member, value) in more.as_object().expect("an object") {
        object[member] = value.clone();
    }
}

/// An object as JSON, with one member as it is written here.
fn text_of(object: &Value, member: &str, json: &str) -> String {
    let mark = "the member goes here";
    with(object, member, mark).to_string().replace(&format!("{mark:?}"), json)
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!({}), |inner, _| json!({ "a": inner }))
}

#[track_caller]
fn post_text(app: &App, body: &str) -> Answer {
    app.send_bytes("POST", "/products", Some(body.as_bytes()))
}
