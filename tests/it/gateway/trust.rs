//! The trusted side: what a service believes of a gateway, and what no client can make it believe.

use super::wire::{Connection, Gateway, SUCCESS, Upstream};
use crate::app::{Combination, SECRET, make_token, sign};
use crate::cases;
use crate::client::{Answer, Client};
use serde_json::json;

cases![
    Once:
        a_service_is_told_the_user_of_the_token,
        a_client_cannot_name_another_user,
        a_service_is_told_its_token_and_no_other,
        a_gateway_that_its_service_refuses_is_502;
    BothGateways: services_with_a_token_answer_their_gateway_alone;
    BothBackends: a_user_that_cannot_be_one_is_refused_by_a_service;
];

fn request_of(user_id: &str, extra: &str) -> String {
    let now = chrono::Utc::now().timestamp();
    let claims = json!({ "userId": user_id, "email": "a@example.com", "exp": now + 3600 });
    let token = sign(&claims);
    format!(
        "GET /products HTTP/1.1\r\nHost: store.example\r\nAuthorization: Bearer {token}\r\n\
         {extra}\r\n"
    )
}

/// A8: a service is told who calls, whatever the name of the user is made of.
fn a_service_is_told_the_user_of_the_token(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::before(&upstream);
    let users = [
        ("anna", "anna"),
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("Zoë", "Zo%C3%AB"),
        ("a,b;c=\"d\"", "a,b;c=\"d\""),
        ("a\r\nX-Evil: 1", "a%0D%0AX-Evil:%201"),
    ];
    for (user, header) in users {
        assert_eq!(gateway.open().send(request_of(user, "")).answer().status(), 200, "{user}");
        let request = upstream.request();
        assert_eq!(request.header("x-user-id"), Some(header), "{request:?}");
        assert!(request.all("x-evil").is_empty(), "{request:?}");
        // Nothing else of the token crosses.
        assert!(!format!("{request:?}").contains("example.com"), "{request:?}");
    }
}

/// A8: the headers that name a user are the gateway's own.
fn a_client_cannot_name_another_user(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::with(&upstream.url(), &[("TRUSTED_PROXIES", "127.0.0.1")]);
    let forged = [
        "X-User-Id: admin\r\n",
        "x-user-id: admin\r\nX-USER-ID: root\r\nX-User-Email: admin@example.com\r\n",
        "X-User-Id: admin\r\nConnection: x-user-id\r\n",
        "X-User-Id:\r\nX-User-Id: admin\r\n",
    ];
    for extra in forged {
        assert_eq!(gateway.open().send(request_of("anna", extra)).answer().status(), 200);
        let request = upstream.request();
        assert_eq!(request.header("x-user-id"), Some("anna"), "{extra}");
        assert!(request.all("x-user-email").is_empty(), "{extra}");
    }
}

fn a_user_that_cannot_be_one_is_refused_by_a_service(combination: &Combination) {
    let app = combination.start();
    let product = app.product_url("").replace("http://", "");
    let status = |extra: &str| {
        let head = format!("GET /products/prod_001 HTTP/1.1\r\nHost: a\r\n{extra}\r\n");
        Connection::open(&product).send(head).answer().status()
    };
    let too_long = format!("X-User-Id: {}\r\n", "x".repeat(5_000));
    for bad in ["X-User-Id:\r\n", "X-User-Id: a%00b\r\n", "X-User-Id: %ff\r\n", &too_long] {
        assert_eq!(status(bad), 400, "{bad}");
    }
    assert_eq!(status("X-User-Id: a\r\nX-User-Id: a\r\n"), 400);
    for good in ["", "X-User-Id: a\r\n", "X-User-Id: Zo%C3%AB%20%\r\n"] {
        assert_eq!(status(good), 200, "{good}");
    }
    // At the gateway of the same process it is a header like any other.
    let headers = [("Authorization", &*format!("Bearer {}", app.token())), ("X-User-Id", "%ff")];
    app.client.send("GET", &app.gateway_url("/products/prod_001"), &headers, None).expect(200);
}

const SERVICE_TOKEN: &str = "b7d20a9be1f64c3c8a5d7e1f90c2b4a6";

/// A6: whoever goes round the gateway is refused, whatever is asked for and however.
fn services_with_a_token_answer_their_gateway_alone(combination: &Combination) {
    let app = combination.start_with(&[("SERVICE_TOKEN", SERVICE_TOKEN)]);
    app.get("/products/prod_001").expect(200);
    app.get("/customers/cust_001").expect(200);
    let body = json!({ "quantity": 1 });
    app.patch("/products/prod_001/inventory", &body).expect(200);

    let almost = format!("{}7", &SERVICE_TOKEN[..31]);
    let wrong = [
        String::new(),
        "Authorization: Bearer\r\n".to_owned(),
        format!("Authorization: Bearer {almost}\r\n"),
        format!("Authorization: Bearer {SERVICE_TOKEN}x\r\n"),
        format!("Authorization: Bearer {}\r\n", &SERVICE_TOKEN[..31]),
        format!("Authorization: Basic {SERVICE_TOKEN}\r\n"),
        format!("Authorization: {SERVICE_TOKEN}\r\n"),
        format!("Authorization: Bearer {SERVICE_TOKEN}\r\nAuthorization: Bearer x\r\n"),
        format!("Authorization: Bearer {SECRET}\r\n"),
        format!("Authorization: Bearer {}\r\n", make_token(3600)),
        format!("X-Service-Token: {SERVICE_TOKEN}\r\nX-User-Id: test\r\n"),
        format!("Cookie: token={SERVICE_TOKEN}\r\n"),
    ];
    let doors = [
        (app.product_url(""), "/products", "/products/prod_001"),
        (app.customer_url(""), "/customers", "/customers/cust_001"),
    ];
    for (url, list, one) in doors {
        let address = url.replace("http://", "");
        let ask = |line: String, headers: &str| {
            let head = format!("{line} HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
            Connection::open(&address).send(head).answer()
        };
        for headers in &wrong {
            let answer = ask(format!("GET {one}"), headers);
            answer.expect_failure(401, "Unauthorized");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
        for line in [
            format!("GET {list}"),
            format!("DELETE {one}"),
            format!("POST {list}"),
            format!("OPTIONS {list}"),
            format!("GET {list}/none/x"),
            format!("GET {one}?token={SERVICE_TOKEN}&access_token={SERVICE_TOKEN}"),
        ] {
            ask(line, "").expect_failure(401, "Unauthorized");
        }
        for path in ["/health", "/livez", "/readyz"] {
            assert_eq!(ask(format!("GET {path}"), "").status(), 200, "{path}");
        }
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let right = format!("Authorization: {scheme} {SERVICE_TOKEN}\r\n");
            assert_eq!(ask(format!("GET {one}"), &right).status(), 200, "{scheme}");
        }
    }
    // It is no token for the public door.
    let bearer = format!("Bearer {SERVICE_TOKEN}");
    let url = app.gateway_url("/products");
    let answer = app.client.send("GET", &url, &[("Authorization", &bearer)], None);
    answer.expect_failure(401, "Unauthorized");
}

fn a_service_is_told_its_token_and_no_other(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::with(&upstream.url(), &[("SERVICE_TOKEN", SERVICE_TOKEN)]);
    let forged = "X-Service-Token: forged\r\nConnection: authorization\r\n";
    assert_eq!(gateway.send("GET", "/products", forged, "").status(), 200);
    let request = upstream.request();
    let expected = format!("Bearer {SERVICE_TOKEN}");
    assert_eq!(request.header("authorization"), Some(expected.as_str()));
    assert!(request.all("x-service-token").is_empty(), "{request:?}");
    assert!(!format!("{request:?}").contains(&gateway.token), "{request:?}");
}

/// A6: a wrong setting between gateway and service is not the client's fault.
fn a_gateway_that_its_service_refuses_is_502(combination: &Combination) {
    let service = combination.start_with(&[("SERVICE_TOKEN", SERVICE_TOKEN)]);
    let other = "0f6d1c9b7a6e5283f0e1d2c3b4a59688";
    let refused = |answer: Answer| {
        let answer = answer.expect_failure(502, "Bad Gateway");
        assert_eq!(answer.header("www-authenticate"), None);
        assert!(!answer.text.contains("SERVICE_TOKEN"), "{}", answer.text);
    };
    for settings in [&[][..], &[("SERVICE_TOKEN", other)]] {
        let gateway = Gateway::with(&service.product_url(""), settings);
        let bearer = format!("Bearer {}", gateway.token);
        let url = format!("http://{}/products/prod_001", gateway.address);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        refused(Client::new().send("GET", &url, &headers, None));
        refused(Client::new().send("PUT", &url, &headers, Some(b"{}")));
        let log = gateway.process.log();
        assert!(log.contains("SERVICE_TOKEN"), "the log says what to set: {log}");
        assert!(!log.contains(SERVICE_TOKEN) && !log.contains(other), "{log}");
    }
}
