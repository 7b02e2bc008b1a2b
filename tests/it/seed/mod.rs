//! `chronos seed`, and what `serve` loads by itself: a whole store, or everything as it was.

mod load;
mod mistakes;
mod reset;
mod serve;

use crate::Case;
use crate::app::{self, Combination, Storage};
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

pub fn cases() -> Vec<Case> {
    let cases = [load::cases(), reset::cases(), mistakes::cases(), serve::cases()];
    cases.into_iter().flatten().collect()
}

pub const FAILED: i32 = 1;

pub const REFUSED: i32 = 2;

/// A small store as the three files describe it.
pub struct Files {
    pub products: Vec<Value>,
    pub customers: Vec<Value>,
    pub orders: Vec<Value>,
}

impl Files {
    /// One without a mistake, and with every member that an answer shows.
    pub fn good() -> Files {
        let product = |id: &str, price: &str, day: u32| {
            json!({
                "id": id, "name": id.to_uppercase(), "brand": "Brand", "price": price, "stock": day,
                "category": "dive", "metadata": { "reference": id, "year": 2023 },
                "created_at": format!("2024-01-0{day}T00:00:00.000Z"),
                "updated_at": format!("2024-02-0{day}T01:02:03.456Z"),
            })
        };
        let customer = |id: &str, email: &str, day: u32| {
            json!({
                "id": id, "email": email, "name": "É 'x' \"y\" \\", "tier": "gold",
                "phone": "+41 22 555 01 23", "address": { "city": "Genève" },
                "created_at": format!("2024-01-0{day}T00:00:00.000Z"),
                "updated_at": format!("2024-02-0{day}T01:02:03.456Z"),
            })
        };
        let item = |id: &str, quantity: u32, price: &str| {
            json!({
                "product_id": id, "product_name": id.to_uppercase(), "quantity": quantity,
                "price": price,
            })
        };
        let order = |id: u32, items: Value, total: &str| {
            json!({
                "id": id, "order_number": format!("N-{id}"), "customer_id": "cust_a",
                "items": items, "total_amount": total, "status": "completed",
                "payment_method": "cash", "shipping_address": { "city": "Bern" }, "notes": null,
                "created_at": format!("2024-03-0{id}T00:00:00.000Z"),
                "updated_at": format!("2024-03-0{id}T01:02:03.456Z"),
            })
        };
        Files {
            products: vec![product("prod_a", "14500.00", 1), product("prod_b", "0.99", 2)],
            customers: vec![
                customer("cust_a", "a@example.com", 1),
                customer("cust_b", "b@example.com", 2),
            ],
            orders: vec![
                order(7, json!([item("prod_a", 1, "14500.00")]), "14500.00"),
                order(
                    9,
                    json!([item("prod_b", 2, "999.99"), item("prod_a", 1, "0.02")]),
                    "2000.00",
                ),
            ],
        }
    }

    pub fn write(&self) -> TempDir {
        let folder = TempDir::new().expect("a temporary folder");
        let files = [
            ("products", &self.products),
            ("customers", &self.customers),
            ("orders", &self.orders),
        ];
        for (name, records) in files {
            let text = serde_json::to_string_pretty(records).expect("it is JSON");
            write(folder.path(), name, &text);
        }
        folder
    }
}

pub fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(format!("{name}.json")), text).expect("the folder can be written");
}

pub fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// How a run of the binary ended.
#[derive(Debug)]
pub struct Outcome {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    pub fn of(output: std::process::Output) -> Outcome {
        Outcome {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("it writes text"),
            stderr: String::from_utf8(output.stderr).expect("it writes text"),
        }
    }
}

/// Runs `chronos seed` on these files.
pub fn seed(storage: &Storage, files: &Files, arguments: &[&str]) -> Outcome {
    let folder = files.write();
    let folder = shown(folder.path());
    run_seed(storage, &[&["--data-dir", &folder], arguments].concat())
}

pub fn run_seed(storage: &Storage, arguments: &[&str]) -> Outcome {
    let output = app::command(storage.folder.path())
        .arg("seed")
        .args(arguments)
        .envs(storage.settings())
        .output();
    Outcome::of(output.expect("the binary starts"))
}

#[track_caller]
pub fn expect_done(outcome: Outcome) {
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
}

/// Fails the test unless the command ended with this status and one line that has these parts.
#[track_caller]
pub fn expect_error(outcome: &Outcome, status: i32, parts: &[&str]) {
    assert_eq!(outcome.status, Some(status), "{outcome:?}");
    assert_eq!(outcome.stdout, "", "{outcome:?}");
    assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
    assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    for part in parts {
        assert!(outcome.stderr.contains(part), "no {part} in {outcome:?}");
    }
}

/// A loaded store, which refuses to be reset by files that have a mistake.
struct Loaded {
    storage: Storage,
    rows: Vec<String>,
}

impl Loaded {
    fn new(combination: &Combination) -> Loaded {
        let storage = Storage::seeded(&combination.backend);
        let rows = dump(&storage);
        Loaded { storage, rows }
    }

    /// Tries files with a mistake, and looks that everything stays as it was.
    #[track_caller]
    fn refuses(&self, mistake: impl FnOnce(&mut Files), parts: &[&str]) {
        let mut files = Files::good();
        mistake(&mut files);
        self.refuses_reset(files.write().path(), parts);
    }

    /// As [`Loaded::refuses`], for a mistake in the folder itself.
    #[track_caller]
    fn refuses_folder(&self, mistake: impl FnOnce(&Path), parts: &[&str]) {
        let folder = Files::good().write();
        mistake(folder.path());
        self.refuses_reset(folder.path(), parts);
    }

    #[track_caller]
    fn refuses_reset(&self, folder: &Path, parts: &[&str]) {
        let failed = run_seed(&self.storage, &["--data-dir", &shown(folder), "--reset"]);
        expect_error(&failed, FAILED, parts);
        assert_eq!(failed.stderr.lines().count(), 1, "{}", failed.stderr);
        assert_eq!(dump(&self.storage), self.rows);
    }
}

/// Every row of every table, in every column.
pub fn dump(storage: &Storage) -> Vec<String> {
    let tables = [
        "'product', id, name, brand, price, stock, category, metadata, version, created_at, \
         updated_at) AS line FROM products",
        "'customer', id, email, name, tier, phone, address, version, created_at, updated_at) \
         AS line FROM customers",
        "'order', id, order_number, customer_id, total_amount, status, payment_method, \
         shipping_address, notes, version, created_at, updated_at, discount_amount, \
         shipping_amount, tax_amount) AS line FROM orders",
        "'item', order_id, line, product_id, product_name, quantity, price) AS line \
         FROM order_items",
    ];
    let of_table = |table| lines(storage, &format!("SELECT concat_ws('|', {table}"));
    tables.into_iter().flat_map(of_table).collect()
}

/// How many products, customers, orders and items there are.
pub fn counts(storage: &Storage) -> [usize; 4] {
    ["products", "customers", "orders", "order_items"].map(|table| {
        let count = lines(storage, &format!("SELECT concat_ws('', count(*)) AS line FROM {table}"));
        count[0].parse().expect("a number")
    })
}

/// As [`counts`], of the files in `data/`.
pub fn counts_of_data() -> [usize; 4] {
    let [products, customers, orders] = ["products", "customers", "orders"].map(|name| {
        let path = format!("{}/data/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the file is there");
        serde_json::from_str::<Vec<Value>>(&text).expect("an array")
    });
    let items = orders.iter().map(|order| order["items"].as_array().expect("a list").len());
    [products.len(), customers.len(), orders.len(), items.sum()]
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The sorted answer to `SELECT … AS line`.
#[track_caller]
pub fn lines(storage: &Storage, sql: &str) -> Vec<String> {
    let rows: Result<Vec<Line>, _> = match storage.database_url.strip_prefix("sqlite://") {
        Some(file) => {
            let mut conn = SqliteConnection::establish(file).expect("the file opens");
            sql_query("PRAGMA busy_timeout = 5000").execute(&mut conn).expect("it is a setting");
            sql_query(sql).load(&mut conn)
        }
        None => {
            let conn = PgConnection::establish(&storage.database_url);
            sql_query(sql).load(&mut conn.expect("PostgreSQL is there"))
        }
    };
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut lines: Vec<String> = rows.into_iter().map(|row| row.line).collect();
    lines.sort();
    lines
}
