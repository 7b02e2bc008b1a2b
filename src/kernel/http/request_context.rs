//! The outermost middleware of every listener: identity, the envelope, the access line.

use super::body::is_endless;
use super::cross_origin::refused_preflight;
use super::{ConnectionHandle, ErrorFormat, Failure, Observer, Recipient};
use crate::kernel::telemetry::{Answered, Current, RequestId, RequestOrigin, Trace, X_REQUEST_ID};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ResponseHead, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, HttpDate,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse};
use std::time::{Instant, SystemTime};

/// What a browser that is led to an answer may do with it: nothing but show it as what it is.
/// Programs ignore these.
const FOR_BROWSERS: [(HeaderName, &str); 4] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Gives the request its identity, turns whatever fails behind it into the envelope, and logs the
/// answer. It never fails itself.
///
/// # Errors
/// None: the signature is actix's.
pub async fn request_context(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    let (id, trace) = (RequestId::of(&request), Trace::of(request.headers()));
    let current = Current { request_id: id.clone(), trace };
    let observer = Observer::of(&request);
    let origin = RequestOrigin::of_peer(request.peer_addr().map(|peer| peer.ip()));
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(origin.clone());
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let format = ErrorFormat::of_headers(request.headers());
    let connection = request.conn_data::<ConnectionHandle>().cloned();
    if let Some(connection) = &connection {
        connection.head_arrived();
        // An offer to go on in another protocol, which none here takes, ends the connection: actix
        // takes no further request from it.
        if is_endless(&request) || request.head().upgrade() {
            connection.end_with_this_answer();
        }
    }

    // The request must not be held meanwhile: actix's router expects to be its only owner.
    let answering = async {
        let outcome = next.call(request).await;
        let recipient = Recipient { format, request_id: &id, path: &path };
        match outcome {
            Ok(response) => {
                let (request, response) = response.map_into_boxed_body().into_parts();
                Ok(ServiceResponse::new(request, finish(response, &recipient)))
            }
            Err(error) => Err(finish(error.error_response(), &recipient)),
        }
    };
    let answer = current.clone().scope(answering).await;
    let status = answer.as_ref().map_or_else(HttpResponse::status, ServiceResponse::status);
    if let Some(observer) = observer {
        let (method, status, took) = (method.as_str(), status.as_u16(), started.elapsed());
        let answered = Answered { method, path: &path, status, took };
        let request = answer.as_ref().ok().map(ServiceResponse::request);
        observer.answered(&answered, request, &origin, &current);
    }
    match answer {
        Ok(response) => Ok(response.map_body(|head, body| leave(connection, head, body))),
        // Without its request, a response can only leave as an error that holds it.
        Err(response) => {
            let response = response.map_body(|head, body| leave(connection, head, body));
            Err(InternalError::from_response("answered", response).into())
        }
    }
}

/// Tells the connection that its answer is made, and ends it where it must not carry another.
fn leave(connection: Option<ConnectionHandle>, head: &mut ResponseHead, body: BoxBody) -> BoxBody {
    let Some(connection) = connection else {
        return body;
    };
    // What is left of such a body would have to be read, however slow or long it is.
    let is_cut = matches!(head.status, StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE);
    if is_cut || connection.ends_with_this_answer() || connection.is_draining() {
        head.set_connection_type(ConnectionType::Close);
    }
    if is_cut {
        connection.answered_finally();
        return body;
    }
    connection.answered(body)
}

/// A failure as it stands on the wire, where no request is there to be answered. It says that the
/// connection ends.
pub fn closing_response(failure: &Failure, recipient: &Recipient<'_>) -> Vec<u8> {
    let mut response = failure.to_response(recipient);
    complete(response.headers_mut(), recipient.request_id);
    let (response, body) = response.into_parts();
    let body = body.try_into_bytes().unwrap_or_default();
    let status = response.status();
    let date = HttpDate::from(SystemTime::now());
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\ndate: {date}\r\n",
        body.len()
    )
    .into_bytes();
    for (name, value) in response.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&body);
    bytes
}

/// The answer as it leaves: with the envelope where it is a failure, and with what every answer has.
fn finish(response: HttpResponse, recipient: &Recipient<'_>) -> HttpResponse {
    let failure =
        refused_preflight(&response).or_else(|| Failure::behind(&response, recipient.format));
    let mut response = match failure {
        None => response,
        Some(failure) => {
            let mut rendered = render(&failure, recipient);
            // What a layer in between has set (the rate limit, Allow) stays, but for what tells of
            // the body that is replaced.
            let own = rendered.headers().clone();
            for (name, value) in response.headers() {
                if !own.contains_key(name) && !name.as_str().starts_with("content-") {
                    rendered.headers_mut().append(name.clone(), value.clone());
                }
            }
            rendered
        }
    };
    complete(response.headers_mut(), recipient.request_id);
    response
}

fn render(failure: &Failure, recipient: &Recipient<'_>) -> HttpResponse {
    let id = recipient.request_id;
    if let Some(cause) = failure.cause() {
        let is_bug = failure.status() == StatusCode::INTERNAL_SERVER_ERROR;
        let level = if is_bug { log::Level::Error } else { log::Level::Warn };
        // One line each: databases answer in several.
        let cause = cause.replace('\n', " ");
        match failure.dependency() {
            Some(dependency) => {
                log::log!(level, dependency, request_id = id.as_str(); "{cause}");
            }
            None => log::log!(level, request_id = id.as_str(); "{cause}"),
        }
    }
    failure.to_response(recipient)
}

fn complete(headers: &mut HeaderMap, id: &RequestId) {
    headers.insert(X_REQUEST_ID, id.to_header());
    if !headers.contains_key(CACHE_CONTROL) {
        // Answers depend on the token and change with every write: no cache in between.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    for (name, value) in FOR_BROWSERS {
        // A page has a policy of its own.
        if name != CONTENT_SECURITY_POLICY || !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}
