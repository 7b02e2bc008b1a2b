//! The methods of each path, and the health of the service.

use super::{expect_time, members};
use crate::app::Combination;
use crate::cases;
use serde_json::json;
use std::time::{Duration, Instant};

cases![
    Everywhere:
        head_is_get_without_the_body,
        a_method_that_is_not_served_is_answered_with_those_that_are;
    BothGateways:
        the_customer_service_reports_its_health;
];

fn head_is_get_without_the_body(combination: &Combination) {
    let app = combination.start();
    for path in ["/customers?limit=3", "/customers/cust_001", "/customers/cust_001/orders"] {
        let get = app.get(path).expect(200);
        let head = app.send("HEAD", path, None).expect(200);
        assert_eq!(head.text, "", "{path}");
        for name in ["content-type", "content-length", "link", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
        assert_eq!(get.header("content-type"), Some("application/json"));
    }
    for path in ["/customers/nobody", "/customers/nobody/orders"] {
        assert_eq!(app.send("HEAD", path, None).expect(404).text, "");
    }
    assert_eq!(app.send("HEAD", "/customers?limit=0", None).expect(400).text, "");
}

fn a_method_that_is_not_served_is_answered_with_those_that_are(combination: &Combination) {
    let app = combination.start();
    for (path, allowed, refused) in [
        ("/customers", ["GET", "HEAD", "POST"].as_slice(), ["PUT", "PATCH", "DELETE"].as_slice()),
        ("/customers/cust_040", &["DELETE", "GET", "HEAD", "PUT"], &["POST", "PATCH"]),
        ("/customers/cust_040/orders", &["GET", "HEAD"], &["POST", "PUT", "PATCH", "DELETE"]),
    ] {
        for method in refused {
            let answer = app.send(method, path, Some(&json!({ "name": "A" })));
            let answer = answer.expect_failure(405, "Method Not Allowed");
            let mut named: Vec<&str> =
                answer.header("allow").expect("Allow is there").split(", ").collect();
            named.sort_unstable();
            assert_eq!(named, *allowed, "{method} {path}");
        }
    }
    app.get("/customers/cust_040").expect(200);
}

fn the_customer_service_reports_its_health(combination: &Combination) {
    let app = combination.start();
    let redis = if combination.is_postgres() { "connected" } else { "disabled" };
    let ask = |method| app.client.send(method, &app.customer_url("/health"), &[], None).expect(200);
    // The link to Redis comes up soon after the start, and the service does not wait for it.
    let give_up_at = Instant::now() + Duration::from_secs(10);
    let mut health = ask("GET");
    while health.json["redis"] != redis && Instant::now() < give_up_at {
        std::thread::sleep(Duration::from_millis(20));
        health = ask("GET");
    }
    assert_eq!(members(&health.json), ["database", "redis", "service", "status", "timestamp"]);
    assert_eq!(health.json["status"], "ok");
    assert_eq!(health.json["service"], "customer-service");
    assert_eq!(health.json["database"], "connected");
    assert_eq!(health.json["redis"], redis);
    expect_time(&health.json["timestamp"]);
    assert_eq!(ask("HEAD").text, "");
}
