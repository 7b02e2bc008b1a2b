//! Pages of other origins in browsers: CORS, as the Fetch standard has it.
//!
//! The layer stands outside the rate limit, the token and the routes: a preflight carries no token, and
//! a page that cannot read a refusal cannot tell its user of it.

use super::{Code, Failure, IDEMPOTENCY_KEY};
use crate::kernel::config::AllowedOrigins;
use crate::kernel::telemetry::X_REQUEST_ID;
use actix_cors::{Cors, CorsError};
use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH, LINK, LOCATION,
    RETRY_AFTER,
};
use actix_web::middleware::Condition;

/// How long a browser may keep what a preflight answered. A new value of the setting takes so long to
/// reach every page.
const MAX_AGE_SECONDS: usize = 600;

/// What the routes take.
const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// What a page may send beside what browsers send anyway.
fn sent() -> [HeaderName; 9] {
    [
        ACCEPT,
        AUTHORIZATION,
        CONTENT_TYPE,
        IF_MATCH,
        IF_NONE_MATCH,
        IDEMPOTENCY_KEY,
        X_REQUEST_ID,
        HeaderName::from_static("traceparent"),
        HeaderName::from_static("tracestate"),
    ]
}

/// What a page may read beside what browsers show anyway.
fn exposed() -> [HeaderName; 11] {
    [
        ETAG,
        LINK,
        LOCATION,
        RETRY_AFTER,
        X_REQUEST_ID,
        HeaderName::from_static("idempotency-replayed"),
        HeaderName::from_static("ratelimit"),
        HeaderName::from_static("ratelimit-policy"),
        HeaderName::from_static("x-ratelimit-limit"),
        HeaderName::from_static("x-ratelimit-remaining"),
        HeaderName::from_static("www-authenticate"),
    ]
}

/// Lets the pages of these origins call a listener; nothing at all is done where there are none.
pub fn cross_origin(origins: &AllowedOrigins) -> Condition<Cors> {
    let cors = Cors::default()
        .allowed_methods(METHODS)
        .allowed_headers(sent())
        .expose_headers(exposed())
        .max_age(MAX_AGE_SECONDS)
        // Another origin is not refused here: its browser keeps the answer from its page.
        .block_on_origin_mismatch(false);
    let cors = origins.iter().fold(cors, Cors::allowed_origin);
    Condition::new(!origins.is_empty(), cors)
}

/// The failure behind a preflight that was refused; `None` for any other answer.
pub(super) fn refused_preflight<B>(response: &HttpResponse<B>) -> Option<Failure> {
    let refused = response.error()?.as_error::<CorsError>()?;
    let message = match refused {
        CorsError::OriginNotAllowed | CorsError::MissingOrigin => {
            "Pages of this origin may not call this API (see CORS_ALLOWED_ORIGINS)"
        }
        CorsError::MethodNotAllowed
        | CorsError::MissingRequestMethod
        | CorsError::BadRequestMethod => "No route takes this Access-Control-Request-Method",
        _ => "A page may not send one of these Access-Control-Request-Headers",
    };
    Some(Failure::new(Code::Forbidden).message(message))
}
