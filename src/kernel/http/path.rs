//! Which request paths are let in: those that no hop can read in two ways.

use super::Failure;
use actix_web::ResponseError;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use percent_encoding::percent_decode_str;

/// Middleware that refuses paths which another server might resolve to somewhere else: dot
/// segments, encoded or doubled slashes, backslashes, NUL, parameters, broken encodings.
///
/// # Errors
/// Those of the layers behind; such a path is answered with 400.
pub async fn refuse_unsafe_paths(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if !is_safe(request.uri().path()) {
        let failure = Failure::bad_request("INVALID_PATH", "Invalid path")
            .message("The path has a segment or an encoding that is not allowed");
        return Ok(request.into_response(failure.error_response()).map_into_right_body());
    }
    next.call(request).await.map(ServiceResponse::map_into_left_body)
}

/// Whether the raw path has one reading only.
fn is_safe(path: &str) -> bool {
    let Some(segments) = path.strip_prefix('/') else {
        return false;
    };
    let listed = segments.strip_suffix('/').unwrap_or(segments);
    segments.is_empty() || listed.split('/').all(is_safe_segment)
}

fn is_safe_segment(segment: &str) -> bool {
    let Ok(decoded) = percent_decode_str(segment).decode_utf8() else {
        return false;
    };
    let encodings_whole = segment
        .split('%')
        .skip(1)
        .all(|rest| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit));
    // A second encoding (%252e) would be decoded by a hop that decodes once more.
    encodings_whole
        && !decoded.is_empty()
        && decoded != "."
        && decoded != ".."
        && !decoded.contains(['/', '\\', ';', '%'])
        && !decoded.contains(char::is_control)
}
