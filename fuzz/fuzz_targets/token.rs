//! The token front: only what was signed with the key, as HS256, and is in force, is believed.
//!
//! The first byte says what the rest is: `H` header values, one a line; `C` changes to a token of
//! ours, each a place and a byte; `S` a header and claims on two lines, which are signed as they
//! are with the right key; `$NOW` and `$SOON` in them are the time, and an hour later.
#![no_main]

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use chronos::gateway::TokenKeys;
use chronos::kernel::auth::bearer_token;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

const SECRET: &str = "4f1c0e9b7a6d5283f0e1d2c3b4a59687";

static KEYS: LazyLock<TokenKeys> = LazyLock::new(|| {
    let secret = SECRET.parse().expect("a secret");
    TokenKeys::new(Some(&secret), true).expect("random numbers")
});
static OWN: LazyLock<String> = LazyLock::new(|| {
    KEYS.issue("user".into(), "user@example.com".into()).expect("signed").expect("a short token")
});

fuzz_target!(|data: &[u8]| {
    match data.split_first() {
        Some((b'H', lines)) => read_headers(lines),
        Some((b'C', changes)) => change_own(changes),
        Some((b'S', parts)) => sign(parts),
        _ => {}
    }
});

fn read_headers(lines: &[u8]) {
    let values = lines.split(|byte| *byte == b'\n').map(HeaderValue::from_bytes);
    let Ok(values) = values.collect::<Result<Vec<_>, _>>() else {
        return;
    };
    let mut headers = HeaderMap::new();
    for value in &values {
        headers.append(AUTHORIZATION, value.clone());
    }
    let Some(token) = bearer_token(&headers) else {
        // The plainest form is always read.
        if let [value] = values.as_slice()
            && let Some(token) = value.as_bytes().strip_prefix(b"Bearer ")
        {
            assert!(!token.iter().any(u8::is_ascii_alphanumeric) || !token.is_ascii());
        }
        return;
    };
    assert_eq!(values.len(), 1, "one of several was chosen");
    let value = values[0].to_str().expect("a token is ASCII");
    assert!(value[..7].eq_ignore_ascii_case("bearer ") && value.contains(token));
    assert!(!token.is_empty() && token.trim_matches(' ') == token);
    assert!(KEYS.verify(token).is_err(), "a token that nobody has signed");
}

fn change_own(changes: &[u8]) {
    let mut bytes = OWN.clone().into_bytes();
    for change in changes.chunks_exact(2) {
        let length = bytes.len();
        bytes[usize::from(change[0]) * 7 % length] = change[1];
    }
    let Ok(changed) = String::from_utf8(bytes) else {
        return;
    };
    let expected = (changed == *OWN).then(|| KEYS.verify(&OWN).ok()).flatten();
    assert_eq!(KEYS.verify(&changed).ok(), expected, "{changed}");
}

fn sign(parts: &[u8]) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let Ok(text) = std::str::from_utf8(parts) else {
        return;
    };
    let text = text.replace("$NOW", &now.to_string()).replace("$SOON", &(now + 3_600).to_string());
    let (header, claims) = text.split_once('\n').unwrap_or((&text, ""));
    let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
    chronos::gateway::install_hs256();
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature =
        crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("HS256 signs anything");
    if KEYS.verify(&format!("{message}.{signature}")).is_err() {
        return;
    }
    let header: Value = serde_json::from_str(header).expect("a header is JSON");
    assert_eq!(header["alg"], "HS256");
    let members = header.as_object().expect("a header is an object");
    let asks_for_more = |name: &&String| {
        ["crit", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "enc", "zip"]
            .contains(&name.as_str())
    };
    let more: Vec<_> = members.keys().filter(asks_for_more).collect();
    assert!(
        more.iter().all(|name| members[name.as_str()].is_null()),
        "{more:?} was not understood"
    );
    let claims: Value = serde_json::from_str(claims).expect("claims are JSON");
    let exp = claims["exp"].as_u64().expect("exp is whole");
    assert!(exp > now && exp <= now + 86_400 + 61, "exp {exp}");
    assert!(claims["userId"].as_str().is_some_and(|user| !user.is_empty()));
    assert!(claims["nbf"].as_f64().is_none_or(|nbf| nbf <= now as f64 + 1.0));
    assert!(claims["iat"].as_i64().is_none_or(|iat| exp as i64 - iat <= 86_400));
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for digit in 0..=three.len() {
            let index = bits >> (18 - 6 * digit) & 63;
            text.push(char::from(DIGITS[index as usize]));
        }
    }
    text
}
