//! Lists in an order that the client chooses, and their pages in both directions.

use crate::app::{App, Combination};
use crate::cases;
use crate::client::Answer;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;

cases![
    Everywhere:
        each_key_orders_in_both_directions,
        names_are_ordered_alike_on_both_databases,
        links_lead_through_an_order_and_back,
        rows_that_come_and_go_do_not_shift_the_pages,
        a_page_backward_says_what_follows,
        a_cursor_is_of_its_list_alone,
        an_older_cursor_still_leads_on,
        no_chosen_order_has_the_links_of_before,
        an_unknown_order_is_refused_with_the_known_ones,
        a_cursor_that_no_link_has_is_refused;
    BothBackends:
        a_page_backward_ends_early_and_loses_nothing;
];

/// Products of few prices and stocks, so that many are alike in each.
fn add_products(app: &App, count: usize) {
    let mut sql = String::new();
    for number in 0..count {
        let (price, stock) = (number * 7 % 5 * 100, number * 3 % 4);
        let name = ["Éterna", "omega", "Omega", "Ω", "aquis", "Zenith"][number * 5 % 6];
        write!(
            sql,
            "INSERT INTO products (id, name, brand, price, stock, category, version, created_at, \
             updated_at) VALUES ('p{number:03}', '{name}', 'B{}', {price}, {stock}, 'dive', 1, \
             '2026-01-0{} 00:00:00', '2026-01-01 00:00:00');",
            number % 2,
            number % 9 + 1,
        )
        .expect("a string");
    }
    app.storage.execute(&sql).expect("the rows keep the rules");
}

fn rows(list: &Answer) -> Vec<Value> {
    list.json["data"].as_array().expect("a list").clone()
}

fn ids_of(rows: &[Value]) -> Vec<String> {
    rows.iter()
        .map(|row| row["id"].as_str().map_or_else(|| row["id"].to_string(), str::to_owned))
        .collect()
}

fn ids(list: &Answer) -> Vec<String> {
    ids_of(&rows(list))
}

/// Where a relation of `Link` leads, from a list at this path.
fn link(path: &str, list: &Answer, rel: &str) -> Option<String> {
    let links = list.header("link")?;
    let of_rel = |link: &str| {
        let (target, parameters) = link.strip_prefix("<?")?.split_once('>')?;
        (parameters == format!("; rel=\"{rel}\"")).then(|| target.to_owned())
    };
    let query = links.split(", ").find_map(of_rel)?;
    Some(format!("{}?{query}", path.split('?').next().expect("a path")))
}

/// All rows of a list, page by page from a first one, by the links of this relation.
#[track_caller]
fn walk(app: &App, first: &str, rel: &str) -> Vec<Vec<String>> {
    let (mut pages, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(path) = next {
        assert!(pages.len() < 500, "the pages do not end: {path}");
        let list = app.get(&path).expect(200);
        pages.push(ids(&list));
        next = link(&path, &list, rel);
    }
    pages
}

/// The key of a row, to be compared as it is to be ordered.
fn key(row: &Value, name: &str) -> (i64, String) {
    let value = &row[name];
    let cents = |text: &str| text.replace('.', "").parse().expect("an amount");
    match name {
        "price" | "total_amount" => (cents(value.as_str().expect("money")), String::new()),
        "stock" => (value.as_i64().expect("a number"), String::new()),
        "name" => (0, value.as_str().expect("a text").to_ascii_lowercase()),
        _ => (0, value.as_str().expect("a time").to_owned()),
    }
}

fn each_key_orders_in_both_directions(combination: &Combination) {
    let app = combination.start();
    add_products(&app, 60);
    for (path, keys, default) in [
        ("/products", &["created_at", "price", "name", "stock"][..], "-created_at"),
        ("/products?brand=B1&minPrice=1", &["created_at", "price", "name", "stock"], "-created_at"),
        ("/products?category=dive", &["price", "name"], "-created_at"),
        ("/customers", &["created_at", "name"], "-created_at"),
        ("/customers?tier=gold", &["name"], "-created_at"),
        ("/customers/cust_001/orders", &["created_at", "total_amount"], "-created_at"),
    ] {
        let path = format!("{path}{}limit=1000", if path.contains('?') { '&' } else { '?' });
        let all = rows(&app.get(&path).expect(200));
        assert!(all.len() > 2, "{path}");
        for name in keys {
            let mut expected = all.clone();
            // Ids of orders are numbers: by length, then by bytes.
            expected.sort_by_cached_key(|row| {
                let id = row["id"].as_str().map_or_else(|| row["id"].to_string(), str::to_owned);
                let width = if row["id"].is_number() { id.len() } else { 0 };
                (key(row, name), width, id)
            });
            let up = app.get(&format!("{path}&sort={name}")).expect(200);
            assert_eq!(ids(&up), ids_of(&expected), "{path} {name}");
            expected.reverse();
            let down = app.get(&format!("{path}&sort=-{name}")).expect(200);
            assert_eq!(ids(&down), ids_of(&expected), "{path} -{name}");
        }
        assert_eq!(ids(&app.get(&format!("{path}&sort={default}")).expect(200)), ids_of(&all));
    }
    let by_spending = app.get("/customers?sort=-total_spent&limit=5").expect(200);
    let spent: Vec<f64> = ids(&by_spending)
        .iter()
        .map(|id| {
            app.get(&format!("/customers/{id}")).expect(200).json["data"]["total_spent"].as_f64()
        })
        .map(|spent| spent.expect("a number"))
        .collect();
    assert!(spent.is_sorted_by(|a, b| a >= b) && spent[0] > 0.0, "{spent:?}");
}

/// A to Z as a to z, then by bytes: whatever the locale of the database is.
fn names_are_ordered_alike_on_both_databases(combination: &Combination) {
    let app = combination.start_empty();
    if combination.is_postgres() {
        // As in a database whose locale is a language's. What is made of a name would hold it fast.
        let german = "ALTER TABLE products DROP COLUMN search_text, ALTER name TYPE VARCHAR(255) \
                      COLLATE \"de-x-icu\"";
        app.storage.execute(german).expect("PostgreSQL has ICU");
    }
    let ordered = [
        "_a", "-b", " z", "1", "AB", "a b", "Äther", "É", "é", "zulu", "Zumo", "ß", "İ", "ω", "Ω",
        "Я", "漢", "🕰",
    ];
    let mut ordered: Vec<String> = ordered.map(str::to_owned).to_vec();
    ordered.sort_by_key(|name| name.to_ascii_lowercase());
    let mut sql = String::new();
    for (number, name) in ordered.iter().enumerate().rev() {
        write!(
            sql,
            "INSERT INTO products (id, name, brand, price, stock, category, version, created_at, \
             updated_at) VALUES ('p{:02}', '{name}', 'B', 1, 1, 'dive', 1, '2026-01-01 00:00:00', \
             '2026-01-01 00:00:00');",
            number * 7 % ordered.len(),
        )
        .expect("a string");
    }
    app.storage.execute(&sql).expect("the rows keep the rules");
    let names = |path: &str| -> Vec<String> {
        let rows = rows(&app.get(path).expect(200));
        rows.iter().map(|row| row["name"].as_str().expect("a text").to_owned()).collect()
    };
    assert_eq!(names("/products?sort=name&limit=100"), ordered);
    let by_page = walk(&app, "/products?sort=name&limit=1", "next").concat();
    assert_eq!(by_page, ids(&app.get("/products?sort=name&limit=100").expect(200)));
}

fn links_lead_through_an_order_and_back(combination: &Combination) {
    let app = combination.start();
    add_products(&app, 60);
    for path in [
        "/products?sort=price",
        "/products?sort=-name&brand=B1",
        "/products?sort=stock&category=dive",
        "/products?sort=created_at",
        "/customers?sort=name",
        "/customers?sort=-total_spent&tier=gold",
        "/customers/cust_001/orders?sort=-total_amount",
    ] {
        let all = ids(&app.get(&format!("{path}&limit=1000")).expect(200));
        for limit in [1, 4, 17, all.len(), 1000] {
            let first = format!("{path}&limit={limit}");
            let forward = walk(&app, &first, "next");
            assert_eq!(forward.concat(), all, "{first}");
            assert_eq!(forward.len(), all.len().div_ceil(limit), "{first}");
            // From the last page back: the pages before it, from the end.
            let (mut path, mut last) = (first.clone(), app.get(&first).expect(200));
            while let Some(next) = link(&path, &last, "next") {
                let list = app.get(&next).expect(200);
                assert_eq!(
                    link(&next, &list, "first").as_deref().map(in_order),
                    Some(in_order(&first))
                );
                (path, last) = (next, list);
            }
            let mut back = walk(&app, &path, "prev");
            back.reverse();
            assert_eq!(back.concat(), all, "{first}");
            let links = app.get(&first).expect(200);
            assert_eq!(link(&first, &links, "prev"), None);
            assert_eq!(link(&first, &links, "first"), None);
        }
    }
}

/// The parameters of a link, in any order.
fn in_order(path: &str) -> BTreeSet<String> {
    path.split(['?', '&']).map(str::to_owned).collect()
}

fn rows_that_come_and_go_do_not_shift_the_pages(combination: &Combination) {
    let app = combination.start_empty();
    add_products(&app, 40);
    for sort in ["price", "-name", "stock"] {
        let all = ids(&app.get(&format!("/products?limit=1000&sort={sort}")).expect(200));
        let first = format!("/products?sort={sort}&limit=7");
        let (mut path, mut seen, mut gone) = (first, Vec::new(), None);
        loop {
            let list = app.get(&path).expect(200);
            seen.extend(ids(&list));
            // The row of the cursor goes, and others come at its place.
            let last = rows(&list).last().expect("a row").clone();
            let next = link(&path, &list, "next");
            for id in ["00", "zz"] {
                let mut body = last.clone();
                body["id"] = format!("{id}{}", seen.len()).into();
                app.post("/products", &body).expect(201);
            }
            if let Some(previous) = link(&path, &list, "prev") {
                let before = ids(&app.get(&previous).expect(200));
                assert!(before.iter().all(|id| !ids(&list).contains(id)), "{before:?}");
            }
            let Some(next) = next else { break };
            if gone.is_none() {
                gone = Some(last.clone());
                app.delete(&format!("/products/{}", last["id"].as_str().expect("an id")))
                    .expect(200);
            }
            path = next;
        }
        let distinct: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "one was shown twice: {seen:?}");
        seen.retain(|id| all.contains(id));
        assert_eq!(seen, all, "{sort}");
        app.storage
            .execute("DELETE FROM products WHERE id LIKE '00%' OR id LIKE 'zz%'")
            .expect("rows");
        app.post("/products", &gone.expect("one was deleted")).expect(201);
    }
}

fn a_page_backward_says_what_follows(combination: &Combination) {
    let app = combination.start_empty();
    add_products(&app, 10);
    let second = {
        let first = app.get("/products?sort=price&limit=4").expect(200);
        link("/products", &first, "next").expect("more")
    };
    let second = app.get(&second).expect(200);
    let back = link("/products", &second, "prev").expect("rows before");
    let first = app.get(&back).expect(200);
    assert_eq!(ids(&first), ids(&app.get("/products?sort=price&limit=4").expect(200)));
    assert_eq!(first.json["pagination"]["hasMore"], true);
    assert_eq!(first.json["pagination"]["total"], 10);
    assert_eq!(link("/products", &first, "prev"), None);
    assert!(link("/products", &first, "next").is_some());
    // `before` of the first row is empty, and leads to the start.
    let nothing = {
        let start = app.get("/products?sort=price&limit=4&offset=1").expect(200);
        let before = link("/products", &start, "prev").expect("a row before");
        app.storage
            .execute(&format!("DELETE FROM products WHERE id = '{}'", ids(&first)[0]))
            .expect("a row");
        app.get(&before).expect(200)
    };
    assert_eq!(rows(&nothing), Vec::<Value>::new());
    assert_eq!(nothing.json["pagination"]["hasMore"], false);
    let start = link("/products", &nothing, "first").expect("the start of the list");
    assert_eq!(ids(&app.get(&start).expect(200))[0], ids(&first)[1]);
    // Nothing follows, where all that did is gone.
    let last = walk(&app, "/products?sort=price&limit=4", "next").concat();
    let third = app.get("/products?sort=price&limit=4&offset=3").expect(200);
    let back = link("/products", &third, "prev").expect("rows before");
    let gone: Vec<String> = last[3..].iter().map(|id| format!("'{id}'")).collect();
    let delete = format!("DELETE FROM products WHERE id IN ({})", gone.join(", "));
    app.storage.execute(&delete).expect("rows");
    let back = app.get(&back).expect(200);
    assert_eq!(ids(&back), last[..3]);
    assert_eq!(back.json["pagination"]["hasMore"], false);
    assert_eq!(link("/products", &back, "next"), None);
}

#[track_caller]
fn expect_mismatch(answer: Answer) {
    let answer = answer.expect_failure(400, "This cursor belongs to another list");
    assert_eq!(answer.json["code"], "CURSOR_MISMATCH");
}

fn cursor(list: &Answer) -> String {
    let next = link("/products", list, "next").expect("more");
    let (_, cursor) = next.split_once("after=").expect("a cursor");
    cursor.split('&').next().expect("a value").to_owned()
}

/// With another filter or in another order, what it would lead to is no page of what was read.
fn a_cursor_is_of_its_list_alone(combination: &Combination) {
    let app = combination.start();
    add_products(&app, 20);
    let after = cursor(&app.get("/products?brand=B1&sort=price&limit=2").expect(200));
    for other in [
        "sort=price",
        "brand=B0&sort=price",
        "brand=B1&category=dive&sort=price",
        "brand=B1&minPrice=1&sort=price",
        "category=B1&sort=price",
        "brand=B1&sort=-price",
        "brand=B1&sort=name",
        "brand=B1&sort=stock",
        "brand=B1",
        "",
    ] {
        for name in ["after", "before"] {
            expect_mismatch(app.get(&format!("/products?{other}&{name}={after}")));
        }
    }
    // What chooses no rows may change.
    for same in ["limit=7", "offset=1", "limit=3&category=&unknown=1"] {
        app.get(&format!("/products?brand=B1&sort=price&{same}&after={after}")).expect(200);
    }
    // In the order of before, too.
    let after = cursor(&app.get("/products?brand=B1&limit=2").expect(200));
    app.get(&format!("/products?brand=B1&after={after}")).expect(200);
    app.get(&format!("/products?brand=B1&sort=-created_at&after={after}")).expect(200);
    expect_mismatch(app.get(&format!("/products?after={after}")));
    expect_mismatch(app.get(&format!("/products?brand=B1&sort=created_at&after={after}")));
    // And of its path.
    let after = cursor(&app.get("/customers?limit=1").expect(200));
    expect_mismatch(app.get(&format!("/products?after={after}")));
    let after = cursor(&app.get("/customers/cust_001/orders?limit=1").expect(200));
    app.get(&format!("/customers/cust_001/orders?after={after}")).expect(200);
    expect_mismatch(app.get(&format!("/customers/cust_002/orders?after={after}")));
}

/// A time and an id: what links had before there was a choice.
fn an_older_cursor_still_leads_on(combination: &Combination) {
    let app = combination.start();
    for path in ["/products", "/customers", "/customers/cust_001/orders"] {
        let all = app.get(&format!("{path}?limit=1000")).expect(200);
        let row = &rows(&all)[0];
        let at = row["created_at"].as_str().expect("a time");
        let at = chrono::DateTime::parse_from_rfc3339(at).expect("a time").timestamp_millis();
        let cursor = format!("{at}.{}", ids(&all)[0]);
        let rest = app.get(&format!("{path}?limit=1000&after={cursor}")).expect(200);
        assert_eq!(ids(&rest), ids(&all)[1..], "{path}");
        expect_mismatch(app.get(&format!("{path}?sort=created_at&after={cursor}")));
    }
}

/// Programs follow `Link` until there is none.
fn no_chosen_order_has_the_links_of_before(combination: &Combination) {
    let app = combination.start();
    let (mut path, mut seen) = ("/products?limit=40".to_owned(), 0);
    loop {
        let list = app.get(&path).expect(200);
        seen += rows(&list).len();
        let Some(header) = list.header("link") else {
            assert_eq!(list.json["pagination"]["total"], seen);
            break;
        };
        assert!(header.ends_with("; rel=\"next\"") && !header.contains("prev"), "{header}");
        path = link(&path, &list, "next").expect("it is all there is");
    }
}

fn an_unknown_order_is_refused_with_the_known_ones(combination: &Combination) {
    let app = combination.start();
    for (path, known) in [
        ("/products", "created_at, price, name, stock"),
        ("/customers", "created_at, name, total_spent"),
        ("/customers/cust_001/orders", "created_at, total_amount"),
    ] {
        for bad in ["x", "-", "--name", "Name", "name,price", "+name", "id", "price%20"] {
            let answer =
                app.get(&format!("{path}?sort={bad}")).expect_failure(400, "Invalid request");
            assert_eq!(answer.json["details"]["field"], "sort", "{bad}");
            assert_eq!(answer.json["errors"][0]["code"], "NOT_ONE_OF");
            assert!(answer.text.contains(known), "{}", answer.text);
        }
        for bad in ["sort=name&sort=name", "Sort=name", "sort[]=name"] {
            app.get(&format!("{path}?{bad}")).expect_failure(400, "Invalid request");
        }
        app.get(&format!("{path}?sort=")).expect(200);
    }
}

fn a_cursor_that_no_link_has_is_refused(combination: &Combination) {
    let app = combination.start();
    let good = cursor(&app.get("/products?sort=price&limit=1").expect(200));
    let tag = good.split('~').next().expect("a tag");
    for bad in [
        "x",
        "~~",
        "1",
        &format!("{tag}~"),
        &format!("{tag}~prod_001"),
        &format!("{tag}~prod_001~x"),
        &format!("{tag}~prod_001~1.5"),
        &format!("{tag}~prod_001~99999999999999999999"),
        &format!("{tag}~a%20b~1"),
        &format!("{}~prod_001~1", tag.to_uppercase().replace(|c: char| c.is_ascii_digit(), "G")),
    ] {
        for name in ["after", "before"] {
            let answer = app.get(&format!("/products?sort=price&{name}={bad}"));
            let answer = answer.expect_failure(400, "Invalid request");
            assert_eq!(answer.json["details"]["field"], *name, "{bad}");
            assert_eq!(answer.json["errors"][0]["code"], "NOT_A_CURSOR");
        }
    }
    let both = app.get(&format!("/products?sort=price&after={good}&before={good}"));
    assert_eq!(both.expect_failure(400, "Invalid request").json["details"]["field"], "before");
    let orders = "/customers/cust_001/orders";
    let good = cursor(&app.get(&format!("{orders}?sort=total_amount&limit=1")).expect(200));
    let tag = good.split('~').next().expect("a tag");
    let answer = app.get(&format!("{orders}?sort=total_amount&before={tag}~prod_001~1"));
    assert_eq!(answer.expect_failure(400, "Invalid request").json["details"]["field"], "before");
}

/// L7, in the other direction.
fn a_page_backward_ends_early_and_loses_nothing(combination: &Combination) {
    let app = combination.start_empty();
    add_products(&app, 120);
    let long = format!("'{{\"a\":\"{}\"}}'", "x".repeat(16_000));
    app.storage.execute(&format!("UPDATE products SET metadata = {long}")).expect("rows");
    let path = "/products?sort=name&limit=500";
    let forward = walk(&app, path, "next");
    assert!(forward.len() > 1, "{}", forward.len());
    let mut last = path.to_owned();
    while let Some(next) = link(path, &app.get(&last).expect(200), "next") {
        last = next;
    }
    let mut back = walk(&app, &last, "prev");
    back.reverse();
    assert_eq!(back.concat(), forward.concat());
    assert_eq!(back.concat().len(), 120);
}
