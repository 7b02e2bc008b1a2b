//! `GET /products/{id}`, the methods of each path, and the health of the service.

use super::{add, is_time, members, refused, rows, watch};
use crate::app::{App, Combination};
use crate::cases;
use crate::client::Answer;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

cases![
    Everywhere:
        a_product_is_cached_after_the_first_read,
        every_write_makes_the_next_read_fresh,
        a_product_has_these_members_and_no_others,
        a_product_that_is_not_there_is_not_found,
        an_id_with_other_characters_is_refused,
        an_encoded_id_is_the_same_id,
        a_head_answers_like_a_get_without_the_body,
        another_method_is_refused_with_those_allowed,
        a_path_below_a_product_is_not_found,
        the_service_reports_its_health;
];

fn a_product_is_cached_after_the_first_read(combination: &Combination) {
    let app = combination.start();
    let first = app.get("/products/prod_001").expect(200);
    assert_eq!(first.json["success"], true);
    assert_eq!(first.json["cached"], false);
    assert_eq!(first.json["data"]["price"], "14500.00");
    let second = app.get_cached("/products/prod_001");
    assert_eq!(first.json["data"], second.json["data"]);
    assert_eq!(members(&second.json), ["cached", "data", "success"]);
}

fn every_write_makes_the_next_read_fresh(combination: &Combination) {
    let app = combination.start();
    let path = "/products/prod_001";
    let writes: [&dyn Fn() -> Answer; 2] =
        [&|| app.put(path, &json!({ "price": "15000.00" })), &|| {
            app.patch(&format!("{path}/inventory"), &json!({ "quantity": 1 }))
        }];
    for write in writes {
        app.get(path).expect(200);
        app.get_cached(path);
        write().expect(200);
        let fresh = app.get(path).expect(200);
        assert_eq!(fresh.json["cached"], false);
        assert_eq!(fresh.json["data"]["price"], "15000.00");
        assert_eq!(app.get(path).expect(200).json["data"], fresh.json["data"]);
    }
    // What was refused has changed nothing: there is nothing to forget.
    app.put(path, &json!({ "price": -1 })).expect(400);
    app.patch(&format!("{path}/inventory"), &json!({ "quantity": 1_000_000 })).expect(400);
    app.get_cached(path);
}

fn a_product_has_these_members_and_no_others(combination: &Combination) {
    let app = combination.start();
    let product = app.get("/products/prod_001").expect(200).json["data"].clone();
    let named = "brand category created_at id metadata name price stock updated_at".split(' ');
    let named: Vec<&str> = named.collect();
    assert_eq!(members(&product), named);
    for row in rows(&app.get("/products?limit=500").expect(200)) {
        assert_eq!(members(&row), named);
        assert!(is_time(&row["created_at"]) && is_time(&row["updated_at"]), "{row}");
        assert!(is_money(&row["price"]), "{row}");
        assert!(row["stock"].is_u64() && row["metadata"].is_object(), "{row}");
    }
}

fn a_product_that_is_not_there_is_not_found(combination: &Combination) {
    let app = combination.start();
    let answers = [
        app.get("/products/prod_999"),
        app.get("/products/PROD_001"),
        app.put("/products/prod_999", &json!({ "stock": 1 })),
        app.patch("/products/prod_999/inventory", &json!({ "quantity": 1 })),
        app.patch("/products/prod_999/inventory", &json!({ "quantity": 4_294_967_296_u64 })),
        app.delete("/products/prod_999"),
    ];
    for answer in answers {
        answer.expect_failure(404, "Product not found");
    }
    app.send("HEAD", "/products/prod_999", None).expect(404);
    // Not even the second time, when a cache could remember it.
    app.get("/products/prod_999").expect_failure(404, "Product not found");
    add(&app, &watch("prod_999"));
    app.get("/products/prod_999").expect(200);
}

fn an_id_with_other_characters_is_refused(combination: &Combination) {
    let app = combination.start();
    let too_long = "a".repeat(51);
    for id in ["a%20b", "a+b", "a:b", "a'b", "%C3%A9", "a@b", "a=b", "*", &too_long] {
        let path = format!("/products/{id}");
        refused(app.get(&path), "id");
        refused(app.put(&path, &json!({ "stock": 1 })), "id");
        refused(app.patch(&format!("{path}/inventory"), &json!({ "quantity": 1 })), "id");
        refused(app.delete(&path), "id");
    }
    app.get(&format!("/products/{}", "a".repeat(50))).expect_failure(404, "Product not found");
}

fn an_encoded_id_is_the_same_id(combination: &Combination) {
    let app = combination.start();
    let plain = app.get("/products/prod_001").expect(200);
    let encoded = app.get_cached("/products/%70rod%5F001");
    assert_eq!(encoded.json["data"], plain.json["data"]);
}

fn a_head_answers_like_a_get_without_the_body(combination: &Combination) {
    let app = combination.start();
    for path in
        ["/products?limit=2", "/products/prod_001", "/products/prod_999", "/products?limit=0"]
    {
        let head = app.send("HEAD", path, None);
        let get = app.get(path).expect(head.status);
        assert_eq!(head.text, "", "{path}");
        for name in ["content-type", "link", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
        // The one may have found the product cached, and the other not.
        let lengths = [("true", "false"), ("false", "true"), ("", "")].map(|(one, other)| {
            let [one, other] = [one, other].map(|cached| format!(r#""cached":{cached}"#));
            get.text.replace(&one, &other).len().to_string()
        });
        let length = head.header("content-length").unwrap_or_default();
        assert!(lengths.iter().any(|of_get| of_get == length), "{path}: {length} {lengths:?}");
    }
}

fn another_method_is_refused_with_those_allowed(combination: &Combination) {
    let app = combination.start();
    for (path, allowed) in [
        ("/products", "GET HEAD POST"),
        ("/products/prod_001", "DELETE GET HEAD PUT"),
        ("/products/prod_001/inventory", "PATCH"),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
        {
            if allowed.split(' ').any(|name| name == method) {
                continue;
            }
            let mut answer = app.send(method, path, None);
            if method == "HEAD" {
                answer = answer.expect(405);
            } else {
                answer = answer.expect_failure(405, "Method Not Allowed");
            }
            let allow = answer.header("allow").unwrap_or_default();
            let mut names: Vec<&str> = allow.split(',').map(str::trim).collect();
            names.sort_unstable();
            assert_eq!(names.join(" "), allowed, "{method} {path}");
        }
    }
}

fn a_path_below_a_product_is_not_found(combination: &Combination) {
    let app = combination.start();
    for path in ["/products/", "/products/prod_001/", "/products/prod_001/price", "/products/a/b/c"]
    {
        app.get(path).expect_failure(404, "Not Found");
    }
}

fn the_service_reports_its_health(combination: &Combination) {
    let app = combination.start();
    let redis = if combination.is_postgres() { "connected" } else { "disabled" };
    let answer = eventually(&app, || {
        let answer = app.client.send("GET", &app.product_url("/health"), &[], None).expect(200);
        (answer.json["redis"] == redis).then_some(answer)
    });
    assert_eq!(answer.json["status"], "ok");
    assert_eq!(answer.json["service"], "product-service");
    assert_eq!(answer.json["database"], "connected");
    assert!(is_time(&answer.json["timestamp"]), "{}", answer.text);
    assert_eq!(members(&answer.json), ["database", "redis", "service", "status", "timestamp"]);
}

/// What holds at once; with Redis, after a while: on a machine under load it may miss the bound on
/// its answers, and is then passed by for a second or two.
#[track_caller]
fn eventually<T>(app: &App, mut look: impl FnMut() -> Option<T>) -> T {
    let give_up_at = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        let may_wait = app.storage.redis_url.is_some() && Instant::now() < give_up_at;
        assert!(may_wait, "the cache does not answer");
    }
}

/// A string with two decimals.
fn is_money(value: &Value) -> bool {
    let (whole, cents) = value.as_str().unwrap_or_default().split_once('.').unwrap_or_default();
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    !whole.is_empty() && digits(whole) && cents.len() == 2 && digits(cents)
}
