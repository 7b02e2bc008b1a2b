//! A PostgreSQL that belongs to somebody else: its language, its isolation, its other transactions
//! and migrations.

use super::{Lock, PATH, expect_unavailable, until_a_lock_is_waited_for};
use crate::app::{App, Combination, Storage};
use crate::cases;
use crate::kit::{Postgres, until};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use serde_json::json;
use std::thread;

cases![
    OnPostgres:
        a_deadlock_is_tried_again,
        a_serialization_failure_is_tried_again_and_then_503,
        a_change_that_is_tried_again_takes_effect_once,
        a_server_of_a_stricter_isolation_refuses_no_write,
        a_fault_is_503_whatever_language_it_is_told_in,
        a_mistake_in_the_schema_stays_500_in_every_language,
        an_encoding_that_cannot_hold_the_text_is_refused_with_what_to_do,
        a_schema_that_changes_under_a_warm_process_fails_no_request;
];

const INVENTORY: &str = "/products/prod_001/inventory";

/// F25: somebody locks an order, then its customer; `DELETE` takes them the other way round.
fn a_deadlock_is_tried_again(combination: &Combination) {
    expect_deadlock_to_be_tried_again(&combination.start());
}

#[track_caller]
fn expect_deadlock_to_be_tried_again(app: &App) {
    // The server ends the transaction that finds the deadlock: this one would look for it last.
    let mut lock = Lock::take(
        &app.storage.database_url,
        "SET deadlock_timeout = '20s'; BEGIN; \
         SELECT 1 FROM orders WHERE customer_id = 'cust_001' FOR UPDATE",
    );
    thread::scope(|scope| {
        let delete = scope.spawn(|| app.delete("/customers/cust_001"));
        until_a_lock_is_waited_for(&app.storage);
        lock.then("SELECT 1 FROM customers WHERE id = 'cust_001' FOR UPDATE");
        lock.release();
        let answer = delete.join().expect("an answer");
        answer.expect_failure(409, "Cannot delete customer with existing orders");
    });
}

/// F25: a few times, and not for ever; product and customer.
fn a_serialization_failure_is_tried_again_and_then_503(combination: &Combination) {
    let app = combination.start();
    for (table, path, change) in [
        ("products", PATH, json!({ "price": 1 })),
        ("customers", "/customers/cust_001", json!({ "name": "Other" })),
    ] {
        // A sequence counts on whatever is rolled back.
        let fail_but_once = format!(
            "CREATE SEQUENCE {table}_attempts; \
             CREATE FUNCTION {table}_fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('{table}_attempts') <> 3 THEN \
             RAISE EXCEPTION 'not now' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER fail BEFORE UPDATE ON {table} \
             FOR EACH ROW EXECUTE FUNCTION {table}_fail()"
        );
        execute(&app.storage, &fail_but_once);
        app.put(path, &change).expect(200);
        expect_unavailable(app.put(path, &change));
        let attempts =
            app.storage.count(&format!("SELECT last_value AS count FROM {table}_attempts"));
        assert!((5..=10).contains(&attempts), "{attempts} attempts");
    }
}

/// F25, D6: the answer and the effect are those of the one attempt that was committed.
fn a_change_that_is_tried_again_takes_effect_once(combination: &Combination) {
    let app = combination.start();
    execute(
        &app.storage,
        "CREATE SEQUENCE attempts; \
         CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('attempts') <= 2 THEN \
         RAISE EXCEPTION 'not now' USING ERRCODE = '40001'; END IF; RETURN NULL; END $$; \
         CREATE TRIGGER fail AFTER INSERT ON idempotency_keys \
         FOR EACH ROW EXECUTE FUNCTION fail()",
    );
    let bearer = format!("Bearer {}", app.token());
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "again"),
    ];
    for replayed in [None, Some("true")] {
        let body = json!({ "quantity": 1 }).to_string();
        let answer = app.client.send("PATCH", &app.url(INVENTORY), &headers, Some(body.as_bytes()));
        let answer = answer.expect(200);
        assert_eq!(answer.json["data"]["remaining_stock"], 11);
        assert_eq!(answer.header("idempotency-replayed"), replayed);
    }
    let stock = "SELECT stock::bigint AS count FROM products WHERE id = 'prod_001'";
    assert_eq!(app.storage.count(stock), 11);
    assert_eq!(app.storage.count("SELECT count(*) AS count FROM idempotency_keys"), 1);
}

/// F25: a transaction that waited for a row would fail because the row has changed.
fn a_server_of_a_stricter_isolation_refuses_no_write(combination: &Combination) {
    const CLIENTS: usize = 8;
    const TAKES: usize = 20;
    let storage = Storage::seeded(&combination.backend);
    execute(
        &storage,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = %L', \
         current_database(), 'repeatable read'); END $$",
    );
    let app = App::start(combination, storage, &[]);
    app.put(PATH, &json!({ "stock": 1000 })).expect(200);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for _ in 0..TAKES {
                    app.patch(INVENTORY, &json!({ "quantity": 1 })).expect(200);
                }
            });
        }
    });
    assert_eq!(app.get(PATH).expect(200).json["data"]["stock"], 1000 - CLIENTS * TAKES);
}

/// F25: locks and statements that take too long, cancelled statements, deadlocks. Whoever is not a
/// superuser cannot choose the language.
fn a_fault_is_503_whatever_language_it_is_told_in(combination: &Combination) {
    thread::scope(|scope| {
        for language in ["C.UTF-8", "de_DE.UTF-8"] {
            scope.spawn(move || {
                let postgres = Postgres::speaking(language);
                expect_faults_to_be_503(&App::start(combination, postgres.seeded(), &[]));
            });
        }
    });
}

#[track_caller]
fn expect_faults_to_be_503(app: &App) {
    let take = || app.patch(INVENTORY, &json!({ "quantity": 1 }));
    let lock = Lock::take(
        &app.storage.database_url,
        "BEGIN; LOCK TABLE customers, orders; \
         SELECT 1 FROM products WHERE id = 'prod_001' FOR UPDATE",
    );
    thread::scope(|scope| {
        for path in ["/customers?limit=1", "/customers/cust_001", "/customers/cust_001/orders"] {
            scope.spawn(move || expect_unavailable(app.get(path)));
        }
        scope.spawn(|| expect_unavailable(take()));
        scope.spawn(|| expect_unavailable(app.delete("/customers/cust_002")));
    });
    lock.release();
    expect_deadlock_to_be_tried_again(app);

    execute(
        &app.storage,
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM pg_sleep(20); RETURN NEW; END $$; \
         CREATE TRIGGER wait BEFORE UPDATE ON products FOR EACH ROW EXECUTE FUNCTION wait()",
    );
    expect_unavailable(take());
    thread::scope(|scope| {
        let take = scope.spawn(take);
        until("the statement is cancelled for good", || {
            let cancel = "SELECT count(pg_cancel_backend(pid)) AS count FROM pg_stat_activity \
                          WHERE wait_event = 'PgSleep' AND datname = current_database()";
            app.storage.count(cancel);
            take.is_finished()
        });
        expect_unavailable(take.join().expect("an answer"));
    });
    app.put("/customers/cust_001", &json!({ "name": "Other" })).expect(200);
}

/// F25: only what passes by itself is a 503.
fn a_mistake_in_the_schema_stays_500_in_every_language(combination: &Combination) {
    let postgres = Postgres::speaking("de_DE.UTF-8");
    let mut conn = PgConnection::establish(&postgres.url()).expect("it is there");
    let told = conn.batch_execute("SELECT 1 / 0").expect_err("it cannot be divided");
    assert_eq!(told.to_string(), "Division durch Null");
    let app = App::start(combination, postgres.seeded(), &[]);
    app.get("/customers?limit=1").expect(200);
    execute(&app.storage, "ALTER TABLE customers RENAME COLUMN phone TO telephone");
    app.get("/customers?limit=1").expect(500);
    app.put("/customers/cust_001", &json!({ "name": "Other" })).expect(500);
    app.get("/products?limit=1").expect(200);
}

/// F25: `serve` and `seed`; nothing is left in the database. The command that is shown makes one
/// that is taken.
fn an_encoding_that_cannot_hold_the_text_is_refused_with_what_to_do(combination: &Combination) {
    let postgres = Postgres::started();
    let url_of = |name: &str| {
        let url = postgres.url();
        format!("{}/{name}", url.rsplit_once('/').expect("a database in the URL").0)
    };
    let run = |command: &[&str], url: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut program = crate::app::command(folder);
        program.args(command).args(["--database-url", url]);
        let output = program.output().expect("the binary starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = encoding.to_lowercase();
        postgres.execute(&format!(
            "CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' \
             TEMPLATE template0"
        ));
        let storage = Storage::at(url_of(&name), None);
        for command in [&["serve"][..], &["seed"][..]] {
            let (status, error) = run(command, &storage.database_url);
            assert_eq!(status, Some(1), "{error}");
            assert!(error.contains(encoding), "{error}");
            let (_, make) = error.split_once("DATABASE_URL: ").expect("what to do");
            if command == ["seed"] {
                postgres.execute(make.trim());
            }
        }
        let tables = "SELECT count(*) AS count FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(storage.count(tables), 0);
        let (status, error) = run(&["seed"], &url_of(&format!("{name}_utf8")));
        assert_eq!(status, Some(0), "{error}");
    }
    let made = Storage::at(url_of("latin1_utf8"), None);
    App::start(combination, made, &[]).get(PATH).expect(200);
}

/// F26: what another process of a rolling upgrade does.
fn a_schema_that_changes_under_a_warm_process_fails_no_request(combination: &Combination) {
    const CLIENTS: usize = 16;
    let app = combination.start();
    let use_everything = || {
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let app = &app;
                scope.spawn(move || {
                    let product = format!("/products/prod_{:03}", client + 1);
                    let customer = format!("/customers/cust_{:03}", client + 1);
                    for _ in 0..4 {
                        app.get("/products?limit=2").expect(200);
                        app.get("/customers?limit=2").expect(200);
                        app.get(&customer).expect(200);
                        app.get(&format!("{customer}/orders")).expect(200);
                        app.put(&product, &json!({ "price": 1 })).expect(200);
                        app.get(&product).expect(200);
                        app.put(&customer, &json!({ "phone": null })).expect(200);
                    }
                });
            }
        });
    };
    use_everything();
    for change in [
        "ALTER TABLE products ALTER id TYPE varchar(60) COLLATE \"C\"",
        "ALTER TABLE customers ALTER name TYPE text",
        "ALTER TABLE orders ALTER notes TYPE varchar(3000)",
    ] {
        execute(&app.storage, change);
        use_everything();
    }
    let log = app.processes[0].log();
    assert!(!log.contains("ERROR"), "{log}");
}

#[track_caller]
fn execute(storage: &Storage, sql: &str) {
    storage.execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}
