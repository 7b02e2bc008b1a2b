//! What a panic of a handler becomes.

use super::Failure;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;

/// Turns a panic behind it into a failure, so that the layers around it treat it as one.
///
/// # Errors
/// 500 for a panic, and whatever fails behind it.
pub async fn catch_panics<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    // What a panic leaves half-changed is dropped with it.
    let outcome = AssertUnwindSafe(async { next.call(request).await }).catch_unwind().await;
    outcome.unwrap_or_else(|_| Err(Failure::internal().because("a handler panicked").into()))
}
