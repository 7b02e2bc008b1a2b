//! What the gateway itself refuses or cannot do, and how it is answered.

use crate::kernel::http::{Code, Failure};
use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    #[error("no valid token")]
    Unauthorized,
    #[error("a token was asked for without a user")]
    MissingUser,
    #[error("a token for this user is longer than a gateway takes")]
    UserTooLong,
    #[error("the token endpoint is switched off")]
    TokenEndpointOff,
    #[error("the body is too large")]
    TooLarge,
    #[error("the client's body broke off")]
    BrokenBody,
    #[error("the client's body came too slowly")]
    SlowBody,
    #[error("the upstream cannot be reached or broke off")]
    UpstreamGone,
    #[error("the upstream refuses the gateway")]
    UpstreamRefused,
    #[error("the upstream did not answer in time")]
    UpstreamSlow,
}

impl From<GatewayError> for Failure {
    fn from(error: GatewayError) -> Failure {
        use GatewayError as E;
        match error {
            E::Unauthorized => Failure::new(Code::Unauthorized)
                .message("Invalid or expired token")
                .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            E::MissingUser => {
                Failure::new(Code::BadRequest).message("userId and email are required")
            }
            E::UserTooLong => Failure::new(Code::BadRequest)
                .message("userId and email are too long for one token"),
            E::TokenEndpointOff => {
                Failure::new(Code::Forbidden).message("This gateway does not hand out tokens")
            }
            E::TooLarge => Failure::body_too_large(),
            E::BrokenBody => Failure::broken_body(),
            E::SlowBody => Failure::slow_body(),
            E::UpstreamGone => Failure::new(Code::UpstreamUnavailable)
                .message("The service behind the gateway cannot be reached"),
            E::UpstreamRefused => Failure::new(Code::UpstreamUnavailable)
                .message("The service behind the gateway refuses the gateway"),
            E::UpstreamSlow => Failure::new(Code::UpstreamTimeout)
                .message("The service behind the gateway did not answer in time"),
        }
    }
}
