//! `Idempotency-Key`: a change that is sent again takes effect once, and is answered alike.

use crate::app::{App, Combination, Process, Storage, sign};
use crate::cases;
use crate::client::Answer;
use crate::kit::until;
use diesel::Connection;
use diesel::connection::SimpleConnection;
use serde_json::{Value, json};
use std::sync::Barrier;
use std::thread;
use std::time::SystemTime;

cases![
    Everywhere:
        every_change_sent_again_is_answered_alike_and_made_once,
        twenty_at_once_and_five_later_have_one_effect,
        a_key_used_for_another_request_is_422_and_has_no_effect,
        a_refusal_is_not_kept,
        a_key_that_is_not_one_is_400_and_has_no_effect,
        a_read_has_no_use_for_a_key;
    BothGateways:
        a_key_belongs_to_one_caller;
    BothBackends:
        a_key_survives_a_kill,
        a_key_counts_at_every_replica,
        a_key_is_kept_for_a_day,
        old_keys_are_deleted_at_a_start,
        a_heap_of_old_keys_is_deleted_beside_the_writes_of_clients,
        old_keys_that_cannot_be_deleted_are_warned_of,
        a_request_whose_key_is_under_way_is_409_and_answered_later,
        a_new_store_knows_no_old_keys;
];

const INVENTORY: &str = "/products/prod_001/inventory";

/// Sends a change with a key, as the user of `token` where it goes through a gateway.
#[track_caller]
fn send(app: &App, token: &str, key: &str, (method, path, body): Change) -> Answer {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("Authorization", bearer.as_str()), ("Idempotency-Key", key)];
    let body = body.map(|body| body.to_string());
    if body.is_some() {
        headers.push(("Content-Type", "application/json"));
    }
    app.client.send(method, &app.url(path), &headers, body.as_deref().map(str::as_bytes))
}

type Change = (&'static str, &'static str, Option<Value>);

fn take(quantity: u32) -> Change {
    ("PATCH", INVENTORY, Some(json!({ "quantity": quantity })))
}

#[track_caller]
fn send_key(app: &App, key: &str, change: Change) -> Answer {
    send(app, app.token(), key, change)
}

fn stock(app: &App) -> i64 {
    let answer = app.get("/products/prod_001").expect(200);
    answer.json["data"]["stock"].as_i64().expect("a number")
}

#[track_caller]
fn expect_replay(again: &Answer, first: &Answer) {
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{again:?}");
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("content-type"), first.header("content-type"));
}

/// D6: one effect, the same answer.
fn every_change_sent_again_is_answered_alike_and_made_once(combination: &Combination) {
    let app = combination.start();
    let product = json!({
        "id": "new", "name": "New", "brand": "B", "price": "1.00", "stock": 1, "category": "dive"
    });
    let customer = json!({ "id": "new", "email": "new@example.com", "name": "N", "tier": "gold" });
    let changes: [Change; 7] = [
        ("POST", "/products", Some(product)),
        ("PUT", "/products/new", Some(json!({ "price": "2.00" }))),
        ("PATCH", "/products/new/inventory", Some(json!({ "quantity": 1 }))),
        ("DELETE", "/products/new", None),
        ("POST", "/customers", Some(customer)),
        ("PUT", "/customers/new", Some(json!({ "name": "Other" }))),
        ("DELETE", "/customers/new", None),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let key = format!("\"key-{number}\"");
        let first = send_key(&app, &key, change.clone());
        assert!(first.status < 300, "{change:?}: {first:?}");
        assert_eq!(first.header("idempotency-replayed"), None);
        // A second effect would be 409, 404, 400 for too little stock, or another `updated_at`.
        for _ in 0..2 {
            expect_replay(&send_key(&app, &key, change.clone()), &first);
        }
    }
}

/// D6: one effect, the same answer, however many come at once.
fn twenty_at_once_and_five_later_have_one_effect(combination: &Combination) {
    let app = combination.start();
    let start = Barrier::new(20);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let at_once: Vec<_> = (0..20)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    send_key(&app, "twenty", take(1))
                })
            })
            .collect();
        at_once.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    let later = (0..5).map(|_| send_key(&app, "twenty", take(1)));
    let answers: Vec<Answer> = answers.into_iter().chain(later).collect();
    let fresh = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_none());
    assert_eq!(fresh.count(), 1);
    for answer in &answers {
        assert_eq!((answer.status, &answer.text), (200, &answers[0].text), "{answer:?}");
    }
    assert_eq!(stock(&app), 11);
}

/// D6: another body, path or method is another request.
fn a_key_used_for_another_request_is_422_and_has_no_effect(combination: &Combination) {
    let app = combination.start();
    let first = send_key(&app, "one", take(1)).expect(200);
    let others: [Change; 4] = [
        take(2),
        ("PATCH", "/products/prod_002/inventory", Some(json!({ "quantity": 1 }))),
        ("PATCH", "/products/prod_001/inventory?a=1", Some(json!({ "quantity": 1 }))),
        ("DELETE", "/products/prod_001", None),
    ];
    for other in others {
        let error = "This Idempotency-Key was used for another request";
        let answer = send_key(&app, "one", other).expect_failure(422, error);
        assert_eq!(answer.json["code"], "IDEMPOTENCY_KEY_REUSED");
    }
    expect_replay(&send_key(&app, "one", take(1)), &first);
    assert_eq!(stock(&app), 11);
}

/// D6: a request that was refused may be sent again with its key, and is then judged anew.
fn a_refusal_is_not_kept(combination: &Combination) {
    let app = combination.start();
    send_key(&app, "many", take(50)).expect_failure(400, "Insufficient stock");
    app.put("/products/prod_001", &json!({ "stock": 60 })).expect(200);
    let answer = send_key(&app, "many", take(50)).expect(200);
    assert_eq!(answer.header("idempotency-replayed"), None);
    let missing = || ("PUT", "/products/later", Some(json!({ "name": "Later" })));
    send_key(&app, "missing", missing()).expect_failure(404, "Product not found");
    let product = json!({
        "id": "later", "name": "L", "brand": "B", "price": 1, "stock": 1, "category": "dive"
    });
    app.post("/products", &product).expect(201);
    send_key(&app, "missing", missing()).expect(200);
}

fn a_key_that_is_not_one_is_400_and_has_no_effect(combination: &Combination) {
    let app = combination.start();
    let longest = "k".repeat(255);
    send_key(&app, &longest, take(1)).expect(200);
    for key in ["", "a b", "\u{e9}", &format!("{longest}k")] {
        let answer = send_key(&app, key, take(1)).expect_failure(400, "Invalid request");
        assert_eq!(answer.json["details"]["field"], "Idempotency-Key");
    }
    let bearer = format!("Bearer {}", app.token());
    let twice = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "a"),
        ("Idempotency-Key", "b"),
    ];
    let answer = app.client.send("PATCH", &app.url(INVENTORY), &twice, Some(b"{\"quantity\":1}"));
    answer.expect_failure(400, "Invalid request");
    assert_eq!(stock(&app), 11);
}

fn a_read_has_no_use_for_a_key(combination: &Combination) {
    let app = combination.start();
    for path in ["/products/prod_001", "/products/prod_002", "/customers/cust_001"] {
        let answer = send_key(&app, "read", ("GET", path, None)).expect(200);
        assert_eq!(answer.header("idempotency-replayed"), None);
    }
    send_key(&app, "read", take(1)).expect(200);
}

/// D6: nobody is shown what was answered to somebody else.
fn a_key_belongs_to_one_caller(combination: &Combination) {
    let app = combination.start();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let token =
        |user: &str| sign(&json!({ "userId": user, "email": "a@b.c", "exp": now.as_secs() + 600 }));
    let (anna, bert) = (token("anna"), token("bert"));
    let first = send(&app, &anna, "mine", take(1)).expect(200);
    let other = send(&app, &bert, "mine", take(1)).expect(200);
    assert_eq!(other.header("idempotency-replayed"), None);
    expect_replay(&send(&app, &anna, "mine", take(1)), &first);
    expect_replay(&send(&app, &bert, "mine", take(1)), &other);
    assert_eq!(stock(&app), 10);
}

/// D6: survives `kill -9`.
fn a_key_survives_a_kill(combination: &Combination) {
    let app = combination.start();
    let first = send_key(&app, "kill", take(1)).expect(200);
    app.processes[0].signal("KILL");
    let folder = app.storage.folder.path();
    let process = Process::start(folder, "product", &app.storage.settings());
    // The service is asked for the user that the gateway named to it.
    let headers =
        [("Idempotency-Key", "kill"), ("X-User-Id", "test"), ("Content-Type", "application/json")];
    let url = format!("{}{INVENTORY}", process.url("product"));
    let again = app.client.send("PATCH", &url, &headers, Some(b"{\"quantity\":1}"));
    expect_replay(&again, &first);
}

/// D6, F18: replicas on one database keep one another's keys.
fn a_key_counts_at_every_replica(combination: &Combination) {
    let app = combination.start();
    let other = Process::start(app.storage.folder.path(), "product", &app.storage.settings());
    let urls = [app.product_url(INVENTORY), format!("{}{INVENTORY}", other.url("product"))];
    let headers = [("Idempotency-Key", "both"), ("Content-Type", "application/json")];
    let start = Barrier::new(20);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let (app, urls, headers, start) = (&app, &urls, &headers, &start);
        let threads: Vec<_> = (0..20)
            .map(|number| {
                scope.spawn(move || {
                    start.wait();
                    let url = &urls[number % 2];
                    app.client.send("PATCH", url, headers, Some(b"{\"quantity\":1}"))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    for answer in &answers {
        assert_eq!((answer.status, &answer.text), (200, &answers[0].text), "{answer:?}");
    }
    until("both replicas know the stock", || stock(&app) == 11);
}

fn a_key_is_kept_for_a_day(combination: &Combination) {
    let app = combination.start();
    let first = send_key(&app, "old", take(1)).expect(200);
    let age = |hours: u32, minutes: u32| {
        let sql = if combination.is_postgres() {
            format!(
                "UPDATE idempotency_keys SET created_at = timezone('UTC', now()) \
                 - interval '{hours} hours {minutes} minutes'"
            )
        } else {
            format!(
                "UPDATE idempotency_keys SET created_at = strftime('%Y-%m-%d %H:%M:%f', 'now', \
                 '-{hours} hours', '-{minutes} minutes')"
            )
        };
        app.storage.execute(&sql).expect("the table is there");
    };
    age(23, 59);
    expect_replay(&send_key(&app, "old", take(1)), &first);
    age(24, 1);
    let again = send_key(&app, "old", take(1)).expect(200);
    assert_eq!(again.header("idempotency-replayed"), None);
    assert_eq!(again.json["data"]["remaining_stock"], 10);
    expect_replay(&send_key(&app, "old", take(1)), &again);
}

fn old_keys_are_deleted_at_a_start(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let key = |digit: &str, time: &str| {
        let digest = digit.repeat(64);
        let values = format!("'{digest}', '{digest}', 200, NULL, '{{}}', '{time}', NULL");
        storage.execute(&format!("INSERT INTO idempotency_keys VALUES ({values})"))
    };
    key("0", "2001-01-01 00:00:00.000").expect("a row");
    key("f", "9001-01-01 00:00:00.000").expect("a row");
    let process = Process::start(storage.folder.path(), "product", &storage.settings());
    // A row that is still there is in the way of itself.
    until("the old key is gone", || key("0", "9001-01-01 00:00:00.000").is_ok());
    key("f", "9001-01-01 00:00:00.000").expect_err("this one is not old");
    drop(process);
}

/// So many that one statement would meet its limit: here each row takes a moment to delete.
fn a_heap_of_old_keys_is_deleted_beside_the_writes_of_clients(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    add_old_keys(&storage, 20_000);
    if combination.is_postgres() {
        // All of them in one statement would take 5 s, and a statement may take 2.5 s.
        let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                    PERFORM pg_sleep(0.00025); RETURN OLD; END $$; \
                    CREATE TRIGGER slow BEFORE DELETE ON idempotency_keys \
                    FOR EACH ROW EXECUTE FUNCTION slow()";
        storage.execute(slow).expect("a trigger");
    }
    let app = App::start(combination, storage, &[]);
    let left = "SELECT count(*) AS count FROM idempotency_keys";
    let mut writes = 0;
    until("all old keys are gone", || {
        app.patch(INVENTORY, &json!({ "quantity": 1 }));
        app.put("/customers/cust_001", &json!({ "phone": null })).expect(200);
        writes += 1;
        app.storage.count(left) == 0
    });
    assert!(writes > 1, "writes came between");
}

/// They would else heap up unseen.
fn old_keys_that_cannot_be_deleted_are_warned_of(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    add_old_keys(&storage, 1);
    let refuse = if combination.is_postgres() {
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE EXCEPTION 'not these'; END $$; \
         CREATE TRIGGER refuse BEFORE DELETE ON idempotency_keys \
         FOR EACH ROW EXECUTE FUNCTION refuse()"
    } else {
        "CREATE TRIGGER refuse BEFORE DELETE ON idempotency_keys \
         BEGIN SELECT RAISE(ABORT, 'not these'); END"
    };
    storage.execute(refuse).expect("a trigger");
    let process = Process::start(storage.folder.path(), "product", &storage.settings());
    until("it is said", || {
        let log = process.log();
        log.lines().any(|line| {
            line.contains("WARN") && line.contains("old idempotency keys could not be deleted")
        })
    });
}

fn add_old_keys(storage: &Storage, count: u32) {
    let digest = if storage.database_url.starts_with("sqlite") {
        "printf('%064x', n)"
    } else {
        "lpad(to_hex(n), 64, '0')"
    };
    let time = if storage.database_url.starts_with("sqlite") {
        "'2001-01-01 00:00:00.000'"
    } else {
        "timestamp '2001-01-01'"
    };
    let sql = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
         WHERE n < {count}) INSERT INTO idempotency_keys \
         SELECT {digest}, {digest}, 200, NULL, '{{}}', {time}, NULL FROM numbers"
    );
    storage.execute(&sql).expect("rows");
}

/// What another program holds locked for as long as this lives.
struct Lock(Box<dyn SimpleConnection>);

impl Lock {
    /// Takes the row of the product, or on SQLite the whole file.
    fn take(storage: &Storage) -> Lock {
        let (mut conn, sql): (Box<dyn SimpleConnection>, _) = match storage
            .database_url
            .strip_prefix("sqlite://")
        {
            Some(file) => (
                Box::new(diesel::SqliteConnection::establish(file).expect("the file opens")),
                "BEGIN IMMEDIATE",
            ),
            None => (
                Box::new(diesel::PgConnection::establish(&storage.database_url).expect("there")),
                "BEGIN; SELECT 1 FROM products WHERE id = 'prod_001' FOR UPDATE",
            ),
        };
        conn.batch_execute(sql).expect("the lock is free");
        Lock(conn)
    }

    fn release(mut self) {
        self.0.batch_execute("COMMIT").expect("nothing was written");
    }
}

/// D6: 409 while in flight; the one under way keeps its answer.
fn a_request_whose_key_is_under_way_is_409_and_answered_later(combination: &Combination) {
    let app = combination.start();
    let lock = Lock::take(&app.storage);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel();
        for _ in 0..2 {
            let (app, sender) = (&app, sender.clone());
            scope.spawn(move || sender.send(send_key(app, "slow", take(1))));
        }
        // One of them gives up waiting for the other, which waits for the lock.
        let refused = receiver.recv().expect("an answer");
        lock.release();
        vec![refused, receiver.recv().expect("an answer")]
    });
    let error = "A request with this Idempotency-Key is still under way";
    let refused = answers[0].clone().expect_failure(409, error);
    assert_eq!(refused.json["code"], "IDEMPOTENCY_KEY_IN_USE");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let made = answers[1].clone().expect(200);
    expect_replay(&send_key(&app, "slow", take(1)), &made);
    assert_eq!(stock(&app), 11);
}

/// An answer that was kept would tell of rows that are gone.
fn a_new_store_knows_no_old_keys(combination: &Combination) {
    let app = combination.start();
    send_key(&app, "reset", take(1)).expect(200);
    let settings = app.storage.settings();
    let output = crate::app::command(std::path::Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["seed", "--reset"])
        .envs(settings.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let again = send_key(&app, "reset", take(1)).expect(200);
    assert_eq!(again.header("idempotency-replayed"), None);
}
