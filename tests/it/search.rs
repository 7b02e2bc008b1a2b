//! Products are found by words, alike on both databases, and counted by brand and category.

use crate::app::{App, Combination, Storage};
use crate::cases;
use crate::client::Answer;
use crate::upgrade::store_before;
use serde_json::{Value, json};

cases![
    Everywhere:
        words_find_products,
        a_search_without_words_or_with_too_many_is_refused,
        a_search_is_ordered_counted_and_paged;
    BothBackends:
        what_is_found_follows_every_change,
        a_frequent_word_is_paged_through_as_a_rare_one,
        products_of_an_older_store_are_found;
    OnPostgres:
        without_the_extension_a_search_finds_the_same;
];

/// The products that are looked for: id, name, brand, category, metadata.
fn products() -> [(&'static str, &'static str, &'static str, &'static str, Value); 8] {
    [
        ("sub", "Submariner Date", "Rolex", "dive", json!({ "reference": "116610LN" })),
        ("gmt", "GMT-Master II", "ROLEX", "gmt", json!({ "reference": "126710BLNR" })),
        ("defy", "DÉFY Skyline", "Zénith", "sport", json!({ "reference": "03.9300.3620/01" })),
        ("raketa", "Полярные", "РАКЕТА", "pilot", json!({ "reference": 116_610 })),
        ("omega", "Ωμέγα Ωρολόγιο", "Omega", "dress", Value::Null),
        ("odd", "100%_\\ \"o'clock\" \u{212a}elvin", "A*B^C", "(odd)", json!({ "note": "rolex" })),
        ("turk", "İstanbul Straße", "Æon", "ŒUVRE Ÿ", json!({ "reference": ["116610"] })),
        ("x", "X", "Y", "dive", json!({ "reference": "ÄB" })),
    ]
}

/// What is looked for, and which products have it, in the order of their ids.
const FOUND: &[(&str, &str)] = &[
    ("rolex", "gmt sub"),
    ("ROLEX", "gmt sub"),
    ("rOl", "gmt sub"),
    ("ole", "gmt sub"),
    ("mariner", "sub"),
    ("date submariner", "sub"),
    ("  date \t submariner\n", "sub"),
    ("dive rolex", "sub"),
    ("116610ln date rolex dive", "sub"),
    ("dive omega", ""),
    ("submariner submariner sub", "sub"),
    ("submarinerdate", ""),
    ("daterolex", ""),
    ("116610LN", "sub"),
    ("116610", "sub"),
    ("116610 note", ""),
    ("6710bl", "gmt"),
    ("03.9300.3620/01", "defy"),
    ("9300_3620", ""),
    ("gmt-master", "gmt"),
    ("gmtmaster", ""),
    ("-", "gmt"),
    ("défy", "defy"),
    ("Défy ZÉNITH", "defy"),
    ("É", "defy"),
    ("éN", "defy"),
    ("defy", ""),
    ("ракета", "raketa"),
    ("ПОЛЯР ракЕ", "raketa"),
    ("Я", "raketa"),
    ("ωΜΈΓΑ", "omega"),
    ("ω", "omega"),
    ("ΩΡ ομ", ""),
    ("ωρ om", "omega"),
    ("a", "gmt odd omega sub turk"),
    ("x", "gmt sub x"),
    ("ii", "gmt"),
    ("ro ii", "gmt"),
    ("ro master", "gmt"),
    ("%", "odd"),
    ("_", "odd"),
    ("%_\\", "odd"),
    ("100%_", "odd"),
    ("1%0", ""),
    ("\\", "odd"),
    ("\"", "odd"),
    ("\"o'clock\"", "odd"),
    ("o'cl", "odd"),
    ("'", "odd"),
    ("\" OR \"a", ""),
    ("rolex*", ""),
    ("rol*", ""),
    ("NOT rolex", ""),
    ("rolex OR", ""),
    ("a*b^c", "odd"),
    ("(odd)", "odd"),
    ("search_text:rolex", ""),
    ("^sub", ""),
    ("kelvin", ""),
    ("\u{212a}elvin", "odd"),
    ("elvin", "odd"),
    ("İstanbul", "turk"),
    ("istanbul", ""),
    ("stanbul STRASSE", ""),
    ("straße", "turk"),
    ("æON œuvre ÿ", "turk"),
    ("äb", "x"),
    ("äb y dive x", "x"),
    ("\u{1f600}", ""),
    ("sub\u{2003}date\u{1f}", "sub"),
];

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn add_products(app: &App) {
    for (id, name, brand, category, metadata) in products() {
        let body = json!({
            "id": id, "name": name, "brand": brand, "price": 1, "stock": 1, "category": category,
            "metadata": metadata,
        });
        app.post("/products", &body).expect(201);
    }
}

fn ids(list: &Answer) -> Vec<String> {
    let rows = list.json["data"].as_array().expect("a list");
    rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

/// Where the list goes on.
fn next_query(page: &Answer) -> Option<String> {
    let next = page.header("link")?.split(", ").find(|link| link.contains("rel=\"next\""))?;
    Some(next.strip_prefix("<?")?.split_once('>')?.0.to_owned())
}

fn found(app: &App, words: &str) -> String {
    let list = app.get(&format!("/products?limit=1000&q={}", encode(words))).expect(200);
    let mut found = ids(&list);
    assert_eq!(list.json["pagination"]["total"], found.len(), "{words}");
    found.sort();
    found.join(" ")
}

#[track_caller]
fn expect_all(app: &App) {
    for (words, expected) in FOUND {
        assert_eq!(found(app, words), *expected, "{words}");
    }
}

fn words_find_products(combination: &Combination) {
    let app = combination.start_empty();
    add_products(&app);
    expect_all(&app);
}

fn a_search_without_words_or_with_too_many_is_refused(combination: &Combination) {
    let app = combination.start();
    let all = app.get("/products?q=").expect(200);
    assert_eq!(all.json["pagination"]["total"], app.get("/products").json["pagination"]["total"]);
    let (ten, longest) = (["rolex"; 10].join("+"), "x".repeat(200));
    app.get(&format!("/products?q={ten}")).expect(200);
    app.get(&format!("/products?q={longest}")).expect(200);
    app.get(&format!("/products?q={}", encode(&"é".repeat(200)))).expect(200);
    for (path, field, rule) in [
        ("/products?q=+".to_owned(), "q", "EMPTY"),
        ("/products?q=%20%09%0A%1F%C2%A0".to_owned(), "q", "EMPTY"),
        (format!("/products?q={ten}+a"), "q", "TOO_LONG"),
        (format!("/products?q={longest}x"), "q", "TOO_LONG"),
        ("/products?q=a&q=b".to_owned(), "q", "REPEATED"),
        ("/products?Q=a".to_owned(), "q", "MISSPELT"),
        ("/products?q=a%00".to_owned(), "query", "NUL"),
    ] {
        let answer = app.get(&path).expect_failure(400, "Invalid request");
        let first = &answer.json["errors"][0];
        assert_eq!((&first["field"], &first["code"]), (&json!(field), &json!(rule)), "{path}");
    }
}

fn a_search_is_ordered_counted_and_paged(combination: &Combination) {
    let app = combination.start();
    let whole = app.get("/products?q=automatic+rolex&limit=1000").expect(200);
    assert_eq!(ids(&whole).len(), 0, "a movement is not looked at");
    for sort in ["", "price", "-price", "name", "-stock", "created_at"] {
        for q in ["rolex", "ro", "rolex+da"] {
            let query = format!("q={q}&sort={sort}&in_stock=true");
            let whole = ids(&app.get(&format!("/products?{query}&limit=1000")).expect(200));
            assert!(whole.len() > 1, "{query}");
            let mut seen = Vec::new();
            let mut next = Some(format!("{query}&limit=2&fields=id"));
            while let Some(query) = next {
                let page = app.get(&format!("/products?{query}")).expect(200);
                assert_eq!(page.json["pagination"]["total"], whole.len(), "{query}");
                seen.extend(ids(&page));
                let link = page.header("link").unwrap_or_default();
                let link = link.split(", ").find(|link| link.contains("rel=\"next\""));
                next = link
                    .and_then(|link| Some(link.strip_prefix("<?")?.split_once('>')?.0.to_owned()));
            }
            assert_eq!(seen, whole, "{query}");
        }
    }
    let first = app.get("/products?q=rolex&limit=1").expect(200);
    let cursor = first.header("link").and_then(|link| link.split_once("after=")?.1.split_once('>'));
    let (cursor, _) = cursor.expect("there are more");
    app.get(&format!("/products?q=rolex&after={cursor}")).expect(200);
    for other in ["q=Rolex&", "q=rolex+date&", ""] {
        let answer = app.get(&format!("/products?{other}after={cursor}"));
        answer.expect_failure(400, "This cursor belongs to another list");
    }
    let uncounted = app.get("/products?q=rolex&count=none").expect(200);
    assert_eq!(uncounted.json["pagination"].get("total"), None);
    let estimated = app.get("/products?q=rolex&count=estimated").expect(200);
    assert_eq!(estimated.json["pagination"]["total"], first.json["pagination"]["total"]);
}

fn what_is_found_follows_every_change(combination: &Combination) {
    let app = combination.start_empty();
    add_products(&app);
    app.put("/products/sub", &json!({ "name": "Éxplorer" })).expect(200);
    assert_eq!([found(&app, "submariner"), found(&app, "éXP")], ["", "sub"]);
    app.put("/products/sub", &json!({ "brand": "TUDOR" })).expect(200);
    app.put("/products/sub", &json!({ "category": "field" })).expect(200);
    assert_eq!(found(&app, "tudor field 116610ln"), "sub");
    app.put("/products/sub", &json!({ "metadata": { "reference": "79470-ABC" } })).expect(200);
    assert_eq!([found(&app, "116610"), found(&app, "470-a")], ["", "sub"]);
    app.put("/products/sub", &json!({ "metadata": null, "stock": 5 })).expect(200);
    assert_eq!([found(&app, "79470"), found(&app, "xplorer")], ["", "sub"]);
    app.patch("/products/sub/inventory", &json!({ "quantity": 1 })).expect(200);
    assert_eq!(found(&app, "xplorer"), "sub");
    app.delete("/products/sub").expect(200);
    assert_eq!([found(&app, "xplorer"), found(&app, "éx")], ["", ""]);

    // Past the program, as an operator may.
    let renamed = "UPDATE products SET id = 'renamed', name = 'CHRONOMÈTRE' WHERE id = 'gmt'";
    app.storage.execute(renamed).expect("the row is there");
    assert_eq!([found(&app, "chronomètre"), found(&app, "master")], ["renamed", ""]);
    app.storage.execute("DELETE FROM products WHERE id = 'renamed'").expect("the row is there");
    assert_eq!(found(&app, "chronomètre"), "");
    if !combination.is_postgres() {
        let others = "id, brand, price, stock, category, metadata, version, created_at, updated_at";
        let replaced = format!(
            "INSERT OR REPLACE INTO products ({others}, name) SELECT {others}, 'Ersatz' FROM products \
             WHERE id = 'x'"
        );
        app.storage.execute(&replaced).expect("the row is there");
        assert_eq!([found(&app, "ersatz"), found(&app, "äb")], ["x", "x"]);
        app.storage.execute("VACUUM").expect("nobody writes");
        assert_eq!(found(&app, "ersatz"), "x");
        let check =
            "INSERT INTO product_trigrams (product_trigrams, rank) VALUES ('integrity-check', 1)";
        app.storage.execute(check).expect("the index agrees with the texts");
    }
    app.storage.execute("DELETE FROM products").expect("nothing holds them");
    assert_eq!([found(&app, "rolex"), found(&app, "e")], ["", ""]);
}

fn a_frequent_word_is_paged_through_as_a_rare_one(combination: &Combination) {
    let app = combination.start_empty();
    let columns = "id, name, brand, price, stock, category, version, created_at, updated_at";
    let rows = format!(
        "INSERT INTO products ({columns}) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 \
         FROM n WHERE i < 2499) SELECT 'p' || (10000 + i), 'Common ' || i, 'B', (i * 7919) % 2500, \
         i % 3, 'c', 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00' FROM n"
    );
    app.storage.execute(&rows).expect("rows");
    add_products(&app);
    type HasIt = fn(usize) -> bool;
    type Place = fn(usize) -> (usize, usize);
    let searches: [(&str, HasIt); 6] = [
        ("common", |_| true),
        ("Co", |_| true),
        ("MM b", |_| true),
        ("common 77", |i| i.to_string().contains("77")),
        ("999", |i| i.to_string().contains("999")),
        ("4 common", |i| i.to_string().contains('4')),
    ];
    let orders: [(&str, Place); 3] = [
        ("created_at", |i| (0, i)),
        ("price", |i| (i * 7919 % 2500, i)),
        ("stock", |i| (i % 3, i)),
    ];
    for (q, has_it) in searches {
        let expected = (0..2500).filter(|i| has_it(*i));
        let mut expected: Vec<usize> = expected.collect();
        for (sort, place) in orders {
            expected.sort_by_key(|i| place(*i));
            let expected: Vec<String> =
                expected.iter().map(|i| format!("p{}", 10_000 + i)).collect();
            let query = format!("q={}&sort={sort}&limit=700&brand=B", encode(q));
            let mut seen = Vec::new();
            let mut next = Some(query);
            while let Some(query) = next {
                let page = app.get(&format!("/products?{query}")).expect(200);
                assert_eq!(page.json["pagination"]["total"], expected.len(), "{query}");
                seen.extend(ids(&page));
                next = next_query(&page);
            }
            assert_eq!(seen, expected, "{q}, {sort}");
        }
    }
}

fn products_of_an_older_store_are_found(combination: &Combination) {
    let storage = store_before(combination, "2026-11-27-000001_search_products");
    for (id, name, brand, category, metadata) in products() {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let metadata =
            if metadata.is_null() { "NULL".to_owned() } else { quoted(&metadata.to_string()) };
        let (name, brand, category) = (quoted(name), quoted(brand), quoted(category));
        let time = "'2026-01-01 00:00:00'";
        let row = format!(
            "INSERT INTO products VALUES ('{id}', {name}, {brand}, 100, 5, {category}, {metadata}, \
             1, {time}, {time})"
        );
        storage.execute(&row).unwrap_or_else(|error| panic!("{row}: {error}"));
    }
    expect_all(&App::start(combination, storage, &[]));
}

/// The role of the program may make tables, and no extension.
fn without_the_extension_a_search_finds_the_same(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let (_, database) = storage.database_url.rsplit_once('/').expect("a URL with a path");
    let role = format!("{database}_clerk");
    let rights = format!("CREATE ROLE {role} LOGIN; GRANT CREATE ON SCHEMA public TO {role}");
    storage.execute(&rights).expect("the tests may do everything");
    let url = storage.database_url.replacen("chronos@", &format!("{role}@"), 1);
    let index = "SELECT count(*) AS count FROM pg_class WHERE relname = 'products_by_search_text'";
    let app = App::start(combination, storage, &[("DATABASE_URL", &url)]);
    let count = |sql: &str| app.storage.count(sql);
    assert_eq!(count("SELECT count(*) AS count FROM pg_extension WHERE extname = 'pg_trgm'"), 0);
    assert_eq!(count(index), 0);
    add_products(&app);
    expect_all(&app);
    let log = app.processes[0].log();
    assert!(log.contains("no index products_by_search_text"), "{log}");
    let (_, made) = log.split_once("makes it with ").expect("it says how");
    let made = made.lines().next().expect("a line");
    app.storage.execute(made).expect("it is SQL");
    assert_eq!(count(index), 1);
    expect_all(&app);
}
