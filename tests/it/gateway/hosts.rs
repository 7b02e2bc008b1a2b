//! Whose name a listener answers to: a page that makes a browser its messenger is not served.

use super::wire::{Message, exchange_one};
use crate::app::{App, Combination, SECRET};
use crate::cases;

cases![
    OnSqlite:
        a_loopback_listener_answers_to_its_own_names_alone,
        any_other_listener_answers_to_every_name,
        what_is_no_host_is_400_on_every_listener,
        a_request_for_another_host_changes_nothing;
];

fn listeners(app: &App) -> [String; 3] {
    [app.gateway_url(""), app.product_url(""), app.customer_url("")]
        .map(|url| url.replace("http://", ""))
}

#[track_caller]
fn ask(address: &str, line: &str, host: &str) -> Message {
    exchange_one(address, format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
}

/// A14: another name is somebody else's.
fn a_loopback_listener_answers_to_its_own_names_alone(combination: &Combination) {
    let app = combination.start_with(&[("ALLOWED_HOSTS", "shop.example, 192.0.2.7,[2001:db8::7]")]);
    for address in &listeners(&app) {
        for host in [
            address.as_str(),
            "localhost",
            "LocalHost:80",
            "localhost.",
            "shop.localhost:3000",
            "127.0.0.1",
            "127.255.3.4:1",
            "[::1]",
            "[::1]:3000",
            "[::ffff:127.0.0.1]",
            "shop.example",
            "SHOP.example.:8443",
            "192.0.2.7",
            "[2001:db8::7]:1",
        ] {
            for path in ["/livez", "/readyz", "/health"] {
                assert_eq!(ask(address, &format!("GET {path}"), host).status(), 200, "{host}");
            }
        }
        for host in [
            "evil.example",
            "evil.example:3000",
            "localhost.evil.example",
            "notlocalhost",
            "shop.example.evil",
            "x.shop.example",
            "203.0.113.7",
            "128.0.0.1",
            "0.0.0.0",
            "[2001:db8::1]:80",
            "",
        ] {
            for path in ["/livez", "/products", "/nothing"] {
                let answer = ask(address, &format!("GET {path}"), host);
                answer.expect_failure(421, "Misdirected Request");
            }
        }
        // A target that names a host hides nothing behind a good header, and is hidden by none.
        ask(address, "GET http://evil.example/livez", "localhost")
            .expect_failure(421, "Misdirected Request");
        ask(address, "GET http://localhost/livez", "evil.example")
            .expect_failure(421, "Misdirected Request");
        assert_eq!(ask(address, "GET http://localhost:1/livez", "localhost").status(), 200);
        // HTTP/1.0 names none.
        let old = exchange_one(address, "GET /livez HTTP/1.0\r\n\r\n");
        assert_eq!(old.status(), 200, "{old:?}");
    }
}

fn any_other_listener_answers_to_every_name(combination: &Combination) {
    let app = combination.start_with(&[
        ("HOST", "0.0.0.0"),
        ("JWT_SECRET", SECRET),
        ("ALLOWED_HOSTS", "shop.example"),
    ]);
    for address in listeners(&app) {
        let (_, port) = address.rsplit_once(':').expect("a port");
        for host in ["evil.example", "shop.example", "203.0.113.7:80", "[2001:db8::1]", ""] {
            let answer = ask(&format!("127.0.0.1:{port}"), "GET /livez", host);
            assert_eq!(answer.status(), 200, "{host}");
        }
    }
}

fn what_is_no_host_is_400_on_every_listener(combination: &Combination) {
    for own in ["127.0.0.1", "0.0.0.0"] {
        let app = combination.start_with(&[("HOST", own)]);
        for address in listeners(&app) {
            let (_, port) = address.rsplit_once(':').expect("a port");
            let long = "x".repeat(256);
            for host in [
                "local host",
                "user@localhost",
                "localhost:99999",
                "localhost:x",
                "localhost:80:80",
                "localhost:+80",
                "http://localhost",
                "localhost/x",
                "localhost?x",
                "localhost, evil.example",
                "::1",
                "[::1",
                "[::1]x",
                "[localhost]",
                "[::1]:x",
                "lo\\cal",
                "\u{fc}ber",
                long.as_str(),
            ] {
                ask(&format!("127.0.0.1:{port}"), "GET /livez", host)
                    .expect_failure(400, "Bad Request");
            }
        }
    }
}

fn a_request_for_another_host_changes_nothing(combination: &Combination) {
    let app = combination.start();
    let product = app.product_url("").replace("http://", "");
    let delete = |host| ask(&product, "DELETE /products/prod_005", host).status();
    assert_eq!(delete("rebound.evil.example"), 421);
    app.get("/products/prod_005").expect(200);
    assert_eq!(delete("localhost"), 200);
}
