//! Who calls: the user of the token, as everything behind the gateway knows them.
//!
//! Handlers read the extension of the request, and never the header. In one process, the gateway's
//! token check sets it; between two, the gateway writes the header, and the listener of a service
//! turns it into the extension. So where the gateway mounts a module itself, a client's own header
//! means nothing.

use crate::kernel::http::{Code, Failure};
use crate::kernel::telemetry::RequestOrigin;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, ResponseError};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};

pub const X_USER_ID: HeaderName = HeaderName::from_static("x-user-id");

/// What a header cannot hold as it is. Anything beyond ASCII is encoded in any case.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// No token is longer, and so no user that one names.
const MAX_USER_ID_BYTES: usize = 4_096;

/// The user that a valid token names: 1 to 4096 bytes, and no NUL, which no database would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    user_id: String,
}

impl Caller {
    /// `None` for a text that names nobody.
    pub fn new(user_id: String) -> Option<Caller> {
        let names_somebody =
            (1..=MAX_USER_ID_BYTES).contains(&user_id.len()) && !user_id.contains('\0');
        names_somebody.then_some(Caller { user_id })
    }

    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The caller of this request; `None` where a service is called by no user.
    pub fn of(request: &HttpRequest) -> Option<Caller> {
        request.extensions().get::<Caller>().cloned()
    }

    /// Leaves the caller with the request, for its handler and for the log.
    pub fn join(self, request: &ServiceRequest) {
        RequestOrigin::is_user(request, &self.user_id);
        request.extensions_mut().insert(self);
    }

    /// As `X-User-Id` carries it from a gateway to a service: percent-encoded UTF-8.
    pub fn to_header(&self) -> HeaderValue {
        let encoded = utf8_percent_encode(&self.user_id, ENCODED).to_string();
        HeaderValue::from_str(&encoded).expect("encoded to visible ASCII")
    }

    fn from_header(value: &HeaderValue) -> Option<Caller> {
        Caller::new(percent_decode(value.as_bytes()).decode_utf8().ok()?.into_owned())
    }
}

/// Middleware of the services: the caller that the gateway in front names becomes the extension.
///
/// # Errors
/// Those of the layers behind; a header that names nobody, or two users, is answered with 400:
/// without it, one user's request would count as anybody's.
pub async fn caller_from_header(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let caller = {
        let mut values = request.headers().get_all(X_USER_ID);
        match (values.next(), values.next()) {
            (None, _) => Some(None),
            (Some(value), None) => Caller::from_header(value).map(Some),
            (Some(_), Some(_)) => None,
        }
    };
    let Some(caller) = caller else {
        let failure = Failure::new(Code::BadRequest)
            .message("X-User-Id must be given once, as percent-encoded UTF-8");
        return Ok(request.into_response(failure.error_response()).map_into_right_body());
    };
    if let Some(caller) = caller {
        caller.join(&request);
    }
    next.call(request).await.map(ServiceResponse::map_into_left_body)
}
