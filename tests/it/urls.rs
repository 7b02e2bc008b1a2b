//! URLs among the settings: what is shown of them, and what libpq makes of them.

use crate::app::{Combination, Process, SECRET, Storage, command};
use crate::cases;
use chronos::kernel::config::{
    DatabaseUrl, PostgresUrl, RedisUrl, UpstreamUrl, without_credentials,
};
use diesel::{Connection, PgConnection};
use percent_encoding::percent_decode_str;
use proptest::prelude::{Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::str::FromStr;
use std::thread;
use tempfile::TempDir;

cases![
    Once:
        no_url_shows_its_user_or_password,
        a_refused_url_shows_no_part_of_its_password,
        libpq_reads_a_url_and_what_becomes_of_it_alike,
        what_libpq_refuses_is_refused_by_name;
    OnPostgres:
        a_url_with_anything_at_its_end_connects,
        a_refused_password_is_one_line_of_the_log_and_not_shown;
];

/// Parts of a user and a password, so rare that they stand nowhere else.
const PARTS: [&str; 4] = ["wolke", "zwirn", "mauer", "fjord"];

/// What may stand between them, as it is or encoded.
fn signs() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[#?/@:&=%+.,; \\[\\]a1-]{0,3}|%[0-9A-F]{2}").expect("a regex")
}

/// `USER:PASSWORD`, with signs of every kind between the parts.
fn credentials() -> impl Strategy<Value = String> {
    (signs(), signs(), signs()).prop_map(|(one, two, three)| {
        let [a, b, c, d] = PARTS;
        format!("{a}{one}{b}:{c}{two}{d}{three}")
    })
}

#[track_caller]
fn expect_no_part(shown: &str, url: &str) {
    for part in PARTS {
        assert!(!shown.contains(part), "{url} is shown as {shown}");
    }
}

/// How a value is shown, or why it is refused.
fn shown<T: FromStr<Err = String> + Debug>(text: &str) -> String {
    match text.parse::<T>() {
        Ok(value) => format!("{value:?}"),
        Err(reason) => reason,
    }
}

fn no_url_shows_its_user_or_password(_: &Combination) {
    let schemes = ["postgres", "postgresql", "redis", "rediss", "http", "https", "mysql"];
    let ends = ["", "/", "/db", "/db?sslmode=require", "?", "&", "#top", "/db?a=b@c", ":99999/db"];
    let url = (
        proptest::sample::select(schemes.to_vec()),
        credentials(),
        proptest::sample::select(vec!["db.internal", "10.0.0.1:5432", "[::1]:1", "a,b:2", ""]),
        proptest::sample::select(ends.to_vec()),
    )
        .prop_map(|(scheme, credentials, host, end)| {
            format!("{scheme}://{credentials}@{host}{end}")
        });
    let config = Config { cases: 4096, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&url, |url| {
            expect_no_part(&without_credentials(&url), &url);
            expect_no_part(&shown::<DatabaseUrl>(&url), &url);
            expect_no_part(&shown::<RedisUrl>(&url), &url);
            expect_no_part(&shown::<UpstreamUrl>(&url), &url);
            Ok(())
        })
        .expect("no part is shown");
    assert_eq!(without_credentials("postgres://u:se#cret@host/db?x=y"), "postgres://host/db");
    assert_eq!(without_credentials("redis://:p?w@cache:6379/3"), "redis://cache:6379/3");
}

fn a_refused_url_shows_no_part_of_its_password(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    for between in ["#", "?", "/", "@", ":", "/1?a=b", "[", "%", " ", "?x=1&", "/7/"] {
        let [a, b, c, d] = PARTS;
        let credentials = format!("{a}{b}:{c}{between}{d}");
        let urls = [
            ("DATABASE_URL", format!("postgres://{credentials}@127.0.0.1:99999/db")),
            ("DATABASE_URL", format!("postgres://{credentials}@127.0.0.1/db?sslmod=off")),
            ("DATABASE_URL", format!("mysql://{credentials}@127.0.0.1/db")),
            ("REDIS_URL", format!("http://{credentials}@127.0.0.1:6379")),
            ("REDIS_URL", format!("redis://{credentials}@127.0.0.1:99999")),
            ("PRODUCT_SERVICE_URL", format!("http://{credentials}@127.0.0.1:3001")),
            ("CUSTOMER_SERVICE_URL", format!("http://{credentials}@127.0.0.1:3002")),
            ("ORDER_SERVICE_URL", format!("http://{credentials}@127.0.0.1:3003")),
        ];
        for (name, url) in urls {
            let output = command(folder.path()).arg("serve").env(name, &url).output();
            let output = output.expect("the binary starts");
            let message = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{url}: {message}");
            assert!(message.contains(name), "{url}: {message}");
            expect_no_part(&message, &url);
        }
        expect_no_part_of_a_misplaced_url(&folder, &format!("postgres://{credentials}@h/db"));
    }
}

/// A flag that was forgotten or mistyped.
#[track_caller]
fn expect_no_part_of_a_misplaced_url(folder: &TempDir, url: &str) {
    let (mistyped, unwanted) = (format!("--database-urI={url}"), format!("--no-seed={url}"));
    for arguments in [
        &["serve", url][..],
        &[url],
        &["seed", url],
        &["serve", &mistyped],
        &["serve", &unwanted],
        &["serve", "--role", url],
        &["serve", "--redis", url],
    ] {
        let output = command(folder.path()).args(arguments).output().expect("the binary starts");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        expect_no_part(&message, url);
    }
}

/// A server that only listens to what a client says of itself: the values of its first message, and
/// the password that it then sends.
fn said_to_a_server(connection_string: &str, server: &TcpListener) -> Result<Said, String> {
    thread::scope(|scope| {
        let connecting = scope.spawn(|| match PgConnection::establish(connection_string) {
            Ok(_) => panic!("nobody has let it in"),
            Err(error) => error.to_string(),
        });
        let mut said = None;
        // A refusal comes before any connection: then there is nobody to wait for.
        while !connecting.is_finished() && said.is_none() {
            match server.accept() {
                Ok((stream, _)) => said = listen_to(stream),
                Err(_) => thread::yield_now(),
            }
        }
        let error = connecting.join().expect("no panic");
        said.ok_or(error)
    })
}

type Said = (BTreeMap<String, String>, String);

/// `None` where the client goes before it says anything.
fn listen_to(mut stream: TcpStream) -> Option<Said> {
    stream.set_nonblocking(false).expect("it is a setting");
    let first = read_message(&mut stream)?;
    let words: Vec<String> = first[4..]
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let mut values: BTreeMap<String, String> =
        words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    values.remove("");
    // Only the rewritten one names the program.
    if values.get("application_name").is_some_and(|name| name == "chronos") {
        values.remove("application_name");
    }
    stream.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).ok()?;
    let mut kind = [0];
    let password = match stream.read_exact(&mut kind) {
        Ok(()) => String::from_utf8_lossy(&read_message(&mut stream)?).into_owned(),
        Err(_) => "none".to_owned(),
    };
    Some((values, password))
}

fn read_message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).expect("it fits");
    let mut message = vec![0; length - 4];
    stream.read_exact(&mut message).ok()?;
    Some(message)
}

/// Whatever a URL holds, libpq says to a server what it would have said for the URL itself, or both
/// refuse it.
fn libpq_reads_a_url_and_what_becomes_of_it_alike(_: &Combination) {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    server.set_nonblocking(true).expect("it is a setting");
    let port = server.local_addr().expect("bound").port();
    let word = || proptest::string::string_regex("[a-z'\\\\?#:%2=& \"é]{0,5}").expect("a regex");
    let end = prop_oneof![
        word().prop_map(|name| format!("/{name}")),
        word().prop_map(|value| format!("/db?application_name={value}")),
        (word(), word()).prop_map(|(name, value)| format!("?{name}={value}&")),
        proptest::sample::select(vec![
            "",
            "/",
            "/?",
            "?",
            "/db?",
            "/db?&",
            "/db?application_name=x&",
            "?dbname=a&dbname=b",
            "/db?ssl=true",
            "/db?ssl=false",
            "?user=%20x",
            "/a%2Fb",
            "/db?options=-c%20a%3Db",
            "/db?sslmode=require",
            "/db?connect_timeout=x",
            "/db?requiressl=1",
            "/db?=x",
        ])
        .prop_map(str::to_owned),
    ];
    let url = (word(), word(), end).prop_map(move |(user, password, end)| {
        format!("postgres://{user}:{password}@127.0.0.1:{port}{end}")
    });
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&url, |url| {
            let of_the_url = said_to_a_server(&url, &server);
            match (PostgresUrl::from_str(&url), of_the_url) {
                (Ok(read), Ok(said)) => {
                    assert_eq!(
                        said_to_a_server(read.conninfo().expose_secret(), &server),
                        Ok(said),
                        "{url}"
                    );
                }
                (Ok(read), Err(_)) => {
                    said_to_a_server(read.conninfo().expose_secret(), &server).expect_err(&url);
                    let refused =
                        PgConnection::establish(read.conninfo_of_nowhere().expose_secret());
                    let message = refused.err().expect("nowhere is nobody").to_string();
                    assert!(!message.starts_with("connection to server"), "{url}: {message}");
                }
                (Err(_), Err(_)) => {}
                // A connection is asked for in text: such a password cannot be handed on.
                (Err(_), Ok(_)) if percent_decode_str(&url).decode_utf8().is_err() => {}
                (Err(reason), Ok(_)) => panic!("{url} {reason}, and libpq takes it"),
            }
            Ok(())
        })
        .expect("both read it alike");
}

fn what_libpq_refuses_is_refused_by_name(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let with_tls = cfg!(feature = "tls");
    for (url, reason) in [
        ("postgres://u@h/db?sslmod=require", "sslmod"),
        ("postgres://u@h:99999/db", "port"),
        ("postgres://u@a:1,b:99999/db", "port"),
        ("postgres://u@h:abc/db", "port"),
        ("postgres://u@h/db?connect_timeout=soon", "connect_timeout"),
        ("postgres://u@h/db?sslmode=require", "--features tls"),
        ("postgres://u@h/db?sslmode=sometimes", "sslmode"),
        ("postgres://u@h/db?target_session_attrs=nice", "target_session_attrs"),
        ("postgres://u@h/db?a", "NAME=VALUE"),
        ("postgres://u:p%zz@h/db", "%25"),
        ("postgres://u:%aa@h/db", "UTF-8"),
        ("postgres://u:p@[::1/db", "]"),
        ("postgres://u:p@s@h/db", "%40"),
        (" postgres://u@h/db", "white space"),
        ("postgres://u@h/db\n", "white space"),
    ] {
        if with_tls && reason == "--features tls" {
            continue;
        }
        for command_name in ["serve", "seed"] {
            let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
            let output = command(folder.path())
                .args([command_name, "--database-url", url])
                .env("CHRONOS_DATA_DIR", data)
                .output()
                .expect("the binary starts");
            let message = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{url}: {message}");
            assert!(message.contains("DATABASE_URL (--database-url)"), "{url}: {message}");
            assert!(message.contains(reason), "{url}: {message}");
        }
    }
}

fn a_url_with_anything_at_its_end_connects(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let (_, name) = storage.database_url.rsplit_once('/').expect("a URL with a path");
    let role = format!("{name}_guest");
    storage
        .execute(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'a?b#c'; \
             GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
        ))
        .expect("the tests may do everything");
    let with_user = storage.database_url.replacen("chronos@", &format!("{role}:a?b#c@"), 1);
    for end in ["", "?", "?application_name=x&", "?connect_timeout=1&keepalives_idle=9"] {
        let settings = [("DATABASE_URL".to_owned(), format!("{with_user}{end}"))];
        let process = Process::start(storage.folder.path(), "product", &settings);
        assert!(!process.banner.contains("unavailable"), "{}", process.banner);
        for secret in [role.as_str(), "a?b", "b#c"] {
            assert!(!process.banner.contains(&format!("{secret}:")), "{}", process.banner);
            assert!(!process.banner.contains(&format!("{secret}@")), "{}", process.banner);
        }
    }
}

/// What the server says of a role that it does not know, over two lines where there are two servers.
fn a_refused_password_is_one_line_of_the_log_and_not_shown(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let url = storage.database_url.replacen("chronos@", "wolke:zwirn@", 1);
    let (before, after) = url.split_once("/chronos_").expect("a database of the tests");
    let (_, server) = before.rsplit_once('@').expect("a user");
    let url = format!("{before},{server}/chronos_{after}");
    let settings =
        [("DATABASE_URL", url.as_str()), ("JWT_SECRET", SECRET), ("RUST_LOG", "chronos=debug")];
    let process = Process::start_plain(storage.folder.path(), "all", &settings);
    let log = process.log();
    assert!(log.contains("the database is unavailable"), "{log}");
    assert!(log.lines().all(|line| line.starts_with('[')), "{log}");
    expect_no_part(&log, &url);
}
