//! Tokens as another program with the key makes them.

use serde_json::Value;

/// Signs the tokens of the tests.
pub const SECRET: &str = "4f1c0e9b7a6d5283f0e1d2c3b4a59687";

/// A token as another program with the key would make it, from now for some seconds.
pub fn make_token(seconds: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = i64::try_from(now.expect("after 1970").as_secs()).expect("before the sun ends");
    sign(&serde_json::json!({
        "userId": "test", "email": "test@example.com", "iat": now, "exp": now + seconds
    }))
}

/// A token with any claims.
pub fn sign(claims: &Value) -> String {
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

    chronos::gateway::install_hs256();
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).expect("claims are JSON")
}
