//! Neighbours who ask for much: what is left for those who read one row or take stock.

use super::driver::{drive, request};
use super::steady::{name, seconds};
use crate::app::{App, Combination};
use crate::cases;
use crate::kit::{Percent, figure, size};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

cases![
    BothBackends:
        whatever_a_neighbour_lists_rows_are_read_and_written;
];

const CLIENTS: usize = 16;

/// L8: reads of a customer, of a cached product, and takes, alone and beside each of three
/// neighbours: searches that find nothing, first pages of a large list, a customer with many orders.
fn whatever_a_neighbour_lists_rows_are_read_and_written(combination: &Combination) {
    let app = start(combination);
    let duration = seconds("TEST_NEIGHBOUR_SECONDS", 5);
    let asked: [(&str, &str, &str, &str); 3] = [
        ("reads of a customer", "GET", "/customers/cust_00", ""),
        ("reads of a cached product", "GET", "/products/prod_10", ""),
        ("takes", "PATCH", "/products/prod_00", r#"{"quantity":1}"#),
    ];
    let neighbours = [
        ("searches", 24, "/customers?email=zzzz"),
        ("first pages", 64, "/customers?limit=100"),
        ("orders", 16, "/customers/cust_040/orders?limit=1000"),
    ];
    for (what, method, path, body) in asked {
        let one = |random: &mut fastrand::Rng| {
            let end = if method == "PATCH" { "/inventory" } else { "" };
            request(app.token(), method, &format!("{path}{}{end}", random.u32(1..=9)), body)
        };
        let address = app.address("/products");
        let rate = |duration| drive(&address, 1, CLIENTS, duration, one).goodput();
        rate(Duration::from_millis(500));
        for (neighbour, clients, asks) in neighbours {
            let over = AtomicBool::new(false);
            let alone = rate(duration);
            let beside = thread::scope(|scope| {
                let asking = request(app.token(), "GET", asks, "");
                let (over, address) = (&over, &address);
                scope.spawn(move || {
                    while !over.load(Ordering::SeqCst) {
                        let pause = Duration::from_millis(500);
                        drive(address, 5, clients, pause, |_| asking.clone());
                    }
                });
                let beside = rate(duration);
                over.store(true, Ordering::SeqCst);
                beside
            });
            assert!(beside > 0, "{what} beside {neighbour}");
            let ratio = Percent(beside * 100 / alone.max(1));
            let name = name(combination);
            figure(
                "L8",
                &format!("{what} beside {clients} {neighbour}, of those alone, {name}"),
                ratio,
            );
            figure("L8", &format!("{what} in a second, alone, {name}"), alone);
        }
    }
}

fn start(combination: &Combination) -> App {
    let app = combination.start_with(&[("RUST_LOG", "warn"), ("DATABASE_POOL_SIZE", "16")]);
    for number in 1..=9 {
        let body = serde_json::json!({ "stock": i32::MAX });
        app.put(&format!("/products/prod_{number:03}"), &body).expect(200);
    }
    let (customers, orders) = (size("TEST_CUSTOMERS", 100_000), 5_000);
    let numbers = |count: usize| {
        if combination.is_postgres() {
            format!("generate_series(1, {count}) AS n (i)")
        } else {
            format!(
                "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \
                 {count}) SELECT i FROM n) AS n"
            )
        }
    };
    let at = "1, '2026-01-01 00:00:00', '2026-01-01 00:00:00'";
    let sql = format!(
        "INSERT INTO customers (id, email, name, tier, version, created_at, updated_at) \
         SELECT 'many_' || i, 'many_' || i || '@example.com', 'Many', 'gold', {at} FROM {};
         INSERT INTO orders (order_number, customer_id, total_amount, status, version, created_at, \
         updated_at, placed_at, original_amount, import_difference) SELECT 'M-' || i, 'cust_040', 1, 'pending', \
         {at}, '2026-01-01 00:00:00', 1, 1 FROM {};
         ANALYZE;",
        numbers(customers),
        numbers(orders)
    );
    app.storage.execute(&sql).expect("the rows keep the rules");
    app
}
