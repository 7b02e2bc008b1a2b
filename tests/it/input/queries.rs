//! The values of query parameters.

use super::{encoded, quiet};
use crate::app::Combination;
use crate::cases;
use crate::client::Answer;
use serde_json::json;

cases![
    Everywhere:
        a_bad_query_value_is_refused_by_name,
        a_query_without_a_text_is_refused,
        an_email_filter_takes_every_character_literally;
];

fn a_bad_query_value_is_refused_by_name(combination: &Combination) {
    let app = combination.start();
    let huge = "9".repeat(400);
    let not_numbers = ["-1", "-0", "1.5", "abc", "1e2", "0x10", "%2B1", "%201", "1%0A", "⁵", &huge];
    for list in ["/products", "/customers"] {
        for name in ["limit", "offset"] {
            for value in not_numbers {
                let query = format!("{list}?{name}={}", value.replace('⁵', "%E2%81%B5"));
                invalid_parameter(app.get(&query), name);
            }
            invalid_parameter(app.get(&format!("{list}?{name}=1&{name}=2")), name);
        }
        for limit in ["0", "1001"] {
            invalid_parameter(app.get(&format!("{list}?limit={limit}")), "limit");
        }
        invalid_parameter(app.get(&format!("{list}?after=x")), "after");
    }
    for value in ["-1", "abc", "0.001", "1,5", "1e2", "NaN", &huge] {
        for name in ["minPrice", "maxPrice"] {
            invalid_parameter(app.get(&format!("/products?{name}={value}")), name);
        }
    }
    for name in ["brand", "category", "minPrice", "maxPrice"] {
        invalid_parameter(app.get(&format!("/products?{name}=1&{name}=1")), name);
    }
    for name in ["tier", "email"] {
        invalid_parameter(app.get(&format!("/customers?{name}=gold&{name}=gold")), name);
    }
    for tier in ["Gold", "wood", "gold%20", "1"] {
        invalid_parameter(app.get(&format!("/customers?tier={tier}")), "tier");
    }
}

fn a_query_without_a_text_is_refused(combination: &Combination) {
    let app = combination.start();
    for (list, name) in [("/products", "brand"), ("/products", "x"), ("/customers", "email")] {
        for bytes in ["%00", "a%00b", "%ff", "%C3", "%c0%80", "%ed%a0%80"] {
            for query in [format!("{name}={bytes}"), format!("{name}{bytes}=1")] {
                let answer = app.get(&format!("{list}?{query}"));
                quiet(answer.expect_failure(400, "Invalid request"));
            }
        }
    }
}

fn an_email_filter_takes_every_character_literally(combination: &Combination) {
    let app = combination.start_empty();
    for (index, part) in ["%", "_", "\\", "'", "*", "?", "[a]", "x"].into_iter().enumerate() {
        let email = format!("{part}@example.com");
        let body =
            json!({ "id": format!("c{index}"), "email": email, "name": "A", "tier": "gold" });
        app.post("/customers", &body).expect(201);
    }
    for part in ["%", "_", "\\", "'", "*", "?", "[a]", "x@"] {
        let found = app.get(&format!("/customers?email={}", encoded(part.as_bytes()))).expect(200);
        assert_eq!(found.json["count"], 1, "{part}: {}", found.text);
        let email = found.json["data"][0]["email"].as_str().unwrap_or_default();
        assert!(email.contains(part), "{part}: {email}");
    }
    for part in ["%@", "x%", "%25", "_@_", "' OR '1'='1", "\"", "é", "[a-z]"] {
        let count = usize::from(part == "%@");
        let found = app.get(&format!("/customers?email={}", encoded(part.as_bytes()))).expect(200);
        assert_eq!(found.json["count"], count, "{part}: {}", found.text);
    }
}

#[track_caller]
fn invalid_parameter(answer: Answer, name: &str) {
    let answer = quiet(answer.expect_failure(400, "Invalid request"));
    assert_eq!(answer.json["details"]["field"], name, "{}", answer.text);
    let message = answer.json["message"].as_str().unwrap_or_default();
    assert!(message.starts_with(&format!("{name} ")), "{message}");
}
