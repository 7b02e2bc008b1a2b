//! Files as people have them: with members that no table has, mistakes in many places, a byte order
//! mark, times without an end, orders of a shop that gives discounts.

use crate::app::{self, App, Combination, Storage};
use crate::cases;
use crate::seed::{
    FAILED, Files, Outcome, REFUSED, counts, counts_of_data, dump, expect_done, expect_error,
    lines, run_seed, seed, shown, write,
};
use serde_json::{Value, json};

cases![
    BothBackends:
        members_that_are_not_kept_are_listed_once_with_their_count,
        strict_refuses_members_that_are_not_kept,
        all_mistakes_are_told_with_their_lines,
        a_record_with_two_mistakes_has_both_told,
        fifty_mistakes_are_shown_and_the_others_counted,
        a_byte_order_mark_is_read_over,
        the_rule_for_times_is_said_in_words,
        any_time_is_kept_to_the_millisecond_and_paged_through,
        an_order_without_an_id_is_numbered_by_the_database,
        amounts_count_in_the_total_of_an_order,
        a_total_without_its_amounts_is_refused,
        without_a_folder_the_store_in_the_binary_is_loaded,
        tables_of_another_program_are_left_alone;
];

fn members_that_are_not_kept_are_listed_once_with_their_count(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let done = seed(&storage, &with_other_members(), &[]);
    assert_eq!(done.status, Some(0), "{done:?}");
    assert_eq!(done.stdout.lines().count(), 1, "{done:?}");
    let warnings: Vec<&str> = done.stderr.lines().collect();
    for (file, rest) in [
        ("orders.json", "the member items[].sku is not kept; it occurs 3 times"),
        ("products.json", "the member description is not kept; it occurs 2 times"),
        ("products.json", "the member metdata is not kept; it occurs once"),
    ] {
        let told = |line: &&&str| line.contains(file) && line.ends_with(rest);
        assert_eq!(warnings.iter().filter(told).count(), 1, "{file}: {rest}: {warnings:?}");
    }
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert_eq!(counts(&storage), [2, 2, 2, 3]);
}

fn strict_refuses_members_that_are_not_kept(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let files = with_other_members();
    let refused = seed(&storage, &files, &["--strict"]);
    expect_error(&refused, FAILED, &["items[].sku", "description", "2 times", "metdata"]);
    let folder = files.write();
    let output = app::command(storage.folder.path())
        .arg("seed")
        .envs(storage.settings())
        .env("CHRONOS_DATA_DIR", folder.path())
        .env("CHRONOS_SEED_STRICT", "true")
        .output();
    expect_error(&Outcome::of(output.expect("the binary starts")), FAILED, &["metdata"]);
    // Nothing is there, not even tables.
    expect_done(seed(&storage, &Files::good(), &["--strict"]));
}

fn all_mistakes_are_told_with_their_lines(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let folder = Files::good().write();
    let products = r#"[
  {"id": "prod_a", "name": "A", "brand": "B", "price": "1.00", "stock": 1, "category": "c"},
  {
    "id": "prod_b", "name": "A", "brand": "B",
    "price": "1.005",
    "stock": 1, "category": "c"
  },
  {"id": "prod_a", "name": "A", "brand": "B", "price": "1.00", "stock": 1,
   "category": 5}
]"#;
    let customers = r#"[
  {"id": "cust_a", "email": "a@example.com", "name": "A", "tier": "gold"},

  {"id": "cust_b", "email": "b@example.com", "name": "A", "tier": "diamond"}
]"#;
    let orders = r#"[
  {"order_number": "N", "customer_id": "cust_a", "status": "pending", "total_amount": "3", "items": [
    {"product_id": "prod_a", "product_name": "A", "quantity": 1, "price": "1.00"},
    {"product_id": "prod_a", "product_name": "A", "quantity": 0, "price": "1.00"}
  ]},
  {"order_number": "M", "customer_id": "nobody", "status": "pending", "total_amount": "3", "items": []}
]"#;
    for (name, text) in [("products", products), ("customers", customers), ("orders", orders)] {
        write(folder.path(), name, text);
    }
    let failed = run_seed(&storage, &["--data-dir", &shown(folder.path())]);
    expect_error(&failed, FAILED, &["7 mistakes"]);
    for told in [
        "products.json:5: record 2 (prod_b): price ",
        "products.json:9: record 3 (prod_a): category: invalid type",
        "products.json:8: record 3 (prod_a): id prod_a is that of record 1 already",
        "customers.json:4: record 2 (cust_b): tier ",
        "orders.json:4: record 1 (N): items[1].quantity ",
        "orders.json:6: record 2 (M): items ",
        "orders.json:6: record 2 (M): customer_id nobody is not in customers.json",
    ] {
        assert_eq!(failed.stderr.matches(told).count(), 1, "{told}: {}", failed.stderr);
    }
}

fn a_record_with_two_mistakes_has_both_told(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let mut files = Files::good();
    files.products[0]["price"] = json!("-1");
    files.products[0]["stock"] = json!("5");
    files.products[0]["brand"] = json!(null);
    files.orders[0]["items"][0]["price"] = json!(-1);
    files.orders[0]["status"] = json!("paid");
    let failed = seed(&storage, &files, &[]);
    let told =
        ["record 1 (prod_a): missing: brand", "price must", "stock: ", "items[0].price", "status"];
    // What the sum of the order makes of a wrong price is no mistake of its own.
    expect_error(&failed, FAILED, &[&["5 mistakes"][..], &told].concat());
}

fn fifty_mistakes_are_shown_and_the_others_counted(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let mut files = Files::good();
    let bad = |number: usize| {
        let mut product = files.products[0].clone();
        product["id"] = json!(format!("p-{number}"));
        product["stock"] = json!(-1);
        product
    };
    files.products = (1..=60).map(bad).collect();
    let failed = seed(&storage, &files, &[]);
    expect_error(&failed, FAILED, &["60 mistakes", "(p-50)", "the first 50 are shown"]);
    assert_eq!(failed.stderr.matches("stock must be").count(), 50, "{}", failed.stderr);
}

fn a_byte_order_mark_is_read_over(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let folder = Files::good().write();
    for name in ["products", "customers", "orders"] {
        let file = folder.path().join(format!("{name}.json"));
        let text = std::fs::read_to_string(&file).expect("it was written");
        write(folder.path(), name, &format!("\u{feff}{text}"));
    }
    expect_done(run_seed(&storage, &["--data-dir", &shown(folder.path())]));
    assert_eq!(counts(&storage), [2, 2, 2, 3]);
}

fn the_rule_for_times_is_said_in_words(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    for time in [
        "2024-05-01",
        "2024-05-01T00:00:00",
        "0000-12-31T23:59:59Z",
        "+10000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-00:01",
    ] {
        for member in ["created_at", "updated_at"] {
            let mut files = Files::good();
            files.products[0][member] = json!(time);
            files.customers[0][member] = json!(time);
            files.orders[0][member] = json!(time);
            let failed = seed(&storage, &files, &[]);
            let rule = "must be a time with its zone, in UTC of the years 0001 to 9999, such as \
                        2024-05-01T00:00:00Z";
            expect_error(&failed, FAILED, &["3 mistakes"]);
            let told = format!("{member} {rule}");
            assert_eq!(failed.stderr.matches(&told).count(), 3, "{}", failed.stderr);
        }
    }
}

/// Finer times are cut, whatever the year; a leap second is the last millisecond before it. Walked in
/// pages of one row, every row is shown once.
fn any_time_is_kept_to_the_millisecond_and_paged_through(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let times = [
        ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999Z"),
        ("2300-01-01T00:00:00.0019Z", "2300-01-01T00:00:00.001Z"),
        ("2016-12-31T23:59:60.7Z", "2016-12-31T23:59:59.999Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z"),
        ("2016-12-31T23:59:59.9999Z", "2016-12-31T23:59:59.999Z"),
        ("1969-12-31T23:59:59.9996+00:00", "1969-12-31T23:59:59.999Z"),
        ("1600-02-29T00:00:00.123456789Z", "1600-02-29T00:00:00.123Z"),
        ("0001-01-01T00:00:00.0009Z", "0001-01-01T00:00:00.000Z"),
    ];
    let mut files = Files::good();
    let (product, customer) = (files.products[0].clone(), files.customers[0].clone());
    for (number, (time, _)) in times.iter().enumerate() {
        let with_time = |record: &Value| {
            let mut record = record.clone();
            record["id"] = json!(format!("t-{}", times.len() - number));
            record["created_at"] = json!(time);
            record["updated_at"] = json!(time);
            record
        };
        let mut customer = with_time(&customer);
        customer["email"] = json!(format!("{number}@example.com"));
        files.products.push(with_time(&product));
        files.customers.push(customer);
    }
    files.products.drain(..2);
    files.orders[0]["created_at"] = json!(times[0].0);
    files.orders[0]["updated_at"] = json!(times[0].0);
    expect_done(seed(&storage, &files, &[]));
    let app = App::start(combination, storage, &[]);
    for (list, extra) in [("/products", 0), ("/customers", 2)] {
        let mut seen = Vec::new();
        let mut next = Some(format!("{list}?limit=1"));
        while let Some(path) = next {
            let page = app.get(&path).expect(200);
            seen.extend(page.json["data"].as_array().expect("a list").clone());
            next = page.header("link").and_then(|link| {
                let (target, _) = link.strip_prefix('<')?.split_once('>')?;
                Some(format!("{list}?{}", target.split_once('?')?.1))
            });
            assert!(seen.len() <= times.len() + extra, "a page comes again: {seen:?}");
        }
        assert_eq!(seen.len(), times.len() + extra, "{seen:?}");
        for (number, (given, kept)) in times.iter().enumerate() {
            let id = format!("t-{}", times.len() - number);
            let row = seen.iter().find(|row| row["id"] == id.as_str()).expect("it is shown");
            assert_eq!(
                (&row["created_at"], &row["updated_at"]),
                (&json!(kept), &json!(kept)),
                "{given}"
            );
        }
    }
    let orders = app.get("/customers/cust_a/orders").expect(200);
    assert_eq!(orders.json["data"][0]["created_at"], times[0].1);
}

fn an_order_without_an_id_is_numbered_by_the_database(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let mut files = Files::good();
    let mut first = files.orders[0].clone();
    first["order_number"] = json!("FIRST");
    first.as_object_mut().expect("an object").remove("id");
    let mut last = first.clone();
    last["order_number"] = json!("LAST");
    last["id"] = json!(null);
    files.orders.insert(0, first);
    files.orders.push(last);
    let numbers = "SELECT concat_ws(' ', id, order_number) AS line FROM orders";
    // Loaded once more, they are numbered alike.
    for _ in 0..2 {
        expect_done(seed(&storage, &files, &["--reset"]));
        assert_eq!(lines(&storage, numbers), ["10 FIRST", "11 LAST", "7 N-7", "9 N-9"]);
    }
    for order in &mut files.orders {
        order["id"] = json!(null);
    }
    expect_done(seed(&storage, &files, &["--reset"]));
    assert_eq!(lines(&storage, numbers), ["1 FIRST", "2 N-7", "3 N-9", "4 LAST"]);
    let items = "SELECT concat_ws(' ', order_id, line) AS line FROM order_items";
    assert_eq!(lines(&storage, items), ["1 1", "2 1", "3 1", "3 2", "4 1"]);
    // A mistake in such an order is named by its number.
    files.orders[3]["status"] = json!("paid");
    expect_error(&seed(&storage, &files, &["--reset"]), FAILED, &["record 4 (LAST): status"]);
}

fn amounts_count_in_the_total_of_an_order(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let mut files = Files::good();
    files.orders[0]["discount_amount"] = json!("1450.00");
    files.orders[0]["shipping_amount"] = json!(25);
    files.orders[0]["tax_amount"] = json!("1008.01");
    files.orders[0]["total_amount"] = json!("14083.01");
    files.orders[1]["tax_amount"] = json!(null);
    files.orders[1]["shipping_amount"] = json!(0);
    expect_done(seed(&storage, &files, &[]));
    let kept = "SELECT concat_ws(' ', id, discount_amount, shipping_amount, tax_amount) AS line FROM orders";
    assert_eq!(lines(&storage, kept), ["7 145000 2500 100801", "9 0 0 0"]);
    let app = App::start(combination, storage, &[]);
    let orders = app.get("/customers/cust_a/orders").expect(200).json["data"].clone();
    let amounts = |order: &Value| {
        ["total_amount", "discount_amount", "shipping_amount", "tax_amount"]
            .map(|name| order.get(name).cloned())
    };
    // An order without them is shown as ever.
    assert_eq!(amounts(&orders[0]), [Some(json!("2000.00")), None, None, None]);
    let shown = ["14083.01", "1450.00", "25.00", "1008.01"].map(|amount| Some(json!(amount)));
    assert_eq!(amounts(&orders[1]), shown);
    let spent = app.get("/customers/cust_a").expect(200);
    assert!(spent.text.contains("\"total_spent\":16083.01"), "{}", spent.text);
}

fn a_total_without_its_amounts_is_refused(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    for (member, amount, total, told) in [
        ("shipping_amount", json!("25.00"), "14500.00", "come to 14525.00"),
        ("tax_amount", json!("25.00"), "14500.00", "come to 14525.00"),
        ("discount_amount", json!("25.00"), "14500.00", "come to 14475.00"),
        ("discount_amount", json!("14500.01"), "0", "come to -0.01"),
        ("tax_amount", json!("-1"), "14499.00", "tax_amount must be"),
        ("tax_amount", json!("0.001"), "14500.00", "tax_amount must be"),
        ("shipping_amount", json!("92233720368547758.07"), "14500.00", "64 bits"),
    ] {
        let mut files = Files::good();
        files.orders[0][member] = amount;
        files.orders[0]["total_amount"] = json!(total);
        expect_error(&seed(&storage, &files, &[]), FAILED, &["record 1 (7)", told]);
    }
}

fn without_a_folder_the_store_in_the_binary_is_loaded(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let done = run_seed(&storage, &[]);
    assert_eq!((done.status, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    assert!(done.stdout.contains("the example store in the binary"), "{}", done.stdout);
    assert_eq!(counts(&storage), counts_of_data());
    let before = dump(&storage);
    expect_error(&run_seed(&storage, &[]), REFUSED, &["--reset"]);
    assert_eq!(dump(&storage), before);
    // Some other folder of that name holds no store.
    std::fs::create_dir(storage.folder.path().join("data")).expect("a folder can be made");
    expect_done(run_seed(&storage, &["--reset"]));
    assert_eq!(counts(&storage), counts_of_data());
}

fn tables_of_another_program_are_left_alone(combination: &Combination) {
    for sql in [
        "CREATE TABLE products (sku TEXT)",
        "CREATE TABLE orders (sku TEXT); CREATE TABLE other (sku TEXT)",
        "CREATE TABLE customers (sku TEXT); CREATE TABLE __diesel_schema_migrations \
         (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
    ] {
        let storage = Storage::empty(&combination.backend);
        storage.execute(sql).expect("it is another program's");
        let things = if combination.is_postgres() {
            "SELECT concat_ws(' ', relname) AS line FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        } else {
            "SELECT concat_ws(' ', name) AS line FROM sqlite_schema"
        };
        let before = lines(&storage, things);
        let refused = seed(&storage, &Files::good(), &["--reset"]);
        let told = ["DATABASE_URL", "Chronos did not make", "nothing was changed", "of its own"];
        expect_error(&refused, REFUSED, &told);
        let served = app::command(storage.folder.path())
            .args(["serve", "--role", "product"])
            .envs(storage.settings())
            .output();
        let served = Outcome::of(served.expect("the binary starts"));
        assert_eq!(served.status, Some(REFUSED), "{served:?}");
        for part in told {
            assert!(served.stderr.contains(part), "no {part} in {served:?}");
        }
        assert_eq!(lines(&storage, things), before);
    }
}

// ------------------------------------------------------------ What the cases use

/// A good store whose files also have members that no table has.
fn with_other_members() -> Files {
    let mut files = Files::good();
    for product in &mut files.products {
        product["description"] = json!("A watch.");
        // Whatever is within metadata is kept.
        product["metadata"]["images"] = json!([{ "description": "front" }]);
    }
    files.products[0]["metdata"] = json!({});
    for order in &mut files.orders {
        for item in order["items"].as_array_mut().expect("a list") {
            item["sku"] = json!("5711");
        }
    }
    files
}
