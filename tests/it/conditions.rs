//! Conditional requests: a tag names what is shown, `If-None-Match` spares what is known, `If-Match`
//! loses no change of another.

use crate::app::{App, Combination};
use crate::cases;
use crate::client::Answer;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;

cases![
    Everywhere:
        a_tag_is_strong_and_names_one_sequence_of_bytes,
        a_tag_changes_with_each_change,
        what_is_known_is_304_and_has_no_body,
        what_has_changed_is_shown_again,
        a_change_of_what_was_not_seen_is_412_and_has_no_effect,
        a_change_of_what_was_seen_is_made,
        a_weak_tag_permits_no_change,
        a_change_of_nothing_is_404_under_any_condition,
        a_condition_that_is_none_is_400_and_has_no_effect,
        of_many_changes_of_one_tag_one_is_made,
        each_answer_to_a_change_has_the_tag_for_the_next,
        a_change_that_must_find_nothing_new_is_412,
        a_row_that_is_made_again_has_another_tag;
    BothBackends:
        a_repeated_change_is_answered_alike_whatever_it_has_changed,
        what_a_customer_has_spent_is_part_of_their_tag;
];

const PRODUCT: &str = "/products/prod_016";
const INVENTORY: &str = "/products/prod_016/inventory";
const CUSTOMER: &str = "/customers/cust_001";

type Headers<'a> = &'a [(&'a str, &'a str)];

#[track_caller]
fn send(app: &App, method: &str, path: &str, headers: Headers, body: Option<&Value>) -> Answer {
    let bearer = format!("Bearer {}", app.token());
    let body = body.map(Value::to_string);
    let mut all = vec![("Authorization", bearer.as_str())];
    all.extend(body.as_ref().map(|_| ("Content-Type", "application/json")));
    all.extend(headers);
    app.client.send(method, &app.url(path), &all, body.as_deref().map(str::as_bytes))
}

#[track_caller]
fn tag(answer: &Answer) -> String {
    answer.header("etag").unwrap_or_else(|| panic!("no tag: {answer:?}")).to_owned()
}

#[track_caller]
fn current_tag(app: &App, path: &str) -> String {
    tag(&app.get(path).expect(200))
}

/// A change to each kind of resource, under the tag of which it is meant: path of the resource, method,
/// path and body of the change. The last one deletes.
fn changes() -> Vec<(&'static str, &'static str, &'static str, Option<Value>)> {
    vec![
        (PRODUCT, "PUT", PRODUCT, Some(json!({ "name": "Changed" }))),
        (PRODUCT, "PATCH", INVENTORY, Some(json!({ "quantity": 1 }))),
        (CUSTOMER, "PUT", CUSTOMER, Some(json!({ "name": "Changed" }))),
        ("/customers/new", "DELETE", "/customers/new", None),
        (PRODUCT, "DELETE", PRODUCT, None),
    ]
}

/// With a customer who can be deleted.
fn start(combination: &Combination) -> App {
    let app = combination.start();
    let customer = json!({ "id": "new", "email": "new@example.com", "name": "N", "tier": "gold" });
    app.post("/customers", &customer).expect(201);
    app
}

fn a_tag_is_strong_and_names_one_sequence_of_bytes(combination: &Combination) {
    let app = combination.start();
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    for path in [PRODUCT, PRODUCT, "/products/prod_002", CUSTOMER, "/customers/cust_002"] {
        for _ in 0..4 {
            let answer = app.get(path).expect(200);
            assert_eq!(answer.header("cache-control"), Some("private, no-cache"), "{answer:?}");
            let tag = tag(&answer);
            assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{tag}");
            let before = shown.insert(format!("{path} {tag}"), answer.text.clone());
            assert!(before.is_none_or(|before| before == answer.text), "{tag}: {}", answer.text);
        }
    }
    let cached = app.get_cached(PRODUCT);
    assert!(tag(&cached).contains("cached"), "{cached:?}");
    // As every list and every failure: nothing that is kept.
    for path in ["/products", "/customers", "/customers/cust_001/orders", "/products/none"] {
        let answer = app.get(path);
        assert_eq!(answer.header("etag"), None, "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    }
    let head = send(&app, "HEAD", CUSTOMER, &[], None);
    assert_eq!((head.status, tag(&head)), (200, current_tag(&app, CUSTOMER)));
    let head = send(&app, "HEAD", PRODUCT, &[], None);
    assert_eq!(head.header("cache-control"), Some("private, no-cache"));
    assert_eq!(tag(&head), tag(&app.get_cached(PRODUCT)));
}

fn a_tag_changes_with_each_change(combination: &Combination) {
    let app = combination.start();
    for (path, method, target, body) in changes().iter().take(3) {
        let before = current_tag(&app, path);
        send(&app, method, target, &[], body.as_ref()).expect(200);
        let after = current_tag(&app, path);
        let version =
            |tag: &str| tag.split('.').nth(1).map(|text| text.trim_matches('"').to_owned());
        assert_ne!(version(&before), version(&after), "{method} {target}");
        // What is refused changes nothing.
        send(&app, method, target, &[], Some(&json!({ "name": "", "quantity": 0 }))).expect(400);
        assert_eq!(version(&current_tag(&app, path)), version(&after));
    }
}

fn what_is_known_is_304_and_has_no_body(combination: &Combination) {
    let app = combination.start();
    for path in [PRODUCT, CUSTOMER] {
        // A tag stays right whether or not the cache answers.
        let first = app.get(path).expect(200);
        let tags = [tag(&first), current_tag(&app, path), current_tag(&app, path)];
        for known in &tags {
            let weak = format!("W/{known}");
            let list = format!("\"other\", {known},\"a,b\"");
            for condition in [known, &weak, &list, "*"] {
                for method in ["GET", "HEAD"] {
                    let answer = send(&app, method, path, &[("If-None-Match", condition)], None);
                    assert_eq!((answer.status, answer.text.as_str()), (304, ""), "{condition}");
                    let shown = tag(&answer);
                    assert!(condition == "*" || &shown == known, "{condition}: {answer:?}");
                    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
                    assert_eq!(answer.header("content-type"), None, "{answer:?}");
                    assert!(answer.header("x-request-id").is_some(), "{answer:?}");
                }
            }
            let both = [("If-Match", known.as_str()), ("If-None-Match", "\"other\"")];
            assert!(!send(&app, "GET", path, &both, None).expect(200).text.is_empty());
        }
        // Two headers are one list.
        let two = [("If-None-Match", "\"other\""), ("If-None-Match", tags[0].as_str())];
        send(&app, "GET", path, &two, None).expect(304);
        // What is not there cannot be known.
        let none = format!("{}/none", &path[..path.rfind('/').expect("a list")]);
        send(&app, "GET", &none, &[("If-None-Match", "*")], None).expect(404);
    }
}

fn what_has_changed_is_shown_again(combination: &Combination) {
    let app = combination.start();
    for (path, method, target, body) in changes().iter().take(3) {
        let known = current_tag(&app, path);
        send(&app, method, target, &[], body.as_ref()).expect(200);
        let answer = send(&app, "GET", path, &[("If-None-Match", &known)], None).expect(200);
        assert_ne!(tag(&answer), known);
        assert!(answer.json["data"].is_object(), "{}", answer.text);
        // And whoever wants only what they have seen is told.
        let answer = send(&app, "GET", path, &[("If-Match", &known)], None);
        answer.expect_failure(412, "The resource has changed since it was read");
    }
}

fn a_change_of_what_was_not_seen_is_412_and_has_no_effect(combination: &Combination) {
    let app = start(combination);
    for (path, method, target, body) in changes() {
        let seen = current_tag(&app, path);
        let list = if path.starts_with("/products") { "products" } else { "customers" };
        send(&app, "PUT", path, &[], Some(&json!({ "name": "By another" }))).expect(200);
        let before = app.get(path).expect(200).json["data"].clone();
        for wanted in [seen.as_str(), "\"other\"", "\"1\", \"*\"", "\"\""] {
            let answer = send(&app, method, target, &[("If-Match", wanted)], body.as_ref());
            let answer = answer.expect_failure(412, "The resource has changed since it was read");
            assert_eq!(answer.json["code"], "VERSION_MISMATCH");
            let id = path.rsplit('/').next().expect("an id");
            let sql = format!("SELECT version AS count FROM {list} WHERE id = '{id}'");
            assert_eq!(answer.json["details"]["currentVersion"], app.storage.count(&sql));
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
            let now = tag(&answer);
            send(&app, "GET", path, &[("If-Match", &now)], None).expect(200);
        }
        assert_eq!(app.get(path).expect(200).json["data"], before, "{method} {target}");
    }
}

fn a_change_of_what_was_seen_is_made(combination: &Combination) {
    let app = start(combination);
    for (path, method, target, body) in changes() {
        if method != "DELETE" {
            for list in [false, true] {
                let seen = current_tag(&app, path);
                let wanted = if list { format!("\"a,b\" , {seen}, W/\"x\"") } else { seen };
                send(&app, method, target, &[("If-Match", &wanted)], body.as_ref()).expect(200);
            }
            send(&app, method, target, &[("If-Match", "*")], body.as_ref()).expect(200);
        }
        // The tag of a cached answer is as good.
        let seen = app.get(path).expect(200);
        let again = app.get(path).expect(200);
        let wanted = tag(if method == "DELETE" { &again } else { &seen });
        send(&app, method, target, &[("If-Match", &wanted)], body.as_ref()).expect(200);
    }
    app.get(PRODUCT).expect(404);
    app.get("/customers/new").expect(404);
}

fn a_weak_tag_permits_no_change(combination: &Combination) {
    let app = start(combination);
    for (path, method, target, body) in changes() {
        let weak = format!("W/{}", current_tag(&app, path));
        send(&app, method, target, &[("If-Match", &weak)], body.as_ref()).expect(412);
    }
}

fn a_change_of_nothing_is_404_under_any_condition(combination: &Combination) {
    let app = combination.start();
    for condition in ["*", "\"1\""] {
        for (_, method, target, body) in changes() {
            let target = target.replace("prod_016", "none").replace("cust_001", "none");
            let target = target.replace("/new", "/none");
            send(&app, method, &target, &[("If-Match", condition)], body.as_ref()).expect(404);
        }
    }
}

fn a_condition_that_is_none_is_400_and_has_no_effect(combination: &Combination) {
    let app = start(combination);
    for malformed in ["x", "\"x", "x\"", "*, \"x\"", "W/x", "w/\"x\"", ",", "\"a\" \"b\"", "1.5"] {
        for header in ["If-Match", "If-None-Match"] {
            let reads = [("GET", PRODUCT, None), ("HEAD", CUSTOMER, None)];
            let changes = changes();
            let writes =
                changes.iter().map(|(_, method, path, body)| (*method, *path, body.as_ref()));
            for (method, path, body) in reads.into_iter().chain(writes) {
                let answer = send(&app, method, path, &[(header, malformed)], body);
                assert_eq!(answer.status, 400, "{method} {path} {header}: {malformed}");
                if method != "HEAD" {
                    let first = &answer.json["errors"][0];
                    assert_eq!(first["field"], header, "{}", answer.text);
                    assert_eq!(first["code"], "NOT_A_TAG", "{}", answer.text);
                }
            }
        }
    }
    app.delete(PRODUCT).expect(200);
    app.delete("/customers/new").expect(200);
}

/// Nobody's change is lost: those that come too late are told.
fn of_many_changes_of_one_tag_one_is_made(combination: &Combination) {
    const AT_ONCE: usize = 8;
    let app = combination.start();
    for (path, method, target, body) in changes().iter().take(3) {
        let seen = current_tag(&app, path);
        let barrier = Barrier::new(AT_ONCE);
        let mut statuses: Vec<u16> = thread::scope(|scope| {
            let change = || {
                barrier.wait();
                send(&app, method, target, &[("If-Match", &seen)], body.as_ref()).status
            };
            let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(change)).collect();
            threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
        });
        statuses.sort_unstable();
        let expected: Vec<u16> = [vec![200], vec![412; AT_ONCE - 1]].concat();
        assert_eq!(statuses, expected, "{method} {target}");
    }
}

fn each_answer_to_a_change_has_the_tag_for_the_next(combination: &Combination) {
    let app = combination.start();
    let product = json!({
        "id": "p", "name": "N", "brand": "B", "price": 1, "stock": 5, "category": "c",
    });
    let customer = json!({ "id": "c", "email": "c@example.com", "name": "N", "tier": "gold" });
    let put = json!({ "name": "Changed" });
    let take = json!({ "quantity": 1 });
    let chains = [
        (
            "/products",
            product,
            vec![
                ("PUT", "/products/p", Some(put.clone())),
                ("PATCH", "/products/p/inventory", Some(take)),
            ],
            "/products/p",
        ),
        ("/customers", customer, vec![("PUT", "/customers/c", Some(put))], "/customers/c"),
    ];
    for (list, new, changes, path) in chains {
        let mut last = tag(&app.post(list, &new).expect(201));
        send(&app, "GET", path, &[("If-None-Match", &last)], None).expect(304);
        for (method, target, body) in changes {
            let answer = send(&app, method, target, &[("If-Match", &last)], body.as_ref());
            let next = tag(&answer.expect(200));
            assert_ne!(next, last);
            send(&app, "GET", path, &[("If-None-Match", &next)], None).expect(304);
            last = next;
        }
        let deleted = send(&app, "DELETE", path, &[("If-Match", &last)], None).expect(200);
        assert_eq!(deleted.header("etag"), None, "{deleted:?}");
    }
}

fn a_change_that_must_find_nothing_new_is_412(combination: &Combination) {
    let app = start(combination);
    for (path, method, target, body) in changes() {
        for condition in ["*".to_owned(), current_tag(&app, path)] {
            let answer =
                send(&app, method, target, &[("If-None-Match", &condition)], body.as_ref());
            answer.expect_failure(412, "The resource has changed since it was read");
        }
        send(&app, method, target, &[("If-None-Match", "\"other\"")], body.as_ref()).expect(200);
    }
}

fn a_row_that_is_made_again_has_another_tag(combination: &Combination) {
    let app = combination.start();
    let body = json!({
        "id": "p", "name": "N", "brand": "B", "price": 1, "stock": 5, "category": "c",
    });
    let first = tag(&app.post("/products", &body).expect(201));
    app.delete("/products/p").expect(200);
    let second = tag(&app.post("/products", &body).expect(201));
    assert_ne!(first, second);
    send(&app, "DELETE", "/products/p", &[("If-Match", &first)], None).expect(412);
    send(&app, "GET", "/products/p", &[("If-None-Match", &first)], None).expect(200);
}

fn a_repeated_change_is_answered_alike_whatever_it_has_changed(combination: &Combination) {
    let app = start(combination);
    for (number, (path, method, target, body)) in changes().into_iter().enumerate() {
        let (key, other) = (format!("key-{number}"), format!("other-{number}"));
        let seen = current_tag(&app, path);
        let change = |key: &str, wanted: &str| {
            let headers = [("Idempotency-Key", key), ("If-Match", wanted)];
            send(&app, method, target, &headers, body.as_ref())
        };
        // A refusal is not kept: the key is as new.
        change(&key, "\"other\"").expect(412);
        let first = change(&key, &seen).expect(200);
        // The tag is no longer right, and the change is made: it is told as it was.
        for wanted in [seen.as_str(), "\"other\"", "*"] {
            let again = change(&key, wanted).expect(200);
            assert_eq!(again.header("idempotency-replayed"), Some("true"), "{again:?}");
            assert_eq!((&again.text, again.header("etag")), (&first.text, first.header("etag")));
        }
        assert_eq!(first.header("etag").is_none(), method == "DELETE", "{first:?}");
        let expected = if method == "DELETE" { 404 } else { 412 };
        change(&other, &seen).expect(expected);
    }
}

fn what_a_customer_has_spent_is_part_of_their_tag(combination: &Combination) {
    let app = combination.start();
    let before = app.get(CUSTOMER).expect(200);
    // As a migration does: what is shown changes, and the version does not.
    let sql = "UPDATE customers SET total_spent = total_spent + 1 WHERE id = 'cust_001'";
    app.storage.execute(sql).expect("it is taken");
    let after = app.get(CUSTOMER).expect(200);
    assert_ne!(before.json["data"]["total_spent"], after.json["data"]["total_spent"]);
    assert_ne!(tag(&before), tag(&after));
    let seen = tag(&before);
    send(&app, "GET", CUSTOMER, &[("If-None-Match", &seen)], None).expect(200);
    let name = json!({ "name": "N" });
    send(&app, "PUT", CUSTOMER, &[("If-Match", &seen)], Some(&name)).expect(412);
}
