//! JSON that is malformed, of the wrong type, or nested too deep.

use super::{invalid_body, unchanged, writes};
use crate::app::Combination;
use crate::cases;
use crate::kit::{figure, timed};
use serde_json::{Value, json};

cases![
    Everywhere:
        malformed_json_is_refused_with_the_place,
        a_body_must_be_an_object,
        a_member_of_the_wrong_type_is_named,
        a_member_given_twice_is_refused,
        json_nested_too_deep_is_refused;
];

fn malformed_json_is_refused_with_the_place(combination: &Combination) {
    let app = combination.start();
    for (method, path, body) in writes(combination) {
        let body = body.to_string();
        for broken in [
            "",
            " \n ",
            "{",
            "[",
            "nul",
            "hello",
            "{,}",
            "{name:1}",
            "{'name':'x'}",
            r#"{"name" "x"}"#,
            r#"{"name":"#,
            r#"{"name":"x"#,
            r#"{"name":"x\q"}"#,
            r#"{"name":"\u12"}"#,
            r#"{"x":01}"#,
            r#"{"x":+1}"#,
            r#"{"x":1.}"#,
            r#"{"x":NaN}"#,
            r#"{"x":tru}"#,
            "{\"name\":\"new\nline\"}",
            "\u{feff}{}",
            "{} // comment",
            &format!("{body}}}"),
            &format!("{body} trailing"),
            &format!("{body}{body}"),
            &format!("{},}}", body.trim_end_matches('}')),
        ] {
            let answer = app.send_bytes(method, path, Some(broken.as_bytes()));
            let message = invalid_body(answer);
            assert!(message.contains(" at line "), "{broken}: {message}");
            assert!(message.contains(" column "), "{broken}: {message}");
        }
        // Nothing at all is no JSON either.
        let bearer = format!("Bearer {}", app.token());
        let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
        invalid_body(app.client.send(method, &app.url(path), &headers, None));
    }
    let two_lines = b"{\n  \"stock\": 5,\n  \"name\": 7\n}";
    let message = invalid_body(app.send_bytes("PUT", "/products/prod_001", Some(two_lines)));
    assert!(message.starts_with("name: ") && message.contains("line 3"), "{message}");
    unchanged(&app);
}

fn a_body_must_be_an_object(combination: &Combination) {
    let app = combination.start();
    for (method, path, body) in writes(combination) {
        // Its values alone, in an order that a parser might take for the members'.
        let values = Value::Array(body.as_object().expect("an object").values().cloned().collect());
        for other in [json!(null), json!(true), json!(5), json!("x"), json!([]), json!([5]), values]
        {
            let answer = app.send(method, path, Some(&other));
            let message = invalid_body(answer);
            assert!(message.contains("must be a JSON object"), "{other}: {message}");
        }
    }
    let in_order = json!(["a", "Name", "Brand", 1, 1, "dive", null]);
    invalid_body(app.post("/products", &in_order));
    invalid_body(app.patch("/products/prod_001/inventory", &json!([1])));
    unchanged(&app);
}

fn a_member_of_the_wrong_type_is_named(combination: &Combination) {
    let app = combination.start();
    let product = ["id", "name", "brand", "category"];
    let customer = ["id", "email", "name", "tier", "phone"];
    let texts = [
        ("POST", "/products", &product[..]),
        ("PUT", "/products/prod_001", &product[1..]),
        ("POST", "/customers", &customer[..]),
        ("PUT", "/customers/cust_001", &customer[1..]),
    ];
    let objects = [
        ("POST", "/products", &["metadata"][..]),
        ("PUT", "/products/prod_001", &["metadata"][..]),
        ("POST", "/customers", &["address"][..]),
        ("PUT", "/customers/cust_001", &["address"][..]),
    ];
    let numbers =
        [("POST", "/products", &["stock"][..]), ("PUT", "/products/prod_001", &["stock"][..])];
    let not_texts = [json!(1), json!(1.5), json!(true), json!([]), json!(["x"]), json!({})];
    let not_objects = [json!(1), json!(true), json!([]), json!([{}]), json!("{}")];
    let not_numbers = [json!("1"), json!(true), json!([]), json!([1]), json!({}), json!(1.5)];
    for (routes, wrong) in [
        (&texts[..], &not_texts[..]),
        (&objects[..], &not_objects[..]),
        (&numbers[..], &not_numbers[..]),
    ] {
        for (method, path, members) in routes {
            for (member, value) in members.iter().flat_map(|m| wrong.iter().map(move |v| (m, v))) {
                let answer = app.send(method, path, Some(&json!({ (*member): value })));
                let message = invalid_body(answer);
                assert!(message.starts_with(&format!("{member}: ")), "{value}: {message}");
            }
        }
    }
    unchanged(&app);
}

fn a_member_given_twice_is_refused(combination: &Combination) {
    let app = combination.start();
    for (method, path, body) in writes(combination) {
        let members = body.as_object().expect("an object");
        let (member, value) = members.iter().next().expect("a member");
        let twice = format!("{{\"{member}\":{value},{}", &body.to_string()[1..]);
        let answer = app.send_bytes(method, path, Some(twice.as_bytes()));
        let message = invalid_body(answer);
        assert!(message.contains(&format!("`{member}`")), "{message}");
    }
    unchanged(&app);
}

/// I10: 100 000 deep, in every place of every body.
fn json_nested_too_deep_is_refused(combination: &Combination) {
    let app = combination.start();
    let deep = 100_000;
    let arrays = "[".repeat(deep) + &"]".repeat(deep);
    let objects = r#"{"a":"#.repeat(deep) + "1" + &"}".repeat(deep);
    let unfinished = "[".repeat(deep);
    for (method, path, body) in writes(combination) {
        for nested in [&arrays, &objects, &unfinished] {
            let (answer, took) = timed(|| app.send_bytes(method, path, Some(nested.as_bytes())));
            invalid_body(answer);
            figure("I10", &format!("JSON nested 100 000 deep, {}", combination.name()), took);
            // In members that are read, and in one that is not.
            let open = body.to_string().trim_end_matches('}').to_owned();
            for member in ["metadata", "address", "unread"] {
                let text = format!("{open},\"{member}\":{nested}}}");
                invalid_body(app.send_bytes(method, path, Some(text.as_bytes())));
            }
        }
    }
    for (path, member) in [("/products/prod_001", "price"), ("/customers/cust_001", "name")] {
        let text = format!("{{\"{member}\":{arrays}}}");
        invalid_body(app.send_bytes("PUT", path, Some(text.as_bytes())));
    }
    unchanged(&app);
}
