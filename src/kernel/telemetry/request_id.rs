//! The identity of one request, as its client may choose it.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};
use std::fmt;
use std::sync::Arc;

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_REQUEST_ID: usize = 128;

/// The identity of one request, in the log, in the answer and at the upstream.
#[derive(Debug, Clone)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The client's `X-Request-Id` where it is one and well-formed, else a new one.
    pub fn of(request: &ServiceRequest) -> RequestId {
        let mut given = request.headers().get_all(X_REQUEST_ID);
        match (given.next().and_then(|value| value.to_str().ok()), given.next()) {
            (Some(text), None) if Self::is_well_formed(text) => RequestId(text.into()),
            _ => RequestId::fresh(),
        }
    }

    /// One that no request brought.
    pub fn fresh() -> RequestId {
        RequestId(format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)).into())
    }

    /// The identity that the outermost middleware gave to this request.
    pub fn current(request: &HttpRequest) -> Option<RequestId> {
        request.extensions().get::<RequestId>().cloned()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn to_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("letters, digits, dots, dashes and underscores")
    }

    fn is_well_formed(text: &str) -> bool {
        (1..=MAX_REQUEST_ID).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
