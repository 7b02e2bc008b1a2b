//! Keys that are changed, clocks that differ, and what the log says of a token that is refused.

use crate::app::{App, Combination, SECRET};
use crate::cases;
use crate::client::Answer;
use crate::kit::figure;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

cases![
    BothGateways:
        a_token_of_the_previous_key_is_believed_and_none_is_made_with_it,
        clocks_may_differ_by_the_leeway_and_no_more,
        a_token_that_was_made_ahead_of_time_is_refused,
        the_log_says_in_one_word_why_a_token_is_refused,
        refused_tokens_cannot_flood_the_log;
];

const OTHER: &str = "90c7d1b6e5a4f3829170cafe55aa1203";

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_secs()).expect("before the sun ends")
}

fn claims(times: Value) -> Value {
    let mut claims = times;
    claims["userId"] = json!("test");
    claims["email"] = json!("very.private@example.com");
    claims
}

fn signed(header: &Header, claims: &Value, key: &str) -> String {
    chronos::gateway::install_hs256();
    encode(header, claims, &EncodingKey::from_secret(key.as_bytes())).expect("claims are JSON")
}

fn token(times: Value, key: &str) -> String {
    signed(&Header::new(Algorithm::HS256), &claims(times), key)
}

fn get(app: &App, token: &str, id: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("X-Request-Id", id)];
    app.client.send("GET", &app.url("/products?limit=1"), &headers, None)
}

fn a_token_of_the_previous_key_is_believed_and_none_is_made_with_it(combination: &Combination) {
    let app = combination.start_with(&[("JWT_SECRET", OTHER), ("JWT_SECRET_PREVIOUS", SECRET)]);
    let hour = json!({ "iat": now(), "exp": now() + 3600 });
    get(&app, &token(hour.clone(), OTHER), "new").expect(200);
    get(&app, &token(hour.clone(), SECRET), "previous").expect(200);
    get(&app, &token(hour, "a third key that nobody has set here"), "third").expect(401);
    // The same rules hold for both.
    get(&app, &token(json!({ "iat": now() - 9, "exp": now() - 1 }), SECRET), "over").expect(401);
    let user = json!({ "userId": "u", "email": "u@example.com" });
    let made = app.post("/auth/token", &user).expect(200);
    let made = made.json["token"].as_str().expect("a text").to_owned();
    let opens = |key: &str| {
        use jsonwebtoken::{DecodingKey, Validation, decode};
        let key = DecodingKey::from_secret(key.as_bytes());
        decode::<Value>(&made, &key, &Validation::new(Algorithm::HS256)).is_ok()
    };
    assert_eq!((opens(OTHER), opens(SECRET)), (true, false));
    // And so the next start, which knows the new key alone, still believes what is made now.
    get(&app, &made, "made").expect(200);
}

fn clocks_may_differ_by_the_leeway_and_no_more(combination: &Combination) {
    let app = combination.start_with(&[("JWT_LEEWAY_SECONDS", "60")]);
    let now = now();
    let believed = [
        json!({ "exp": now - 30 }),
        json!({ "exp": now + 600, "nbf": now + 30 }),
        json!({ "exp": now + 600, "iat": now + 30 }),
        json!({ "exp": now + 30 + 86_400, "iat": now + 30, "nbf": now + 30 }),
    ];
    for times in believed {
        let answer = get(&app, &token(times.clone(), SECRET), "believed");
        assert_eq!(answer.status, 200, "{times}: {}", answer.text);
    }
    let refused = [
        json!({ "exp": now - 60 }),
        json!({ "exp": now + 600, "nbf": now + 600 }),
        json!({ "exp": now + 900, "iat": now + 600 }),
        // A token that lives for longer than a day does so by its own clock.
        json!({ "exp": now + 86_401, "iat": now }),
    ];
    for times in refused {
        let answer = get(&app, &token(times.clone(), SECRET), "refused");
        assert_eq!(answer.status, 401, "{times}: {}", answer.text);
    }
}

fn a_token_that_was_made_ahead_of_time_is_refused(combination: &Combination) {
    let app = combination.start();
    let (start, end) = (now() + 300, now() + 900);
    let ahead = [json!({ "iat": start, "exp": end }), json!({ "nbf": start, "exp": end })];
    for times in ahead {
        get(&app, &token(times, SECRET), "ahead").expect_failure(401, "Unauthorized");
    }
}

fn the_log_says_in_one_word_why_a_token_is_refused(combination: &Combination) {
    let app = combination.start_with(&[("RUST_LOG", "info")]);
    let now = now();
    let hour = json!({ "iat": now, "exp": now + 3600 });
    let with_kid = Header { kid: Some("key-1".into()), ..Header::new(Algorithm::HS256) };
    let subject = json!({ "sub": "test", "email": "a@example.com", "exp": now + 60 });
    let plain = Header::new(Algorithm::HS256);
    let fraction = format!("{}.5", now + 60);
    let fraction: Value = serde_json::from_str(&fraction).expect("a number");
    let unsigned = "eyJhbGciOiJub25lIn0.eyJ1c2VySWQiOiJ4In0.AAAA";
    let good = token(hour.clone(), SECRET);
    let refused = [
        ("header", signed(&with_kid, &claims(hour.clone()), SECRET)),
        ("claims", signed(&plain, &subject, SECRET)),
        ("claims", token(json!({ "exp": fraction }), SECRET)),
        ("lifetime", token(json!({ "iat": now, "exp": now + 7 * 86_400 }), SECRET)),
        ("expired", token(json!({ "iat": now - 60, "exp": now - 1 }), SECRET)),
        ("not_yet", token(json!({ "nbf": now + 300, "exp": now + 600 }), SECRET)),
        ("signature", token(hour, OTHER)),
        ("algorithm", unsigned.to_owned()),
        ("malformed", "no-token-at-all".to_owned()),
        ("malformed", format!("{good}.{good}")),
        ("too_long", "a.".repeat(3_000)),
    ];
    let mut answers = HashSet::new();
    let gateway = app.processes.last().expect("a gateway");
    for (number, (reason, token)) in refused.iter().enumerate() {
        let id = format!("refused-{number}");
        let answer = get(&app, token, &id).expect_failure(401, "Unauthorized");
        answers.insert(answer.text.replace(&id, ""));
        let line = format!("a token is refused: reason={reason} request_id={id}");
        let log = gateway.log();
        assert!(log.lines().any(|l| l.ends_with(&line)), "{line}: {log}");
    }
    // What has no token has a reason, too.
    let two = [("Authorization", "Bearer a"), ("Authorization", "Bearer b"), ("X-Request-Id", "n")];
    let basic = [("Authorization", "Basic YTpi"), ("X-Request-Id", "n")];
    for (reason, headers) in [("missing", &two[2..]), ("repeated", &two[..]), ("scheme", &basic)] {
        let answer = app.client.send("GET", &app.url("/products"), headers, None).expect(401);
        answers.insert(answer.text.replace("\"n\"", "\"\""));
        let log = gateway.log();
        assert!(log.contains(&format!("reason={reason} request_id=n")), "{reason}: {log}");
    }
    assert_eq!(answers.len(), 1, "a client can tell the reasons apart: {answers:?}");
    let log = gateway.log();
    for (_, token) in &refused {
        let secret = token.split('.').next_back().expect("the last part");
        assert!(secret.len() < 5 || !log.contains(secret), "{secret} is in {log}");
    }
    assert!(!log.contains("very.private"), "{log}");
}

fn refused_tokens_cannot_flood_the_log(combination: &Combination) {
    const REQUESTS: usize = 400;
    let app = combination.start_with(&[("RUST_LOG", "info")]);
    let over = token(json!({ "exp": now() - 60 }), SECRET);
    let start = Instant::now();
    for _ in 0..REQUESTS {
        get(&app, &over, "flood").expect(401);
    }
    let seconds = usize::try_from(start.elapsed().as_secs()).expect("a short test");
    let log = app.processes.last().expect("a gateway").log();
    let lines = log.lines().filter(|line| line.contains("reason=expired")).count();
    // Ten at once, and one more a second.
    assert!(lines >= 10, "{lines} lines in {seconds} s");
    figure("A11", "lines beyond one a second", lines.saturating_sub(seconds));
    // Another reason still has its line.
    get(&app, "nonsense", "other").expect(401);
    let log = app.processes.last().expect("a gateway").log();
    assert!(log.contains("reason=malformed request_id=other"), "{log}");
}
