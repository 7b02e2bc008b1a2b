//! The trusted side: what a service believes of a gateway, and what no client can make it believe.

use super::wire::{Connection, Gateway, SUCCESS, Upstream};
use crate::app::{Combination, sign};
use crate::cases;
use serde_json::json;

cases![
    Once:
        a_service_is_told_the_user_of_the_token,
        a_client_cannot_name_another_user;
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
