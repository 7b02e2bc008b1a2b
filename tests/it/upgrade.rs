//! A store that an older version filled, and what the newest migration makes of its rows.

use crate::app::{App, Combination, Storage};
use crate::cases;
use crate::client::Answer;
use crate::customer::CUSTOMERS_WITH_ANOTHER_SUM;
use crate::schema::{migrations, run_file};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;

cases![
    BothBackends:
        a_store_of_the_first_version_keeps_every_row,
        rows_larger_than_the_bound_live_on,
        times_of_an_older_store_are_cut_and_paged_through,
        the_next_order_of_an_older_store_follows_every_order_there_was,
        pending_orders_of_an_older_store_have_a_claim_to_their_pieces;
    BothBackends: orders_of_an_older_store_have_books;
    WithServers:
        an_older_sqlite_finds_no_error_in_a_store;
];

fn a_store_of_the_first_version_keeps_every_row(combination: &Combination) {
    let storage = older_store(combination);
    let app = App::start(combination, storage, &[]);
    let count = |table: &str| app.storage.count(&format!("SELECT count(*) AS count FROM {table}"));
    assert_eq!(["products", "customers", "orders", "order_items"].map(count), [5, 2, 1, 2]);
    let orders = app.get("/customers/c-1/orders").expect(200).json["data"].clone();
    let items = json!([
        { "product_id": "p-1", "product_name": "One", "quantity": 2, "price": "1.00" },
        { "product_id": "gone", "product_name": "Gone", "quantity": 1, "price": "0.50" },
    ]);
    assert_eq!((&orders[0]["items"], &orders[0]["total_amount"]), (&items, &json!("2.50")));
    assert_eq!(orders[0].get("discount_amount"), None, "{orders}");
    let spent = "SELECT total_spent AS count FROM customers WHERE id = 'c-1'";
    assert_eq!(app.storage.count(spent), 250, "the migration adds up what is there");
    assert_eq!(app.storage.count(CUSTOMERS_WITH_ANOTHER_SUM), 0);
    app.delete("/customers/c-1").expect(409);
    app.delete("/customers/c-2").expect(200);
    // The tables are the new ones.
    let dotted = json!({
        "id": "5711.1A-010", "name": "N", "brand": "B", "price": 1, "stock": 1, "category": "c",
    });
    app.post("/products", &dotted).expect(201);
}

fn rows_larger_than_the_bound_live_on(combination: &Combination) {
    let app = App::start(combination, older_store(combination), &[]);
    let large = "x".repeat(100_000);
    let shown = |path: &str| app.get(path).expect(200).json["data"].clone();
    assert_eq!(shown("/products/large")["metadata"]["a"], large.as_str());
    assert_eq!(shown("/customers/c-1")["address"]["a"], large.as_str());
    assert_eq!(shown("/customers/c-1/orders")[0]["shipping_address"]["a"], large.as_str());
    app.get("/products?limit=100").expect(200);

    app.patch("/products/large/inventory", &json!({ "quantity": 1 })).expect(200);
    app.put("/products/large", &json!({ "name": "Renamed" })).expect(200);
    app.put("/customers/c-1", &json!({ "name": "Renamed" })).expect(200);
    let product = shown("/products/large");
    assert_eq!((&product["name"], &product["stock"]), (&json!("Renamed"), &json!(4)));
    assert_eq!(product["metadata"]["a"], large.as_str());

    let again = json!({ "metadata": product["metadata"] });
    assert_eq!(app.put("/products/large", &again).expect(400).json["code"], "VALIDATION_FAILED");
    for (table, column) in
        [("products", "metadata"), ("customers", "address"), ("orders", "shipping_address")]
    {
        let larger = format!("UPDATE {table} SET {column} = '{{\"a\":\"{large}\"}}'");
        app.storage.execute(&larger).expect_err("it is held to the bound from now on");
    }
    app.put("/products/large", &json!({ "metadata": { "a": 1 } })).expect(200);
    app.put("/customers/c-1", &json!({ "address": null })).expect(200);
    app.delete("/products/large").expect(200);
}

fn times_of_an_older_store_are_cut_and_paged_through(combination: &Combination) {
    let app = App::start(combination, older_store(combination), &[]);
    let mut seen = Vec::new();
    let mut next = Some("/products?limit=1".to_owned());
    while let Some(path) = next {
        let page = app.get(&path).expect(200);
        let rows = page.json["data"].as_array().expect("a list");
        let row =
            |row: &Value| [&row["id"], &row["created_at"]].map(|v| v.as_str().map(str::to_owned));
        seen.extend(rows.iter().map(row));
        next = next_path(&page);
        assert!(seen.len() <= 5, "a page comes again: {seen:?}");
    }
    let expected = [
        ["no-end", "9999-12-31T23:59:59.999Z"],
        [
            "leap",
            if combination.is_postgres() {
                "2017-01-01T00:00:00.500Z"
            } else {
                "2016-12-31T23:59:59.999Z"
            },
        ],
        ["large", "2016-12-31T23:59:59.999Z"],
        ["p-1", "2016-12-31T23:59:59.998Z"],
        ["old", "0001-01-01T00:00:00.000Z"],
    ];
    let expected = expected.map(|row| row.map(|text| Some(text.to_owned())));
    assert_eq!(seen, expected);
}

fn the_next_order_of_an_older_store_follows_every_order_there_was(combination: &Combination) {
    let app = App::start(combination, older_store(combination), &[]);
    let order = "INSERT INTO orders (order_number, customer_id, total_amount, status, version, \
                 created_at, updated_at, placed_at) VALUES ('NEXT', 'c-1', 0, 'pending', 1, \
                 '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00')";
    app.storage.execute(order).expect("the database numbers it");
    // Order 9 was deleted before the migration, and its number is not given to another one.
    assert_eq!(app.storage.count("SELECT max(id) AS count FROM orders"), 10);
}

/// Completed orders are paid and fulfilled, and the first lines have the discount.
fn orders_of_an_older_store_have_books(combination: &Combination) {
    let storage = store_before(combination, "2026-11-27-000003_sell");
    let at = "'2026-01-01 00:00:00'";
    let mut rows = format!(
        "INSERT INTO customers (id, email, name, tier, version, created_at, updated_at, total_spent) \
         VALUES ('c', 'c@d', 'C', 'gold', 1, {at}, {at}, 1300);"
    );
    // A number, a status, and what it comes to: two lines of 500, a discount of 600, shipping of 100.
    for (id, status, total) in [(1, "completed", 500), (2, "pending", 800), (3, "cancelled", 500)] {
        rows += &format!(
            "INSERT INTO orders (id, order_number, customer_id, total_amount, status, version, \
             created_at, updated_at, discount_amount, shipping_amount) \
             VALUES ({id}, 'N-{id}', 'c', {total}, '{status}', 1, {at}, {at}, 600, 100); \
             INSERT INTO order_items (order_id, line, product_id, product_name, quantity, price) \
             VALUES ({id}, 1, 'gone', 'Gone', 1, 500), ({id}, 2, 'gone', 'Gone', 5, 100);"
        );
    }
    storage.execute(&rows).expect("the rules of then");
    let app = App::start(combination, storage, &[]);
    let shown = |id: i64| app.get(&format!("/orders/{id}")).expect(200).json["data"].clone();
    for (id, states, paid, difference) in [
        (1, ["completed", "paid", "fulfilled"], "5.00", "0.00"),
        (2, ["pending", "unpaid", "unfulfilled"], "0.00", "3.00"),
        (3, ["cancelled", "void", "none"], "0.00", "0.00"),
    ] {
        let order = shown(id);
        let shown =
            ["status", "payment_status", "fulfilment_status"].map(|name| order[name].clone());
        assert_eq!(shown, states, "{order}");
        assert_eq!(
            (&order["paid_amount"], &order["import_difference"]),
            (&json!(paid), &json!(difference))
        );
        let lines = order["items"].as_array().expect("a list").iter();
        let lines: Vec<_> =
            lines.map(|line| (&line["discount_amount"], &line["total_amount"])).collect();
        let expected = [(&json!("5.00"), &json!("0.00")), (&json!("1.00"), &json!("4.00"))];
        assert_eq!(lines, expected, "{order}");
    }
    crate::stock::expect_proved(&app);
    let body = json!({ "lines": [{ "line": 2, "quantity": 5 }], "restock": true, "reason": "x" });
    let back = crate::stock::post(&app, "/orders/1/returns", &body).expect(200);
    assert_eq!(back.json["data"]["refund_due_amount"], "4.00");
    crate::stock::expect_proved(&app);
}

fn pending_orders_of_an_older_store_have_a_claim_to_their_pieces(combination: &Combination) {
    let storage = older_store(combination);
    for (id, status) in [(20, "pending"), (21, "pending"), (22, "cancelled")] {
        let order = format!(
            "INSERT INTO orders (id, order_number, customer_id, total_amount, status, version, \
             created_at, updated_at) VALUES ({id}, 'N-{id}', 'c-1', 0, '{status}', 1, \
             '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
        );
        storage.execute(&order).expect("the rules are kept");
        // Of "leap" there would be more than can be counted.
        let items = format!(
            "INSERT INTO order_items VALUES ({id}, 1, 'p-1', 'One', 2, 0), \
             ({id}, 2, 'p-1', 'One', 1, 0), ({id}, 3, 'gone', 'Gone', 1, 0), \
             ({id}, 4, 'leap', 'Leap', 2147483647, 0)"
        );
        storage.execute(&items).expect("the rules are kept");
    }
    let only_gone = "INSERT INTO orders (id, order_number, customer_id, total_amount, status, version, \
                     created_at, updated_at) VALUES (23, 'N-23', 'c-1', 0, 'pending', 1, \
                     '2026-01-01 00:00:00', '2026-01-01 00:00:00'); \
                     INSERT INTO order_items VALUES (23, 1, 'gone', 'Gone', 1, 0)";
    storage.execute(only_gone).expect("the rules are kept");
    let app = App::start(combination, storage, &[]);
    let level = app.get("/products/p-1/stock").expect(200).json["data"].clone();
    let numbers = ["on_hand", "reserved", "available"].map(|name| level[name].as_i64());
    assert_eq!(numbers, [Some(11), Some(6), Some(5)], "what can be sold is as it was");
    let holds = app.get("/holds").expect(200).json["data"].clone();
    let orders: BTreeSet<i64> = holds
        .as_array()
        .expect("a list")
        .iter()
        .map(|hold| hold["order_id"].as_i64().expect("an order"))
        .collect();
    assert_eq!(orders, BTreeSet::from([20, 21]));
    let items = json!([{ "product_id": "p-1", "quantity": 3, "open_quantity": 3 }]);
    assert_eq!((&holds[0]["items"], &holds[0]["actor"]), (&items, &json!("migration")));
    let lines = app.get("/products/p-1/stock/ledger").expect(200).json["data"].clone();
    let line = &lines[0];
    assert_eq!(lines.as_array().map(Vec::len), Some(1));
    assert_eq!((&line["kind"], &line["on_hand_delta"]), (&json!("opening"), &json!(11)));
    let proof = app.get("/stock/proof").expect(200).json["data"].clone();
    assert_eq!((&proof["proved"], &proof["drift"]), (&json!(true), &json!([])));
}

/// `sqlite3` of Debian 12 is 3.40, in which `json_valid(NULL)` is 0 and not NULL.
fn an_older_sqlite_finds_no_error_in_a_store(combination: &Combination) {
    // scripts/services has installed the program, and is there for both back ends only.
    if combination.is_postgres() {
        return;
    }
    for storage in [Storage::seeded(&combination.backend), older_store(combination)] {
        let app = App::start(combination, storage, &[]);
        let file = app.storage.database_url.strip_prefix("sqlite://").expect("a file");
        // The server writes now and then by itself, and one waits for the other.
        let sqlite3 = |sql: &str| {
            let patient = ["-bail", "-cmd", ".timeout 5000", file, sql];
            let output = Command::new("sqlite3").args(patient).output();
            let output = output.expect("sqlite3 is there: scripts/services install");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            (output.status.success(), text + &String::from_utf8_lossy(&output.stderr))
        };
        for check in ["PRAGMA integrity_check", "PRAGMA quick_check"] {
            assert_eq!(sqlite3(check), (true, "ok\n".to_owned()), "{check}");
        }
        assert_eq!(sqlite3("PRAGMA foreign_key_check"), (true, String::new()));
        // An operator's statement that leaves a JSON column empty.
        let empty = "UPDATE products SET metadata = NULL; UPDATE customers SET address = NULL; \
                     UPDATE orders SET shipping_address = NULL; SELECT changes() > 0";
        assert_eq!(sqlite3(empty), (true, "1\n".to_owned()));
    }
}

// ------------------------------------------------------------ What the cases use

/// Where `Link: <…>; rel="next"` leads from the products.
fn next_path(page: &Answer) -> Option<String> {
    let (target, _) = page.header("link")?.strip_prefix('<')?.split_once('>')?;
    let (_, query) = target.split_once('?').expect("the cursor is in the query");
    Some(format!("/products?{query}"))
}

/// An empty store that lacks this migration and all that came later.
pub fn store_before(combination: &Combination, migration: &str) -> Storage {
    let storage = Storage::empty(&combination.backend);
    let made = "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
                run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)";
    storage.execute(made).expect("the database is empty");
    for folder in migrations(combination) {
        let name = folder.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        if name >= migration {
            break;
        }
        run_file(&storage, folder.join("up.sql"));
        let (version, _) = name.split_once('_').expect("a version and what it does");
        let version = version.replace('-', "");
        let made = format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')");
        storage.execute(&made).expect("the table is there");
    }
    storage
}

/// A store as the first version left it, with rows that it let in and the newest does not.
fn older_store(combination: &Combination) -> Storage {
    let storage = store_before(combination, "2026-11-25-000001_bound_json_ids_and_times");
    let execute = |sql: &str| {
        storage
            .execute(sql)
            .unwrap_or_else(|error| panic!("{}: {error}", &sql[..sql.len().min(300)]));
    };
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(100_000));
    // How each database kept what it was given: the texts are those of the first version.
    let (no_end, leap, old) = if combination.is_postgres() {
        ("9999-12-31 23:59:59.999999", "2017-01-01 00:00:00.5", "0001-01-01 00:00:00 BC")
    } else {
        ("9999-12-31 23:59:59.999999900", "2016-12-31 23:59:60.500", "0000-01-01 00:00:00")
    };
    for (id, time, metadata) in [
        ("p-1", "2016-12-31 23:59:59.998", "NULL"),
        ("large", "2016-12-31 23:59:59.999", format!("'{large}'").as_str()),
        ("leap", leap, "NULL"),
        ("no-end", no_end, "'{}'"),
        ("old", old, "NULL"),
    ] {
        execute(&format!(
            "INSERT INTO products VALUES ('{id}', 'N', 'B', 100, 5, 'c', {metadata}, 1, '{time}', '{time}')"
        ));
    }
    for (id, address) in [("c-1", format!("'{large}'").as_str()), ("c-2", "NULL")] {
        execute(&format!(
            "INSERT INTO customers VALUES ('{id}', '{id}@example.com', 'N', 'gold', NULL, {address}, 1, \
             '2026-01-01 00:00:00', '{no_end}')"
        ));
    }
    for id in [7, 9] {
        execute(&format!(
            "INSERT INTO orders (id, order_number, customer_id, total_amount, status, shipping_address, \
             version, created_at, updated_at) VALUES ({id}, 'N-{id}', 'c-1', 250, 'completed', \
             '{large}', 1, '2026-01-01 00:00:00', '{leap}')"
        ));
    }
    if combination.is_postgres() {
        execute("SELECT setval(pg_get_serial_sequence('orders', 'id'), 9)");
    }
    execute("DELETE FROM orders WHERE id = 9");
    execute(
        "INSERT INTO order_items VALUES (7, 1, 'p-1', 'One', 2, 100), (7, 2, 'gone', 'Gone', 1, 50)",
    );
    let ids: BTreeSet<i64> = [storage.count("SELECT max(id) AS count FROM orders")].into();
    assert_eq!(ids, BTreeSet::from([7]));
    storage
}
