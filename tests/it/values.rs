//! Values at their bounds, through every door: ids with dots, objects of 16 KiB.

use crate::app::Combination;
use crate::cases;
use serde_json::{Value, json};

cases![
    Everywhere:
        an_id_with_dots_works_like_any_other,
        an_id_that_a_path_would_lose_is_refused,
        a_slash_in_an_id_is_refused_with_what_to_do,
        an_object_is_at_most_16384_bytes_of_json,
        the_bytes_of_an_object_are_counted_alike_on_both_databases;
    BothGateways:
        the_log_shows_ids_with_dots_and_no_email;
];

const DOTTED: [&str; 6] = ["5711.1A-010", "a.b.c", ".hidden", "trailing.", "...", "a..b"];

fn an_id_with_dots_works_like_any_other(combination: &Combination) {
    let app = combination.start_empty();
    for id in DOTTED {
        let product = app.post("/products", &product(id)).expect(201);
        assert_eq!(product.json["data"]["id"], id);
        let path = format!("/products/{id}");
        assert_eq!(app.get(&path).expect(200).json["data"]["id"], id);
        app.get_cached(&path);
        app.put(&path, &json!({ "name": "Changed" })).expect(200);
        assert_eq!(app.get(&path).expect(200).json["data"]["name"], "Changed");
        app.patch(&format!("{path}/inventory"), &json!({ "quantity": 1 })).expect(200);
        app.post("/customers", &customer(id)).expect(201);
        assert_eq!(app.get(&format!("/customers/{id}")).expect(200).json["data"]["id"], id);
        app.get(&format!("/customers/{id}/orders")).expect(200);
    }
    // The cursor of a page holds the id of its last row.
    for list in ["/products", "/customers"] {
        let mut seen: Vec<String> = Vec::new();
        let mut next = Some(format!("{list}?limit=1"));
        while let Some(path) = next {
            let page = app.get(&path).expect(200);
            seen.push(page.json["data"][0]["id"].as_str().expect("an id").to_owned());
            next = page.header("link").and_then(|link| {
                let (target, _) = link.strip_prefix('<')?.split_once('>')?;
                Some(format!("{list}?{}", target.split_once('?')?.1))
            });
            assert!(seen.len() <= DOTTED.len(), "{seen:?}");
        }
        seen.sort();
        let mut expected = DOTTED.map(str::to_owned);
        expected.sort();
        assert_eq!(seen, expected);
    }
    for id in DOTTED {
        app.delete(&format!("/customers/{id}")).expect(200);
        app.delete(&format!("/products/{id}")).expect(200);
        app.get(&format!("/products/{id}")).expect(404);
    }
}

fn an_id_that_a_path_would_lose_is_refused(combination: &Combination) {
    let app = combination.start_empty();
    for id in [".", ".."] {
        let refused = app.post("/products", &product(id)).expect(400);
        assert!(refused.text.contains("'.' or '..'"), "{}", refused.text);
        app.post("/customers", &customer(id)).expect(400);
    }
    for path in
        ["/products/.", "/products/..", "/products/%2e", "/products/%2E%2e", "/products/../x"]
    {
        let answer = app.get_raw(path);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
}

fn a_slash_in_an_id_is_refused_with_what_to_do(combination: &Combination) {
    let app = combination.start_empty();
    for (path, body) in
        [("/products", product("5711/1A-010")), ("/customers", customer("5711/1A-010"))]
    {
        let refused = app.post(path, &body).expect(400);
        assert!(refused.text.contains("write '-', '_' or '.' in its place"), "{}", refused.text);
    }
    app.get("/products/5711%2F1A-010").expect(400);
}

fn an_object_is_at_most_16384_bytes_of_json(combination: &Combination) {
    let app = combination.start_empty();
    let (longest, longer) = (of_length(16_384), of_length(16_385));
    let with = |mut body: Value, member: &str, object: &Value| {
        body[member] = object.clone();
        body
    };
    for (list, row, member) in
        [("/products", product("a"), "metadata"), ("/customers", customer("a"), "address")]
    {
        let path = format!("{list}/a");
        let refused = app.post(list, &with(row.clone(), member, &longer)).expect(400);
        let told = format!("{member} must be at most 16384 bytes of JSON");
        assert!(refused.text.contains(&told), "{}", refused.text);
        app.get(&path).expect(404);
        app.post(list, &with(row, member, &longest)).expect(201);
        assert_eq!(app.get(&path).expect(200).json["data"][member], longest);
        app.put(&path, &json!({ member: longer })).expect(400);
        app.put(&path, &json!({ member: null })).expect(200);
        app.put(&path, &json!({ member: longest })).expect(200);
        assert_eq!(app.get(&path).expect(200).json["data"][member], longest);
        // White space and escapes of the body do not count: the compact text does.
        let text = format!("{{\"{member}\":  {{ \"a\" : \"{}\" }} }}", "\\u0078".repeat(16_376));
        app.send_bytes("PUT", &path, Some(text.as_bytes())).expect(200);
        assert_eq!(app.get(&path).expect(200).json["data"][member], longest);
    }
}

/// A number counts with all its digits, which JSONB stores; a separator counts one byte.
fn the_bytes_of_an_object_are_counted_alike_on_both_databases(combination: &Combination) {
    let app = combination.start_empty();
    app.post("/products", &product("a")).expect(201);
    for (number, digits) in
        [("1", 1), ("1e300", 301), ("-1.5e-10", 14), ("1e-7", 9), ("0.5", 3), ("1e16", 17)]
    {
        let fits = (16_384 - 8 + 1) / (digits + 1);
        let body = |count: usize| {
            format!("{{\"metadata\":{{\"a\":[{}]}}}}", vec![number; count].join(","))
        };
        let put = |count: usize| app.send_bytes("PUT", "/products/a", Some(body(count).as_bytes()));
        put(fits).expect(200);
        put(fits + 1).expect(400);
    }
}

fn the_log_shows_ids_with_dots_and_no_email(combination: &Combination) {
    let app = combination.start_empty();
    app.get("/products/5711.1A-010").expect(404);
    app.get("/products/ann@example.com").expect(400);
    for process in &app.processes {
        assert!(!process.log().contains("ann@"), "{}", process.log());
    }
    let gateway = app.processes.last().expect("a gateway").log();
    assert!(gateway.contains("GET /products/5711.1A-010 404"), "{gateway}");
}

fn product(id: &str) -> Value {
    json!({ "id": id, "name": "N", "brand": "B", "price": 1, "stock": 5, "category": "c" })
}

fn customer(id: &str) -> Value {
    let email = format!("{}@example.com", id.replace('/', "-"));
    json!({ "id": id, "name": "N", "email": email, "tier": "gold" })
}

/// An object whose compact text has so many bytes: `{"a":"…"}`.
fn of_length(bytes: usize) -> Value {
    json!({ "a": "x".repeat(bytes - 8) })
}
