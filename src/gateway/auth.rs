//! The token check in front of the services, and the endpoint that hands tokens out.

use super::error::GatewayError;
use super::refusal::{Refusal, RefusalLog};
use super::token::TokenKeys;
use crate::kernel::auth::{Caller, bearer_token};
use crate::kernel::http::{BodyLimit, Failure, JsonBody, MAX_BODY_BYTES, SMALL_BODY_BYTES};
use crate::kernel::telemetry::RequestId;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::future::{Ready, ready};
use utoipa::ToSchema;

/// The token of a request, or why there is none.
pub(super) struct BearerToken(Result<String, Refusal>);

impl FromRequest for BearerToken {
    type Error = Failure;
    type Future = Ready<Result<BearerToken, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = bearer_token(request.headers()).map(str::to_owned);
        ready(Ok(BearerToken(token.ok_or_else(|| why_no_token(request)))))
    }
}

fn why_no_token(request: &HttpRequest) -> Refusal {
    match request.headers().get_all(AUTHORIZATION).count() {
        0 => Refusal::Missing,
        1 => Refusal::Scheme,
        _ => Refusal::Repeated,
    }
}

/// Lets a request with a valid token pass, and leaves its user with the request.
///
/// # Errors
/// 401 for any other; why is in the log alone.
pub(super) async fn require_token(
    request: ServiceRequest,
    token: BearerToken,
) -> Result<ServiceRequest, (actix_web::Error, ServiceRequest)> {
    match caller(&request, token) {
        Ok(caller) => {
            caller.join(&request);
            Ok(request)
        }
        Err(refusal) => {
            if let Some(log) = request.app_data::<web::Data<RefusalLog>>() {
                log.note(refusal, RequestId::current(request.request()).as_ref());
            }
            Err((Failure::from(GatewayError::Unauthorized).into(), request))
        }
    }
}

fn caller(request: &ServiceRequest, token: BearerToken) -> Result<Caller, Refusal> {
    // A gateway that forgot to register its keys believes nobody.
    let keys = request.app_data::<web::Data<TokenKeys>>().ok_or(Refusal::Signature)?;
    Caller::new(keys.verify(&token.0?)?).ok_or(Refusal::Claims)
}

/// The body of `POST /auth/token`.
#[derive(Deserialize, ToSchema)]
pub(super) struct TokenRequest {
    #[serde(rename = "userId")]
    #[schema(required = true, value_type = String, min_length = 1, max_length = 255)]
    user_id: Option<Value>,
    #[schema(required = true, value_type = String, min_length = 1, max_length = 255)]
    email: Option<Value>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct TokenAnswer {
    token: String,
    #[serde(rename = "expiresIn")]
    expires_in: &'static str,
}

/// How much of a body is read that is refused in any case: who has no token must not take what large
/// bodies share.
pub(super) fn body_limit(keys: &TokenKeys) -> BodyLimit {
    if keys.hands_out_tokens() { BodyLimit(MAX_BODY_BYTES) } else { BodyLimit(SMALL_BODY_BYTES) }
}

pub(super) async fn issue_token(
    keys: web::Data<TokenKeys>,
    body: Result<JsonBody<TokenRequest>, Failure>,
) -> Result<HttpResponse, Failure> {
    if !keys.hands_out_tokens() {
        return Err(GatewayError::TokenEndpointOff.into());
    }
    let JsonBody(TokenRequest { user_id, email }) = body?;
    let (Some(user_id), Some(email)) = (non_empty(user_id), non_empty(email)) else {
        return Err(GatewayError::MissingUser.into());
    };
    let token = keys
        .issue(user_id, email)
        .map_err(|error| Failure::internal().because(format!("issuing a token: {error:#}")))?
        .ok_or(GatewayError::UserTooLong)?;
    Ok(HttpResponse::Ok().json(TokenAnswer { token, expires_in: "24h" }))
}

/// A text that says something, and no longer than an e-mail address may be.
fn non_empty(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) if !text.trim().is_empty() && text.chars().count() <= 255 => {
            Some(text)
        }
        _ => None,
    }
}
