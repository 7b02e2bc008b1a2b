//! Bad input: refused with a reason, wherever it comes in, and with nothing else to be learnt.

use crate::app::{App, Backend, Combination, Door};
use crate::cases;
use crate::client::Answer;
use crate::kit::{figure, size, timed};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::{Map, Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

cases![
    Everywhere:
        // Bodies: their size and their kind.
        a_body_of_one_mebibyte_is_read,
        a_larger_body_is_refused_by_its_declared_length,
        a_larger_body_in_chunks_is_refused,
        a_body_that_breaks_off_is_refused,
        a_body_must_be_declared_as_json,
        // JSON.
        malformed_json_is_refused_with_the_place,
        a_body_must_be_an_object,
        a_member_of_the_wrong_type_is_named,
        a_member_given_twice_is_refused,
        json_nested_too_deep_is_refused,
        // Text.
        a_nul_in_a_body_is_refused,
        a_body_that_is_not_utf_8_is_refused,
        half_a_character_is_refused,
        lengths_count_characters,
        text_comes_back_byte_for_byte,
        // Queries.
        a_bad_query_value_is_refused_by_name,
        a_query_without_a_text_is_refused,
        an_email_filter_takes_every_character_literally,
        // Paths.
        a_path_with_two_readings_is_refused,
        a_path_beside_the_routes_is_not_found,
        a_target_that_is_not_a_path_is_refused,
        // All of it.
        no_answer_tells_what_it_is_made_of,
        random_requests_get_an_answer_that_is_no_5xx;
    BothBackends:
        both_databases_give_the_same_answers;
];

// ---- Bodies: their size and their kind

fn a_body_of_one_mebibyte_is_read(combination: &Combination) {
    let app = combination.start();
    for (method, path, body) in writes(combination) {
        let body = padded(&body, MEBIBYTE);
        assert_eq!(body.len(), MEBIBYTE);
        let answer = app.send_bytes(method, path, Some(body.as_bytes()));
        assert!((200..=201).contains(&answer.status), "{method} {path}: {}", answer.text);
    }
    // What matters is the length, however it is sent.
    let (method, path, body) = ("PUT", "/products/prod_002", json!({ "stock": 7 }));
    let body = padded(&body, MEBIBYTE);
    let answer = exchange(&app, path, &chunked(&app, method, path, body.as_bytes()));
    assert_eq!(answer.expect(200).json["data"]["stock"], 7);
}

fn a_larger_body_is_refused_by_its_declared_length(combination: &Combination) {
    let app = combination.start();
    for (method, path, body) in writes(combination) {
        let body = padded(&body, MEBIBYTE + 1);
        too_large(exchange(&app, path, &whole(&app, method, path, body.as_bytes())));
        // The length is enough, whether or not the bytes ever come.
        for length in [MEBIBYTE + 1, 100 << 20, usize::MAX >> 1] {
            let more = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
            too_large(exchange(&app, path, head(&app, method, path, &more).as_bytes()));
        }
    }
    let more = format!("Content-Length: {}\r\n", MEBIBYTE + 1);
    too_large(exchange(&app, "/products", head(&app, "GET", "/products", &more).as_bytes()));
    unchanged(&app);
}

fn a_larger_body_in_chunks_is_refused(combination: &Combination) {
    let app = combination.start();
    for (method, path, body) in writes(combination) {
        let body = padded(&body, MEBIBYTE + 1);
        too_large(exchange(&app, path, &chunked(&app, method, path, body.as_bytes())));
    }
    let body = padded(&json!({ "stock": 5 }), 8 * MEBIBYTE);
    let request = chunked(&app, "PUT", "/products/prod_001", body.as_bytes());
    too_large(exchange(&app, "/products", &request));
    // Nor is one that no route would read.
    for (method, path) in [("GET", "/products"), ("DELETE", "/customers/none")] {
        too_large(exchange(&app, path, &chunked(&app, method, path, body.as_bytes())));
    }
    unchanged(&app);
}

fn a_body_that_breaks_off_is_refused(combination: &Combination) {
    let app = combination.start();
    let unread = [("GET", "/products"), ("DELETE", "/products/none"), ("GET", "/customers/none")];
    let read = writes(combination).into_iter().map(|(method, path, _)| (method, path));
    for (method, path) in read.chain(unread) {
        for rest in
            ["zz\r\n{}\r\n0\r\n\r\n", "-2\r\n{}\r\n0\r\n\r\n", "2\r\n{}0\r\n\r\n", "\r\n\r\n"]
        {
            let more = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
            let request = head(&app, method, path, more) + rest;
            let answer = exchange(&app, path, request.as_bytes());
            quiet(answer.expect_failure(400, "Bad Request"));
        }
    }
    unchanged(&app);
}

fn a_body_must_be_declared_as_json(combination: &Combination) {
    let app = combination.start();
    let bearer = format!("Bearer {}", app.token());
    let send = |method, path, kind: Option<&str>, body: &Value| {
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend(kind.map(|kind| ("Content-Type", kind)));
        app.client.send(method, &app.url(path), &headers, Some(body.to_string().as_bytes()))
    };
    for (method, path, body) in writes(combination) {
        for kind in [
            None,
            Some(""),
            Some("text/plain"),
            Some("text/json"),
            Some("json"),
            Some("application/jsonx"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=json"),
            Some("text/plain; application/json"),
        ] {
            let answer = send(method, path, kind, &body);
            quiet(answer.expect_failure(415, "Unsupported Media Type"));
        }
    }
    unchanged(&app);
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        "application/merge-patch+json",
    ] {
        send("PUT", "/products/prod_002", Some(kind), &json!({ "stock": 1 })).expect(200);
    }
}

// ---- JSON

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

// ---- Text

fn a_nul_in_a_body_is_refused(combination: &Combination) {
    let app = combination.start();
    for (method, path, body) in writes(combination) {
        let open = body.to_string().trim_end_matches('}').to_owned();
        for more in [
            r#""unread":"a\u0000b""#,
            r#""unread\u0000":1"#,
            r#""\u0000":1"#,
            r#""unread":{"deep":["\\\u0000"]}"#,
            r#""unread":{"deep\u0000":1}"#,
            "\"unread\":\"a\0b\"",
            "\"unread\0\":1",
            "\"unread\":1\0",
            "\"unread\":\0",
        ] {
            let text = format!("{open},{more}}}");
            invalid_body(app.send_bytes(method, path, Some(text.as_bytes())));
        }
        invalid_body(app.send_bytes(method, path, Some(format!("{body}\0").as_bytes())));
    }
    for (path, members) in
        [("/products/prod_001", PRODUCT_TEXTS), ("/customers/cust_001", CUSTOMER_TEXTS)]
    {
        for member in members {
            for text in [r#""\u0000""#, r#""a\u0000""#, "\"a\0\"", r#"{"a":"\u0000"}"#] {
                let body = format!("{{\"{member}\":{text}}}");
                invalid_body(app.send_bytes("PUT", path, Some(body.as_bytes())));
            }
        }
    }
    unchanged(&app);
    // Six characters that only look like it.
    let looks = json!({ "metadata": { "a": "\\u0000" } });
    let answer = app.put("/products/prod_002", &looks).expect(200);
    assert_eq!(answer.json["data"]["metadata"], looks["metadata"]);
}

fn a_body_that_is_not_utf_8_is_refused(combination: &Combination) {
    let app = combination.start();
    for (method, path, body) in writes(combination) {
        let open = body.to_string().trim_end_matches('}').to_owned();
        for bytes in [&b"\xff"[..], b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"] {
            for (before, after) in [(",\"unread\":\"", "\"}"), (",\"", "\":1}"), ("}", "")] {
                let text = [open.as_bytes(), before.as_bytes(), bytes, after.as_bytes()].concat();
                let message = invalid_body(app.send_bytes(method, path, Some(&text)));
                let place = format!("byte {}", open.len() + before.len());
                assert!(message.contains(&place), "{message}");
            }
        }
        // UTF-16, with and without its mark.
        let utf_16: Vec<u8> = body.to_string().bytes().flat_map(|byte| [byte, 0]).collect();
        invalid_body(app.send_bytes(method, path, Some(&utf_16)));
        let marked = [b"\xff\xfe", &*utf_16].concat();
        invalid_body(app.send_bytes(method, path, Some(&marked)));
    }
    unchanged(&app);
}

fn half_a_character_is_refused(combination: &Combination) {
    let app = combination.start();
    let halves = [r"\ud83d", r"\ude00", r"a\uD83Db", r"\ude00\ud83d", r"\ud83d\ud83d\ude00"];
    for (method, path, body) in writes(combination) {
        let open = body.to_string().trim_end_matches('}').to_owned();
        for half in halves {
            for more in [
                format!(r#""unread":"{half}""#),
                format!(r#""{half}":1"#),
                format!(r#""unread":[{{"{half}":"x"}}]"#),
            ] {
                let text = format!("{open},{more}}}");
                invalid_body(app.send_bytes(method, path, Some(text.as_bytes())));
            }
        }
    }
    for (path, members) in
        [("/products/prod_001", PRODUCT_TEXTS), ("/customers/cust_001", CUSTOMER_TEXTS)]
    {
        for (member, half) in members.iter().flat_map(|m| halves.map(|half| (m, half))) {
            for text in [format!(r#""{half}""#), format!(r#"{{"a":"{half}"}}"#)] {
                let body = format!("{{\"{member}\":{text}}}");
                invalid_body(app.send_bytes("PUT", path, Some(body.as_bytes())));
            }
        }
    }
    unchanged(&app);
    let pair = br#"{"name":"\ud83d\ude00 \uD83D\uDE00"}"#;
    let answer = app.send_bytes("PUT", "/products/prod_002", Some(pair)).expect(200);
    assert_eq!(answer.json["data"]["name"], "😀 😀");
}

fn lengths_count_characters(combination: &Combination) {
    let app = combination.start();
    for (path, member, longest) in [
        ("/products/prod_002", "name", 255),
        ("/products/prod_002", "brand", 100),
        ("/products/prod_002", "category", 50),
        ("/customers/cust_002", "name", 255),
        ("/customers/cust_002", "phone", 50),
    ] {
        // Characters of four bytes; letters with a mark of their own are two characters each.
        for text in ["𝄞".repeat(longest), "e\u{301}".repeat(longest / 2)] {
            let answer = app.put(path, &json!({ (member): text })).expect(200);
            assert_eq!(answer.json["data"][member], text);
            assert_eq!(app.get(path).expect(200).json["data"][member], text);
        }
        let text = "𝄞".repeat(longest + 1);
        let answer = app.put(path, &json!({ (member): text }));
        let answer = quiet(answer.expect_failure(400, "Invalid request"));
        assert_eq!(answer.json["details"]["field"], member, "{}", answer.text);
    }
}

fn text_comes_back_byte_for_byte(combination: &Combination) {
    let app = combination.start();
    for (index, text) in [
        " leading and trailing ",
        "\ttab\r\nlines\n",
        "Audemars Piguet é",
        "Audemars Piguet e\u{301}",
        "👩\u{200d}🚀 😀 🇨🇭 👍🏽",
        "\u{202e}right to left\u{202c} שעון ساعة",
        "腕時計 ｆｕｌｌ ﬁ Å \u{212b}",
        "\u{feff}mark\u{feff}",
        "\u{1}\u{1b}[31m\u{7f}\u{85}\u{2028}\u{fffd}\u{ffff}\u{10ffff}",
        r#"\ \\ \n \u0041 " ' ` / <b>&amp;</b>"#,
        "'; DROP TABLE products; --",
        "100% %s %00 {} $1 ?1 :x @x",
        "İ ı ß ẞ ς Σ",
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("text-{index}");
        let metadata = json!({ (text): text, "list": [text, { (text): text }] });
        let product = json!({
            "id": id, "name": text, "brand": text, "price": 1, "stock": 1, "category": text,
            "metadata": metadata,
        });
        app.post("/products", &product).expect(201);
        for _ in 0..2 {
            let read = app.get(&format!("/products/{id}")).expect(200).json["data"].clone();
            for member in PRODUCT_TEXTS {
                assert_eq!(read[member], product[member], "{member}");
            }
        }
        let found = app.get(&format!("/products?brand={}", encoded(text.as_bytes()))).expect(200);
        assert_eq!(found.json["data"][0]["id"], id);
        assert_eq!(found.json["pagination"]["total"], 1);

        let email = format!("text-{index}@example.com");
        let customer = json!({
            "id": id, "email": email, "name": text, "tier": "gold", "phone": text,
            "address": metadata,
        });
        app.post("/customers", &customer).expect(201);
        let read = app.get(&format!("/customers/{id}")).expect(200).json["data"].clone();
        for member in CUSTOMER_TEXTS {
            assert_eq!(read[member], customer[member], "{member}");
        }
    }
}

// ---- Queries

fn a_bad_query_value_is_refused_by_name(combination: &Combination) {
    let app = combination.start();
    let huge = "9".repeat(400);
    let not_numbers = ["-1", "-0", "1.5", "abc", "1e2", "0x10", "%2B1", "%201", "1%0A", "⁵", &huge];
    for list in ["/products", "/customers"] {
        for name in ["limit", "offset"] {
            for value in not_numbers {
                let query = format!("{list}?{name}={}", value.replace('⁵', "%E2%81%B5"));
                invalid_parameter(app.get(&query), name);
            }
            invalid_parameter(app.get(&format!("{list}?{name}=1&{name}=2")), name);
        }
        for limit in ["0", "1001"] {
            invalid_parameter(app.get(&format!("{list}?limit={limit}")), "limit");
        }
        invalid_parameter(app.get(&format!("{list}?after=x")), "after");
    }
    for value in ["-1", "abc", "0.001", "1,5", "1e2", "NaN", &huge] {
        for name in ["minPrice", "maxPrice"] {
            invalid_parameter(app.get(&format!("/products?{name}={value}")), name);
        }
    }
    for name in ["brand", "category", "minPrice", "maxPrice"] {
        invalid_parameter(app.get(&format!("/products?{name}=1&{name}=1")), name);
    }
    for name in ["tier", "email"] {
        invalid_parameter(app.get(&format!("/customers?{name}=gold&{name}=gold")), name);
    }
    for tier in ["Gold", "wood", "gold%20", "1"] {
        invalid_parameter(app.get(&format!("/customers?tier={tier}")), "tier");
    }
}

fn a_query_without_a_text_is_refused(combination: &Combination) {
    let app = combination.start();
    for (list, name) in [("/products", "brand"), ("/products", "x"), ("/customers", "email")] {
        for bytes in ["%00", "a%00b", "%ff", "%C3", "%c0%80", "%ed%a0%80"] {
            for query in [format!("{name}={bytes}"), format!("{name}{bytes}=1")] {
                let answer = app.get(&format!("{list}?{query}"));
                quiet(answer.expect_failure(400, "Invalid request"));
            }
        }
    }
}

fn an_email_filter_takes_every_character_literally(combination: &Combination) {
    let app = combination.start_empty();
    for (index, part) in ["%", "_", "\\", "'", "*", "?", "[a]", "x"].into_iter().enumerate() {
        let email = format!("{part}@example.com");
        let body =
            json!({ "id": format!("c{index}"), "email": email, "name": "A", "tier": "gold" });
        app.post("/customers", &body).expect(201);
    }
    for part in ["%", "_", "\\", "'", "*", "?", "[a]", "x@"] {
        let found = app.get(&format!("/customers?email={}", encoded(part.as_bytes()))).expect(200);
        assert_eq!(found.json["count"], 1, "{part}: {}", found.text);
        let email = found.json["data"][0]["email"].as_str().unwrap_or_default();
        assert!(email.contains(part), "{part}: {email}");
    }
    for part in ["%@", "x%", "%25", "_@_", "' OR '1'='1", "\"", "é", "[a-z]"] {
        let count = usize::from(part == "%@");
        let found = app.get(&format!("/customers?email={}", encoded(part.as_bytes()))).expect(200);
        assert_eq!(found.json["count"], count, "{part}: {}", found.text);
    }
}

// ---- Paths

fn a_path_with_two_readings_is_refused(combination: &Combination) {
    let app = combination.start();
    let rests = "/.. /../ /../customers /../../etc/passwd /./prod_001 /. /prod_001/.. \
                 /prod_001/../../customers/cust_001 /%2e%2e/customers /%2E%2E/customers \
                 /.%2e/customers /%2e/prod_001 /%252e%252e/customers /..%2fcustomers \
                 /..%5ccustomers /..\\customers /prod\\001 /prod%5c001 /prod_001%2finventory \
                 /prod_001%2Finventory /prod%00_001 /%00 /prod_001%0d%0aX:y /prod_001%7f \
                 /prod_001;v=1 /prod_001;/inventory /prod_001%3bv //prod_001 \
                 /prod_001//inventory // /prod_001% /prod_001%2 /prod_001%zz /prod_001%25 /%ff \
                 /%c0%ae%c0%ae/customers /%ed%a0%80 /%E2%80%A8%00";
    for rest in rests.split(' ') {
        for list in ["/products", "/customers"] {
            for query in ["", "?limit=1"] {
                let path = format!("{list}{rest}{query}");
                let answer = exchange(&app, list, head(&app, "GET", &path, "").as_bytes());
                quiet(answer.expect_failure(400, "Invalid path"));
            }
        }
    }
    for path in ["//products", "/./products", "/../products", "/..%2fproducts", "/%2e/products"] {
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            let answer = exchange(&app, path, head(&app, method, path, "").as_bytes());
            quiet(answer.expect_failure(400, "Invalid path"));
        }
    }
    unchanged(&app);
}

fn a_path_beside_the_routes_is_not_found(combination: &Combination) {
    let app = combination.start();
    for path in
        ["/", "/productsx", "/products.json", "/Products", "/product", "/customersx", "/orders"]
    {
        quiet(app.get(path).expect_failure(404, "Not Found"));
        quiet(app.post(path, &json!({})).expect_failure(404, "Not Found"));
    }
}

fn a_target_that_is_not_a_path_is_refused(combination: &Combination) {
    let app = combination.start();
    for target in ["products", "http://chronos/products/../customers", "example.com:80"] {
        let answer = exchange(&app, "/products", head(&app, "GET", target, "").as_bytes());
        quiet(answer.expect_failure(400, "Invalid path"));
    }
    // These do not even parse as HTTP: there is no request to speak of.
    for target in [&b"/products/\xff"[..], b"/products/\xc3\xa9", b"/products?a=\xff", b"/a b"] {
        let line = [b"GET ", target, b" HTTP/1.1\r\nHost: chronos\r\n\r\n"].concat();
        let answer = exchange(&app, "/products", &line).expect(400);
        assert_eq!(answer.text, "");
        quiet(answer);
    }
}

// ---- All of it

fn no_answer_tells_what_it_is_made_of(combination: &Combination) {
    let app = combination.start();
    let paths = "/ /products/none /products/a.b /products?limit=x /customers/none /.env \
                 /chronos.db /customers/none/orders /customers?email=%00 /src/main.rs \
                 /.git/config";
    for path in paths.split(' ') {
        for method in ["GET", "HEAD", "POST", "DELETE", "X"] {
            let mut answer = app.send(method, path, None);
            // The path itself may come back.
            answer.text = answer.text.replace(path, "");
            quiet(answer);
        }
    }
    let odd =
        [json!(null), json!(-1), json!(1e300), json!("\u{7f}"), json!([[]]), json!({ "a": 1 })];
    for (method, path, body) in writes(combination) {
        let members = body.as_object().expect("an object").keys().map(String::as_str);
        for member in members.chain(["metadata", "address", "phone"]) {
            for value in &odd {
                let mut body = body.clone();
                body[member] = value.clone();
                quiet(app.send(method, path, Some(&body)));
            }
        }
    }
    quiet(app.delete("/customers/cust_001").expect(409));
    quiet(app.post("/products", &json!({ "id": "prod_001" })).expect(400));
}

/// I0: structured at random, nearly right or not at all; `TEST_REQUESTS` says how many, and
/// `TEST_SEED` which.
fn random_requests_get_an_answer_that_is_no_5xx(combination: &Combination) {
    const THREADS: usize = 4;
    let seed = size("TEST_SEED", 20_261_122);
    let each = size("TEST_REQUESTS", 2_000) / THREADS;
    let app = combination.start_with(&[("RUST_LOG", "warn")]);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let app = &app;
            scope.spawn(move || {
                let seed = u64::try_from(seed + thread).expect("64 bits");
                let mut random = fastrand::Rng::with_seed(seed);
                for number in 0..each {
                    let (path, request) = random_request(&mut random, app);
                    expect_any_answer(app, path, &request, &format!("seed {seed}, {number}"));
                }
            });
        }
    });
    app.get("/products").expect(200);
    app.get("/customers").expect(200);
    figure("I0", &format!("requests answered, {}", combination.name()), each * THREADS);
}

/// Fails the test unless this is answered, by no 5xx, and with the envelope where it is HTTP.
#[track_caller]
fn expect_any_answer(app: &App, path: &str, request: &[u8], which: &str) {
    let shown = String::from_utf8_lossy(request).replace(app.token(), "TOKEN");
    let said = format!("{which}: {shown:?}");
    let answer = try_exchange(app, path, request);
    let answer = answer.unwrap_or_else(|| panic!("no answer; {said}"));
    assert!((200..500).contains(&answer.status), "{} {}; {said}", answer.status, answer.text);
    let is_head = request.starts_with(b"HEAD ");
    if answer.status >= 400 && !is_head && !answer.text.is_empty() {
        let error = answer.json["error"].as_str().unwrap_or_default().to_owned();
        assert!(!error.is_empty(), "{}; {said}", answer.text);
        let status = answer.status;
        answer.expect_failure(status, &error);
    } else if answer.status >= 400 && !is_head {
        // Only what is not HTTP goes without the envelope.
        assert!([400, 431].contains(&answer.status), "{}; {said}", answer.status);
        assert_eq!(answer.header("x-request-id"), None, "{said}");
    }
}

fn both_databases_give_the_same_answers(combination: &Combination) {
    let other = Combination { backend: Backend::Sqlite, door: combination.door };
    let (here, there) = (combination.start(), other.start());
    let long = "x".repeat(256);
    let texts = ["", " ", "\u{3000}", "é", "\\", "%", "'", &long];
    let mut requests: Vec<(&str, String, Option<Value>)> = Vec::new();
    for text in texts {
        let text_in_query = encoded(text.as_bytes());
        requests.push(("GET", format!("/products?brand={text_in_query}"), None));
        requests.push(("GET", format!("/customers?email={text_in_query}"), None));
        for member in ["name", "brand", "category"] {
            let body = json!({ (member): text });
            requests.push(("PUT", "/products/prod_003".to_owned(), Some(body)));
        }
        for member in ["name", "phone", "email"] {
            let body = json!({ (member): text });
            requests.push(("PUT", "/customers/cust_003".to_owned(), Some(body)));
        }
    }
    for path in ["/products?limit=500", "/customers?limit=500", "/customers/cust_001/orders"] {
        requests.push(("GET", path.to_owned(), None));
    }
    for (method, path, body) in writes(combination) {
        requests.push((method, path.to_owned(), Some(body.clone())));
        requests.push((method, path.to_owned(), Some(body)));
    }
    for path in ["/products/prod_001", "/customers/cust_001", "/customers/new-customer"] {
        requests.push(("GET", path.to_owned(), None));
        requests.push(("DELETE", path.to_owned(), None));
        requests.push(("GET", path.to_owned(), None));
    }
    requests.retain(|(_, path, _)| path != "/auth/token");
    for (method, path, body) in &requests {
        let [one, two] = [&here, &there].map(|app| app.send(method, path, body.as_ref()));
        assert_eq!(one.status, two.status, "{method} {path} {body:?}");
        assert_eq!(timeless(&one.json), timeless(&two.json), "{method} {path} {body:?}");
    }
}

// ---- What the cases share

const MEBIBYTE: usize = 1 << 20;
const PRODUCT_TEXTS: &[&str] = &["name", "brand", "category", "metadata"];
const CUSTOMER_TEXTS: &[&str] = &["name", "phone", "address"];

/// Every route that reads a body, with one that it takes.
fn writes(combination: &Combination) -> Vec<(&'static str, &'static str, Value)> {
    let product = json!({
        "id": "new-product", "name": "Name", "brand": "Brand", "price": 1, "stock": 1,
        "category": "dive",
    });
    let customer =
        json!({ "id": "new-customer", "email": "new@example.com", "name": "A", "tier": "gold" });
    let mut writes = vec![
        ("POST", "/products", product),
        ("PUT", "/products/prod_001", json!({ "stock": 5 })),
        ("PATCH", "/products/prod_001/inventory", json!({ "quantity": 1 })),
        ("POST", "/customers", customer),
        ("PUT", "/customers/cust_001", json!({ "name": "A" })),
    ];
    if combination.door != Door::Direct {
        let user = json!({ "userId": "a", "email": "a@example.com" });
        writes.push(("POST", "/auth/token", user));
    }
    writes
}

/// Fails the test if any of [`writes`] has had an effect.
#[track_caller]
fn unchanged(app: &App) {
    app.get("/products/new-product").expect(404);
    app.get("/customers/new-customer").expect(404);
    for path in ["/products/prod_001", "/customers/cust_001"] {
        let row = app.get(path).expect(200).json["data"].clone();
        assert_eq!(row["created_at"], row["updated_at"], "{row}");
    }
}

/// An object as JSON of this length, by a member that nothing reads.
fn padded(body: &Value, length: usize) -> String {
    let mut body = body.clone();
    body["unread"] = "".into();
    let missing = length - body.to_string().len();
    body["unread"] = "x".repeat(missing).into();
    body.to_string()
}

fn encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, NON_ALPHANUMERIC).to_string()
}

/// The head of a request with the token of the tests.
fn head(app: &App, method: &str, target: &str, more: &str) -> String {
    let token = app.token();
    format!(
        "{method} {target} HTTP/1.1\r\nHost: chronos\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
    )
}

fn whole(app: &App, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let more = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
    [head(app, method, path, &more).as_bytes(), body].concat()
}

fn chunked(app: &App, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let more = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let mut request = head(app, method, path, more).into_bytes();
    for chunk in body.chunks(60_000) {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

#[track_caller]
fn exchange(app: &App, path: &str, request: &[u8]) -> Answer {
    try_exchange(app, path, request).expect("the connection was dropped without an answer")
}

/// Sends bytes as they are and reads one answer, to its last byte and no further; `path` says
/// which listener. `None` when the connection is closed before the answer is whole.
fn try_exchange(app: &App, path: &str, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(app.address(path)).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("not zero");
    stream.set_write_timeout(Some(Duration::from_secs(30))).expect("not zero");
    // The answer may come, and the connection be closed, before all is sent.
    let _sent = stream.write_all(request);
    let mut bytes = Vec::new();
    let is_head = request.starts_with(b"HEAD ");
    let mut part = [0; 16 * 1024];
    loop {
        if let Some(answer) = parse_answer(&bytes, is_head) {
            return Some(answer);
        }
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return None,
            Ok(length) => bytes.extend(&part[..length]),
        }
    }
}

fn parse_answer(bytes: &[u8], is_head: bool) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).expect("a head is text");
    let (status, headers) = head.split_once("\r\n").expect("an answer has headers");
    let status = status.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let split = |line: &str| line.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned()));
    let headers: Vec<(String, String)> = headers.split("\r\n").filter_map(split).collect();
    let mut answer = Answer { status, headers, text: String::new(), json: Value::Null };
    if status == 100 {
        return parse_answer(&bytes[end + 4..], is_head);
    }
    if !is_head {
        let length = answer.header("content-length").expect("a length").parse().expect("a number");
        let body = bytes[end + 4..].get(..length)?;
        answer.text = String::from_utf8(body.to_vec()).expect("a body is text");
        answer.json = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
    }
    Some(answer)
}

/// Fails the test if the answer names a part that Chronos is made of, or a place where it runs.
#[track_caller]
fn quiet(answer: Answer) -> Answer {
    const TELLING: &str = "actix|hyper|tokio|diesel|serde|sqlite|postgres|libpq|redis|r2d2|rust|\
                           struct|select |insert |update | where |constraint|column \"|relation|\
                           panicked|/src/|.rs|/tmp/|/home/|127.0.0.1|localhost|0.1.0";
    let said = format!("{:?} {}", answer.headers, answer.text).to_lowercase();
    for word in TELLING.split('|') {
        assert!(!said.contains(word), "{word:?} in {said}");
    }
    answer
}

/// Fails the test unless this refuses the body; returns what it says of it.
#[track_caller]
fn invalid_body(answer: Answer) -> String {
    let answer = quiet(answer.expect_failure(400, "Invalid request body"));
    answer.json["message"].as_str().expect("a message").to_owned()
}

#[track_caller]
fn invalid_parameter(answer: Answer, name: &str) {
    let answer = quiet(answer.expect_failure(400, "Invalid request"));
    assert_eq!(answer.json["details"]["field"], name, "{}", answer.text);
    let message = answer.json["message"].as_str().unwrap_or_default();
    assert!(message.starts_with(&format!("{name} ")), "{message}");
}

#[track_caller]
fn too_large(answer: Answer) {
    quiet(answer.expect_failure(413, "Payload Too Large"));
}

/// An answer without what differs from one run to the next.
fn timeless(json: &Value) -> Value {
    const CHANGING: [&str; 5] = ["created_at", "updated_at", "request_id", "cached", "token"];
    match json {
        Value::Array(items) => items.iter().map(timeless).collect(),
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !CHANGING.contains(&name.as_str()));
            kept.map(|(name, value)| (name.clone(), timeless(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// A path, which says the listener, and a request that is nearly right, or not at all.
fn random_request(random: &mut fastrand::Rng, app: &App) -> (&'static str, Vec<u8>) {
    const PRODUCT: &str = r#"{"id":"w1","name":"N","brand":"B","price":"1.00","stock":5,
        "category":"dive","metadata":{"a":[1,2.5,"x"]}}"#;
    const CUSTOMER: &str = r#"{"id":"c1","email":"a@b.example","name":"Genève","tier":"gold",
        "phone":"1","address":{"city":"Genève"}}"#;
    const SHAPES: [(&str, &str, &str); 16] = [
        ("GET", "/products?limit=5&offset=2", ""),
        ("GET", "/products?minPrice=1&maxPrice=2.50&brand=Rolex&category=dive", ""),
        ("GET", "/products?after=1700000000000.prod_001&limit=3", ""),
        ("GET", "/products/prod_001", ""),
        ("HEAD", "/products/prod_001", ""),
        ("POST", "/products", PRODUCT),
        ("PUT", "/products/prod_001", PRODUCT),
        ("PATCH", "/products/prod_001/inventory", r#"{"quantity":2}"#),
        ("DELETE", "/products/w1", ""),
        ("GET", "/customers?tier=gold&email=example&limit=3", ""),
        ("GET", "/customers/cust_001", ""),
        ("GET", "/customers/cust_001/orders", ""),
        ("POST", "/customers", CUSTOMER),
        ("PUT", "/customers/cust_001", CUSTOMER),
        ("DELETE", "/customers/c1", ""),
        ("POST", "/auth/token", r#"{"userId":"u","email":"e@example.com"}"#),
    ];
    let (mut method, path, body) = random.choice(SHAPES).expect("there are some");
    let (mut target, mut body) = (path.as_bytes().to_vec(), body.as_bytes().to_vec());
    if body.is_empty() || random.u8(0..4) == 0 {
        mutate(random, &mut target);
        // A space or the end of a line would make it another request.
        target.retain(|byte| !b" \r\n".contains(byte));
    }
    for _ in 0..random.usize(0..4) {
        mutate(random, &mut body);
    }
    let one_in = |random: &mut fastrand::Rng, many| random.u8(0..many) == 0;
    if one_in(random, 20) {
        method = random.choice(["PROPFIND", "OPTIONS", "POST", "PUT"]).expect("there are some");
    }
    let kind = if one_in(random, 20) { "application/\u{e9}" } else { "application/json" };
    let token = if one_in(random, 20) { "x.y.z" } else { app.token() };
    let length = format!("\r\nContent-Length: {}\r\n\r\n", body.len());
    let head = format!(
        " HTTP/1.1\r\nHost: chronos\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}{length}"
    );
    let mut head = [method.as_bytes(), b" ", &target, head.as_bytes()].concat();
    if one_in(random, 8) {
        // No more than what stands before the length: the server would wait for bytes that are
        // not sent.
        let rest = head.split_off(head.len() - length.len());
        mutate(random, &mut head);
        head.extend(rest);
    }
    (path, [head, body].concat())
}

/// Puts something in, takes something out, or writes something twice.
fn mutate(random: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    const BYTES: [&[u8]; 4] = [b"\0", b"\xff", b"\xc3", b"\r\n"];
    const PIECES: &str = "é 😀 %00 %ff %2e %2f %5c % .. / \\ ; & = ? # \" ' { } [ ] , : \\u0000 \
                          \\ud800 -1 1e999 99999999999999999999 null true";
    let text = random.choice(PIECES.split(' ').collect::<Vec<_>>()).expect("there are some");
    let piece = match random.usize(0..12) {
        index @ 0..4 => BYTES[index],
        _ => text.as_bytes(),
    };
    let at = random.usize(0..=bytes.len());
    let end = random.usize(at..=bytes.len());
    match random.u8(0..5) {
        0 | 1 => {
            bytes.splice(at..at, piece.iter().copied());
        }
        2 => {
            bytes.splice(at..end, piece.iter().copied());
        }
        3 => drop(bytes.drain(at..end)),
        _ => bytes.extend_from_within(at..end),
    }
}
