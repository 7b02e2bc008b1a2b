//! The bearer token of a request, and the one that services ask of their callers.

use crate::kernel::config::Secret;
use crate::kernel::http::{Code, Failure};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use actix_web::middleware::Next;
use actix_web::{ResponseError, web};
use ctutils::CtEq;

/// The token of a request: exactly one `Authorization`, its scheme in any case. (The extractor of
/// actix-web-httpauth takes the exact word `Bearer` alone, and the first of several headers.)
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION);
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// What a service wants to hear from its callers; `None`: it asks for nothing.
#[derive(Clone)]
pub struct ServiceToken(pub Option<Secret>);

impl ServiceToken {
    fn admits(&self, headers: &HeaderMap) -> bool {
        self.0.is_none() || self.is_known_to(headers)
    }

    /// Whether there is one, and a request has it.
    pub(super) fn is_known_to(&self, headers: &HeaderMap) -> bool {
        // In constant time: how long a refusal takes must not tell how much of a guess is right.
        self.0
            .as_ref()
            .zip(bearer_token(headers))
            .is_some_and(|(expected, given)| given.as_bytes().ct_eq(expected.expose()).to_bool())
    }
}

/// Middleware of the services that refuses whoever does not know the [`ServiceToken`], which the
/// listener registers.
///
/// # Errors
/// Those of the layers behind; any other caller is answered with 401.
pub async fn require_service_token(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    // A listener that forgot to register its token lets nobody in.
    let expected = request.app_data::<web::Data<ServiceToken>>();
    if expected.is_some_and(|expected| expected.admits(request.headers())) {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    }
    let failure = Failure::new(Code::Unauthorized)
        .message("This service answers its gateway alone")
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Ok(request.into_response(failure.error_response()).map_into_right_body())
}
