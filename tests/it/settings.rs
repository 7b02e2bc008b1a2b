//! What surrounds the program: variables that others set, `.env`, secrets, streams, signals, tokens.

use crate::app::{App, BINARY, Combination, PORTS, Process, SECRET, Storage, command, program};
use crate::cases;
use crate::client::Client;
use chronos::app::MODULES;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

cases![
    Once:
        a_port_that_kubernetes_set_is_ignored_with_its_reason,
        a_number_that_is_none_is_told_what_it_should_be,
        white_space_around_a_secret_is_refused_by_name,
        dotenv_expands_nothing,
        a_key_in_dotenv_is_taken_letter_by_letter,
        a_name_in_dotenv_that_is_no_setting_is_warned_of,
        a_token_is_made_for_who_has_the_key,
        no_token_is_made_without_a_good_key,
        a_file_without_the_rights_says_which_and_why,
        the_exit_status_is_the_same_whatever_the_streams_are;
    OnSqlite:
        a_hangup_that_is_ignored_stays_ignored,
        two_signals_at_once_are_one_and_the_drain_is_as_long_as_it_is_set;
];

fn run(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut binary = command(folder);
    binary.args(arguments).envs(settings.iter().copied()).output().expect("the binary starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Services of the names of the others exist; the port of the role is ours.
fn a_port_that_kubernetes_set_is_ignored_with_its_reason(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let roles = std::iter::once("gateway").chain(MODULES.iter().map(|module| module.name));
    for (role, of_role) in roles.zip(PORTS.iter()) {
        let of_others = PORTS.iter().filter(|name| *name != of_role);
        let mut settings = vec![("JWT_SECRET", SECRET)];
        settings.extend(of_others.map(|name| (name.as_str(), "tcp://10.96.0.9:3001")));
        let process = Process::start_plain(folder.path(), role, &settings);
        let log = process.log();
        for (name, _) in &settings[1..] {
            let told = |line: &str| line.contains(name) && line.contains("Kubernetes");
            assert!(log.lines().any(told), "{name}: {log}");
        }
        assert!(!log.contains(&format!("{of_role} is an address")), "{log}");
    }
    // Its own is the default, which may be taken here: then that is what is said.
    for (name, port) in PORTS.iter().zip([3000, 3001, 3002, 3003]) {
        let settings = [
            (name.as_str(), "tcp://10.96.0.9:3001"),
            ("HOST", "192.0.2.1"),
            ("JWT_SECRET", SECRET),
        ];
        let output = run(folder.path(), &["serve"], &settings);
        let message = stderr(&output);
        // No such address is here: the refusal names the port that was taken instead.
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(&format!("{name} is an address and no port")), "{message}");
        assert!(message.contains(&format!("the port is {port}")), "{message}");
    }
}

fn a_number_that_is_none_is_told_what_it_should_be(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    for (name, value, wanted) in [
        ("GATEWAY_PORT", "abc", "a whole number from 0 to 65535"),
        ("JWT_LEEWAY_SECONDS", "61", "a whole number from 0 to 60"),
        ("CHRONOS_NO_SEED", "maybe", "true or false"),
        ("PRODUCT_SERVICE_PORT", "70000", "a whole number from 0 to 65535"),
        ("CUSTOMER_SERVICE_PORT", "-1", "a whole number from 0 to 65535"),
        ("CUSTOMER_SERVICE_PORT", "http://x", "a whole number from 0 to 65535"),
        ("DATABASE_POOL_SIZE", "many", "a whole number from 1 to 1000"),
        ("CACHE_TTL_SECONDS", "1.5", "a whole number from 1 to 86400"),
        ("RATE_LIMIT_PER_MINUTE", "x", "a whole number from 0 to"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "3601", "a whole number from 0 to 3600"),
        ("SHUTDOWN_DRAIN_SECONDS", "soon", "a whole number from 0 to 3600"),
    ] {
        let output = run(folder.path(), &["serve"], &[(name, value)]);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(name) && message.contains(wanted), "{name}={value}: {message}");
    }
}

fn white_space_around_a_secret_is_refused_by_name(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    for (name, value) in [
        ("JWT_SECRET", SECRET),
        ("SERVICE_TOKEN", "b7d20a9be1f64c3c8a5d7e1f90c2b4a6"),
        ("REDIS_URL", "redis://:secret@127.0.0.1:6379"),
        ("DATABASE_URL", "postgres://u:secret@127.0.0.1/db"),
        ("DATABASE_URL", "sqlite://chronos.db"),
    ] {
        for mistaken in [format!("{value}\n"), format!(" {value}"), format!("{value}\t")] {
            let output = run(folder.path(), &["serve"], &[(name, &mistaken)]);
            let message = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{name}: {message}");
            assert!(message.contains(name) && message.contains("white space"), "{message}");
            assert!(!message.contains(value), "{message}");
        }
    }
}

fn dotenv_expands_nothing(_: &Combination) {
    let parse =
        |text: &str| chronos::kernel::config::parse_dotenv(text).expect("it is well-formed");
    let value = |text: &str| parse(&format!("HOME_OF=x\nNAME={text}\n"))[1].1.clone();
    for (written, meant) in [
        ("a$tail", "a$tail"),
        ("$HOME_OF", "$HOME_OF"),
        ("${HOME_OF}/x", "${HOME_OF}/x"),
        ("\"a$HOME_OF$\"", "a$HOME_OF$"),
        ("'a$HOME_OF'", "a$HOME_OF"),
        ("$$", "$$"),
        ("$", "$"),
        ("plain # a comment with $HOME_OF", "plain"),
        ("\"two\\nlines\"", "two\nlines"),
        ("\"a\\\\$x\"", "a\\$x"),
        ("'it\"s'", "it\"s"),
    ] {
        assert_eq!(value(written), meant, "{written}");
    }
    // What was needed to keep a $ where others expand it would now be a part of the value.
    let refused = chronos::kernel::config::parse_dotenv("A=1\nB=a\\$b\n").expect_err("refused");
    assert!(refused.contains("line 2"), "{refused}");
}

fn a_key_in_dotenv_is_taken_letter_by_letter(_: &Combination) {
    const KEY: &str = "p$tail-4f1c0e9b\\7a6d\"5283f0e1d$HOME'2c3b4";
    let folder = TempDir::new().expect("a temporary folder");
    let quoted = KEY.replace('\\', "\\\\").replace('"', "\\\"");
    std::fs::write(folder.path().join(".env"), format!("JWT_SECRET=\"{quoted}\"\n"))
        .expect("written");
    let process = Process::start_plain(folder.path(), "all", &[("HOME", "/root")]);
    chronos::gateway::install_hs256();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let exp = now.expect("after 1970").as_secs() + 60;
    let claims = json!({ "userId": "u", "email": "u@example.com", "exp": exp });
    let key = EncodingKey::from_secret(KEY.as_bytes());
    let token = encode(&Header::new(Algorithm::HS256), &claims, &key).expect("claims are JSON");
    expect_let_in(&process, &token);
}

#[track_caller]
fn expect_let_in(process: &Process, token: &str) {
    let bearer = format!("Bearer {token}");
    let url = format!("{}/products/prod_001", process.url("gateway"));
    Client::new().send("GET", &url, &[("Authorization", &bearer)], None).expect(200);
}

fn a_name_in_dotenv_that_is_no_setting_is_warned_of(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let text = "JWT_SECRT=secret-of-nobody\nPGSSLROOTCERT=/ca.pem\nCACHE_TTL_SECONDS=61\n";
    std::fs::write(folder.path().join(".env"), text).expect("written");
    let process = Process::start_plain(folder.path(), "product", &[]);
    let log = process.log();
    assert!(log.lines().any(|line| line.contains("WARN") && line.contains("JWT_SECRT")), "{log}");
    for fine in ["PGSSLROOTCERT", "CACHE_TTL_SECONDS", "secret-of-nobody"] {
        assert!(!log.contains(fine), "{log}");
    }
}

fn a_token_is_made_for_who_has_the_key(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let process = Process::start_plain(folder.path(), "all", &[("JWT_SECRET", SECRET)]);
    for more in [&[][..], &["--ttl", "60"], &["--ttl", "86400"]] {
        let user = ["token", "--user", "u", "--email", "u@example.com"];
        let arguments = [&user[..], more].concat();
        let output = run(folder.path(), &arguments, &[("JWT_SECRET", SECRET)]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
        let stdout = String::from_utf8(output.stdout).expect("it is text");
        let token = stdout.strip_suffix('\n').expect("one line");
        assert!(!token.contains(char::is_whitespace), "{stdout}");
        expect_let_in(&process, token);
    }
}

fn no_token_is_made_without_a_good_key(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let user = ["token", "--user", "u", "--email", "u@example.com"];
    let key = [("JWT_SECRET", SECRET)];
    let long = "u".repeat(256);
    for (arguments, settings, named) in [
        (user.to_vec(), &[][..], "JWT_SECRET"),
        (user.to_vec(), &[("JWT_SECRET", "short")], "JWT_SECRET"),
        ([&user[..], &["--ttl", "0"]].concat(), &key, "CHRONOS_TOKEN_TTL"),
        ([&user[..], &["--ttl", "86401"]].concat(), &key, "CHRONOS_TOKEN_TTL"),
        (vec!["token", "--user", "", "--email", "x"], &key, "CHRONOS_TOKEN_USER"),
        (vec!["token", "--user", &long, "--email", "x"], &key, "CHRONOS_TOKEN_USER"),
        (vec!["token", "--user", "u", "--email", " "], &key, "CHRONOS_TOKEN_EMAIL"),
        (vec!["token", "--user", "u"], &key, "--email"),
    ] {
        let output = run(folder.path(), &arguments, settings);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(named), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
}

/// The binary, bound by the rights of files even where the tests run as root.
fn bound_by_rights(folder: &Path) -> Command {
    let mut bound = program("setpriv", folder);
    if std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("Linux")) == 0 {
        let none = "-dac_override,-dac_read_search";
        bound.args(["--bounding-set", none, "--inh-caps", none]);
    }
    bound.arg("--").arg(&*BINARY);
    bound
}

fn allow(path: &Path, mode: u32) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, mode).expect("it is ours");
}

fn a_file_without_the_rights_says_which_and_why(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let (closed, file) = (folder.path().join("closed"), folder.path().join("shut.db"));
    std::fs::create_dir(&closed).expect("it is new");
    allow(&closed, 0o555);
    std::fs::write(&file, "").expect("written");
    allow(&file, 0o000);
    let read_only = folder.path().join("old.db");
    std::fs::write(&read_only, "").expect("written");
    allow(&read_only, 0o444);
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    for (url, why) in [
        ("sqlite://closed/new.db", "the folder closed is read-only"),
        ("sqlite://shut.db", "may not read shut.db"),
        ("sqlite://old.db", "old.db is read-only"),
    ] {
        for command_name in ["serve", "seed"] {
            let output = bound_by_rights(folder.path())
                .args([command_name, "--database-url", url])
                .env("CHRONOS_DATA_DIR", data)
                .output()
                .expect("the binary starts");
            let message = stderr(&output);
            assert_eq!(output.status.code(), Some(1), "{url}: {message}");
            assert!(message.contains(url) && message.contains(why), "{url}: {message}");
            assert_eq!(message.lines().filter(|line| line.starts_with("error: ")).count(), 1);
        }
    }
    // A whole store, which needs no migration, and cannot be replaced.
    let storage = Storage::seeded(&crate::app::Backend::Sqlite);
    allow(&storage.folder.path().join("chronos.db"), 0o444);
    let output = bound_by_rights(storage.folder.path())
        .args(["seed", "--reset", "--data-dir", data])
        .output()
        .expect("the binary starts");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("chronos.db is read-only"), "{}", stderr(&output));
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("Linux").into()
}

/// A pipe that nobody reads any more.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

fn the_exit_status_is_the_same_whatever_the_streams_are(_: &Combination) {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    let seed = ["seed", "--data-dir", data];
    let token = ["token", "--user", "u", "--email", "u@example.com", "--jwt-secret", SECRET];
    let streams: [fn() -> Stdio; 2] = [full, unread];
    for stream in streams {
        for (arguments, expected) in [
            (&seed[..], 0),
            // Its result is what it prints.
            (&token[..], 1),
            (&["--help"], 0),
            (&["--version"], 0),
            (&["serve", "--database-url", "sqlite://missing/store.db"], 1),
            (&["seed", "--data-dir", "missing"], 1),
            (&["serve", "--gateway-port", "abc"], 2),
            (&["open"], 2),
            (&[], 2),
        ] {
            let folder = TempDir::new().expect("a temporary folder");
            let status = command(folder.path())
                .args(arguments)
                .stdout(stream())
                .stderr(stream())
                .status()
                .expect("the binary starts");
            assert_eq!(status.code(), Some(expected), "{arguments:?}");
        }
    }
    // Closed, not only full: a shell's >&- closes them before the program starts.
    for (script, expected) in
        [("exec \"$0\" seed --data-dir \"$1\" >&- 2>&-", 0), ("exec \"$0\" open >&- 2>&-", 2)]
    {
        let folder = TempDir::new().expect("a temporary folder");
        let status = program("sh", folder.path())
            .args(["-c", script, BINARY.as_str(), data])
            .status()
            .expect("a shell is there");
        assert_eq!(status.code(), Some(expected), "{script}");
    }
    // Nor does a log that takes nothing end a store.
    let folder = TempDir::new().expect("a temporary folder");
    let script = "exec \"$0\" \"$@\" 2>/dev/full";
    let mut shell = program("sh", folder.path());
    shell.args(["-c", script, BINARY.as_str()]);
    let settings = [("RUST_LOG", "chronos=debug")];
    let mut process = Process::start_as(shell, folder.path(), "all", &settings);
    let url = format!("{}/products/prod_001", process.url("product"));
    Client::new().send("GET", &url, &[], None).expect(200);
    process.signal("TERM");
    assert_eq!(process.wait(), Some(0));
}

fn a_hangup_that_is_ignored_stays_ignored(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let folder = storage.folder.path();
    let mut nohup = program("nohup", folder);
    nohup.arg(&*BINARY);
    let mut process = Process::start_as(nohup, folder, "product", &[]);
    process.signal("HUP");
    let url = format!("{}/readyz", process.url("product"));
    // From the signal on it would say that it is draining.
    Client::new().send("GET", &url, &[], None).expect(200);
    assert!(!process.log().contains("stopping"), "{}", process.log());
    process.signal("TERM");
    assert_eq!(process.wait(), Some(0));
}

/// A supervisor's signal reaches a process twice: by itself and with its group.
fn two_signals_at_once_are_one_and_the_drain_is_as_long_as_it_is_set(combination: &Combination) {
    let settings = [("SHUTDOWN_DRAIN_SECONDS", "1800"), ("SHUTDOWN_TIMEOUT_SECONDS", "3600")];
    let app: App = combination.start_with(&settings);
    let id = app.processes[0].id().to_string();
    let sent = Command::new("kill").args(["-TERM", &id, &id]).status().expect("kill is there");
    assert!(sent.success());
    app.processes[0].signal("HUP");
    let ready = app.gateway_url("/readyz");
    crate::kit::until("it is draining", || app.client.send("GET", &ready, &[], None).status == 503);
    for _ in 0..20 {
        app.get("/products/prod_001").expect(200);
    }
    assert!(!app.processes[0].log().contains("no new connections"), "{}", app.processes[0].log());
}
