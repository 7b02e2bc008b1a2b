//! `GET /metrics`: what each process tells of itself, to whom, and that nothing grows without bound.

use crate::app::{App, Combination, Door, Process};
use crate::cases;
use crate::client::Client;
use crate::gateway::wire::{Gateway, exchange_one};
use crate::kit::until;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, UdpSocket};
use tempfile::TempDir;

cases![
    Everywhere:
        every_listener_tells_what_its_process_counts,
        requests_are_counted_by_route_method_and_status,
        what_clients_make_up_makes_no_new_series;
    BothBackends:
        what_runs_out_of_stock_is_told,
        the_cache_counts_its_reads_and_fills,
        places_and_statements_of_the_database_are_told,
        the_services_guard_their_metrics_as_their_other_routes,
        refused_tokens_are_counted_by_reason,
        the_dashboard_and_the_alerts_name_only_what_there_is;
    Once:
        the_world_does_not_see_the_metrics_of_a_gateway,
        refusals_of_the_rate_limit_are_counted_and_the_metrics_are_not,
        a_service_that_is_away_shows_in_its_breaker,
        a_process_that_has_no_database_tells_nothing_of_one;
];

const SECRET: &str = "the-key-of-the-metrics-tests-0123456789";
const SERVICE_TOKEN: &str = "the-service-token-of-the-metrics-tests-01";

/// What was told at once: each series with its value.
struct Told(BTreeMap<String, f64>);

impl Told {
    /// Reads the text format 0.0.4, and that it is well-formed: a family stands in one place with its
    /// help and its type, and no series comes twice.
    #[track_caller]
    fn read(text: &str) -> Told {
        let mut series = BTreeMap::new();
        let mut families = BTreeSet::new();
        let mut family = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a name and its help");
                assert!(!help.is_empty() && families.insert(name.to_owned()), "{line}");
                name.clone_into(&mut family);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                assert!(rest.starts_with(&format!("{family} ")), "{line}");
            } else {
                let (name, value) = line.rsplit_once(' ').expect("a series and its value");
                assert!(name.starts_with(&family), "{line} stands below {family}");
                let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
                assert_eq!(series.insert(name.to_owned(), value), None, "{line}");
            }
        }
        assert!(!series.is_empty(), "{text}");
        Told(series)
    }

    #[track_caller]
    fn by(url: &str) -> Told {
        let answer = Client::new().send("GET", &format!("{url}/metrics"), &[], None).expect(200);
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        Told::read(&answer.text)
    }

    /// The sum of all series of a name that have these labels.
    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |series: &str, (label, value): &(&str, &str)| {
            [format!("{{{label}=\"{value}\""), format!(",{label}=\"{value}\"")]
                .iter()
                .any(|text| series.contains(text.as_str()))
        };
        let of_name = self.0.iter().filter(|(series, _)| series.split('{').next() == Some(name));
        let fitting = of_name.filter(|(series, _)| labels.iter().all(|label| has(series, label)));
        fitting.map(|(_, value)| value).sum()
    }

    fn names(&self) -> BTreeSet<&str> {
        self.0.keys().map(|series| series.split('{').next().unwrap_or_default()).collect()
    }

    fn has(&self, name: &str) -> bool {
        self.names().contains(name)
    }
}

fn urls(process: &Process) -> Vec<String> {
    let names = ["gateway", "product", "customer", "order"];
    names.iter().filter_map(|name| process.find_url(name)).collect()
}

/// The URL of each listener of a store.
fn listeners(app: &App) -> Vec<String> {
    app.processes.iter().flat_map(urls).collect()
}

/// What all processes tell together: the listener of one is enough.
fn told_by_all(app: &App) -> Vec<Told> {
    app.processes.iter().map(|process| Told::by(&urls(process)[0])).collect()
}

fn sum(told: &[Told], name: &str, labels: &[(&str, &str)]) -> f64 {
    told.iter().map(|told| told.sum(name, labels)).sum()
}

fn every_listener_tells_what_its_process_counts(combination: &Combination) {
    let app = combination.start();
    app.get("/products/prod_001").expect(200);
    for url in listeners(&app) {
        let told = Told::by(&url);
        for name in ["chronos_build_info", "process_start_time_seconds", "process_threads"] {
            assert!(told.has(name), "{url} {name}");
        }
        assert!(told.sum("process_resident_memory_bytes", &[]) > 1e6);
        assert!(told.sum("process_open_fds", &[]) >= 3.0);
        assert!(told.sum("process_cpu_seconds_total", &[]) >= 0.0);
        let version = ("version", env!("CARGO_PKG_VERSION"));
        assert!((told.sum("chronos_build_info", &[version]) - 1.0).abs() < f64::EPSILON);
        let head = Client::new().send("HEAD", &format!("{url}/metrics"), &[], None).expect(200);
        assert_eq!(head.text, "");
        Client::new().send("POST", &format!("{url}/metrics"), &[], Some(b"")).expect(405);
    }
    let all = told_by_all(&app);
    let has_redis = app.storage.redis_url.is_some();
    assert_eq!(all.iter().any(|told| told.has("chronos_redis_up")), has_redis);
    if has_redis {
        let up = all.iter().filter(|told| told.sum("chronos_redis_up", &[]) > 0.0).count();
        assert_eq!(up, all.len(), "each process uses Redis");
        assert!(sum(&all, "chronos_redis_pending_invalidations", &[]) < f64::EPSILON);
    }
    let is_split = combination.door == Door::Split;
    assert_eq!(all.iter().any(|told| told.has("chronos_upstream_breaker_open")), is_split);
}

fn requests_are_counted_by_route_method_and_status(combination: &Combination) {
    let app = combination.start();
    for _ in 0..3 {
        app.get("/products/prod_001").expect(200);
    }
    app.get("/products/none").expect(404);
    app.patch("/products/prod_002/inventory", &json!({ "quantity": 1 })).expect(200);
    app.get("/customers/cust_001/orders?limit=1").expect(200);
    app.get("/livez").expect(200);
    let told = told_by_all(&app);
    let count = |listener, method, route, status| {
        let labels =
            [("listener", listener), ("method", method), ("route", route), ("status", status)];
        sum(&told, "chronos_http_requests_total", &labels).round()
    };
    let took = |listener, method, route| {
        let labels = [("listener", listener), ("method", method), ("route", route)];
        let name = "chronos_http_request_duration_seconds";
        let counted = sum(&told, &format!("{name}_count"), &labels);
        assert!(sum(&told, &format!("{name}_sum"), &labels) > 0.0);
        counted.round()
    };
    let product = if combination.door == Door::All { "gateway" } else { "product-service" };
    let customer = if combination.door == Door::All { "gateway" } else { "customer-service" };
    for (listener, method, route, status, expected) in [
        (product, "GET", "/products/{id}", "200", 3.0),
        (product, "GET", "/products/{id}", "404", 1.0),
        (product, "PATCH", "/products/{id}/inventory", "200", 1.0),
        (customer, "GET", "/customers/{id}/orders", "200", 1.0),
    ] {
        assert!(
            (count(listener, method, route, status) - expected).abs() < 0.5,
            "{route} {status}"
        );
    }
    assert!((took(product, "GET", "/products/{id}") - 4.0).abs() < 0.5);
    if combination.door == Door::Split {
        // A gateway that forwards knows the mount alone.
        let mount = "/products/{path}*";
        assert!((count("gateway", "GET", mount, "200") - 3.0).abs() < 0.5);
        assert!((took("gateway", "GET", mount) - 4.0).abs() < 0.5);
        let labels = [("upstream", "product-service"), ("result", "answered")];
        assert!((sum(&told, "chronos_upstream_requests_total", &labels) - 5.0).abs() < 0.5);
    }
}

fn what_clients_make_up_makes_no_new_series(combination: &Combination) {
    let app = combination.start_with(&[("RATE_LIMIT_PER_MINUTE", "0")]);
    // What the process does by itself comes when its time has come.
    let is_asked_for = |series: &&String| {
        !["database.", "idempotency."]
            .iter()
            .any(|own| series.contains(&format!("statement=\"{own}")))
    };
    let series = || -> usize {
        let told = told_by_all(&app);
        told.iter().map(|told| told.0.keys().filter(is_asked_for).count()).sum()
    };
    let ask = |number: usize| {
        let bearer = format!("Bearer {}", app.token());
        let headers = [("Authorization", bearer.as_str())];
        for path in [
            format!("/products/made_up_{number}"),
            format!("/products/made_up_{number}/and/more"),
            format!("/customers/made_up_{number}/orders"),
            format!("/made_up_{number}"),
            format!("/metrics/made_up_{number}"),
            format!("/products/%E2%82%AC{number}"),
            format!("//{number}"),
        ] {
            app.client.send("GET", &app.url(&path), &headers, None);
        }
        let address = app.address("/products");
        let method = format!("MADEUP{number}");
        for target in ["/products/prod_001", "/livez", "/made_up"] {
            let head =
                format!("{method} {target} HTTP/1.1\r\nHost: chronos\r\nConnection: close\r\n\r\n");
            exchange_one(&address, head);
        }
        exchange_one(&address, format!("GET /#{number} HTTP/1.1\r\nHost: chronos\r\n\r\n"));
    };
    ask(0);
    // The first time that the metrics are asked for is counted only afterwards.
    series();
    let before = series();
    (1..30).for_each(ask);
    assert_eq!(series(), before);
    let told = told_by_all(&app);
    let text: Vec<&str> = told.iter().flat_map(|told| told.0.keys()).map(String::as_str).collect();
    assert!(!text.iter().any(|series| series.contains("made_up") || series.contains("MADEUP")));
    assert!(sum(&told, "chronos_http_requests_total", &[("method", "other")]) >= 90.0);
    assert!(sum(&told, "chronos_http_requests_total", &[("route", "unmatched")]) >= 90.0);
}

/// An address of this machine that is not of the loopback.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback())
}

fn the_world_does_not_see_the_metrics_of_a_gateway(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let settings = [
        ("HOST", "0.0.0.0"),
        ("JWT_SECRET", SECRET),
        ("SERVICE_TOKEN", SERVICE_TOKEN),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("DATABASE_URL", "sqlite::memory:"),
    ];
    let process = Process::start_plain(folder.path(), "gateway", &settings);
    let port = process.url("gateway").rsplit(':').next().expect("a port").to_owned();
    let ask = |host: &str, headers: &[(&str, &str)]| {
        Client::new().send("GET", &format!("http://{host}:{port}/metrics"), headers, None)
    };
    let bearer = format!("Bearer {SERVICE_TOKEN}");
    ask("127.0.0.1", &[]).expect(200);
    // Who speaks for another is a proxy, whomever it speaks for.
    for name in ["X-Forwarded-For", "Forwarded"] {
        for value in ["203.0.113.7", "127.0.0.1", "for=127.0.0.1", ""] {
            let answer = ask("127.0.0.1", &[(name, value)]).expect_failure(401, "Unauthorized");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            ask("127.0.0.1", &[(name, value), ("Authorization", &bearer)]).expect(200);
        }
    }
    let Some(address) = own_address() else {
        return;
    };
    let host = address.to_string();
    ask(&host, &[("Authorization", &bearer)]).expect(200);
    for headers in [
        &[][..],
        &[("X-Forwarded-For", "127.0.0.1")],
        &[("Forwarded", "for=127.0.0.1")],
        &[("Authorization", "Bearer the-service-token-of-the-metrics-tests-02")],
        &[("Authorization", "Bearer ")],
        &[("Authorization", SERVICE_TOKEN)],
    ] {
        ask(&host, headers).expect_failure(401, "Unauthorized");
    }
    // Nor does a token of a user let anybody in, or one where there is none.
    let open = [("HOST", "0.0.0.0"), ("JWT_SECRET", SECRET), ("DATABASE_URL", "sqlite::memory:")];
    let process = Process::start_plain(folder.path(), "gateway", &open);
    let port = process.url("gateway").rsplit(':').next().expect("a port").to_owned();
    let url = format!("http://{host}:{port}/metrics");
    for headers in [&[][..], &[("Authorization", "Bearer ")], &[("Authorization", &bearer)]] {
        Client::new().send("GET", &url, headers, None).expect_failure(401, "Unauthorized");
    }
}

fn the_services_guard_their_metrics_as_their_other_routes(combination: &Combination) {
    let app = combination.start_with(&[("SERVICE_TOKEN", SERVICE_TOKEN)]);
    let bearer = format!("Bearer {SERVICE_TOKEN}");
    for service in ["product", "customer", "order"] {
        let url = app.service_url(service, "/metrics");
        app.client.send("GET", &url, &[], None).expect_failure(401, "Unauthorized");
        app.client.send("GET", &url, &[("Authorization", &bearer)], None).expect(200);
    }
}

fn what_runs_out_of_stock_is_told(combination: &Combination) {
    let app = combination.start_with(&[("LOW_STOCK_THRESHOLD", "5")]);
    let url = app.service_url("product", "");
    let told = || {
        let told = Told::by(&url);
        let value = |name| told.sum(name, &[]).round();
        (value("chronos_products_out_of_stock"), value("chronos_products_low_stock"))
    };
    let stocked = |id: &str, stock: u32| {
        app.put(&format!("/products/{id}"), &json!({ "stock": stock })).expect(200);
    };
    let (none_left, low) = told();
    assert!((Told::by(&url).sum("chronos_products_low_stock_threshold", &[]) - 5.0).abs() < 0.5);
    let new = |id: &str, stock: u32| {
        let product = json!({ "id": id, "name": "A", "brand": "B", "price": 1, "stock": stock,
            "category": "c" });
        app.post("/products", &product).expect(201);
    };
    new("stock_0", 0);
    new("stock_4", 4);
    new("stock_5", 5);
    until("the two are counted", || told() == (none_left + 1.0, low + 2.0));
    let sell = json!({ "quantity": 4 });
    app.patch("/products/stock_4/inventory", &sell).expect(200);
    app.patch("/products/stock_5/inventory", &sell).expect(200);
    until("what was sold is counted", || told() == (none_left + 2.0, low + 3.0));
    ["stock_0", "stock_4", "stock_5"].into_iter().for_each(|id| stocked(id, 100));
    until("what was delivered is counted", || told() == (none_left, low));
    assert!(Told::by(&url).sum("chronos_products_counted_timestamp_seconds", &[]) > 1.7e9);
}

fn the_cache_counts_its_reads_and_fills(combination: &Combination) {
    let app = combination.start();
    let url = app.service_url("product", "");
    let lookups = |result| {
        Told::by(&url)
            .sum("chronos_cache_lookups_total", &[("kind", "product"), ("result", result)])
            .round()
    };
    let fills = |result| {
        Told::by(&url)
            .sum("chronos_cache_fills_total", &[("kind", "product"), ("result", result)])
            .round()
    };
    app.get_cached("/products/prod_001");
    let (hits, taken) = (lookups("hit"), fills("taken"));
    assert!(lookups("miss") >= 1.0 && taken >= 1.0);
    app.get("/products/prod_001").expect(200);
    assert!(lookups("hit") > hits);
    app.get("/products/none").expect(404);
    until("the absence is a hit", || {
        app.get("/products/none").expect(404);
        lookups("absent") >= 1.0
    });
    // A row that is larger than Redis is given is loaded each time.
    assert!(Told::by(&url).has("chronos_cache_fills_total"));
}

fn places_and_statements_of_the_database_are_told(combination: &Combination) {
    let app = combination.start_with(&[("DATABASE_POOL_SIZE", "8")]);
    app.get("/products?limit=1").expect(200);
    app.patch("/products/prod_001/inventory", &json!({ "quantity": 1 })).expect(200);
    let told = Told::by(&app.service_url("product", ""));
    let of = |name: &str, lane: &str| told.sum(name, &[("lane", lane)]).round();
    let is_sqlite = app.storage.database_url.starts_with("sqlite");
    let writes = if is_sqlite { 1.0 } else { 6.0 };
    for (lane, places) in [("reads", 8.0), ("lists", 2.0), ("writes", writes)] {
        assert!((of("chronos_database_places", lane) - places).abs() < 0.5, "{lane}");
        assert!(of("chronos_database_places_in_use", lane) <= places, "{lane}");
        assert!(of("chronos_database_waiting", lane) < 0.5, "{lane}");
        assert!(of("chronos_database_refused_total", lane) < 0.5, "{lane}");
    }
    for reason in ["queue_full", "no_place_in_time", "no_connection"] {
        let labels = format!("lane=\"reads\",reason=\"{reason}\"");
        assert!(told.0.keys().any(|series| series.contains(&labels)), "{labels}");
    }
    for statement in ["product.list", "product.take_stock"] {
        let name = "chronos_database_statement_duration_seconds_count";
        assert!(told.sum(name, &[("statement", statement)]) >= 1.0, "{statement}");
    }
}

fn refused_tokens_are_counted_by_reason(combination: &Combination) {
    let app = combination.start();
    let url = app.gateway_url("/products");
    let ask = |headers: &[(&str, &str)]| {
        app.client.send("GET", &url, headers, None).expect(401);
    };
    ask(&[]);
    ask(&[]);
    ask(&[("Authorization", "Basic eDp5")]);
    ask(&[("Authorization", "Bearer a.b.c")]);
    let told = Told::by(&app.gateway_url(""));
    for (reason, expected) in
        [("missing", 2.0), ("scheme", 1.0), ("malformed", 1.0), ("expired", 0.0)]
    {
        let count = told.sum("chronos_tokens_refused_total", &[("reason", reason)]);
        assert!((count - expected).abs() < 0.5, "{reason} {count}");
    }
    assert!(
        told.0.keys().any(|series| series.contains("reason=\"lifetime\"")),
        "each reason is there before it occurs"
    );
}

fn refusals_of_the_rate_limit_are_counted_and_the_metrics_are_not(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let settings = [("DATABASE_URL", "sqlite::memory:"), ("RATE_LIMIT_PER_MINUTE", "3")];
    let process = Process::start_plain(folder.path(), "gateway", &settings);
    let url = process.url("gateway");
    let (client, health) = (Client::new(), format!("{url}/health"));
    for _ in 0..5 {
        Told::by(&url);
    }
    let refused = (0..6).filter(|_| client.send("GET", &health, &[], None).status == 429).count();
    assert_eq!(refused, 3);
    assert!((Told::by(&url).sum("chronos_rate_limit_refused_total", &[]) - 3.0).abs() < 0.5);
}

fn a_service_that_is_away_shows_in_its_breaker(_: &Combination) {
    let gateway = Gateway::with("http://127.0.0.1:9", &[]);
    let told = || Told::by(&gateway.process.url("gateway"));
    let open = [("upstream", "product-service")];
    assert!(told().sum("chronos_upstream_breaker_open", &open) < 0.5);
    until("the breaker is open", || {
        assert_eq!(gateway.get("/products").status(), 502);
        told().sum("chronos_upstream_breaker_open", &open) > 0.5
    });
    assert_eq!(gateway.get("/products").status(), 502);
    let told = told();
    let count = |result| {
        let labels = [("upstream", "product-service"), ("result", result)];
        told.sum("chronos_upstream_requests_total", &labels)
    };
    assert!(count("gone") >= 5.0 && count("not_asked") >= 1.0 && count("answered") < 0.5);
    assert!(told.sum("chronos_upstream_requests_in_flight", &open) < 0.5);
}

fn a_process_that_has_no_database_tells_nothing_of_one(_: &Combination) {
    let gateway = Gateway::with("http://127.0.0.1:9", &[]);
    let told = Told::by(&gateway.process.url("gateway"));
    let foreign = told.0.keys().filter(|series| {
        ["chronos_database", "chronos_cache", "chronos_products", "chronos_redis"]
            .iter()
            .any(|start| series.starts_with(start))
    });
    assert_eq!(foreign.collect::<Vec<_>>(), Vec::<&String>::new());
}

/// The words of a text that are names of metrics, as their families are called.
fn named_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_name = |word: &&str| {
        (word.starts_with("chronos_") || word.starts_with("process_")) && !word.ends_with('_')
    };
    words.filter(is_name).collect()
}

fn the_dashboard_and_the_alerts_name_only_what_there_is(combination: &Combination) {
    let split = Combination { door: Door::Split, backend: combination.backend.clone() };
    let app = split.start_with(&[("RATE_LIMIT_PER_MINUTE", "1000")]);
    app.get("/products/prod_001").expect(200);
    app.client.send("GET", &app.gateway_url("/products"), &[], None).expect(401);
    let told = told_by_all(&app);
    let there: BTreeSet<&str> = told.iter().flat_map(Told::names).collect();
    let has_redis = app.storage.redis_url.is_some();
    let is_there =
        |name: &str| there.contains(name) || (!has_redis && name.starts_with("chronos_redis_"));
    for (page, at_least) in [("docs/grafana-dashboard.json", 20), ("docs/alerts.yml", 10)] {
        let text = fs::read_to_string(page).unwrap_or_else(|error| panic!("{page}: {error}"));
        let named = named_in(&text);
        assert!(named.len() >= at_least, "{page}: {named:?}");
        for name in named {
            assert!(is_there(name), "{page} names {name}");
        }
    }
    // The page for operators has all of them, and no other.
    let page = fs::read_to_string("docs/OPERATING.md").expect("the page");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: BTreeSet<&str> =
        rows.filter(|name| name.starts_with("chronos_") || name.starts_with("process_")).collect();
    let family = |name: &str| {
        let ending = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        ending.filter(|family| listed.contains(family)).unwrap_or(name).to_owned()
    };
    let families: BTreeSet<String> = there.iter().map(|name| family(name)).collect();
    for name in &families {
        assert!(listed.contains(name.as_str()), "docs/OPERATING.md does not list {name}");
    }
    for name in listed {
        assert!(families.contains(name) || is_there(name), "docs/OPERATING.md lists {name}");
    }
}
