//! The outermost middleware of every listener: identity, panics, the envelope, the access line.

use super::Failure;
use crate::kernel::telemetry::{RequestId, X_REQUEST_ID, log_access};
use actix_web::HttpMessage;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::middleware::Next;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

/// Gives the request its identity, turns whatever fails behind it into the envelope, and logs the
/// answer. It never fails itself.
///
/// # Errors
/// None: the signature is actix's.
pub async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    let id = RequestId::of(&request);
    request.extensions_mut().insert(id.clone());
    let kept = request.request().clone();

    // A request's state is dropped with it, so that nothing half-changed outlives the panic.
    let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let mut response = match outcome {
        Ok(Ok(response)) => response.map_into_boxed_body(),
        Ok(Err(error)) => ServiceResponse::from_err(error, kept.clone()),
        Err(_) => {
            let failure = Failure::internal().because("a handler panicked");
            ServiceResponse::from_err(failure, kept.clone())
        }
    };
    if let Some(failure) = Failure::behind(response.response()) {
        if let Some(cause) = failure.cause() {
            let is_bug = failure.status() == StatusCode::INTERNAL_SERVER_ERROR;
            let level = if is_bug { log::Level::Error } else { log::Level::Warn };
            log::log!(level, "{cause} request_id={id}");
        }
        let outer = response.response().headers().clone();
        let mut rendered = failure.to_response(&id);
        for (name, value) in outer {
            // What a layer outside the failure set (the rate limit, Allow) stays.
            if !rendered.headers().contains_key(&name) {
                rendered.headers_mut().append(name, value);
            }
        }
        response = ServiceResponse::new(kept, rendered);
    }
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, id.to_header());
    if !headers.contains_key(CACHE_CONTROL) {
        // Answers depend on the token and change with every write: no cache in between.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let request = response.request();
    let micros = started.elapsed().as_micros();
    log_access(request.method().as_str(), request.path(), response.status().as_u16(), micros, &id);
    Ok(response)
}
