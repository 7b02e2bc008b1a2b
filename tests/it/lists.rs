//! Lists whose rows are as long as they may be: an answer is bounded, loses nothing, and many at once
//! take little memory.

use crate::app::{App, Combination};
use crate::cases;
use crate::client::Answer;
use crate::kit::{Mebibytes, figure, status_of};
use serde_json::{Value, json};
use std::fmt::Write;
use std::thread;

cases![
    Everywhere:
        a_page_that_would_be_too_long_ends_early_and_loses_nothing,
        a_row_that_is_too_long_is_shown_alone,
        orders_have_pages,
        a_cursor_that_is_no_place_among_orders_is_refused;
    BothBackends:
        the_largest_rows_listed_by_32_clients_take_little_memory;
];

/// As long as an answer may be, and what stands around its rows.
const MAX_ANSWER: usize = 1024 * 1024 + 1024;

/// A JSON object of nearly 16 KiB, of as many members as there is room for: parsed, it takes ten
/// times as much.
fn large_object() -> Value {
    let members = (0..1300).map(|number| (format!("k{number:04}"), json!(1)));
    Value::Object(members.collect())
}

fn text_of(object: &Value) -> String {
    object.to_string()
}

/// Adds so many products, customers, and orders of `cust_001`, each as long as it may be.
fn add_large_rows(app: &App, count: usize) {
    let object = text_of(&large_object());
    assert!((13_000..16_384).contains(&object.len()), "{}", object.len());
    let at = "1, '2026-01-01 00:00:00', '2026-01-01 00:00:00'";
    let notes = "n".repeat(10_000);
    let mut sql = String::new();
    for number in 1000..1000 + count {
        write!(
            sql,
            "INSERT INTO products (id, name, brand, price, stock, category, metadata, version, \
             created_at, updated_at) VALUES ('big_{number}', 'Big', 'Big', 1, 1, 'dive', \
             '{object}', {at});
             INSERT INTO customers (id, email, name, tier, address, version, created_at, \
             updated_at) VALUES ('big_{number}', 'big_{number}@big.example', 'Big', 'gold', \
             '{object}', {at});
             INSERT INTO orders (order_number, customer_id, total_amount, status, \
             shipping_address, notes, version, created_at, updated_at, placed_at, original_amount, \
             import_difference) VALUES ('B-{number}', 'cust_040', 1, 'pending', '{object}', '{notes}', {at}, \
             '2026-01-01 00:00:00', 1, 1);"
        )
        .expect("a string");
    }
    app.storage.execute(&sql).expect("the rows keep the rules");
}

fn ids(list: &Answer) -> Vec<String> {
    let rows = list.json["data"].as_array().expect("a list");
    rows.iter().map(|row| row["id"].to_string()).collect()
}

/// The path and query of the next page, wherever the link is relative to.
fn next(path: &str, list: &Answer) -> Option<String> {
    let link = list.header("link")?;
    let reference = link.strip_prefix('<')?.split_once('>')?.0;
    let (_, query) = reference.split_once('?').expect("a query");
    Some(format!("{}?{query}", path.split('?').next().expect("a path")))
}

/// L7: the page ends where the answer would be too long. Whoever follows the links, or moves the
/// offset on by what was shown, sees every row once.
fn a_page_that_would_be_too_long_ends_early_and_loses_nothing(combination: &Combination) {
    const COUNT: usize = 100;
    let app = combination.start();
    add_large_rows(&app, COUNT);
    for first in [
        "/products?brand=Big&limit=1000",
        "/customers?email=@big.example&limit=1000",
        "/customers/cust_040/orders?limit=1000",
    ] {
        let (mut path, mut by_link, mut pages) = (first.to_owned(), Vec::new(), 0);
        loop {
            let list = app.get(&path).expect(200);
            assert!(list.text.len() <= MAX_ANSWER, "{path}: {}", list.text.len());
            let link = next(&path, &list);
            if let Some(pagination) = list.json.get("pagination") {
                assert_eq!(pagination["limit"], 1000);
                assert_eq!(pagination["total"], COUNT);
                assert_eq!(pagination["hasMore"], link.is_some());
            }
            if let Some(count) = list.json.get("count") {
                assert_eq!(*count, ids(&list).len());
            }
            by_link.extend(ids(&list));
            pages += 1;
            match link {
                Some(link) => path = link,
                None => break,
            }
        }
        assert!(pages > 1, "{first}");
        let mut by_offset = Vec::new();
        loop {
            let shown = ids(&app.get(&format!("{first}&offset={}", by_offset.len())).expect(200));
            if shown.is_empty() {
                break;
            }
            by_offset.extend(shown);
        }
        assert_eq!(by_offset, by_link, "{first}");
        by_link.sort_unstable();
        by_link.dedup();
        assert_eq!(by_link.len(), COUNT, "{first}");
    }
}

/// A row from before there was a bound on rows.
fn a_row_that_is_too_long_is_shown_alone(combination: &Combination) {
    let app = combination.start();
    for id in ["old_1", "old_2", "old_3"] {
        let insert = format!(
            "INSERT INTO products (id, name, brand, price, stock, category, metadata, version, \
             created_at, updated_at) VALUES ('{id}', 'Old', 'Old', 1, 1, 'dive', NULL, 1, \
             '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
        );
        app.storage.execute(&insert).expect("an ordinary row");
    }
    app.storage.enlarge("old_2", 1_200_000);
    let (mut path, mut seen) = ("/products?brand=Old&limit=100".to_owned(), Vec::new());
    loop {
        let list = app.get(&path).expect(200);
        assert!(!ids(&list).is_empty());
        seen.extend(ids(&list));
        match next(&path, &list) {
            Some(link) => path = link,
            None => break,
        }
    }
    assert_eq!(seen, ["\"old_3\"", "\"old_2\"", "\"old_1\""]);
}

/// A hundred unless more are asked for, newest first, each once; `count` is the number shown.
fn orders_have_pages(combination: &Combination) {
    const COUNT: usize = 205;
    let app = combination.start();
    let mut sql = String::new();
    for number in 0..COUNT {
        write!(
            sql,
            "INSERT INTO orders (order_number, customer_id, total_amount, status, version, \
             created_at, updated_at, placed_at, original_amount, import_difference) \
             VALUES ('P-{number}', 'cust_040', 1, 'pending', 1, '2026-01-0{} 00:00:00', \
             '2026-01-01 00:00:00', '2026-01-01 00:00:00', 1, 1);",
            number % 3 + 1
        )
        .expect("a string");
    }
    sql += &format!("UPDATE customers SET total_spent = {COUNT} WHERE id = 'cust_040';");
    app.storage.execute(&sql).expect("the rows keep the rules");
    let path = "/customers/cust_040/orders";
    let all = app.get(&format!("{path}?limit=1000")).expect(200);
    assert_eq!(all.json["count"], COUNT);
    assert_eq!(all.header("link"), None);
    for (query, counts) in
        [("", &[100, 100, 5][..]), ("?limit=150", &[150, 55]), ("?limit=205", &[205])]
    {
        let (mut page, mut seen, mut shown) = (format!("{path}{query}"), Vec::new(), Vec::new());
        loop {
            let list = app.get(&page).expect(200);
            assert_eq!(list.json["count"], ids(&list).len());
            shown.push(ids(&list).len());
            seen.extend(ids(&list));
            match next(&page, &list) {
                Some(link) => page = link,
                None => break,
            }
        }
        assert_eq!(shown, counts, "{query}");
        assert_eq!(seen, ids(&all), "{query}");
    }
    let from_the_200th = app.get(&format!("{path}?offset=200")).expect(200);
    assert_eq!(ids(&from_the_200th), ids(&all)[200..]);
    let spent = app.get("/customers/cust_040").expect(200).json["data"]["total_spent"].to_string();
    assert_eq!(spent, "2.05", "all orders count, whatever is shown");
    for bad in ["limit=0", "limit=1001", "limit=x", "offset=-1", "limit=1&limit=1"] {
        app.get(&format!("{path}?{bad}")).expect(400);
    }
}

fn a_cursor_that_is_no_place_among_orders_is_refused(combination: &Combination) {
    let app = combination.start();
    for bad in ["x", "1", "0.prod_001", "0.1x", "0.99999999999999999999"] {
        let answer = app.get(&format!("/customers/cust_001/orders?after={bad}")).expect(400);
        assert_eq!(answer.json["details"]["field"], "after", "{bad}");
    }
}

/// L7: however many ask for the longest pages at once. Debug builds take no less.
fn the_largest_rows_listed_by_32_clients_take_little_memory(combination: &Combination) {
    const CLIENTS: usize = 32;
    let app = combination.start();
    add_large_rows(&app, 300);
    for path in ["/products?limit=1", "/customers?limit=1", "/customers/cust_040/orders?limit=1"] {
        app.get(path).expect(200);
    }
    let process = app.processes[0].id();
    let kib = |field: &str| -> usize {
        let value = status_of(process, field).expect("it runs");
        value.trim_end_matches(" kB").trim().parse().expect("a number")
    };
    let before = kib("VmRSS");
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let app = &app;
            scope.spawn(move || {
                let paths = ["/products?", "/customers?", "/customers/cust_040/orders?"];
                for round in 0..3 {
                    let path = paths[(client + round) % paths.len()];
                    for limit in [500, 1000, 10] {
                        let answer = app.get(&format!("{path}limit={limit}"));
                        assert!([200, 503].contains(&answer.status), "{answer:?}");
                    }
                }
            });
        }
    });
    let growth = kib("VmHWM").saturating_sub(before);
    figure("L7", "growth beside 32 clients", Mebibytes(growth));
}
