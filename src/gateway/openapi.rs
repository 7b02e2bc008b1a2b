//! What the routes of the gateway itself take and answer.

use super::auth::{TokenAnswer, TokenRequest};
use crate::kernel::http::Code;
use crate::kernel::openapi::{Answer, Route};
use actix_web::http::StatusCode;
use serde_json::json;
use utoipa::openapi::path::HttpMethod;

/// `POST /auth/token`.
pub fn describe_token() -> Route {
    let answer =
        json!({ "token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.c2ln", "expiresIn": "24h" });
    Route::public(
        HttpMethod::Post,
        "/auth/token",
        "issueToken",
        "Hand out a token, where that is on",
    )
    .describe("For development: `AUTH_TOKEN_ENDPOINT` is off where a `JWT_SECRET` is set.")
    .body::<TokenRequest>(json!({ "userId": "ada", "email": "ada@example.com" }))
    .answers(Answer::json::<TokenAnswer>(StatusCode::OK, "A token for 24 hours", answer))
    .fails(&[Code::Forbidden])
}
