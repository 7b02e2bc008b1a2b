//! Which requests are let in by what they are sent to: the host, then the path.

use super::host::check_host;
use super::path::check_path;
use actix_web::ResponseError;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

/// Middleware that refuses a request for another host, and a path with two readings. Both are looked
/// at in one layer: each layer costs a future on the heap.
///
/// # Errors
/// Those of the layers behind; such a request is answered with 421 or 400.
pub async fn refuse_other_targets(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    match check_host(&request).and_then(|()| check_path(request.uri().path())) {
        Ok(()) => next.call(request).await.map(ServiceResponse::map_into_left_body),
        Err(failure) => Ok(request.into_response(failure.error_response()).map_into_right_body()),
    }
}
