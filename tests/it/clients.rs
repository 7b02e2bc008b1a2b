//! What real clients and proxies send and rely on: how they write filters, numbers and bodies, and
//! how they read the references, the refusals and the ends of connections.

use crate::app::{Combination, Door};
use crate::cases;
use crate::gateway::wire::{Connection, Message, exchange_one};
use crate::kit::figure;
use serde_json::json;

cases![
    Everywhere:
        a_name_that_only_looks_like_a_filter_is_refused,
        a_plus_in_an_email_filter_is_a_plus,
        references_lead_to_the_same_place_under_every_prefix,
        a_number_without_a_fraction_is_whole,
        a_compressed_body_is_415_and_says_what_is_read,
        who_asks_before_sending_a_body_is_refused_before_it,
        who_asks_before_sending_a_body_is_told_to_go_on_where_it_is_wanted,
        an_answer_that_ends_its_connection_says_close,
        a_404_does_not_repeat_a_long_path,
        the_access_line_names_client_and_user_and_no_email,
        headers_come_in_one_order;
    BothGateways:
        who_is_over_the_limit_is_not_asked_for_a_body;
];

fn a_name_that_only_looks_like_a_filter_is_refused(combination: &Combination) {
    let app = combination.start();
    let lists: [(&str, &[&str]); 2] = [
        ("/products", &["brand", "category", "minPrice", "maxPrice", "limit", "offset", "after"]),
        ("/customers", &["tier", "email", "limit", "offset", "after"]),
    ];
    for (list, names) in lists {
        for name in names {
            let (upper, lower) = (name.to_uppercase(), name.to_lowercase());
            let mut written = vec![
                format!("{name}[]=1"),
                format!("{name}%5B%5D=1"),
                format!("{name}[0]=1&{name}[1]=2"),
                format!("{name}[]="),
                format!("{upper}=1"),
                format!("{upper}[]=1"),
                format!("x=1&{upper}"),
            ];
            if lower != **name {
                written.push(format!("{lower}=1"));
            }
            for query in written {
                let answer = app.get(&format!("{list}?{query}"));
                let answer = answer.expect_failure(400, "Invalid request");
                assert_eq!(answer.json["code"], "VALIDATION_FAILED", "{query}");
                assert_eq!(answer.json["details"]["field"], **name, "{query}: {}", answer.text);
            }
        }
        // What looks like no filter is nobody's business.
        for query in
            ["x[]=1", "brands=1", "brand.x=1", "X=1", "_=1", "[]=1", "=1", "minimumPrice=1"]
        {
            app.get(&format!("{list}?{query}")).expect(200);
        }
    }
}

fn a_plus_in_an_email_filter_is_a_plus(combination: &Combination) {
    let app = combination.start();
    let customer =
        json!({ "id": "plus", "email": "plus+tag@example.com", "name": "P", "tier": "gold" });
    app.post("/customers", &customer).expect(201);
    for part in ["plus+tag@example.com", "plus%2Btag@example.com", "s+t", "%2B", "+"] {
        let found = app.get(&format!("/customers?email={part}")).expect(200);
        assert_eq!(found.json["data"][0]["id"], "plus", "{part}: {}", found.text);
        assert_eq!(found.json["count"], 1, "{part}: {}", found.text);
    }
    // A space that is written as one is one, and no address has any.
    assert_eq!(app.get("/customers?email=plus%20tag").expect(200).json["count"], 0);
}

fn references_lead_to_the_same_place_under_every_prefix(combination: &Combination) {
    let app = combination.start();
    let product = json!({ "id": "ref-1", "name": "N", "brand": "B", "price": 1, "stock": 1, "category": "c" });
    let customer = json!({ "id": "ref-1", "email": "r@example.com", "name": "N", "tier": "gold" });
    for (list, body) in [("/products", product), ("/customers", customer)] {
        let created = app.post(list, &body).expect(201);
        let location = created.header("location").expect("it has one").to_owned();
        for prefix in ["", "/api", "/shop/v1"] {
            let target = resolved(&format!("{prefix}{list}"), &location);
            assert_eq!(target, format!("{prefix}{list}/ref-1"));
        }
        app.get(&resolved(list, &location)).expect(200);
        let page = app.get(&format!("{list}?limit=2")).expect(200);
        let link = page.header("link").expect("more follow");
        let link = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
        let link = link.expect("one reference");
        for prefix in ["", "/api", "/shop/v1"] {
            let target = resolved(&format!("{prefix}{list}"), link);
            assert!(target.starts_with(&format!("{prefix}{list}?limit=2&after=")), "{target}");
        }
        app.get(&resolved(list, link)).expect(200);
    }
    // A stored answer is the same one again.
    let body = json!({ "id": "ref-2", "name": "N", "brand": "B", "price": 1, "stock": 1, "category": "c" });
    let body = body.to_string();
    let bearer = format!("Bearer {}", app.token());
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "a-key"),
    ];
    let send = || app.client.send("POST", &app.url("/products"), &headers, Some(body.as_bytes()));
    for _ in 0..2 {
        assert_eq!(send().expect(201).header("location"), Some("products/ref-2"));
    }
}

/// A reference, resolved against the path of the request that it answers (RFC 3986, section 5.3).
fn resolved(base: &str, reference: &str) -> String {
    if reference.starts_with('/') {
        return reference.to_owned();
    }
    match reference.strip_prefix('?') {
        Some(query) => format!("{base}?{query}"),
        None => {
            let (folder, _) = base.rsplit_once('/').expect("a path");
            format!("{folder}/{reference}")
        }
    }
}

fn a_number_without_a_fraction_is_whole(combination: &Combination) {
    let app = combination.start();
    let send = |method: &str, path: &str, body: String| {
        app.send_bytes(method, path, Some(body.as_bytes()))
    };
    let product = |id: &str, stock: &str| {
        format!(
            r#"{{"id":"{id}","name":"N","brand":"B","price":1,"category":"c","stock":{stock}}}"#
        )
    };
    for (number, stock) in ["5", "5.0", "5.000", "5e0", "0.5e1"].iter().enumerate() {
        let id = format!("whole-{number}");
        let created = send("POST", "/products", product(&id, stock)).expect(201);
        assert_eq!(created.json["data"]["stock"], 5, "{stock}");
        let path = format!("/products/{id}");
        let taken =
            send("PATCH", &format!("{path}/inventory"), format!(r#"{{"quantity":{stock}}}"#));
        assert_eq!(taken.expect(200).json["data"]["remaining_stock"], 0, "{stock}");
        let set = send("PUT", &path, format!(r#"{{"stock":{stock}}}"#)).expect(200);
        assert_eq!(set.json["data"]["stock"], 5, "{stock}");
    }
    for stock in ["5.5", "1e-1", "\"5\"", "1e300", "9007199254740993.5", "[5]", "true"] {
        send("POST", "/products", product("broken", stock)).expect(400);
        send("PUT", "/products/whole-0", format!(r#"{{"stock":{stock}}}"#)).expect(400);
        let body = format!(r#"{{"quantity":{stock}}}"#);
        send("PATCH", "/products/whole-0/inventory", body).expect(400);
    }
}

fn a_compressed_body_is_415_and_says_what_is_read(combination: &Combination) {
    let app = combination.start();
    let bearer = format!("Bearer {}", app.token());
    let send = |method: &str, path: &str, coding: &str, body: &[u8]| {
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
            ("Content-Encoding", coding),
        ];
        app.client.send(method, &app.url(path), &headers, Some(body))
    };
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xab, 0xae, 5, 0];
    let routes = [
        ("POST", "/products"),
        ("PUT", "/products/prod_001"),
        ("PATCH", "/products/prod_001/inventory"),
        ("POST", "/customers"),
        ("PUT", "/customers/cust_001"),
    ];
    for (method, path) in routes {
        for coding in ["gzip", "GZIP", "br", "zstd", "deflate", "identity, gzip", "x"] {
            let answer = send(method, path, coding, &gzip);
            let answer = answer.expect_failure(415, "Unsupported Media Type");
            assert_eq!(answer.header("accept-encoding"), Some("identity"), "{method} {path}");
        }
    }
    let take = br#"{"quantity":1}"#;
    for coding in ["identity", "IDENTITY", "identity, identity", ""] {
        send("PATCH", "/products/prod_001/inventory", coding, take).expect(200);
    }
}

/// A request that asks before it sends its body, which never comes.
fn asking(method: &str, target: &str, token: &str, headers: &str) -> String {
    format!(
        "{method} {target} HTTP/1.1\r\nHost: chronos\r\nAuthorization: Bearer {token}\r\n\
         Expect: 100-continue\r\n{headers}\r\n"
    )
}

const JSON: &str = "Content-Type: application/json\r\nContent-Length: 14\r\n";

fn who_asks_before_sending_a_body_is_refused_before_it(combination: &Combination) {
    let app = combination.start();
    let token = app.token();
    let chunked = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let text = "Content-Type: text/plain\r\nContent-Length: 14\r\n";
    let large = "Content-Type: application/json\r\nContent-Length: 1048577\r\n";
    let gzip = format!("{JSON}Content-Encoding: gzip\r\n");
    let mut refused = vec![
        ("POST", "/products", token, text, 415),
        ("POST", "/products", token, &gzip, 415),
        ("PUT", "/customers/cust_001", token, text, 415),
        ("POST", "/products", token, large, 413),
        ("POST", "/products/%2e%2e", token, JSON, 400),
        ("POST", "/nothing", token, JSON, 404),
        ("POST", "/nothing", token, chunked, 404),
        ("PATCH", "/products", token, JSON, 405),
    ];
    if combination.door != Door::Direct {
        refused.push(("POST", "/products", "nobody", JSON, 401));
        refused.push(("PATCH", "/products/prod_001/inventory", "nobody", chunked, 401));
        refused.push(("DELETE", "/products/prod_001", "nobody", JSON, 401));
        refused.push(("GET", "/products", "nobody", JSON, 401));
    }
    for (method, target, token, headers, status) in refused {
        let answer = exchange_one(&app.address(target), asking(method, target, token, headers));
        assert_eq!(answer.status(), status, "{method} {target} {headers}: {answer:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{method} {target} {headers}");
        assert_eq!(answer.json()["success"], false, "{method} {target} {headers}");
    }
}

fn who_asks_before_sending_a_body_is_told_to_go_on_where_it_is_wanted(combination: &Combination) {
    let app = combination.start();
    let path = "/products/prod_001/inventory";
    let mut connection = Connection::open(&app.address(path));
    for left in [11, 10] {
        connection.send(asking("PATCH", path, app.token(), JSON));
        assert_eq!(connection.answer().status(), 100);
        let taken = connection.send(r#"{"quantity":1}"#).answer();
        assert_eq!(taken.status(), 200, "{taken:?}");
        assert_eq!(taken.json()["data"]["remaining_stock"], left);
    }
    // Nobody wants the body of these, nor is there one.
    connection.send(asking("GET", "/products/prod_001", app.token(), ""));
    let read: Message = connection.answer();
    assert_eq!((read.status(), read.header("connection")), (200, None));
    // In one piece with its request, a body is read as any other.
    let whole = asking("PATCH", path, app.token(), JSON) + r#"{"quantity":1}"#;
    connection.send(whole);
    assert_eq!(connection.answer().status(), 100);
    assert_eq!(connection.answer().json()["data"]["remaining_stock"], 9);
}

fn who_is_over_the_limit_is_not_asked_for_a_body(combination: &Combination) {
    let app = combination.start_with(&[("RATE_LIMIT_PER_MINUTE", "2")]);
    let send = |headers: &str| {
        exchange_one(&app.address("/products"), asking("POST", "/products", app.token(), headers))
    };
    let text = "Content-Type: text/plain\r\nContent-Length: 14\r\n";
    let answers: Vec<Message> = (0..3).map(|_| send(text)).collect();
    // Each of them was counted once.
    let left: Vec<_> = answers.iter().map(|a| a.header("x-ratelimit-remaining")).collect();
    assert_eq!(left, [Some("1"), Some("0"), Some("0")]);
    let statuses: Vec<_> = answers.iter().map(Message::status).collect();
    assert_eq!(statuses, [415, 415, 429]);
}

fn an_answer_that_ends_its_connection_says_close(combination: &Combination) {
    let app = combination.start();
    let offers = [
        "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        "Connection: upgrade, keep-alive\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        "Connection: close\r\n",
    ];
    for offer in offers {
        for path in ["/livez", "/products/prod_001", "/products/nothing"] {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: chronos\r\nAuthorization: Bearer {}\r\n{offer}\r\n",
                app.token()
            );
            // Read to the end of the connection.
            let answer = exchange_one(&app.address(path), request);
            assert_eq!(answer.header("connection"), Some("close"), "{path} {offer}: {answer:?}");
            assert_eq!(answer.header("upgrade"), None, "{path} {offer}");
        }
    }
}

fn a_404_does_not_repeat_a_long_path(combination: &Combination) {
    let app = combination.start();
    let long = format!("/nothing/{}", "é".repeat(500));
    let encoded = long.replace('é', "%C3%A9");
    for path in [format!("/nothing/{}", "x".repeat(4_000)), encoded] {
        let answer = app.get(&path).expect_failure(404, "Not Found");
        figure("I17", "bytes of a 404", answer.text.len());
        assert!(answer.json["message"].as_str().is_some_and(|text| text.contains("/nothing/")));
    }
    let short = app.get("/nothing/here").expect(404);
    assert_eq!(short.json["message"], "There is no GET /nothing/here");
}

fn the_access_line_names_client_and_user_and_no_email(combination: &Combination) {
    let app = combination.start_with(&[("RUST_LOG", "info"), ("TRUSTED_PROXIES", "127.0.0.1")]);
    let send = |user: &str, id: &str, from: &str| {
        let token = crate::app::sign(&json!({
            "userId": user, "email": "very.private@example.com", "exp": 4_102_444_800_i64.min(soon())
        }));
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("X-Request-Id", id), ("X-Forwarded-For", from)];
        match combination.door {
            Door::Direct => headers.push(("X-User-Id", user)),
            Door::All | Door::Split => headers.push(("Authorization", &bearer)),
        }
        app.client.send("GET", &app.url("/products?limit=1"), &headers, None).expect(200);
    };
    send("anna-1", "by-id", "203.0.113.7");
    send("very.private@example.com", "by-email", "203.0.113.8");
    app.client.send("GET", &app.url("/livez"), &[("X-Request-Id", "nobody")], None).expect(200);
    let log = app.processes.last().expect("a process").log();
    let line = |id: &str| {
        let ending = format!(" request_id={id}");
        let line = log.lines().find(|line| line.contains("access") && line.ends_with(&ending));
        line.unwrap_or_else(|| panic!("no line of {id}: {log}"))
    };
    assert!(line("by-id").contains(" user=anna-1 "), "{log}");
    assert!(line("by-email").contains(" user=* "), "{log}");
    assert!(line("nobody").contains(" client=127.0.0.1 user=- "), "{log}");
    if combination.door != Door::Direct {
        assert!(line("by-id").contains(" client=203.0.113.7 "), "{log}");
    }
    for process in &app.processes {
        assert!(!process.log().contains("very.private"), "{}", process.log());
    }
}

fn headers_come_in_one_order(combination: &Combination) {
    let app = combination.start();
    let request = |method: &str, target: &str, more: &str| {
        format!(
            "{method} {target} HTTP/1.1\r\nHost: chronos\r\nAuthorization: Bearer {}\r\n{more}\r\n",
            app.token()
        )
    };
    let names = |answer: &Message| -> Vec<String> {
        answer.headers.iter().map(|(name, _)| name.to_lowercase()).collect()
    };
    for (target, status) in [
        ("/products?limit=2", 200),
        ("/products?limit=100", 200),
        ("/products/prod_001", 200),
        ("/products/none", 404),
        ("/livez", 200),
    ] {
        let mut connection = Connection::open(&app.address(target));
        let mut seen = Vec::new();
        for _ in 0..8 {
            let get = connection.send(request("GET", target, "")).answer();
            assert_eq!((get.status(), get.whole), (status, true), "{target}");
            assert!(get.json().is_object(), "{target}: {}", get.text());
            let head = connection.send(request("HEAD", target, "")).answer_to_head();
            seen.extend([names(&get), names(&head)]);
        }
        // Several in one burst, too.
        connection.send(request("GET", target, "").repeat(8));
        seen.extend((0..8).map(|_| names(&connection.answer())));
        assert!(seen[0].len() > 6 && seen[0].is_sorted(), "{seen:?}");
        assert!(seen.iter().all(|names| *names == seen[0]), "{target}: {seen:?}");
    }
    // Behind the words that ask for a body.
    let path = "/products/prod_001/inventory";
    let mut connection = Connection::open(&app.address(path));
    for _ in 0..3 {
        connection.send(request("PATCH", path, &format!("Expect: 100-continue\r\n{JSON}")));
        assert_eq!(connection.answer().status(), 100);
        let taken = connection.send(r#"{"quantity":1}"#).answer();
        assert_eq!(taken.status(), 200);
        assert!(names(&taken).is_sorted(), "{taken:?}");
    }
}

fn soon() -> i64 {
    chrono::Utc::now().timestamp() + 600
}
