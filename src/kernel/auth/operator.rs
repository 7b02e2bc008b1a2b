//! Who operates the process: whoever is on its machine, or knows the [`ServiceToken`].

use super::bearer::ServiceToken;
use crate::kernel::http::{Code, Failure};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{FORWARDED, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use actix_web::middleware::Next;
use actix_web::{ResponseError, web};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Middleware for what the world must not see of a listener that it reaches.
///
/// # Errors
/// Those of the layers behind; whoever is no operator is answered with 401.
pub async fn require_operator(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let token = request.app_data::<web::Data<ServiceToken>>();
    let knows_token = token.is_some_and(|token| token.is_known_to(request.headers()));
    if knows_token || is_of_this_machine(&request) {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    }
    let failure = Failure::new(Code::Unauthorized)
        .message("This is for the operator: ask from the machine itself, or with the SERVICE_TOKEN")
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Ok(request.into_response(failure.error_response()).map_into_right_body())
}

/// The peer of the connection counts, and not what it says of others: but one that speaks for
/// another is a proxy on this machine, and the other one may be anybody.
fn is_of_this_machine(request: &ServiceRequest) -> bool {
    let is_forwarded =
        [FORWARDED, X_FORWARDED_FOR].iter().any(|name| request.headers().contains_key(name));
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    !is_forwarded && peer.is_some_and(|peer| peer.is_loopback())
}
