//! Tokens: how they are made, and every condition under which one is believed.

use super::hs256;
use crate::kernel::config::Secret;
use chrono::Utc;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// 24 hours: the lifetime of a token that is made here, and the longest that is believed.
const LIFETIME_SECONDS: i64 = 86_400;
/// By how much the clocks of two gateways may differ when a token says nothing of its beginning.
const CLOCK_SKEW_SECONDS: i64 = 60;
/// Our own tokens have a few hundred bytes; a longer one is not worth a hash.
const MAX_TOKEN_BYTES: usize = 4_096;

/// The keys of this gateway, and whether it hands tokens out; clones share them.
#[derive(Clone)]
pub struct TokenKeys(Arc<Inner>);

struct Inner {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    /// The first part of every token that is made here.
    own_header: String,
    hands_out: bool,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    #[serde(rename = "userId")]
    user_id: String,
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

impl TokenKeys {
    /// Keys from the secret, or random ones for the life of this process.
    ///
    /// # Errors
    /// When the system has no random numbers to give.
    pub fn new(secret: Option<&Secret>, hands_out: bool) -> anyhow::Result<TokenKeys> {
        hs256::install();
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random)?;
        let key = secret.map_or(random.as_slice(), Secret::expose);
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp"]);
        let encoding = EncodingKey::from_secret(key);
        let sample = encode(&Header::new(Algorithm::HS256), &(), &encoding)?;
        let own_header = sample.split_once('.').map_or(String::new(), |(header, _)| header.into());
        Ok(TokenKeys(Arc::new(Inner {
            encoding,
            decoding: DecodingKey::from_secret(key),
            validation,
            own_header,
            hands_out,
        })))
    }

    pub fn hands_out_tokens(&self) -> bool {
        self.0.hands_out
    }

    /// A token for a user, from now for 24 hours; `None` where it would be longer than a gateway
    /// takes.
    ///
    /// # Errors
    /// When signing fails.
    pub fn issue(&self, user_id: String, email: String) -> anyhow::Result<Option<String>> {
        self.issue_for(user_id, email, LIFETIME_SECONDS)
    }

    /// As [`TokenKeys::issue`], for so many seconds, which may be fewer than 24 hours.
    ///
    /// # Errors
    /// When signing fails.
    pub fn issue_for(
        &self,
        user_id: String,
        email: String,
        lifetime_seconds: i64,
    ) -> anyhow::Result<Option<String>> {
        let now = Utc::now().timestamp();
        let exp = now + lifetime_seconds.min(LIFETIME_SECONDS);
        let claims = Claims { user_id, email, iat: Some(now), exp, nbf: None };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.0.encoding)?;
        Ok(Some(token).filter(|token| token.len() <= MAX_TOKEN_BYTES))
    }

    /// The user of a token that is genuine and in force, else `None`: a client learns no more.
    pub fn verify(&self, token: &str) -> Option<String> {
        let header = token.split_once('.')?.0;
        let is_plain = || header == self.0.own_header || has_plain_header(token);
        if token.len() > MAX_TOKEN_BYTES || !is_plain() {
            return None;
        }
        let claims = decode::<Claims>(token, &self.0.decoding, &self.0.validation).ok()?.claims;
        let now = Utc::now().timestamp();
        // The library lets a token live through the second in which it ends.
        let in_force = claims.exp > now;
        let short_lived = claims.exp <= now + LIFETIME_SECONDS + CLOCK_SKEW_SECONDS
            && claims.iat.is_none_or(|iat| claims.exp.saturating_sub(iat) <= LIFETIME_SECONDS);
        (in_force && short_lived).then_some(claims.user_id)
    }
}

/// Whether the header says HS256 and nothing that asks for more: `crit` would have to be
/// understood, and `kid`, `jwk` and their like name other keys.
fn has_plain_header(token: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct PlainHeader {
        alg: String,
        typ: Option<String>,
    }
    let Ok(header) = decode_header(token) else {
        return false;
    };
    serde_json::to_value(&header).and_then(serde_json::from_value::<PlainHeader>).is_ok_and(
        |plain| plain.alg == "HS256" && plain.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT")),
    )
}
