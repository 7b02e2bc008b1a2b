//! The log, the identity of a request, and the access line.

use crate::kernel::config::LogFilter;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};
use std::fmt;

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_REQUEST_ID: usize = 128;

/// Starts the log on stderr: coloured on a terminal, plain in a pipe.
pub fn init_log(filter: &LogFilter) {
    env_logger::Builder::new()
        // Its start and stop, a dozen lines each, are what the banner and our own lines say.
        .filter_module("actix_server", log::LevelFilter::Warn)
        .parse_filters(filter.as_str())
        .format_timestamp_millis()
        .init();
}

/// The identity of one request, in the log, in the answer and at the upstream.
#[derive(Debug, Clone)]
pub struct RequestId(String);

impl RequestId {
    /// The client's `X-Request-Id` where it is one and well-formed, else a new one.
    pub fn of(request: &ServiceRequest) -> RequestId {
        let mut given = request.headers().get_all(X_REQUEST_ID);
        match (given.next().and_then(|value| value.to_str().ok()), given.next()) {
            (Some(text), None) if Self::is_well_formed(text) => RequestId(text.to_owned()),
            _ => RequestId(format!("{:032x}", random_u128())),
        }
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

fn random_u128() -> u128 {
    let (high, low) = (fastrand::u64(..), fastrand::u64(..));
    (u128::from(high) << 64) | u128::from(low)
}

/// One line for an answered request. The query is left out: it may hold an e-mail address.
pub fn log_access(method: &str, path: &str, status: u16, micros: u128, id: &RequestId) {
    log::info!(target: "chronos::access", "{method} {path} {status} {micros}us request_id={id}");
}
