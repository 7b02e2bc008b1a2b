//! D9: what the schema refuses by itself, when somebody writes past the program. Each refusal stands
//! beside the same statement with a good value, which passes: a mistake in the SQL is no refusal.

use crate::app::{Backend, Combination, Storage};
use crate::cases;
use std::path::PathBuf;

cases![
    BothBackends:
        a_price_is_0_to_9999999999_cents,
        a_number_is_a_number,
        a_fraction_of_a_cent_is_never_stored,
        a_stock_is_0_to_2147483647,
        an_update_is_held_to_the_rules_of_an_insert,
        names_are_neither_blank_nor_too_long,
        an_id_is_1_to_50_plain_characters,
        an_id_belongs_to_one_row,
        a_json_column_holds_an_object_or_nothing,
        a_json_column_holds_16384_bytes,
        an_amount_of_an_order_is_not_negative,
        one_instant_has_one_text,
        a_version_is_positive,
        a_time_is_a_time,
        a_tier_is_one_of_four,
        a_status_is_one_of_three,
        what_an_order_cannot_be_is_refused,
        an_email_is_visible_ascii_with_one_at_sign,
        an_email_belongs_to_one_customer_in_any_case,
        an_order_has_a_customer,
        a_customer_with_orders_cannot_be_deleted_or_renamed,
        an_order_number_belongs_to_one_order,
        a_total_is_not_negative,
        an_item_has_an_order,
        an_item_has_a_place_of_its_own,
        a_quantity_is_1_to_2147483647,
        the_items_of_a_deleted_order_go_with_it,
        an_order_outlives_its_products,
        a_kept_answer_is_a_success_under_a_digest,
        required_columns_refuse_null,
        down_takes_away_everything_that_up_made;
];

const PLAIN_IDS: [&str; 8] = [
    "'a'",
    "'A-z_09'",
    "'-'",
    "'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee'",
    "'5711.1A-010'",
    "'.a'",
    "'a.'",
    "'...'",
];
const OTHER_IDS: [&str; 11] = [
    "''",
    "' '",
    "'a b'",
    "'.'",
    "'..'",
    "'a/b'",
    "'a''b'",
    "'é'",
    "'a\n'",
    "'\na'",
    "'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeef'",
];

fn a_price_is_0_to_9999999999_cents(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    for row in [product(), item()] {
        let good = ["0", "1", "9999999999"];
        let bad = ["-1", "10000000000", "9223372036854775807", "-9223372036854775808"];
        expect_rule(&storage, &row, "price", &good, &bad);
    }
}

fn a_number_is_a_number(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let bad = ["'abc'", "''", "'NaN'", "'Infinity'", "'1.5'", "'1e400'", "1e400"];
    for (row, column) in [
        (product(), "price"),
        (product(), "stock"),
        (product(), "version"),
        (order(), "id"),
        (order(), "total_amount"),
        (item(), "line"),
        (item(), "quantity"),
        (item(), "price"),
    ] {
        expect_rule(&storage, &row, column, &["1000"], &bad);
    }
}

fn a_fraction_of_a_cent_is_never_stored(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    for (row, column) in [(product(), "price"), (order(), "total_amount"), (item(), "price")] {
        let insert = row.with(column, "1500.5").insert();
        if combination.is_postgres() {
            // Here an integer column rounds what it is given.
            storage.execute(&insert).expect("it is rounded");
            let stored = format!("SELECT count(*) AS count FROM {} WHERE {column}", row.table);
            assert_eq!(storage.count(&format!("{stored} = 1501")), 1, "{insert}");
            assert_eq!(storage.count(&format!("{stored} <> floor({column})")), 0, "{insert}");
        } else {
            expect_rule(&storage, &row, column, &["1500", "1501.0"], &["1500.5", "0.1"]);
        }
    }
}

fn a_stock_is_0_to_2147483647(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let (good, bad) = (["0", "2147483647"], ["-1", "2147483648", "9223372036854775807"]);
    expect_rule(&storage, &product(), "stock", &good, &bad);
}

fn an_update_is_held_to_the_rules_of_an_insert(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    for (good, bad) in [
        ("UPDATE products SET stock = stock - stock", "UPDATE products SET stock = -1 - stock"),
        ("UPDATE products SET price = 0", "UPDATE products SET price = -price - 1"),
        ("UPDATE customers SET tier = 'gold'", "UPDATE customers SET tier = 'Gold'"),
        (
            "UPDATE orders SET status = 'pending', completed_at = NULL, cancelled_at = NULL",
            "UPDATE orders SET status = 'paid'",
        ),
        ("UPDATE order_items SET quantity = quantity + 1", "UPDATE order_items SET quantity = 0"),
    ] {
        expect_accepted(&storage, good);
        expect_refused(&storage, bad);
    }
}

fn names_are_neither_blank_nor_too_long(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    for (row, column, longest) in [
        (product(), "name", 255),
        (product(), "brand", 100),
        (product(), "category", 50),
        (customer(), "name", 255),
        (customer(), "phone", 50),
        (order(), "order_number", 50),
        (order(), "payment_method", 50),
        (item(), "product_name", 255),
    ] {
        let fits = format!("'{}'", "é".repeat(longest));
        let too_long = format!("'{}'", "é".repeat(longest + 1));
        // A letter that an escape sequence ends in is a letter.
        let good = ["'x'", "' x '", "'v'", "'fnrtv'", &fits];
        let bad = ["''", "' '", "'\t'", "' \t\n\r\u{b}\u{c}'", &too_long];
        expect_rule(&storage, &row, column, &good, &bad);
    }
}

fn an_id_is_1_to_50_plain_characters(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    for (row, column) in [(product(), "id"), (customer(), "id"), (item(), "product_id")] {
        expect_rule(&storage, &row, column, &PLAIN_IDS, &OTHER_IDS);
    }
}

fn an_id_belongs_to_one_row(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    expect_rule(&storage, &product(), "id", &["'PROD_001'"], &["'prod_001'"]);
    expect_rule(&storage, &customer(), "id", &["'CUST_001'"], &["'cust_001'"]);
    expect_rule(&storage, &order(), "id", &["1001"], &["1", "0", "-1"]);
}

fn a_json_column_holds_an_object_or_nothing(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let good = ["NULL", "'{}'", r#"'{"a":[1,{"b":null}]}'"#];
    let bad = ["'[]'", "'1'", "'\"x\"'", "'null'", "'true'", "''", "'{a:1}'", "'{\"a\":1'", "'x'"];
    for (row, column) in
        [(product(), "metadata"), (customer(), "address"), (order(), "shipping_address")]
    {
        expect_rule(&storage, &row, column, &good, &bad);
    }
}

/// Compact text counts, in bytes; PostgreSQL's own text has a space behind each colon and comma.
fn a_json_column_holds_16384_bytes(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let text = |bytes: usize| format!("'{{\"a\":\"{}\"}}'", "x".repeat(bytes - 8));
    let list = |ones: usize| format!("'{{\"a\":[{}]}}'", vec!["1"; ones].join(","));
    let tricky = |bytes: usize| format!("'{{\"a\\\" , :\":\"{}\"}}'", ", ".repeat(bytes));
    let good = [text(16_384), list(8_188), tricky(8_100)];
    let bad = [text(16_385), list(8_189), tricky(8_200), text(1_000_000)];
    for (row, column) in
        [(product(), "metadata"), (customer(), "address"), (order(), "shipping_address")]
    {
        let good: Vec<&str> = good.iter().map(String::as_str).collect();
        let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
        expect_rule(&storage, &row, column, &good, &bad);
        let update = |json: &str| format!("UPDATE {} SET {column} = {json}", row.table);
        expect_accepted(&storage, &update(good[0]));
        expect_refused(&storage, &update(bad[0]));
    }
}

fn an_amount_of_an_order_is_not_negative(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let good = ["0", "1", "9000000000000000000"];
    for column in ["discount_amount", "shipping_amount", "tax_amount"] {
        expect_rule(&storage, &order(), column, &good, &["-1", "9223372036854775808"]);
    }
}

/// SQLite compares texts: of two for one instant, a page would show one and lose the other.
fn one_instant_has_one_text(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let others = ["'2026-01-01 00:00:00.000'", "'2026-01-01 00:00:00.5'", "'2026-01-01 00:00'"];
    for other in others {
        let insert = product().with("created_at", other).insert();
        if combination.is_postgres() {
            expect_accepted(&storage, &insert);
        } else {
            expect_refused(&storage, &insert);
        }
    }
}

fn a_version_is_positive(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    for row in [product(), customer(), order()] {
        expect_rule(&storage, &row, "version", &["1", "9223372036854775807"], &["0", "-1"]);
    }
}

fn a_time_is_a_time(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let good = [
        "'2026-01-01 00:00:00'",
        "'2026-12-31 23:59:59.999'",
        "'2024-02-29 12:00:00.500'",
        "'0001-01-01 00:00:00'",
        "'9999-12-31 23:59:59.999'",
    ];
    let bad = [
        "'soon'",
        "''",
        "5",
        "'12:00'",
        "'2026-02-30 00:00:00'",
        "'2026-13-01 00:00:00'",
        "'2026-01-01 00:00:00.1234'",
        "'9999-12-31 23:59:59.9999999'",
        "'10000-01-01 00:00:00'",
    ];
    for row in [product(), customer(), order()] {
        for column in ["created_at", "updated_at"] {
            expect_rule(&storage, &row, column, &good, &bad);
        }
    }
}

fn a_tier_is_one_of_four(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let good = ["'bronze'", "'silver'", "'gold'", "'platinum'"];
    let bad = ["'Gold'", "'GOLD'", "' gold'", "'gold '", "'diamond'", "''", "1"];
    expect_rule(&storage, &customer(), "tier", &good, &bad);
}

fn a_status_is_one_of_three(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let good = ["'pending'", "'completed'", "'cancelled'"];
    let bad = ["'Pending'", "'canceled'", "'paid'", "''", "1"];
    expect_rule(&storage, &order(), "status", &good, &bad);
}

/// Lesson 19: by hand, past the program.
fn what_an_order_cannot_be_is_refused(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let completed = "(SELECT min(id) FROM orders WHERE status = 'completed')";
    let pending = "(SELECT min(id) FROM orders WHERE status = 'pending')";
    let now = "'2026-01-01 00:00:00'";
    let sale =
        "INSERT INTO order_serials (fulfilment_id, order_id, line, product_id, serial) VALUES";
    let sent = format!(
        "INSERT INTO fulfilments (id, order_id, kind, actor, created_at) \
         VALUES (1, 1, 'shipment', 'me', {now}), (2, 2, 'shipment', 'me', {now}); \
         {sale} (1, 1, 1, 'prod_003', 'S')"
    );
    storage.execute(&sent).expect("the rules are kept");
    let source = "INSERT INTO stock_ledger (product_id, version, kind, on_hand_delta, reserved_delta, \
                  on_hand_after, reserved_after, source, actor, created_at) VALUES";
    let restocked =
        format!("{source} ('prod_001', 1, 'return', 1, 0, 1, 0, 'return:1', 'me', {now})");
    storage.execute(&restocked).expect("the rules are kept");
    let hold = format!(
        "INSERT INTO stock_holds (kind, state, order_id, actor, version, created_at, updated_at) \
         SELECT 'order', 'open', order_id, 'me', 1, {now}, {now} FROM stock_holds \
         WHERE state = 'open' AND order_id IS NOT NULL"
    );
    for wrong in [
        "UPDATE products SET stock = -1, reserved = reserved + stock + 1".to_owned(),
        format!("UPDATE orders SET total_amount = total_amount + 1 WHERE id = {completed}"),
        format!("UPDATE orders SET refunded_amount = paid_amount + 1 WHERE id = {completed}"),
        format!(
            "UPDATE orders SET status = 'completed', completed_at = {now} WHERE id = {pending}"
        ),
        format!("UPDATE order_items SET returned = fulfilled + 1 WHERE order_id = {completed}"),
        format!(
            "UPDATE orders SET status = 'cancelled', completed_at = NULL, cancelled_at = {now} \
             WHERE id = {completed}"
        ),
        hold,
        format!("{source} ('prod_001', 2, 'return', 1, 0, 2, 0, 'return:1', 'me', {now})"),
        format!("UPDATE orders SET status = 'draft', completed_at = NULL WHERE id = {completed}"),
        "UPDATE orders SET payment_status = 'paid'".to_owned(),
        format!("UPDATE orders SET order_number = 'CHR-2023-000001' WHERE id = {pending}"),
        format!("{sale} (2, 2, 1, 'prod_003', 'S')"),
        format!("UPDATE orders SET import_difference = 1, source = 'api' WHERE id = {completed}"),
    ] {
        expect_refused(&storage, &wrong);
    }
}

fn an_email_is_visible_ascii_with_one_at_sign(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let longest = format!("'{}@b'", "a".repeat(253));
    let too_long = format!("'{}@b'", "a".repeat(254));
    let good = ["'a@b'", "'o''hara+tag@mail.example.com'", r#"'%_\"*[x]@b'"#, "'!~@!~'", &longest];
    let bad = [
        "''", "'plain'", "'@'", "'@b'", "'a@'", "'a@b@c'", "'a@@b'", "'a b@c'", "' a@b'", "'a@b '",
        "'a@b\n'", "'a\t@b'", "'é@b'", "'a@é'", &too_long,
    ];
    expect_rule(&storage, &customer(), "email", &good, &bad);
}

fn an_email_belongs_to_one_customer_in_any_case(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let good = ["'eleonore.vautier@example.org'"];
    let bad = ["'eleonore.vautier@example.com'", "'ELEONORE.Vautier@Example.COM'"];
    expect_rule(&storage, &customer(), "email", &good, &bad);
    let update =
        |email: &str| format!("UPDATE customers SET email = '{email}' WHERE id = 'cust_002'");
    expect_accepted(&storage, &update("J.Whitcombe@Example.org"));
    expect_refused(&storage, &update("Eleonore.Vautier@example.com"));
}

fn an_order_has_a_customer(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let bad = ["'nobody'", "'CUST_001'", "''"];
    expect_rule(&storage, &order(), "customer_id", &["'cust_040'"], &bad);
}

fn a_customer_with_orders_cannot_be_deleted_or_renamed(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    expect_accepted(&storage, "DELETE FROM customers WHERE id = 'cust_040'");
    expect_refused(&storage, "DELETE FROM customers WHERE id = 'cust_001'");
    expect_accepted(&storage, "UPDATE customers SET id = 'other' WHERE id = 'cust_040'");
    expect_refused(&storage, "UPDATE customers SET id = 'other' WHERE id = 'cust_001'");
    // Their one order is a cancelled one.
    expect_refused(&storage, "DELETE FROM customers WHERE id = 'cust_008'");
    expect_accepted(
        &storage,
        "DELETE FROM payments WHERE order_id IN (SELECT id FROM orders WHERE customer_id = 'cust_001'); \
         DELETE FROM orders WHERE customer_id = 'cust_001'; \
         DELETE FROM customers WHERE id = 'cust_001'",
    );
}

fn an_order_number_belongs_to_one_order(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let (good, bad) = (["'CHR-2023-900001'"], ["'CHR-2023-000001'"]);
    expect_rule(&storage, &order(), "order_number", &good, &bad);
}

fn a_total_is_not_negative(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let good = ["0", "10000000000", "9223372036854775807"];
    let bad = ["-1", "9223372036854775808"];
    expect_rule(&storage, &order(), "total_amount", &good, &bad);
}

fn an_item_has_an_order(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    expect_rule(&storage, &item(), "order_id", &["1", "120"], &["121", "0", "-1"]);
}

fn an_item_has_a_place_of_its_own(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    // Order 1 has one item.
    expect_rule(&storage, &item(), "line", &["2", "2147483647"], &["1", "0", "-1"]);
}

fn a_quantity_is_1_to_2147483647(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    expect_rule(&storage, &item(), "quantity", &["1", "2147483647"], &["0", "-1", "2147483648"]);
}

fn the_items_of_a_deleted_order_go_with_it(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let items = "SELECT count(*) AS count FROM order_items";
    let (all, of_one) =
        (storage.count(items), storage.count(&format!("{items} WHERE order_id = 1")));
    assert_eq!(of_one, 1);
    let without_books = "DELETE FROM payments WHERE order_id = 1; DELETE FROM orders WHERE id = 1";
    storage.execute(without_books).expect("an order can be deleted");
    assert_eq!(storage.count(items), all - of_one);
}

fn an_order_outlives_its_products(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let items = "SELECT count(*) AS count FROM order_items WHERE product_id = 'prod_001'";
    let before = storage.count(items);
    assert!(before > 0);
    storage.execute("DELETE FROM products WHERE id = 'prod_001'").expect("no order holds it");
    assert_eq!(storage.count(items), before);
}

fn a_kept_answer_is_a_success_under_a_digest(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let (digest, other) = (format!("'{}'", "0a".repeat(32)), format!("'{}'", "9f".repeat(32)));
    let bad = ["''".to_owned(), "'0a'".to_owned(), digest.to_uppercase(), digest.replace('a', "g")];
    let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
    for column in ["key_digest", "fingerprint"] {
        expect_rule(&storage, &kept_answer(), column, &[&digest, &other], &bad);
    }
    expect_rule(&storage, &kept_answer(), "status", &["200", "299"], &["199", "300", "-1"]);
}

fn required_columns_refuse_null(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    for row in [product(), customer(), order(), item(), kept_answer()] {
        expect_accepted(&storage, &row.insert());
        for (column, _) in &row.columns {
            match (row.table, *column) {
                ("products", "metadata")
                | ("customers", "phone" | "address")
                | ("orders", "payment_method" | "shipping_address" | "notes")
                | ("orders", "completed_at" | "cancelled_at")
                | ("idempotency_keys", "location" | "etag") => {
                    expect_accepted(&storage, &row.with(column, "NULL").insert());
                }
                // SQLite numbers such a row itself.
                ("orders", "id") => {}
                _ => expect_refused(&storage, &row.with(column, "NULL").insert()),
            }
        }
    }
}

fn down_takes_away_everything_that_up_made(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let things = match combination.backend {
        Backend::Sqlite => {
            "SELECT count(*) AS count FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"
        }
        Backend::Postgres(_) | Backend::Pooled(_) => {
            // The extension stays.
            "WITH extensions AS (SELECT objid FROM pg_depend WHERE deptype = 'e'), \
             things AS (SELECT oid, relnamespace AS place FROM pg_class \
             UNION ALL SELECT oid, typnamespace FROM pg_type \
             UNION ALL SELECT oid, pronamespace FROM pg_proc) \
             SELECT count(*) AS count FROM things WHERE place = 'public'::regnamespace \
             AND oid NOT IN (SELECT objid FROM extensions) \
             AND oid NOT IN (SELECT pg_type.oid FROM pg_type JOIN extensions ON objid = typelem)"
        }
    };
    let migrations = migrations(combination);
    assert!(!migrations.is_empty());
    // Twice: what is left over would be in the way.
    for _ in 0..2 {
        for folder in &migrations {
            run_file(&storage, folder.join("up.sql"));
        }
        assert!(storage.count(things) >= 4);
        storage.execute(&customer().insert()).expect("the tables are there");
        for folder in migrations.iter().rev() {
            run_file(&storage, folder.join("down.sql"));
        }
        assert_eq!(storage.count(things), 0);
    }
}

// ------------------------------------------------------------ What the cases use

/// A row that the schema takes, as the literals of its columns.
struct Row {
    table: &'static str,
    columns: Vec<(&'static str, String)>,
}

impl Row {
    fn new(table: &'static str, columns: &[(&'static str, &str)]) -> Row {
        let columns = columns.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Row { table, columns }
    }

    /// The same row with another literal in one column.
    #[track_caller]
    fn with(&self, column: &str, literal: &str) -> Row {
        let mut columns = self.columns.clone();
        let place = columns.iter_mut().find(|(name, _)| *name == column);
        place.unwrap_or_else(|| panic!("no {column} in {}", self.table)).1 = literal.to_owned();
        if self.table == "orders" {
            balance(&mut columns, column, literal);
        }
        Row { table: self.table, columns }
    }

    fn insert(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let values: Vec<&str> = self.columns.iter().map(|(_, value)| value.as_str()).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", self.table, names.join(", "), values.join(", "))
    }
}

/// Changes what else an order must say where one of its columns is another.
fn balance(columns: &mut [(&'static str, String)], column: &str, literal: &str) {
    let mut set = |name: &str, literal: String| {
        let place = columns.iter_mut().find(|(known, _)| *known == name);
        place.expect("a column").1 = literal;
    };
    match column {
        "total_amount" => {
            set("original_amount", literal.to_owned());
            set("import_difference", literal.to_owned());
        }
        "discount_amount" => set("import_difference", format!("100 + ({literal})")),
        "shipping_amount" => set("import_difference", format!("100 - ({literal})")),
        "status" => {
            let at = |status: &str| {
                let at = if literal == status { "'2026-01-01 00:00:00'" } else { "NULL" };
                at.to_owned()
            };
            set("completed_at", at("'completed'"));
            set("cancelled_at", at("'cancelled'"));
        }
        _ => {}
    }
}

fn product() -> Row {
    Row::new(
        "products",
        &[
            ("id", "'new'"),
            ("name", "'New'"),
            ("brand", "'Brand'"),
            ("price", "100"),
            ("stock", "1"),
            ("category", "'dive'"),
            ("metadata", "NULL"),
            ("version", "1"),
            ("created_at", "'2026-01-01 00:00:00'"),
            ("updated_at", "'2026-01-01 00:00:00'"),
        ],
    )
}

fn customer() -> Row {
    Row::new(
        "customers",
        &[
            ("id", "'new'"),
            ("email", "'new@example.com'"),
            ("name", "'New'"),
            ("tier", "'gold'"),
            ("phone", "NULL"),
            ("address", "NULL"),
            ("version", "1"),
            ("created_at", "'2026-01-01 00:00:00'"),
            ("updated_at", "'2026-01-01 00:00:00'"),
        ],
    )
}

/// Of a customer of `data/`.
fn order() -> Row {
    Row::new(
        "orders",
        &[
            ("id", "1001"),
            ("order_number", "'NEW'"),
            ("customer_id", "'cust_001'"),
            ("total_amount", "100"),
            ("status", "'pending'"),
            ("payment_method", "NULL"),
            ("shipping_address", "NULL"),
            ("notes", "NULL"),
            ("version", "1"),
            ("created_at", "'2026-01-01 00:00:00'"),
            ("updated_at", "'2026-01-01 00:00:00'"),
            ("discount_amount", "0"),
            ("shipping_amount", "0"),
            ("tax_amount", "0"),
            ("original_amount", "100"),
            ("import_difference", "100"),
            ("paid_amount", "100"),
            ("placed_at", "'2026-01-01 00:00:00'"),
            ("completed_at", "NULL"),
            ("cancelled_at", "NULL"),
        ],
    )
}

/// In an order of `data/`, far behind its own items.
fn item() -> Row {
    Row::new(
        "order_items",
        &[
            ("order_id", "1"),
            ("line", "99"),
            ("product_id", "'prod_001'"),
            ("product_name", "'New'"),
            ("quantity", "1"),
            ("price", "100"),
        ],
    )
}

fn kept_answer() -> Row {
    let digest = format!("'{}'", "0a".repeat(32));
    Row::new(
        "idempotency_keys",
        &[
            ("key_digest", &digest),
            ("fingerprint", &digest),
            ("status", "201"),
            ("location", "'/products/new'"),
            ("etag", "'1.1'"),
            ("body", "'{}'"),
            ("created_at", "'2026-01-01 00:00:00'"),
        ],
    )
}

/// Inserts the row with each good and each bad literal in one column.
#[track_caller]
fn expect_rule(storage: &Storage, row: &Row, column: &str, good: &[&str], bad: &[&str]) {
    for literal in good {
        expect_accepted(storage, &row.with(column, literal).insert());
    }
    for literal in bad {
        expect_refused(storage, &row.with(column, literal).insert());
    }
}

/// Runs the statement and takes it back.
#[track_caller]
fn expect_accepted(storage: &Storage, sql: &str) {
    let outcome = storage.execute(&format!("BEGIN; {sql}; ROLLBACK"));
    outcome.unwrap_or_else(|error| panic!("refused: {sql}: {error}"));
}

#[track_caller]
fn expect_refused(storage: &Storage, sql: &str) {
    let outcome = storage.execute(&format!("BEGIN; {sql}; ROLLBACK"));
    assert!(outcome.is_err(), "accepted: {sql}");
}

/// The folders of the migrations, from the first to the last.
pub fn migrations(combination: &Combination) -> Vec<PathBuf> {
    let kind = if combination.is_postgres() { "postgres" } else { "sqlite" };
    let folder = format!("{}/migrations/{kind}", env!("CARGO_MANIFEST_DIR"));
    let folders = std::fs::read_dir(folder).expect("the folder is there");
    let mut folders: Vec<PathBuf> =
        folders.map(|entry| entry.expect("the folder can be read").path()).collect();
    folders.sort();
    folders
}

#[track_caller]
pub fn run_file(storage: &Storage, file: PathBuf) {
    let sql = std::fs::read_to_string(&file).expect("the file is there");
    storage.execute(&sql).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}
