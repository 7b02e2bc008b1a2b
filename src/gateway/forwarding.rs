//! Which headers cross the gateway, and which it writes itself.

use crate::kernel::config::TrustedProxies;
use crate::kernel::http::{Caller, X_USER_ID};
use actix_web::HttpRequest;
use actix_web::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, DATE, HOST, HeaderName, HeaderValue,
};

/// Headers that speak of one connection, and not of the message (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that tell a service who calls: written here, never taken from a client.
const WRITTEN_HERE: [&str; 9] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
    "x-request-id",
    "x-user-id",
    "x-user-email",
];

/// The headers of a request as the upstream gets them.
pub fn request_headers(
    request: &HttpRequest,
    trusted: &TrustedProxies,
) -> Vec<(HeaderName, HeaderValue)> {
    let connection = request.headers().get_all(CONNECTION).filter_map(|value| value.to_str().ok());
    let named = named_by_connection(connection);
    let mut headers: Vec<(HeaderName, HeaderValue)> = request
        .headers()
        .iter()
        .filter(|(name, _)| {
            !is_hop_by_hop(name.as_str(), &named)
                && !WRITTEN_HERE.contains(&name.as_str())
                // The token is for the gateway; `Host` names the upstream, and is set with the URI.
                && **name != AUTHORIZATION
                && **name != HOST
                && *name != "expect"
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut write = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.push((HeaderName::from_static(name), value));
        }
    };
    // What stands in front is believed only where it is a trusted proxy: anyone else could pose as
    // another client.
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let before = |name: &str| {
        let is_trusted = peer.is_some_and(|peer| trusted.contains(peer));
        let values = request.headers().get_all(name).filter_map(|value| value.to_str().ok());
        let joined = values.collect::<Vec<_>>().join(", ");
        Some(joined).filter(|joined| is_trusted && !joined.is_empty())
    };
    if let Some(peer) = peer {
        let chain =
            before("x-forwarded-for").map_or(peer.to_string(), |hops| format!("{hops}, {peer}"));
        write("x-forwarded-for", &chain);
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    if let Some(host) = before("x-forwarded-host").or(host) {
        write("x-forwarded-host", &host);
    }
    write("x-forwarded-proto", before("x-forwarded-proto").as_deref().unwrap_or("http"));
    headers.extend(Caller::of(request).map(|caller| (X_USER_ID, caller.to_header())));
    headers
}

/// Header names that a `Connection` header declares to be of that connection.
pub fn named_by_connection<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let names = values.flat_map(|value| value.split(','));
    names.map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect()
}

/// Whether a header of an answer stays behind: those of the connection, and those that the gateway
/// writes itself.
pub fn is_dropped_from_answers(name: &str, named_by_connection: &[String]) -> bool {
    is_hop_by_hop(name, named_by_connection)
        || name == CONTENT_LENGTH.as_str()
        || name == DATE.as_str()
        || name == "x-request-id"
}

fn is_hop_by_hop(name: &str, named_by_connection: &[String]) -> bool {
    HOP_BY_HOP.contains(&name) || named_by_connection.iter().any(|named| named == name)
}
