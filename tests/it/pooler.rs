//! PostgreSQL behind a PgBouncer that lends its connections by the transaction, and fewer of them
//! than its clients have. Many cases of other modules run through it, too (`is_pooled`).

use crate::app::{Combination, Process, Storage};
use crate::cases;
use crate::kit::until;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use serde_json::json;
use std::thread;

cases![
    OnPooler:
        a_first_start_through_a_pooler_leaves_nothing_behind,
        the_limits_of_a_statement_hold_through_a_pooler;
];

/// F25: no lock, no setting and no prepared statement is left to those who come after.
fn a_first_start_through_a_pooler_leaves_nothing_behind(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let start = || Process::start(storage.folder.path(), "all", &storage.settings());
    let processes = thread::scope(|scope| {
        let starts: Vec<_> = (0..3).map(|_| scope.spawn(start)).collect();
        starts.into_iter().map(|start| start.join().expect("it starts")).collect::<Vec<_>>()
    });
    drop(processes);
    let settings = storage.settings();
    let (_, url) = settings.iter().find(|(name, _)| name == "DATABASE_URL").expect("it is set");
    let process = start();
    let client = crate::client::Client::new();
    thread::scope(|scope| {
        for number in 0..8 {
            let product = json!({
                "id": format!("p{number}"), "name": "W", "brand": "B", "price": 1, "stock": 1,
                "category": "C"
            });
            let body = product.to_string();
            let (client, process) = (&client, &process);
            scope.spawn(move || {
                let headers = [("Content-Type", "application/json")];
                let url = process.url("product");
                let products = format!("{url}/products");
                client.send("POST", &products, &headers, Some(body.as_bytes())).expect(201);
                client.send("GET", &products, &[], None).expect(200);
                let customers = format!("{}/customers", process.url("customer"));
                client.send("GET", &customers, &[], None).expect(200);
            });
        }
    });
    // Other cases have databases of their own on this server.
    let advisory_locks = "SELECT count(*) AS count FROM pg_locks JOIN pg_database \
                          ON pg_database.oid = pg_locks.database \
                          WHERE locktype = 'advisory' AND datname = current_database()";
    assert_eq!(storage.count(advisory_locks), 0);
    // All sessions that the pooler has, each held by one of these until the end.
    let sessions: Vec<_> = (0..5)
        .map(|_| {
            let mut conn = PgConnection::establish(url).expect("the pooler answers");
            conn.batch_execute("BEGIN").expect("it lends a session");
            let left: Left = sql_query(
                "SELECT current_setting('statement_timeout') AS statement_timeout, \
                 current_setting('lock_timeout') AS lock_timeout, \
                 (SELECT count(*) FROM pg_prepared_statements) AS statements",
            )
            .get_result(&mut conn)
            .expect("it is there");
            assert_eq!((left.statement_timeout.as_str(), left.lock_timeout.as_str()), ("0", "0"));
            assert_eq!(left.statements, 0);
            conn
        })
        .collect();
    drop(sessions);
}

#[derive(QueryableByName)]
struct Left {
    #[diesel(sql_type = Text)]
    statement_timeout: String,
    #[diesel(sql_type = Text)]
    lock_timeout: String,
    #[diesel(sql_type = BigInt)]
    statements: i64,
}

/// F9, F25: reads and writes; the server itself ends them, so that no session is taken for long.
fn the_limits_of_a_statement_hold_through_a_pooler(combination: &Combination) {
    let app = combination.start();
    let mut lock = PgConnection::establish(&app.storage.database_url).expect("it is there");
    lock.batch_execute("BEGIN; LOCK TABLE products, customers, orders").expect("nobody has it");
    thread::scope(|scope| {
        for path in ["/products?limit=1", "/customers?limit=1", "/customers/cust_001"] {
            let app = &app;
            scope.spawn(move || app.get(path).expect(503));
        }
        scope.spawn(|| app.put("/products/prod_001", &json!({ "price": 1 })).expect(503));
    });
    let waiting = "SELECT count(*) AS count FROM pg_locks JOIN pg_stat_activity USING (pid) \
                   WHERE datname = current_database() AND NOT granted";
    // The table is locked still, so that nothing but the limits of the server ends them. A list that
    // waited for its place is given up a little later than its client was answered.
    until("the server has given them up", || app.storage.count(waiting) == 0);
    lock.batch_execute("COMMIT").expect("nothing was written");
    app.get("/products?limit=1").expect(200);
}
