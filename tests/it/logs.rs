//! What a process tells of its requests: one line for each, in which format, with which identities,
//! and what takes long.

use crate::app::{App, Combination, Door, Process};
use crate::cases;
use crate::client::{Answer, Client};
use crate::gateway::wire::{Connection, Gateway, SUCCESS, Upstream};
use crate::kit::until;
use diesel::connection::SimpleConnection;
use diesel::{Connection as _, PgConnection, SqliteConnection};
use serde_json::{Value, json};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

cases![
    Everywhere:
        a_json_log_is_an_object_in_every_line,
        the_access_line_names_the_route_and_never_what_is_no_route,
        one_trace_goes_through_every_process;
    BothBackends:
        a_slow_request_is_a_warning,
        a_slow_statement_is_named;
    Once:
        the_level_of_the_access_line_follows_the_status,
        a_trace_is_continued_where_it_is_well_formed_and_begun_anew_where_not,
        nothing_is_slow_where_that_is_turned_off;
];

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// Asks behind the door, with the token of the tests and these headers.
fn ask(app: &App, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let bearer = format!("Bearer {}", app.token());
    let mut all = vec![("Authorization", bearer.as_str())];
    all.extend(headers);
    app.client.send(method, &app.url(path), &all, None)
}

/// The objects of a log in JSON.
#[track_caller]
fn objects(process: &Process) -> Vec<Value> {
    let log = process.log();
    let object = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(value.is_object(), "{line}");
        value
    };
    log.lines().map(object).collect()
}

/// The access line of a request, in JSON.
#[track_caller]
fn access(process: &Process, request_id: &str) -> Value {
    let is_it =
        |line: &Value| line["target"] == "chronos::access" && line["request_id"] == request_id;
    let mut lines = objects(process).into_iter().filter(is_it);
    let line = lines.next().unwrap_or_else(|| panic!("no line of {request_id}: {}", process.log()));
    assert_eq!(lines.next(), None, "one line for each request");
    line
}

fn a_json_log_is_an_object_in_every_line(combination: &Combination) {
    let app = combination.start_with(&[("LOG_FORMAT", "json"), ("RUST_LOG", "debug")]);
    ask(&app, "GET", "/products/prod_001", &[("X-Request-Id", "one")]).expect(200);
    ask(&app, "GET", "/products/a\"b%0Ac", &[]);
    ask(&app, "GET", "/products?limit=x", &[]).expect(400);
    app.post("/products", &json!({ "name": "a\"b\nc" })).expect(400);
    for process in &app.processes {
        for line in objects(process) {
            for member in ["time", "level", "target", "message"] {
                assert!(line[member].is_string(), "{line}");
            }
        }
    }
    let process = app.processes.last().expect("a process");
    let line = access(process, "one");
    assert_eq!((&line["level"], &line["method"]), (&"INFO".into(), &"GET".into()), "{line}");
    assert_eq!((&line["status"], &line["path"]), (&200.into(), &"/products/prod_001".into()));
    assert!(line["duration_us"].as_u64().is_some_and(|micros| micros > 0), "{line}");
    assert_eq!(line["client"], "127.0.0.1", "{line}");
    let user = if combination.door == Door::Direct { "-" } else { "test" };
    assert_eq!(line["user"], user, "{line}");
    assert_eq!(line["trace_id"].as_str().map(str::len), Some(32), "{line}");
    assert_eq!(line.get("slow"), None, "{line}");
    // Whatever else is logged while it is answered belongs to it, too.
    let loading = |line: &Value| line["message"] == "loading product prod_001";
    let of_service = app.processes.iter().find_map(|one| objects(one).into_iter().find(loading));
    let of_service = of_service.expect("it was loaded");
    assert_eq!(
        (&of_service["request_id"], &of_service["trace_id"]),
        (&line["request_id"], &line["trace_id"])
    );
}

fn the_access_line_names_the_route_and_never_what_is_no_route(combination: &Combination) {
    let app = combination.start_with(&[("LOG_FORMAT", "json")]);
    let cases = [
        ("GET", "/products/prod_001", 200, "/products/{id}"),
        ("GET", "/products", 200, "/products"),
        ("GET", "/products/none", 404, "/products/{id}"),
        ("DELETE", "/products/prod_001/inventory", 405, "/products/{id}/inventory"),
        ("GET", "/customers/cust_001/orders", 200, "/customers/{id}/orders"),
        ("GET", "/products/none/such/thing", 404, "unmatched"),
        ("GET", "/nothing/prod_001", 404, "unmatched"),
        ("GET", "/livez", 200, "/livez"),
    ];
    for (number, (method, path, status, route)) in cases.into_iter().enumerate() {
        let id = format!("route-{number}");
        ask(&app, method, path, &[("X-Request-Id", &id)]).expect(status);
        let lines = app.processes.iter().flat_map(objects);
        let of_it = |line: &Value| line["request_id"] == *id && line["route"].is_string();
        let routes: Vec<Value> = lines.filter(of_it).map(|line| line["route"].clone()).collect();
        // A gateway that forwards knows the mount alone, and the service behind it the route.
        let at_gateway = match path.split('/').nth(1) {
            Some(mount @ ("products" | "customers")) if path.len() > mount.len() + 1 => {
                format!("/{mount}/{{path}}*")
            }
            _ => route.to_owned(),
        };
        let is_forwarded =
            combination.door == Door::Split && path != "/livez" && !path.starts_with("/nothing");
        let expected =
            if is_forwarded { vec![route.to_owned(), at_gateway] } else { vec![route.to_owned()] };
        assert_eq!(routes, expected, "{method} {path}");
    }
    // Who is refused before any route is asked has one all the same.
    if combination.door != Door::Direct {
        let url = app.url("/products/prod_001");
        app.client.send("GET", &url, &[("X-Request-Id", "refused")], None).expect(401);
        let line = access(app.processes.last().expect("a gateway"), "refused");
        let route =
            if combination.door == Door::Split { "/products/{path}*" } else { "/products/{id}" };
        assert_eq!(line["route"], route, "{line}");
    }
}

/// A bug is an error, what is away a warning; what a client does wrong is neither.
fn the_level_of_the_access_line_follows_the_status(_: &Combination) {
    let upstream = Upstream::start(|request, stream| {
        use std::io::Write;
        let status = request.target().rsplit('/').next().expect("a status");
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}");
        stream.write_all(answer.as_bytes()).expect("the gateway reads");
    });
    let settings = [("LOG_FORMAT", "json"), ("RUST_LOG", "info"), ("SLOW_REQUEST_MS", "0")];
    let gateway = Gateway::with(&upstream.url(), &settings);
    for (status, level) in [
        (200, "INFO"),
        (301, "INFO"),
        (404, "INFO"),
        (429, "INFO"),
        (500, "ERROR"),
        (502, "WARN"),
        (503, "WARN"),
        (504, "WARN"),
    ] {
        let id = format!("status-{status}");
        let path = format!("/products/{status}");
        let header = format!("X-Request-Id: {id}\r\n");
        assert_eq!(gateway.send("GET", &path, &header, "").status(), status);
        let line = access(&gateway.process, &id);
        assert_eq!((&line["status"], &line["level"]), (&status.into(), &level.into()), "{line}");
    }
}

fn one_trace_goes_through_every_process(combination: &Combination) {
    let app = combination.start_with(&[("LOG_FORMAT", "json")]);
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let headers = [("X-Request-Id", "traced"), ("traceparent", &parent)];
    ask(&app, "GET", "/products/prod_001", &headers).expect(200);
    ask(&app, "GET", "/products/prod_001", &[("X-Request-Id", "untraced")]).expect(200);
    let traces = |id: &str| -> Vec<Value> {
        let lines = app.processes.iter().flat_map(objects);
        let of_it = lines.filter(|line| line["request_id"] == id && line["route"].is_string());
        of_it.map(|line| line["trace_id"].clone()).collect()
    };
    let count = if combination.door == Door::Split { 2 } else { 1 };
    assert_eq!(traces("traced"), vec![Value::from(TRACE); count]);
    let made = traces("untraced");
    assert_eq!((made.len(), made.first()), (count, made.last()), "{made:?}");
    assert_ne!(made.first(), Some(&Value::from(TRACE)));
}

/// W3C Trace Context, sections 3.2 and 4.2.
fn a_trace_is_continued_where_it_is_well_formed_and_begun_anew_where_not(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::before(&upstream);
    let ask = |headers: &str| {
        assert_eq!(gateway.send("GET", "/products", headers, "").status(), 200, "{headers}");
        let request = upstream.request();
        let parent = request.header("traceparent").expect("it is passed on").to_owned();
        let fields: Vec<String> = parent.split('-').map(str::to_owned).collect();
        assert_eq!(fields.iter().map(String::len).collect::<Vec<_>>(), [2, 32, 16, 2], "{parent}");
        assert_ne!(fields[2], CALLER, "the gateway is the caller now");
        assert_ne!(fields[2], "0".repeat(16));
        (fields, request.header("tracestate").map(str::to_owned))
    };
    let state = "tracestate: a=1,b=2\r\n";
    for flags in ["00", "01"] {
        let (fields, kept) = ask(&format!("traceparent: 00-{TRACE}-{CALLER}-{flags}\r\n{state}"));
        assert_eq!((&*fields[0], &*fields[1], &*fields[3]), ("00", TRACE, flags));
        assert_eq!(kept.as_deref(), Some("a=1,b=2"));
    }
    let twice = format!("traceparent: 00-{TRACE}-{CALLER}-01\r\n").repeat(2);
    for parent in [
        String::new(),
        twice,
        format!("traceparent: 00-{}-{CALLER}-01\r\n", TRACE.to_uppercase()),
        format!("traceparent: 00-{}-{CALLER}-01\r\n", "0".repeat(32)),
        format!("traceparent: ff-{TRACE}-{CALLER}-01\r\n"),
        format!("traceparent: 00-{TRACE}-{CALLER}-01-more\r\n"),
        format!("traceparent: 00-{TRACE}-{CALLER}-01\r\nConnection: traceparent\r\n"),
    ] {
        let is_named = parent.contains("Connection");
        let (fields, kept) = ask(&format!("{parent}{state}"));
        assert_eq!(fields[1] == TRACE, is_named, "{parent}");
        assert_eq!(kept.is_some(), is_named, "{parent}");
    }
}

fn a_slow_request_is_a_warning(combination: &Combination) {
    let app = combination.start_with(&[("LOG_FORMAT", "json"), ("SLOW_REQUEST_MS", "30")]);
    // A client that takes its time with the body makes a slow request.
    let body = br#"{"quantity":1}"#;
    let mut connection = Connection::open(&app.address("/products"));
    connection.send(format!(
        "PATCH /products/prod_001/inventory HTTP/1.1\r\nHost: chronos\r\nX-Request-Id: slow\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        app.token(),
        body.len()
    ));
    thread::sleep(Duration::from_millis(60));
    assert_eq!(connection.send(body).answer().status(), 200);
    let line = access(&app.processes[0], "slow");
    assert_eq!((&line["level"], &line["slow"]), (&"WARN".into(), &true.into()), "{line}");
    assert_eq!(line["route"], "/products/{id}/inventory", "{line}");
    assert!(line["duration_us"].as_u64().is_some_and(|micros| micros >= 30_000), "{line}");
}

/// Keeps everybody else from writing products, for so long.
fn hold_the_products(app: &App, time: Duration) {
    let url = &app.storage.database_url;
    match url.strip_prefix("sqlite://") {
        Some(file) => {
            let mut conn = SqliteConnection::establish(file).expect("the file opens");
            conn.batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE").expect("its turn");
            thread::sleep(time);
        }
        None => {
            let mut conn = PgConnection::establish(url).expect("PostgreSQL is there");
            conn.batch_execute("BEGIN; LOCK TABLE products").expect("its turn");
            thread::sleep(time);
        }
    }
}

fn a_slow_statement_is_named(combination: &Combination) {
    let app = combination.start_with(&[("SLOW_REQUEST_MS", "100")]);
    let body = br#"{"quantity":1}"#;
    let bearer = format!("Bearer {}", app.token());
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("X-Request-Id", "waits"),
    ];
    let url = app.url("/products/prod_002/inventory");
    // Whether it comes while the table is held is not for this test to say.
    until("a statement is slow", || {
        thread::scope(|scope| {
            let holding = scope.spawn(|| hold_the_products(&app, Duration::from_millis(600)));
            thread::sleep(Duration::from_millis(50));
            app.client.send("PATCH", &url, &headers, Some(body)).expect(200);
            holding.join().expect("it was held");
        });
        app.processes[0].log().contains("slow statement product.take_stock: ")
    });
    let log = app.processes[0].log();
    let of_it = |words: &str| {
        let mut lines = log.lines().filter(|line| line.contains(" WARN "));
        lines.find(|line| line.contains(words) && line.ends_with(" request_id=waits"))
    };
    assert!(of_it("slow statement product.take_stock: ").is_some(), "{log}");
    assert!(of_it(" slow=true route=/products/{id}/inventory ").is_some(), "{log}");
}

fn nothing_is_slow_where_that_is_turned_off(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let settings = [("DATABASE_URL", "sqlite::memory:"), ("SLOW_REQUEST_MS", "0")];
    let process = Process::start_plain(folder.path(), "product", &settings);
    let url = format!("{}/products?limit=1000", process.url("product"));
    Client::new().send("GET", &url, &[], None).expect(200);
    assert!(!process.log().contains("slow"), "{}", process.log());
}
