//! Which paths are let in: those that no hop can read in two ways.

use super::wire::{Gateway, SUCCESS, Upstream, exchange_one};
use crate::app::Combination;
use crate::cases;

cases![
    BothGateways: an_unsafe_path_is_refused;
    Once:
        an_unsafe_path_never_reaches_a_service,
        a_safe_path_and_its_query_reach_the_service_byte_for_byte;
];

const UNSAFE: [&str; 46] = [
    "/products/.",
    "/products/./prod_001",
    "/products/..",
    "/products/../health",
    "/products/../customers",
    "/products/prod_001/../../health",
    "/products/%2e",
    "/products/%2e%2e",
    "/products/%2E%2E/health",
    "/products/.%2e/health",
    "/products/%2e./health",
    "/products/%252e%252e/health",
    "/products/%25252e",
    "/products/..%2fhealth",
    "/products/a%2fb",
    "/products/a%2Fb",
    "/products%2fprod_001",
    "/products%2f..%2fhealth",
    "/products/a%5cb",
    "/products/..%5chealth",
    "/products/a\\b",
    "/products/..\\health",
    "/products\\..\\health",
    "/products/a%00",
    "/products/%00/a",
    "/products/a%00.json",
    "/products/a%0d%0aX-A:%20b",
    "/products/a%0a",
    "/products/a%7f",
    "/products;a=b",
    "/products/a;b",
    "/products/..;/health",
    "/products/;/health",
    "/products/a%3bb",
    "//products",
    "/products//prod_001",
    "/products//",
    "/products///",
    "///",
    "//127.0.0.1/products",
    "/products/a%",
    "/products/a%2",
    "/products/a%zz",
    "/products/%ff",
    "/products/%c0%ae%c0%ae/health",
    "/products/%u002e%u002e/health",
];

fn an_unsafe_path_is_refused(combination: &Combination) {
    let app = combination.start();
    for path in UNSAFE {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: chronos\r\nAuthorization: Bearer {}\r\n\
             Connection: close\r\n\r\n",
            app.token()
        );
        let answer = exchange_one(&app.address("/"), head);
        assert_eq!(answer.status(), 400, "{path}: {answer:?}");
        // A path that is no URL ends in the parser, before there is an envelope.
        if !path.contains('\\') {
            answer.expect_failure(400, "Invalid path");
        }
    }
}

fn an_unsafe_path_never_reaches_a_service(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::before(&upstream);
    for path in UNSAFE {
        for (method, body) in [("GET", ""), ("DELETE", ""), ("POST", "{}")] {
            let answer = gateway.send(method, path, "", body);
            assert_eq!(answer.status(), 400, "{method} {path}: {answer:?}");
        }
    }
    // In any other form of a request's target, too.
    let other =
        ["*", "products", "../products", "?a=b", "#", "127.0.0.1:80", "http://x/../products"];
    for target in other {
        let answer = gateway.get(target);
        assert!([400, 404].contains(&answer.status()), "{target}: {answer:?}");
    }
    assert_eq!(gateway.get("/products/last").status(), 200);
    assert_eq!(upstream.request().target(), "/products/last");
}

fn a_safe_path_and_its_query_reach_the_service_byte_for_byte(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::before(&upstream);
    let targets = [
        "/products",
        "/products/",
        "/products?",
        "/products?&",
        "/products/prod_001",
        "/products/%41%62",
        "/products/a+b%20c",
        "/products/a%2Bb",
        "/products/~a!b$c&d'e(f)g*h,i=j:k@l",
        "/products/...",
        "/products/a..b/.c",
        "/products/%C3%A9%e2%82%ac",
        "/products/a/b/c/d?x",
        "/customers/cust_001/orders?limit=&offset",
        "/products?brand=A+B&brand=&&=&x=%41&y=%2B&%7A=1",
        "/products?path=/../..//%2e%2e/%2f;a\\b%5c%00%zz%",
        "/products?a=b?c=d&quote='[]{}|~!$()*,:@",
    ];
    for target in targets {
        assert_eq!(gateway.get(target).status(), 200, "{target}");
        assert_eq!(upstream.request().line, format!("GET {target} HTTP/1.1"));
    }
    // A target may name the gateway, too.
    assert_eq!(gateway.get("http://store.example/products/%41?x=+").status(), 200);
    let request = upstream.request();
    assert_eq!(request.line, "GET /products/%41?x=+ HTTP/1.1");
    let host = upstream.address.to_string();
    assert_eq!(request.header("host"), Some(host.as_str()));
}
