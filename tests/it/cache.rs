//! The cache: a read that follows a finished write sees it, and many readers load once.

use crate::app::{App, Combination, Door, Process, Storage, redis_command};
use crate::cases;
use crate::kit::{
    Caller, Fleet, Gate, Outcome, Redis, figure, gated_store, size, storage_behind_gate, until,
    until_redis_is,
};
use serde_json::{Value, json};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

cases![
    BothBackends:
        every_write_makes_the_next_read_fresh,
        readers_during_writes_never_see_an_older_price_again,
        many_readers_of_a_cold_product_load_it_once,
        an_absence_is_cached_until_the_create,
        an_invalidation_does_not_need_the_writers_client,
        a_deleted_product_is_gone_at_once;
    OnPostgresAlone:
        a_load_slower_than_every_lifetime_puts_no_old_row_back,
        an_absence_that_is_loaded_during_the_create_is_not_cached;
    OnPostgres:
        a_load_slower_than_every_lifetime_puts_no_old_row_back,
        an_absence_that_is_loaded_during_the_create_is_not_cached,
        an_eviction_lets_no_old_row_back,
        a_fill_from_before_an_emptying_is_refused,
        a_create_ends_the_absence_on_every_replica,
        seed_ends_every_absence,
        a_slow_reader_cannot_put_an_old_row_back,
        a_write_whose_client_is_gone_is_seen_by_every_replica,
        a_write_while_redis_hangs_is_seen_as_soon_as_it_answers,
        two_loads_serve_any_number_of_readers,
        two_stores_see_each_others_writes,
        whatever_lies_in_redis_is_a_miss_and_is_replaced;
    OnSqlite:
        another_process_changes_the_file_and_the_cache_notices;
];

/// D4: on the same replica.
fn every_write_makes_the_next_read_fresh(combination: &Combination) {
    let app = combination.start();
    let path = "/products/prod_003";
    let writes: [&dyn Fn(&App); 2] =
        [&|app| drop(app.put(path, &json!({ "price": "1.23" })).expect(200)), &|app| {
            drop(app.patch(&format!("{path}/inventory"), &json!({ "quantity": 1 })).expect(200))
        }];
    app.put(path, &json!({ "stock": 5 })).expect(200);
    for write in writes {
        app.get(path).expect(200);
        app.get_cached(path);
        write(&app);
        let fresh = app.get(path).expect(200);
        assert_eq!(fresh.json["cached"], false);
        app.get_cached(path);
    }
    let last = app.get(path).expect(200);
    assert_eq!(
        (&last.json["data"]["price"], &last.json["data"]["stock"]),
        (&json!("1.23"), &json!(4))
    );
}

/// D5: the read's answer from the database is held back until a write has finished; what the reader
/// then brings must not be cached.
fn a_slow_reader_cannot_put_an_old_row_back(combination: &Combination) {
    let store = gated_store(combination, &[("DATABASE_POOL_SIZE", "1")]);
    let path = "/products/prod_001";
    store.app.put(path, &json!({ "price": "100.00" })).expect(200);
    // The one connection has prepared the query, and was used just now: what is held next is the
    // row itself.
    store.app.get("/products/prod_002").expect(200);
    thread::scope(|scope| {
        store.gate.close();
        let reader = scope.spawn(|| store.app.get(path));
        store.gate.wait_for_held_answer();
        // The other replica has its own way to the database, and the same Redis.
        let url = store.other.url("product");
        let body = json!({ "price": "200.00" }).to_string();
        let headers = [("Content-Type", "application/json")];
        store
            .app
            .client
            .send("PUT", &format!("{url}{path}"), &headers, Some(body.as_bytes()))
            .expect(200);
        store.gate.open();
        let old = reader.join().expect("the reader ends").expect(200);
        assert_eq!(old.json["data"]["price"], "100.00", "the answer was held before the write");
    });
    let after = store.app.get(path).expect(200);
    assert_eq!(after.json["data"]["price"], "200.00");
    assert_eq!(after.json["cached"], false);
}

/// Holds back the row that a read of `PATH` loads until the price has changed from 100.00 to 200.00
/// and `meanwhile` is over. Nobody may see the old price after that.
fn change_during_a_load(combination: &Combination, meanwhile: impl FnOnce(&App)) {
    const PATH: &str = "/products/prod_001";
    let (app, gate) = gated_app(combination);
    app.put(PATH, &json!({ "price": "100.00" })).expect(200);
    thread::scope(|scope| {
        gate.hold_at("Submariner Date");
        let reader = scope.spawn(|| app.get(PATH));
        gate.wait_for_held_answer();
        app.put(PATH, &json!({ "price": "200.00" })).expect(200);
        meanwhile(&app);
        gate.open();
        let old = reader.join().expect("the reader ends").expect(200);
        assert_eq!(old.json["data"]["price"], "100.00", "the answer was held before the write");
    });
    for _ in 0..3 {
        assert_eq!(app.get(PATH).expect(200).json["data"]["price"], "200.00");
    }
}

/// A store whose rows live for a second in its cache, and its gate to PostgreSQL.
fn gated_app(combination: &Combination) -> (App, Gate) {
    let (storage, gate) = storage_behind_gate(combination);
    let app = App::start(combination, storage, &[("CACHE_TTL_SECONDS", "1")]);
    if app.storage.redis_url.is_some() {
        until_redis_is(&app, &app.product_url(""), "connected");
    }
    (app, gate)
}

/// D5: nothing that the write left in the cache may be what the slow reader has to meet.
fn a_load_slower_than_every_lifetime_puts_no_old_row_back(combination: &Combination) {
    change_during_a_load(combination, |_| thread::sleep(Duration::from_millis(1_600)));
}

/// D5: whatever Redis throws away because it is full.
fn an_eviction_lets_no_old_row_back(combination: &Combination) {
    change_during_a_load(combination, |app| {
        let redis = app.storage.redis_url.as_ref().expect("this half has Redis");
        for key in redis_command(redis, "KEYS *product:*").lines() {
            redis_command(redis, &format!("DEL {}", key.trim()));
        }
    });
}

/// D5: and not in the epoch that follows either.
fn a_fill_from_before_an_emptying_is_refused(combination: &Combination) {
    change_during_a_load(combination, |app| {
        let redis = app.storage.redis_url.as_ref().expect("this half has Redis");
        crate::app::flush_redis(redis);
        assert_eq!(app.get("/products/prod_002").expect(200).json["cached"], false);
    });
}

/// D5: the answer that there is no such product is held back until there is one.
fn an_absence_that_is_loaded_during_the_create_is_not_cached(combination: &Combination) {
    let (app, gate) = gated_app(combination);
    thread::scope(|scope| {
        gate.hold_at("SELECT 0\0");
        let reader = scope.spawn(|| app.get("/products/new"));
        gate.wait_for_held_answer();
        app.post("/products", &new_product("new")).expect(201);
        gate.open();
        reader.join().expect("the reader ends").expect(404);
    });
    app.get("/products/new").expect(200);
}

fn new_product(id: &str) -> Value {
    json!({ "id": id, "name": "N", "brand": "B", "price": 1, "stock": 1, "category": "c" })
}

/// L6: however the readers of one missing id are spread, few of them reach the database.
fn an_absence_is_cached_until_the_create(combination: &Combination) {
    const READERS: usize = 8;
    const READS_OF_EACH: usize = 25;
    let app = combination.start_with(&[("RUST_LOG", "chronos=debug")]);
    if app.storage.redis_url.is_some() {
        until_redis_is(&app, &app.product_url(""), "connected");
    }
    let path = "/products/new";
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                for _ in 0..READS_OF_EACH {
                    app.get(path).expect_failure(404, "Product not found");
                }
            });
        }
    });
    let loads = count_loads(&app, "new");
    figure("L6", &format!("loads of a missing id, {}", combination.name()), loads);
    // Two at the first moment, two more for each lifetime of an absence that a slow machine takes.
    assert!(loads * 10 <= READERS * READS_OF_EACH, "{loads} loads");
    for _ in 0..3 {
        app.post("/products", &new_product("new")).expect(201);
        app.get(path).expect(200);
        app.delete(path).expect(200);
        app.get(path).expect(404);
        app.get(path).expect(404);
    }
}

/// D4: also for a row that was not there.
fn a_create_ends_the_absence_on_every_replica(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let other = Process::start(storage.folder.path(), "product", &storage.settings());
    let app = App::start(combination, storage, &[]);
    until_redis_is(&app, &app.product_url(""), "connected");
    until_redis_is(&app, &other.url("product"), "connected");
    for round in 0..10 {
        let id = format!("new_{round}");
        let elsewhere = format!("{}/products/{id}", other.url("product"));
        for _ in 0..3 {
            app.client.send("GET", &elsewhere, &[], None).expect(404);
        }
        app.post("/products", &new_product(&id)).expect(201);
        app.client.send("GET", &elsewhere, &[], None).expect(200);
    }
}

fn seed_ends_every_absence(combination: &Combination) {
    let app = combination.start_empty();
    until_redis_is(&app, &app.product_url(""), "connected");
    for _ in 0..3 {
        app.get("/products/prod_001").expect(404);
    }
    let output = crate::app::command(std::path::Path::new(env!("CARGO_MANIFEST_DIR")))
        .arg("seed")
        .envs(app.storage.settings())
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    app.get("/products/prod_001").expect(200);
}

/// D4, D5: the client goes away while the commit is under way, after every replica has cached the
/// row as it was before.
fn a_write_whose_client_is_gone_is_seen_by_every_replica(combination: &Combination) {
    let store = gated_store(combination, &[]);
    let (app, path) = (&store.app, "/products/prod_001");
    let elsewhere = format!("{}{path}", store.other.url("product"));
    for (stock, method, end, body) in [
        (11, "PATCH", "/inventory", json!({ "quantity": 1 })),
        (5, "PUT", "", json!({ "stock": 5 })),
    ] {
        app.get_cached(path);
        store.gate.close_at("COMMIT\0");
        Caller::new([127, 0, 0, 1], app.token()).send_and_leave(
            &app.address(path),
            method,
            &format!("{path}{end}"),
            &body,
        );
        store.gate.wait_for_held_answer();
        store.gate.open();
        for url in [&elsewhere, &app.url(path)] {
            until("the replica shows the write", || {
                let bearer = format!("Bearer {}", app.token());
                let headers = [("Authorization", bearer.as_str())];
                let seen = app.client.send("GET", url, &headers, None).expect(200);
                seen.json["data"]["stock"] == stock
            });
        }
    }
}

/// D4, D5: the invalidation cannot be delivered before the write is acknowledged, and another
/// replica asks Redis as soon as it answers again.
fn a_write_while_redis_hangs_is_seen_as_soon_as_it_answers(combination: &Combination) {
    let redis = Redis::started();
    let mut storage = Storage::seeded(&combination.backend);
    storage.redis_url = Some(redis.url());
    let other = Process::start(storage.folder.path(), "product", &storage.settings());
    let app = App::start(combination, storage, &[]);
    let path = "/products/prod_001";
    let elsewhere = format!("{}{path}", other.url("product"));
    for (round, pause_ms) in [0, 0, 50, 200, 600].into_iter().enumerate() {
        until_redis_is(&app, &app.product_url(""), "connected");
        until_redis_is(&app, &other.url("product"), "connected");
        app.get_cached(path);
        redis.freeze();
        let price = format!("{round}.00");
        app.put(path, &json!({ "price": price })).expect(200);
        // However long it hangs, and whether anybody has noticed.
        thread::sleep(Duration::from_millis(pause_ms));
        redis.thaw();
        for _ in 0..20 {
            let seen = app.client.send("GET", &elsewhere, &[], None).expect(200);
            assert_eq!(seen.json["data"]["price"], price, "frozen for {pause_ms} ms more");
        }
    }
}

/// D4: under load.
fn readers_during_writes_never_see_an_older_price_again(combination: &Combination) {
    const WRITES: u32 = 60;
    const READERS: usize = 6;
    let app = combination.start();
    let path = "/products/prod_001";
    app.put(path, &json!({ "price": 1000 })).expect(200);
    let price = |app: &App| -> u32 {
        let answer = app.get(path).expect(200);
        let text = answer.json["data"]["price"].as_str().expect("a string").to_owned();
        text.split('.').next().expect("whole").parse().expect("digits")
    };
    let finished = std::sync::atomic::AtomicU32::new(1000);
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                loop {
                    let floor = finished.load(std::sync::atomic::Ordering::SeqCst);
                    let seen = price(&app);
                    assert!(seen >= floor, "read {seen} after {floor} was acknowledged");
                    if floor == 1000 + WRITES {
                        break;
                    }
                }
            });
        }
        for write in 1..=WRITES {
            app.put(path, &json!({ "price": 1000 + write })).expect(200);
            finished.store(1000 + write, std::sync::atomic::Ordering::SeqCst);
        }
    });
    assert_eq!(price(&app), 1000 + WRITES);
}

/// L6: `TEST_READERS` of them at once. Redis has 50 ms to answer, which it may miss on a machine under
/// load; the next case holds the first load back instead.
fn many_readers_of_a_cold_product_load_it_once(combination: &Combination) {
    let readers = size("TEST_READERS", 60);
    let app = combination.start_with(&[("RUST_LOG", "chronos=debug")]);
    if combination.is_postgres() {
        until_redis_is(&app, &app.product_url(""), "connected");
    }
    let barrier = Barrier::new(readers);
    thread::scope(|scope| {
        for _ in 0..readers {
            scope.spawn(|| {
                barrier.wait();
                app.get("/products/prod_042").expect(200);
            });
        }
    });
    let loads = count_loads(&app, "prod_042");
    if !combination.is_postgres() {
        assert!((1..=2).contains(&loads), "{loads} loads for {readers} readers");
    }
    figure("L6", &format!("loads of a cold product, {}", combination.name()), loads);
}

/// L6: the first load is held back until all readers have come: the second one is for all of them,
/// also when there is nothing to cache.
fn two_loads_serve_any_number_of_readers(combination: &Combination) {
    let store = gated_store(combination, &[]);
    for (id, status, readers) in [("prod_042", 200, 200), ("no_such_product", 404, 50)] {
        store.gate.close();
        thread::scope(|scope| {
            for _ in 0..readers {
                scope.spawn(|| store.app.get(&format!("/products/{id}")).expect(status));
            }
            until("all readers wait", || {
                let waiting = format!("waiting for a load of {id}\n");
                store.app.processes[0].log().matches(&waiting).count() == readers
            });
            store.gate.wait_for_held_answer();
            store.gate.open();
        });
        let loads = count_loads(&store.app, id);
        assert!(loads >= 1, "no load of {id} for {readers} readers");
        figure("L6", "loads for readers that wait", loads);
    }
}

fn count_loads(app: &App, id: &str) -> usize {
    app.processes[0].log().matches(&format!("loading product {id}\n")).count()
}

/// D5: at whatever moment its client goes away.
fn an_invalidation_does_not_need_the_writers_client(combination: &Combination) {
    use std::io::Write;

    let app = combination.start();
    let path = "/products/prod_007";
    for round in 0..20 {
        app.get(path).expect(200);
        let price = format!("{}.00", 500 + round);
        let body = json!({ "price": price }).to_string();
        let mut stream = std::net::TcpStream::connect(app.address(path)).expect("accepted");
        let request = format!(
            "PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            app.token(),
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("written");
        // Gone before the answer. Whether the write took place is the server's to decide; what is
        // cached afterwards must be what is in the database.
        drop(stream);
        let stored = || {
            let list = app.get("/products?limit=500").expect(200);
            let rows = list.json["data"].as_array().expect("a list").clone();
            rows.into_iter().find(|row| row["id"] == "prod_007").expect("listed")
        };
        // Between two equal looks into the database there was no write: what the cache shows then
        // is what is there.
        until("the write is over", || {
            let before = stored();
            let shown = app.get(path).expect(200);
            let is_quiet = before == stored();
            if is_quiet {
                assert_eq!(shown.json["data"], before);
            }
            is_quiet && app.get(path).expect(200).json["cached"] == true
        });
    }
}

/// D4, D5: also where it is made again.
fn a_deleted_product_is_gone_at_once(combination: &Combination) {
    let app = combination.start();
    let path = "/products/prod_009";
    app.get(path).expect(200);
    let gone = app.delete(path).expect(200);
    app.get(path).expect_failure(404, "Product not found");
    let again = json!({
        "id": "prod_009", "name": "Again", "brand": "B", "price": 1, "stock": 1, "category": "c"
    });
    app.post("/products", &again).expect(201);
    let read = app.get(path).expect(200);
    assert_eq!(read.json["data"]["name"], "Again");
    assert_ne!(read.json["data"]["name"], gone.json["data"]["name"]);
    assert_eq!(app.get(path).expect(200).json["data"]["name"], "Again");
}

/// D4: a write at one store, then a read at the other, which had the row as it was before.
fn two_stores_see_each_others_writes(combination: &Combination) {
    const PATH: &str = "/products/prod_016";
    for door in [Door::All, Door::Split] {
        let storage = Storage::seeded(&combination.backend);
        let fleet = Fleet::start(door, &storage, 2, &[]);
        let mut caller = Caller::new([127, 0, 0, 1], &fleet.token);
        let mut send = |store: usize, method: &str, path: &str, body: Option<&Value>| match caller
            .send(&fleet.stores[store].gateway(), method, path, body)
        {
            Outcome::Answer(status, json) => (status, json),
            lost => panic!("{method} {path}: {lost:?}"),
        };
        let (_, row) = send(0, "GET", PATH, None);
        let whole = row["data"].clone();
        for round in 0..12 {
            let (writer, reader) = (round % 2, 1 - round % 2);
            // What it was before is in the cache, and known to the reader.
            until("the cache answers", || send(reader, "GET", PATH, None).1["cached"] == true);
            let price = json!({ "price": round });
            let (status, answer) = send(writer, "PUT", PATH, Some(&price));
            assert_eq!(
                (status, &answer["data"]),
                (200, &send(reader, "GET", PATH, None).1["data"])
            );
            let (_, before) = send(reader, "GET", PATH, None);
            let one = json!({ "quantity": 1 });
            assert_eq!(send(writer, "PATCH", &format!("{PATH}/inventory"), Some(&one)).0, 200);
            let (_, after) = send(reader, "GET", PATH, None);
            let stock = |answer: &Value| answer["data"]["stock"].as_i64().expect("a stock");
            assert_eq!(stock(&after), stock(&before) - 1);
            assert_eq!(send(writer, "DELETE", PATH, None).0, 200);
            assert_eq!(send(reader, "GET", PATH, None).0, 404);
            assert_eq!(send(writer, "POST", "/products", Some(&whole)).0, 201);
            let (_, again) = send(reader, "GET", PATH, None);
            assert_eq!(again["data"]["price"], whole["price"]);
        }
    }
}

/// F21: an older or newer format, another type, garbage, 10 MB.
fn whatever_lies_in_redis_is_a_miss_and_is_replaced(combination: &Combination) {
    let app = combination.start();
    let redis = app.storage.redis_url.clone().expect("this half has Redis");
    until_redis_is(&app, &app.product_url(""), "connected");
    let path = "/products/prod_001";
    let right = app.get(path).expect(200);
    let keys = redis_command(&redis, "KEYS *product:prod_001");
    let key =
        keys.lines().find(|line| line.starts_with("chronos:")).expect("a key").trim().to_owned();
    let entry = redis_command(&redis, &format!("GET {key}"));
    let entry = entry.lines().find(|line| line.starts_with("C2")).expect("an entry").to_owned();
    let head = &entry[..35];
    let spoiled = [
        format!("SET {key} garbage"),
        format!("SET {key} \"\""),
        format!("LPUSH {key} a b"),
        format!("HSET {key} a b"),
        format!("SET {key} {head}{{}}"),
        format!("SET {key} {head}null"),
        format!("SET {key} C9{}", &entry[2..35]),
        format!("SETRANGE {key} 10000000 x"),
        format!("SET {key} \"{head}{{\\\"id\\\":\\\"prod_002\\\"}}\""),
    ];
    for command in spoiled {
        redis_command(&redis, &format!("DEL {key}"));
        let reply = redis_command(&redis, &command);
        assert!(!reply.contains("-ERR"), "{command}: {reply}");
        let answer = app.get(path).expect(200);
        assert_eq!(answer.json["data"], right.json["data"], "{command}");
        assert_eq!(answer.json["cached"], false, "{command}");
        // A wrong type is first removed: the fill is the next reader's.
        app.get(path).expect(200);
        app.get_cached(path);
    }
}

fn another_process_changes_the_file_and_the_cache_notices(combination: &Combination) {
    let app = combination.start();
    let path = "/products/prod_001";
    app.get(path).expect(200);
    app.get_cached(path);
    app.storage.execute("UPDATE products SET price = 77 WHERE id = 'prod_001'").expect("updated");
    until("the cache notices the change", || {
        app.get(path).expect(200).json["data"]["price"] == "0.77"
    });
}
