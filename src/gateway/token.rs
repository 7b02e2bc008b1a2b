//! Tokens: how they are made, and every condition under which one is believed.

use super::hs256;
use super::refusal::Refusal;
use crate::kernel::config::Secret;
use chrono::Utc;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
    /// The key that was changed for this one: its tokens are believed until they end.
    previous: Option<DecodingKey>,
    leeway_seconds: i64,
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
        TokenKeys::with_previous(secret, None, 0, hands_out)
    }

    /// As [`TokenKeys::new`], which also believes what `previous` signed, and clocks that differ by
    /// so many seconds.
    ///
    /// # Errors
    /// When the system has no random numbers to give.
    pub fn with_previous(
        secret: Option<&Secret>,
        previous: Option<&Secret>,
        leeway_seconds: u32,
        hands_out: bool,
    ) -> anyhow::Result<TokenKeys> {
        hs256::install();
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random)?;
        let key = secret.map_or(random.as_slice(), Secret::expose);
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = leeway_seconds.into();
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp"]);
        let encoding = EncodingKey::from_secret(key);
        let sample = encode(&Header::new(Algorithm::HS256), &(), &encoding)?;
        let own_header = sample.split_once('.').map_or(String::new(), |(header, _)| header.into());
        Ok(TokenKeys(Arc::new(Inner {
            encoding,
            decoding: DecodingKey::from_secret(key),
            previous: previous.map(|secret| DecodingKey::from_secret(secret.expose())),
            leeway_seconds: leeway_seconds.into(),
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

    /// The user of a token that is genuine and in force.
    ///
    /// # Errors
    /// Why the token is not believed: for the log alone, a client learns no more than that.
    pub fn verify(&self, token: &str) -> Result<String, Refusal> {
        let header = token.split_once('.').ok_or(Refusal::Malformed)?.0;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refusal::TooLong);
        }
        if header != self.0.own_header && !has_plain_header(token) {
            return Err(refusal_of_header(header));
        }
        let claims = self.decode(token).map_err(|error| refusal_of(&error))?;
        self.check_times(&claims)?;
        Ok(claims.user_id)
    }

    fn decode(&self, token: &str) -> Result<Claims, Error> {
        let by = |key| decode::<Claims>(token, key, &self.0.validation).map(|data| data.claims);
        let outcome = by(&self.0.decoding);
        match (&outcome, &self.0.previous) {
            (Err(error), Some(previous)) if *error.kind() == ErrorKind::InvalidSignature => {
                by(previous)
            }
            _ => outcome,
        }
    }

    fn check_times(&self, claims: &Claims) -> Result<(), Refusal> {
        let now = Utc::now().timestamp();
        let leeway = self.0.leeway_seconds;
        // The library lets a token live through the second in which it ends.
        if claims.exp <= now - leeway {
            return Err(Refusal::Expired);
        }
        let is_short = claims.exp <= now + LIFETIME_SECONDS + CLOCK_SKEW_SECONDS
            && claims.iat.is_none_or(|iat| claims.exp.saturating_sub(iat) <= LIFETIME_SECONDS);
        if !is_short {
            return Err(Refusal::Lifetime);
        }
        match claims.iat {
            Some(iat) if iat > now + leeway => Err(Refusal::NotYet),
            _ => Ok(()),
        }
    }
}

/// What the library says of a token whose header is plain.
fn refusal_of(error: &Error) -> Refusal {
    match error.kind() {
        ErrorKind::InvalidSignature => Refusal::Signature,
        ErrorKind::InvalidAlgorithm => Refusal::Algorithm,
        ErrorKind::ExpiredSignature => Refusal::Expired,
        ErrorKind::ImmatureSignature => Refusal::NotYet,
        ErrorKind::Json(_)
        | ErrorKind::Utf8(_)
        | ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_) => Refusal::Claims,
        _ => Refusal::Malformed,
    }
}

/// Why a header is not plain.
fn refusal_of_header(header: &str) -> Refusal {
    // The library reads a part as JSON only where it takes that part for the claims.
    match insecure_decode_claims::<Value>(format!(".{header}.")) {
        Ok(Value::Object(members)) => match members.get("alg") {
            Some(Value::String(algorithm)) if algorithm == "HS256" => Refusal::Header,
            _ => Refusal::Algorithm,
        },
        _ => Refusal::Malformed,
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
