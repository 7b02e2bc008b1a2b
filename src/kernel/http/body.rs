//! Request bodies: JSON, at most 1 MiB, and an error that says where it is wrong.

use super::body_digest::{BodyDigest, IDEMPOTENCY_KEY};
use super::{Code, ConnectionHandle, Failure};
use crate::kernel::text::holds_nul;
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue,
    TRANSFER_ENCODING, UPGRADE,
};
use actix_web::middleware::Next;
use actix_web::web::BytesMut;
use actix_web::{FromRequest, HttpMessage, HttpRequest, ResponseError};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

/// The largest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How long a client may take to send a body, from when it is wanted to its last byte.
pub const BODY_TIMEOUT: Duration = Duration::from_millis(9_500);

/// A body up to this length is read at once. Only a few longer ones are, and the others stay with
/// their clients meanwhile: a hundred uploads must not take a hundred times [`MAX_BODY_BYTES`].
pub const SMALL_BODY_BYTES: usize = 16 * 1024;
static LARGE_BODIES: Semaphore = Semaphore::const_new(6);
/// How long a body may wait for its turn, which is not its client's fault.
const LARGE_BODY_TURN_TIMEOUT: Duration = Duration::from_secs(30);

/// As resource data: the largest body that a route reads, where it is less than [`MAX_BODY_BYTES`].
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// The longest explanation of what is wrong with a body.
const MAX_REASON_CHARS: usize = 200;

/// A body parsed into `T`; unknown members are ignored.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let refused = refuse_by_head(request);
        let keyed = request.headers().contains_key(IDEMPOTENCY_KEY).then(|| request.clone());
        let mut payload = payload.take();
        let connection = request.conn_data::<ConnectionHandle>().cloned();
        let limit = request.app_data::<BodyLimit>().map_or(MAX_BODY_BYTES, |limit| limit.0);
        Box::pin(async move {
            refused?;
            let body = read(&mut payload, limit, connection).await?;
            if let Some(request) = keyed {
                request.extensions_mut().insert(BodyDigest::of(&body));
            }
            parse(&body).map(JsonBody)
        })
    }
}

/// Refuses what cannot be read whatever stands in it.
fn refuse_by_head(request: &HttpRequest) -> Result<(), Failure> {
    let unsupported = Failure::new(Code::UnsupportedMediaType);
    if is_encoded(request) {
        let identity = HeaderValue::from_static("identity");
        return Err(unsupported
            .message("Send the body as it is, without Content-Encoding")
            .header(ACCEPT_ENCODING, identity));
    }
    if has_json_type(request) {
        return Ok(());
    }
    Err(unsupported.message("Send JSON, with Content-Type: application/json"))
}

/// Whether the body is compressed, or encoded in another way.
fn is_encoded(request: &HttpRequest) -> bool {
    let mut values = request.headers().get_all(CONTENT_ENCODING);
    values.any(|value| {
        let mut codings = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
    })
}

/// Gives a client [`BODY_TIMEOUT`] for the whole of a body, however it trickles in.
///
/// # Errors
/// Those of `reading`; 408.
async fn in_time<T>(reading: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(BODY_TIMEOUT, reading).await.unwrap_or_else(|_| Err(Failure::slow_body()))
}

/// As [`in_time`], but for the time in which the body waits for its turn.
async fn read(
    payload: &mut Payload,
    limit: usize,
    connection: Option<ConnectionHandle>,
) -> Result<BytesMut, Failure> {
    let mut body = BytesMut::new();
    let mut place = None;
    let mut deadline = Instant::now() + BODY_TIMEOUT;
    let too_slow = |_| Failure::slow_body();
    while let Some(chunk) = timeout_at(deadline, payload.next()).await.map_err(too_slow)? {
        let chunk = chunk.map_err(broken_payload)?;
        let length = body.len() + chunk.len();
        if length > limit {
            return Err(Failure::body_too_large());
        }
        if length > SMALL_BODY_BYTES && place.is_none() {
            let _held = connection.as_ref().map(ConnectionHandle::hold);
            let queued = Instant::now();
            let turn = timeout(LARGE_BODY_TURN_TIMEOUT, LARGE_BODIES.acquire()).await;
            place = turn.map_err(|_| too_many_bodies())?.ok();
            deadline += queued.elapsed();
            body.reserve(limit.saturating_sub(body.len()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn too_many_bodies() -> Failure {
    Failure::unavailable().because("too many large bodies wait to be read")
}

/// Middleware that refuses a body by its declared length before anything else looks at it, and
/// reads away the one of a method that takes none. Left unread, such a body would stop the
/// connection: actix does not go on reading when a handler drops a body that is waiting.
///
/// # Errors
/// Those of the layers behind; a body above [`MAX_BODY_BYTES`] is answered with 413.
pub async fn bound_body(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let is_endless = is_endless(&request);
    let refused = match declared_length(&request) {
        Some(length) if length > MAX_BODY_BYTES => Err(Failure::body_too_large()),
        // No service could be asked in this way, and so a gateway does not either.
        _ if *request.method() == Method::CONNECT => {
            Err(Failure::new(Code::BadRequest).message("CONNECT is for proxies"))
        }
        _ if is_endless || takes_body(request.method()) => Ok(()),
        // The client waits to be asked for a body that nobody wants.
        _ if request.head().expect() => {
            leave_unread(&mut request);
            Ok(())
        }
        _ => in_time(read_away(&mut request)).await,
    };
    if is_endless {
        leave_unread(&mut request);
    }
    match refused {
        Ok(()) => next.call(request).await.map(ServiceResponse::map_into_left_body),
        Err(failure) => Ok(request.into_response(failure.error_response()).map_into_right_body()),
    }
}

fn declared_length(request: &ServiceRequest) -> Option<usize> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether actix takes everything that follows for the body of this request, whatever length it
/// declares: the client wants to go on in another protocol, which none here does. Such a request is
/// answered as one without a body, and ends its connection.
pub(super) fn is_endless(request: &ServiceRequest) -> bool {
    let headers = request.headers();
    let wants_websocket = headers.get_all(UPGRADE).any(|value| {
        value.to_str().is_ok_and(|value| value.trim().eq_ignore_ascii_case("websocket"))
    });
    let is_chunked = headers.contains_key(TRANSFER_ENCODING);
    (wants_websocket && !is_chunked) || *request.method() == Method::CONNECT
}

fn takes_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

/// Reads a body to its end, and makes the request one without.
async fn read_away(request: &mut ServiceRequest) -> Result<(), Failure> {
    let mut payload = request.take_payload();
    let mut length = 0;
    while let Some(chunk) = payload.next().await {
        length += chunk.map_err(broken_payload)?.len();
        if length > MAX_BODY_BYTES {
            return Err(Failure::body_too_large());
        }
    }
    leave_unread(request);
    Ok(())
}

/// Makes the request one without a body.
fn leave_unread(request: &mut ServiceRequest) {
    request.set_payload(Payload::None);
    for framing in [CONTENT_LENGTH, TRANSFER_ENCODING] {
        request.headers_mut().remove(framing);
    }
}

fn broken_payload(error: PayloadError) -> Failure {
    match error {
        PayloadError::Overflow => Failure::body_too_large(),
        _ => Failure::broken_body(),
    }
}

fn has_json_type(request: &HttpRequest) -> bool {
    let Some(value) = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Reads a whole body.
///
/// # Errors
/// 400, which says where the body is no JSON object or has a member of another type.
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "fuzz/ reaches it"))]
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let malformed = |reason: String| Failure::new(Code::InvalidBody).message(reason);
    let text = std::str::from_utf8(body)
        .map_err(|error| malformed(format!("not UTF-8 at byte {}", error.valid_up_to())))?;
    // Once for what holds for every member, also for one that the type below passes over; its
    // numbers are floats, so that it is not what is read.
    let whole: Value = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    if !whole.is_object() {
        return Err(malformed("must be a JSON object".into()));
    }
    if holds_nul(&whole) {
        return Err(malformed("a string must not contain a NUL character".into()));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner();
        let is_named = path != "." && path != "?";
        let reason = if is_named { format!("{path}: {reason}") } else { reason.to_string() };
        // The parser quotes the value that it did not expect, however long it is.
        malformed(match reason.char_indices().nth(MAX_REASON_CHARS) {
            Some((end, _)) => format!("{}…", &reason[..end]),
            None => reason,
        })
    })?;
    Ok(value)
}
