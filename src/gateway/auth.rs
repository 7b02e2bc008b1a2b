//! The token check in front of the services, and the endpoint that hands tokens out.

use super::error::GatewayError;
use super::token::TokenKeys;
use crate::kernel::http::{
    BodyLimit, Caller, Failure, JsonBody, MAX_BODY_BYTES, SMALL_BODY_BYTES, bearer_token,
};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::future::{Ready, ready};

/// The token of a request.
pub struct BearerToken(String);

impl FromRequest for BearerToken {
    type Error = Failure;
    type Future = Ready<Result<BearerToken, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = bearer_token(request.headers()).map(|token| BearerToken(token.to_owned()));
        ready(token.ok_or_else(|| GatewayError::Unauthorized.into()))
    }
}

/// Lets a request with a valid token pass, and leaves its user with the request.
///
/// # Errors
/// 401 for any other.
pub async fn require_token(
    request: ServiceRequest,
    token: BearerToken,
) -> Result<ServiceRequest, (actix_web::Error, ServiceRequest)> {
    let keys = request.app_data::<web::Data<TokenKeys>>();
    match keys.and_then(|keys| keys.verify(&token.0)).and_then(Caller::new) {
        Some(caller) => {
            request.extensions_mut().insert(caller);
            Ok(request)
        }
        None => Err((Failure::from(GatewayError::Unauthorized).into(), request)),
    }
}

/// The body of `POST /auth/token`.
#[derive(Deserialize)]
pub struct TokenRequest {
    #[serde(rename = "userId")]
    user_id: Option<Value>,
    email: Option<Value>,
}

#[derive(Serialize)]
struct TokenAnswer {
    token: String,
    #[serde(rename = "expiresIn")]
    expires_in: &'static str,
}

/// How much of a body is read that is refused in any case: who has no token must not take what large
/// bodies share.
pub fn body_limit(keys: &TokenKeys) -> BodyLimit {
    if keys.hands_out_tokens() { BodyLimit(MAX_BODY_BYTES) } else { BodyLimit(SMALL_BODY_BYTES) }
}

pub async fn issue_token(
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
