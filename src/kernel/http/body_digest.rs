//! The digest of a body, for requests that may be sent again.

use actix_web::http::header::HeaderName;
use sha2::{Digest, Sha256};

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// SHA-256 of the body of a request that has an `Idempotency-Key`.
pub struct BodyDigest(Vec<u8>);

impl BodyDigest {
    pub fn of(body: &[u8]) -> BodyDigest {
        BodyDigest(Sha256::digest(body).to_vec())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}
