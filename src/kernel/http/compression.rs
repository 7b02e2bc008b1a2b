//! Long answers are compressed for who takes gzip.
//!
//! What is short, or stands under a strong tag, is sent as it is: the tag names these very bytes, and a
//! cached product must not wait for a compressor.

use actix_http::encoding::Encoder;
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ResponseHead, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    ContentEncoding, ETAG, Encoding, Header, HeaderName, HeaderValue, VARY,
};
use actix_web::middleware::Next;

/// Up to here, an answer fits in one packet with its head.
const SHORTEST_BYTES: u64 = 1024;

/// Compresses what is worth it.
///
/// # Errors
/// Those of what stands behind it.
pub async fn compress<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, Encoder<BoxBody>>>, actix_web::Error> {
    let mut response = next.call(request).await?;
    if !is_worth_it(&response) {
        return Ok(response.map_into_left_body());
    }
    vary_by_encoding(response.response_mut().head_mut());
    let asked = response.request();
    if asked.method() == Method::HEAD || !prefers_gzip(asked) {
        return Ok(response.map_into_left_body());
    }
    Ok(response.map_body(|head, body| {
        // The length is that of what was not compressed.
        head.headers_mut().remove(CONTENT_LENGTH);
        EitherBody::right(Encoder::response(ContentEncoding::Gzip, head, body.boxed()))
    }))
}

fn is_worth_it<B: MessageBody>(response: &ServiceResponse<B>) -> bool {
    let is_long = match response.response().body().size() {
        BodySize::None => false,
        BodySize::Sized(bytes) => bytes > SHORTEST_BYTES,
        BodySize::Stream => true,
    };
    let text = |name: HeaderName| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let tag = text(ETAG);
    is_long
        && (tag.is_empty() || tag.starts_with("W/"))
        && is_text(text(CONTENT_TYPE))
        && text(CONTENT_ENCODING).is_empty()
        && !text(CACHE_CONTROL).contains("no-transform")
}

/// Whether a kind of content is text, of which a compressor makes a fraction.
fn is_text(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind.split_once('/') {
        // Each event must arrive when it is sent.
        Some(("text", subtype)) => subtype != "event-stream",
        Some(("application", subtype)) => {
            matches!(subtype, "json" | "javascript" | "openmetrics-text")
                || subtype.ends_with("+json")
        }
        Some(("image", subtype)) => subtype == "svg+xml",
        _ => false,
    }
}

/// A cache in between keeps the two forms apart.
fn vary_by_encoding(head: &mut ResponseHead) {
    let named = |value: &HeaderValue| {
        let text = value.to_str().unwrap_or_default();
        text.split(',').any(|name| name.trim().eq_ignore_ascii_case(ACCEPT_ENCODING.as_str()))
    };
    if head.headers().get_all(VARY).any(named) {
        return;
    }
    // One line for all names: not every layer reads a second one.
    let before: Vec<&str> =
        head.headers().get_all(VARY).filter_map(|value| value.to_str().ok()).collect();
    let all = before.into_iter().chain([ACCEPT_ENCODING.as_str()]).collect::<Vec<_>>().join(", ");
    if let Ok(value) = HeaderValue::from_str(&all) {
        head.headers_mut().insert(VARY, value);
    }
}

fn prefers_gzip(request: &actix_web::HttpRequest) -> bool {
    if !request.headers().contains_key(ACCEPT_ENCODING) {
        return false;
    }
    let accepted = AcceptEncoding::parse(request);
    accepted.is_ok_and(|accepted| {
        let known = [Encoding::gzip(), Encoding::identity()];
        accepted.negotiate(known.iter()) == Some(Encoding::gzip())
    })
}
