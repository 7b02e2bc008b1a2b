//! The command line: settings, refusals, exit statuses, start and stop.

use crate::app::{App, Combination, PORTS, Process, SECRET, command};
use crate::cases;
use crate::client::Client;
use chronos::app::MODULES;
use clap::CommandFactory;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use tempfile::TempDir;

cases![
    Once:
        every_setting_is_documented_everywhere,
        every_flag_names_its_variable_in_the_help,
        the_version_is_that_of_the_package,
        wrong_use_exits_with_2,
        a_value_that_does_not_parse_is_refused_by_name,
        a_refused_value_is_never_shown,
        a_broken_dotenv_is_refused,
        dotenv_is_read_and_the_environment_wins,
        a_port_in_use_is_refused_by_name,
        a_weak_secret_is_refused,
        no_secret_is_refused_on_a_reachable_address,
        an_unusable_database_file_fails_with_its_name,
        the_token_endpoint_follows_the_secret,
        secrets_and_emails_stay_out_of_the_log,
        a_second_start_keeps_what_the_first_one_wrote,
        after_a_stop_the_file_alone_is_the_store,
        a_gateway_makes_no_database_file,
        a_second_signal_ends_it_at_once,
        services_on_a_reachable_address_are_warned_of,
        a_token_endpoint_on_a_reachable_address_is_warned_of,
        an_in_memory_store_serves;
    BothBackends:
        sigterm_lets_a_request_finish_and_exits_with_0,
        the_banner_says_what_listens_where;
];

/// Runs the binary to its end in an empty folder.
fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let folder = TempDir::new().expect("a temporary folder");
    run_in(&folder, arguments, settings)
}

fn run_in(folder: &TempDir, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    command(folder.path())
        .args(arguments)
        .envs(settings.iter().copied())
        .output()
        .expect("the binary starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs `chronos serve` with one setting and expects a refusal; returns its message.
#[track_caller]
fn refusal(settings: &[(&str, &str)]) -> String {
    let output = run(&["serve"], settings);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{settings:?}: {message}");
    assert!(message.lines().any(|line| line.starts_with("error: ")), "{message}");
    assert!(!message.contains("panicked"), "{message}");
    message
}

/// The variables of all flags of all commands.
fn variables() -> Vec<String> {
    let root = chronos::cli::Cli::command();
    let of_commands = root.get_subcommands().flat_map(|sub| sub.get_arguments());
    let arguments = root.get_arguments().chain(of_commands);
    let mut names: Vec<String> = arguments
        .filter_map(|argument| argument.get_env())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

fn every_setting_is_documented_everywhere(_: &Combination) {
    let example = include_str!("../../.env.example");
    let operating = include_str!("../../docs/OPERATING.md");
    let variables = variables();
    assert!(variables.len() >= 20, "{variables:?}");
    for name in &variables {
        let commented = format!("# {name}=");
        assert!(example.lines().any(|line| line.starts_with(&commented)), "{name}: .env.example");
        assert!(operating.contains(&format!("| `{name}` |")), "{name}: docs/OPERATING.md");
    }
    let named_there = example
        .lines()
        .filter_map(|line| line.strip_prefix("# ")?.split_once('='))
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
    for name in named_there {
        assert!(variables.iter().any(|variable| variable == name), "{name} is no setting");
    }
}

fn every_flag_names_its_variable_in_the_help(_: &Combination) {
    for arguments in
        [&["--help"][..], &["serve", "--help"], &["seed", "--help"], &["token", "--help"]]
    {
        let output = run(arguments, &[]);
        assert_eq!(output.status.code(), Some(0));
        let help = String::from_utf8_lossy(&output.stdout).into_owned();
        // An option and its text, up to the next one.
        for option in help.split("\n      --").skip(1) {
            assert!(option.contains("[env: "), "{arguments:?} --{option}");
        }
    }
}

fn the_version_is_that_of_the_package(_: &Combination) {
    let output = run(&["--version"], &[]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "chronos 0.1.0");
}

fn wrong_use_exits_with_2(_: &Combination) {
    let wrong = [&[][..], &["open"], &["serve", "--port", "1"], &["serve", "--role", "clock"]];
    for arguments in wrong {
        assert_eq!(run(arguments, &[]).status.code(), Some(2), "{arguments:?}");
    }
}

fn a_value_that_does_not_parse_is_refused_by_name(_: &Combination) {
    let bad = [
        ("DATABASE_URL", "mysql://localhost/store"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "chronos.db"),
        ("DATABASE_POOL_SIZE", "0"),
        ("DATABASE_POOL_SIZE", "many"),
        ("REDIS_URL", "http://localhost"),
        ("REDIS_URL", "localhost:6379"),
        ("CACHE_TTL_SECONDS", "0"),
        ("CACHE_TTL_SECONDS", "-1"),
        ("HOST", "everywhere"),
        ("GATEWAY_PORT", "70000"),
        ("PRODUCT_SERVICE_PORT", "x"),
        ("CUSTOMER_SERVICE_PORT", ""),
        ("ORDER_SERVICE_PORT", "65536"),
        ("PRODUCT_SERVICE_URL", "https://127.0.0.1:3001"),
        ("CUSTOMER_SERVICE_URL", "http://127.0.0.1:3002/api"),
        ("ORDER_SERVICE_URL", "127.0.0.1:3003"),
        ("AUTH_TOKEN_ENDPOINT", "perhaps"),
        ("JWT_LEEWAY_SECONDS", "61"),
        ("JWT_LEEWAY_SECONDS", "-1"),
        ("RATE_LIMIT_PER_MINUTE", "-5"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "soon"),
        ("RUST_LOG", "chronos=loud"),
        ("CHRONOS_ROLE", "clock"),
        ("CHRONOS_ROLE", "gateway,clock"),
        ("CHRONOS_ROLE", "gateway,"),
        ("CHRONOS_ROLE", ""),
        ("CHRONOS_NO_SEED", "perhaps"),
    ];
    for (name, value) in bad {
        let message = refusal(&[(name, value)]);
        assert!(message.contains(&format!("error: {name} (--")), "{name}={value}: {message}");
    }
}

fn a_refused_value_is_never_shown(_: &Combination) {
    let password = "hunter2hunter2";
    let urls = [
        ("DATABASE_URL", format!("mysql://admin:{password}@db/store")),
        ("REDIS_URL", format!("http://:{password}@cache")),
        ("JWT_SECRET", password.to_owned()),
    ];
    for (name, value) in urls {
        let message = refusal(&[(name, &value)]);
        assert!(!message.contains(password), "{name}: {message}");
    }
}

fn a_broken_dotenv_is_refused(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join(".env"), "JWT_SECRET=\"open\nnonsense here\n")
        .expect("written");
    let output = run_in(&folder, &["serve"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains(".env"), "{}", stderr(&output));
}

fn dotenv_is_read_and_the_environment_wins(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join(".env"), "CACHE_TTL_SECONDS=none\n").expect("written");
    let output = run_in(&folder, &["serve"], &[]);
    assert!(stderr(&output).contains("CACHE_TTL_SECONDS"), "{}", stderr(&output));
    let settings = [("CACHE_TTL_SECONDS".to_owned(), "61".to_owned())];
    let process = Process::start(folder.path(), "product", &settings);
    assert!(process.banner.contains("61 s"), "{}", process.banner);
}

fn a_port_in_use_is_refused_by_name(_: &Combination) {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    for name in PORTS.iter() {
        let message = refusal(&[(name, &port)]);
        assert!(message.contains(name) && message.contains(&port), "{message}");
    }
}

fn a_weak_secret_is_refused(_: &Combination) {
    let weak = [
        "short",
        "0123456789012345678901234567890",
        "your-secret-key-change-in-production",
        "change-me-change-me-change-me-change-me",
        "your-super-secret-jwt-key-that-is-long",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ];
    for secret in weak {
        for host in ["127.0.0.1", "0.0.0.0"] {
            let message = refusal(&[("JWT_SECRET", secret), ("HOST", host)]);
            assert!(message.contains("JWT_SECRET"), "{message}");
            assert!(!message.contains(secret), "{message}");
        }
        let message = refusal(&[("JWT_SECRET", SECRET), ("SERVICE_TOKEN", secret)]);
        assert!(message.contains("SERVICE_TOKEN") && !message.contains(secret), "{message}");
    }
    for (previous, others) in [
        ("short", &[("JWT_SECRET", SECRET)][..]),
        ("your-secret-key-change-in-production", &[("JWT_SECRET", SECRET)]),
        (SECRET, &[("JWT_SECRET", SECRET)]),
        (SECRET, &[]),
        (SECRET, &[("JWT_SECRET", "90c7d1b6e5a4f3829170cafe55aa1203"), ("SERVICE_TOKEN", SECRET)]),
    ] {
        let message = refusal(&[&[("JWT_SECRET_PREVIOUS", previous)], others].concat());
        assert!(message.contains("JWT_SECRET_PREVIOUS"), "{message}");
        assert!(!message.contains(previous) || previous == "short", "{message}");
    }
    // Nor one that no header carries, or that signs tokens, too.
    for token in ["4f1c0e9b 7a6d5283f0e1d2c3b4a59687", "4f1c0e9b7a6d5283f0e1d2c3b4a5968é", SECRET]
    {
        let message = refusal(&[("JWT_SECRET", SECRET), ("SERVICE_TOKEN", token)]);
        assert!(message.contains("SERVICE_TOKEN") && !message.contains(token), "{message}");
    }
}

fn no_secret_is_refused_on_a_reachable_address(_: &Combination) {
    for host in ["0.0.0.0", "::", "[::]", "192.0.2.1"] {
        let message = refusal(&[("HOST", host)]);
        assert!(message.contains("JWT_SECRET") && message.contains("HOST"), "{message}");
    }
    // A service hands out and checks no tokens: it needs no key.
    let folder = TempDir::new().expect("a temporary folder");
    let settings = [("HOST".to_owned(), "0.0.0.0".to_owned())];
    Process::start(folder.path(), "product", &settings);
}

fn an_unusable_database_file_fails_with_its_name(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(
        folder.path().join("text.db"),
        "not a database, but a long enough text".repeat(50),
    )
    .expect("written");
    for (url, reason) in [
        ("sqlite://missing/folder/store.db", "mkdir -p missing/folder"),
        ("sqlite://.", "is a folder"),
        ("sqlite://text.db/store.db", "is no folder"),
        ("sqlite://text.db", "not a database"),
    ] {
        for command in ["serve", "seed"] {
            let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
            let settings = [("DATABASE_URL", url), ("CHRONOS_DATA_DIR", data)];
            let output = run_in(&folder, &[command], &settings);
            assert_eq!(output.status.code(), Some(1), "{command} {url}");
            assert!(stderr(&output).contains(url), "{}", stderr(&output));
            assert!(stderr(&output).contains(reason), "{}", stderr(&output));
        }
    }
}

fn the_token_endpoint_follows_the_secret(_: &Combination) {
    let client = Client::new();
    let ask = |process: &Process| {
        let url = format!("{}/auth/token", process.url("gateway"));
        let body = br#"{"userId":"u","email":"u@example.com"}"#;
        client.send("POST", &url, &[("Content-Type", "application/json")], Some(body)).status
    };
    for (settings, expected) in [
        (&[][..], 200),
        (&[("JWT_SECRET", SECRET)], 403),
        (&[("JWT_SECRET", SECRET), ("AUTH_TOKEN_ENDPOINT", "on")], 200),
        (&[("AUTH_TOKEN_ENDPOINT", "off")], 403),
    ] {
        let folder = TempDir::new().expect("a temporary folder");
        let process = Process::start_plain(folder.path(), "gateway", settings);
        assert_eq!(ask(&process), expected, "{settings:?}");
    }
}

fn secrets_and_emails_stay_out_of_the_log(combination: &Combination) {
    let app = combination.start_with(&[("RUST_LOG", "debug")]);
    let email = "very.private@example.com";
    let body = serde_json::json!({ "id": "c1", "name": "N", "email": email, "tier": "gold" });
    app.post("/customers", &body).expect(201);
    app.post("/customers", &body).expect(409);
    app.get("/customers?email=very.private").expect(200);
    app.post("/auth/token", &serde_json::json!({ "userId": "u", "email": email })).expect(200);
    app.get("/products/prod_001").expect(200);
    let log = app.processes[0].log();
    assert!(log.contains("GET /customers 200"), "{log}");
    for secret in ["very.private", SECRET, app.token(), "Bearer"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

fn a_second_start_keeps_what_the_first_one_wrote(combination: &Combination) {
    let mut app = combination.start();
    app.patch("/products/prod_001/inventory", &serde_json::json!({ "quantity": 5 })).expect(200);
    app.processes.clear();
    let second = Process::start(app.storage.folder.path(), "all", &app.storage.settings());
    let url = format!("{}/products/prod_001", second.url("product"));
    let answer = app.client.send("GET", &url, &[], None).expect(200);
    assert_eq!(answer.json["data"]["stock"], 7);
}

fn after_a_stop_the_file_alone_is_the_store(combination: &Combination) {
    let mut app = combination.start();
    app.patch("/products/prod_001/inventory", &serde_json::json!({ "quantity": 5 })).expect(200);
    app.processes[0].signal("TERM");
    assert_eq!(app.processes[0].wait(), Some(0));
    let copy = TempDir::new().expect("a temporary folder");
    std::fs::copy(app.storage.folder.path().join("chronos.db"), copy.path().join("chronos.db"))
        .expect("copied");
    let second = Process::start(copy.path(), "product", &[]);
    let url = format!("{}/products/prod_001", second.url("product"));
    let answer = app.client.send("GET", &url, &[], None).expect(200);
    assert_eq!(answer.json["data"]["stock"], 7);
}

fn a_gateway_makes_no_database_file(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let mut process = Process::start(folder.path(), "gateway", &[]);
    process.signal("TERM");
    assert_eq!(process.wait(), Some(0));
    assert!(!folder.path().join("chronos.db").exists());
}

fn a_second_signal_ends_it_at_once(combination: &Combination) {
    let mut app = combination.start_with(&[("SHUTDOWN_TIMEOUT_SECONDS", "3600")]);
    let head = "POST /products HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Content-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    let mut service =
        TcpStream::connect(app.product_url("").strip_prefix("http://").expect("an http:// URL"))
            .expect("accepted");
    service.write_all(head.as_bytes()).expect("written");
    let mut go_ahead = [0; 25];
    service.read_exact(&mut go_ahead).expect("100 Continue");
    app.processes[0].signal("INT");
    while TcpStream::connect(app.address("/products")).is_ok() {
        std::thread::yield_now();
    }
    app.processes[0].signal("INT");
    assert_eq!(app.processes[0].wait(), Some(1));
}

fn services_on_a_reachable_address_are_warned_of(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let settings = [("HOST", "0.0.0.0"), ("JWT_SECRET", SECRET)];
    let process = Process::start_plain(folder.path(), "all", &settings);
    assert!(process.log().contains("without a token"), "{}", process.log());
    assert!(process.banner.contains("every interface"), "{}", process.banner);
    let token = ("SERVICE_TOKEN", "b7d20a9be1f64c3c8a5d7e1f90c2b4a6");
    let settings = [("HOST", "0.0.0.0"), ("JWT_SECRET", SECRET), token];
    let process = Process::start_plain(folder.path(), "all", &settings);
    assert!(!process.log().contains("without a token"), "{}", process.log());
    let process = Process::start_plain(folder.path(), "all", &[("JWT_SECRET", SECRET)]);
    assert!(!process.log().contains("without a token"), "{}", process.log());
}

fn a_token_endpoint_on_a_reachable_address_is_warned_of(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let warns = |role, settings: &[(&str, &str)]| {
        let process = Process::start_plain(folder.path(), role, settings);
        process.log().contains("is given a token")
    };
    let (host, secret) = (("HOST", "0.0.0.0"), ("JWT_SECRET", SECRET));
    let on = ("AUTH_TOKEN_ENDPOINT", "on");
    assert!(warns("all", &[host, secret, on]));
    assert!(warns("gateway", &[host, secret, on]));
    assert!(!warns("product", &[host, secret, on]));
    assert!(!warns("all", &[host, secret]));
    assert!(!warns("all", &[secret, on]));
}

fn an_in_memory_store_serves(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let settings = [("DATABASE_URL".to_owned(), "sqlite::memory:".to_owned())];
    let process = Process::start(folder.path(), "all", &settings);
    let client = Client::new();
    let url = format!("{}/customers/cust_001", process.url("customer"));
    assert_eq!(client.send("GET", &url, &[], None).expect(200).json["data"]["tier"], "platinum");
    let files: Vec<_> = std::fs::read_dir(folder.path()).expect("readable").flatten().collect();
    assert!(files.iter().all(|file| !file.file_name().to_string_lossy().contains("memory")));
}

fn sigterm_lets_a_request_finish_and_exits_with_0(combination: &Combination) {
    for signal in ["TERM", "HUP", "INT"] {
        let mut app = combination.start();
        // A request that is half-way when the signal comes: its head is there, its body is not.
        let body = br#"{"quantity":1}"#;
        let mut stream = TcpStream::connect(app.address("/products")).expect("accepted");
        let head = format!(
            "PATCH /products/prod_001/inventory HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\
             Expect: 100-continue\r\n\r\n",
            app.token(),
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("written");
        // The go-ahead comes when the handler starts to read the body.
        let mut go_ahead = [0; 25];
        stream.read_exact(&mut go_ahead).expect("100 Continue");
        stream.write_all(&body[..5]).expect("written");
        app.processes[0].signal(signal);
        while TcpStream::connect(app.address("/products")).is_ok() {
            std::thread::yield_now();
        }
        stream.write_all(&body[5..]).expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer, and a clean end");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(app.processes[0].wait(), Some(0), "SIG{signal}");
    }
}

fn the_banner_says_what_listens_where(combination: &Combination) {
    let app: App = combination.start();
    let banner = &app.processes[0].banner;
    for module in &MODULES {
        let url = app.processes[0].url(module.name);
        let health = app.client.send("GET", &format!("{url}/health"), &[], None).expect(200);
        assert_eq!(health.json["service"], module.service);
    }
    let gateway = app.gateway_url("/health");
    app.client.send("GET", &gateway, &[], None).expect(200);
    let (database, cache) = if combination.is_postgres() {
        ("database   postgres://", "cache      redis://")
    } else {
        ("database   sqlite://", "cache      in the process")
    };
    assert!(banner.contains(database) && banner.contains(cache), "{banner}");
    assert!(banner.contains("curl "), "{banner}");
}
