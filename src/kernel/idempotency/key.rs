//! The `Idempotency-Key` of a request, by which a change that is sent again is recognised.

use crate::kernel::auth::Caller;
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::http::{BodyDigest, Code, Failure, IDEMPOTENCY_KEY};
use actix_web::{HttpMessage, HttpRequest};
use sha2::{Digest, Sha256};

const FIELD: &str = "Idempotency-Key";
const MAX_LENGTH: usize = 255;

/// Whose key it is, and what was asked with it. Only hashes: a key may be anything, and a caller's
/// name is nobody's business in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// SHA-256 of the caller and the key, in hexadecimal: one caller's key is none of another's.
    pub digest: String,
    /// SHA-256 of method, target and body, in hexadecimal.
    pub fingerprint: String,
}

impl IdempotencyKey {
    /// The key of a request that moves money or stock, whose body has been read: without one, a client
    /// that gets no answer could not ask again without doing it twice.
    ///
    /// # Errors
    /// As [`IdempotencyKey::of`], and where there is none, with a header to add.
    pub fn required(request: &HttpRequest) -> Result<IdempotencyKey, Failure> {
        IdempotencyKey::of(request)?.ok_or_else(|| {
            let example = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
            Failure::new(Code::IdempotencyKeyRequired).message(format!(
                "Add a header such as {FIELD}: {example}, a new one for each change and the same when \
                 this one is sent again"
            ))
        })
    }

    /// The key of a request whose body has been read, or `None` where it has none.
    ///
    /// # Errors
    /// When the header is repeated, empty, too long, or not visible ASCII.
    pub fn of(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Invalid> {
        let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Invalid::new(FIELD, Rule::Repeated, "must be given only once"));
        }
        let key = value.as_bytes();
        let rule = match key.len() {
            0 => Some(Rule::Empty),
            length if length > MAX_LENGTH => Some(Rule::TooLong),
            _ => (!key.iter().all(u8::is_ascii_graphic)).then_some(Rule::BadCharacter),
        };
        if let Some(rule) = rule {
            return Err(Invalid::new(FIELD, rule, "must be 1 to 255 visible ASCII characters"));
        }
        let extensions = request.extensions();
        let body = extensions.get::<BodyDigest>().map_or(&[][..], BodyDigest::bytes);
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        let caller = Caller::of(request);
        let caller = caller.as_ref().map_or("", Caller::user_id);
        Ok(Some(IdempotencyKey {
            digest: hash(&[caller.as_bytes(), key]),
            fingerprint: hash(&[request.method().as_str().as_bytes(), target.as_bytes(), body]),
        }))
    }
}

/// The hash of some parts, each with its length: no two lists of parts are taken for each other.
fn hash(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
