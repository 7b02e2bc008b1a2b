//! A primary that hangs while its kernel answers, and a second server that takes its place.

use super::{PATH, expect_unavailable};
use crate::app::{App, Combination, Storage, seed};
use crate::cases;
use crate::kit::{Postgres, figure, status_of, until};
use serde_json::json;
use std::thread;
use std::time::Instant;

cases![
    OnPostgres:
        a_primary_that_hangs_is_left_for_the_promoted_one;
];

const STOCK: &str = "SELECT CAST(stock AS BIGINT) AS count FROM products WHERE id = 'prod_001'";

/// F23: all that the pool has hangs in the first server. Nothing that was not acknowledged is found
/// there after it is thawed.
fn a_primary_that_hangs_is_left_for_the_promoted_one(combination: &Combination) {
    let (first, second) = (Postgres::started(), Postgres::started());
    seed(&first.url());
    seed(&second.url());
    // A standby, as libpq tells one: it takes no writes until it is promoted.
    let only_reads = |value: &str| {
        second.execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {value}"));
        second.execute("SELECT pg_reload_conf()");
    };
    only_reads("on");
    let url = format!(
        "postgres://chronos@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=read-write",
        first.port(),
        second.port()
    );
    let app = App::start(combination, Storage::at(url, None), &[]);
    let take = || app.patch(&format!("{PATH}/inventory"), &json!({ "quantity": 1 }));
    let threads = || -> usize {
        let count = status_of(app.processes[0].id(), "Threads").expect("it runs");
        count.parse().expect("a number")
    };
    // As many at once as there are connections.
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| app.get("/customers/cust_001").expect(200));
        }
    });
    take().expect(200);
    let before = threads();
    first.freeze();
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| expect_unavailable(app.get("/customers/cust_001")));
            scope.spawn(|| expect_unavailable(take()));
        }
        only_reads("off");
        let promoted = Instant::now();
        until("a write is taken", || {
            let answer = take();
            assert!([200, 503].contains(&answer.status), "{answer:?}");
            answer.status == 200
        });
        figure("F23", "the first write after the promotion", promoted.elapsed());
    });
    app.get("/customers/cust_001").expect(200);
    until("it is ready", || {
        app.client.send("GET", &app.product_url("/readyz"), &[], None).status == 200
    });
    // Those that hang, and at most as many new ones, and those of the probes.
    assert!(threads() <= before + 20, "{} threads, {before} before", threads());
    let log = || app.processes[0].log();
    let given_up = log().matches("the connection is given up").count();
    assert!((1..=10).contains(&given_up), "{given_up}");
    first.thaw();
    until("what was given up has ended", || {
        log().matches("a connection that was given up has ended").count() == given_up
    });
    assert_eq!(Storage::at(first.url(), None).count(STOCK), 11, "the one that was acknowledged");
    assert_eq!(Storage::at(second.url(), None).count(STOCK), 11, "and the one after it");
}
