//! Which headers cross the gateway, and which it writes itself.

use crate::kernel::auth::{Caller, X_USER_ID};
use crate::kernel::config::TrustedProxies;
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
const WRITTEN_HERE: [&str; 11] = [
    "forwarded",
    "traceparent",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
    "x-request-id",
    "x-user-id",
    "x-user-email",
    "x-service-token",
];

/// What is handed on of what proxies in front have written: together with a user id, it stays within
/// what a service takes of it.
const MOST_HOPS: usize = 32;
const MAX_HOP_BYTES: usize = 64;
const MAX_HOST_BYTES: usize = 270;

/// The headers of a request as the upstream gets them.
pub(super) fn request_headers(
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
    let is_trusted = peer.is_some_and(|peer| trusted.contains(peer));
    let before = |name: &str| {
        let values = request.headers().get_all(name).filter_map(|value| value.to_str().ok());
        let joined = values.collect::<Vec<_>>().join(", ");
        Some(joined)
            .filter(|joined| is_trusted && !joined.is_empty() && joined.len() <= MAX_HOST_BYTES)
    };
    if let Some(peer) = peer {
        let mut chain = if is_trusted { hops_before(request) } else { Vec::new() };
        chain.push(peer.to_string());
        write("x-forwarded-for", &chain.join(", "));
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    if let Some(host) = before("x-forwarded-host").or(host) {
        write("x-forwarded-host", &host);
    }
    write("x-forwarded-proto", before("x-forwarded-proto").as_deref().unwrap_or("http"));
    headers.extend(Caller::of(request).map(|caller| (X_USER_ID, caller.to_header())));
    headers
}

/// The nearest entries of `X-Forwarded-For`, as they came. One that is not ASCII or too long is
/// `unknown`, and hides nothing of what proxies have added beside it.
fn hops_before(request: &HttpRequest) -> Vec<String> {
    let values = request.headers().get_all("x-forwarded-for");
    let hops = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let hops = hops.map(<[u8]>::trim_ascii).map(|hop| match std::str::from_utf8(hop) {
        Ok(text) if text.is_ascii() && text.len() <= MAX_HOP_BYTES => text.to_owned(),
        _ => "unknown".to_owned(),
    });
    let mut hops: Vec<String> = hops.collect();
    hops.drain(..hops.len().saturating_sub(MOST_HOPS));
    hops
}

/// Header names that a `Connection` header declares to be of that connection.
pub(super) fn named_by_connection<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let names = values.flat_map(|value| value.split(','));
    names.map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect()
}

/// Whether a header of an answer stays behind: those of the connection, and those that the gateway
/// writes itself, the origins whose pages may read it among them.
pub(super) fn is_dropped_from_answers(name: &str, named_by_connection: &[String]) -> bool {
    is_hop_by_hop(name, named_by_connection)
        || name == CONTENT_LENGTH.as_str()
        || name == DATE.as_str()
        || name == "x-request-id"
        || name.starts_with("access-control-")
}

fn is_hop_by_hop(name: &str, named_by_connection: &[String]) -> bool {
    HOP_BY_HOP.contains(&name) || named_by_connection.iter().any(|named| named == name)
}

#[cfg(test)]
mod tests {
    use super::request_headers;
    use crate::kernel::config::TrustedProxies;
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
    use actix_web::test::TestRequest;
    use proptest::collection::vec;
    use proptest::prelude::any;
    use proptest::sample::{select, subsequence};
    use proptest::{prop_assert, prop_assert_eq, proptest};

    /// What no request may carry to a service: of a connection (RFC 9110, 7.6.1), of the token.
    const NEVER: &str = "connection keep-alive proxy-authenticate proxy-authorization te trailer \
                         proxy-connection transfer-encoding upgrade authorization host expect";
    /// What says who calls; a service believes it, so that no client may have written it.
    const IDENTITY: &str = "forwarded x-forwarded-for x-forwarded-host x-forwarded-proto \
                            x-forwarded-port x-real-ip x-request-id x-user-id x-user-email";
    const ORDINARY: &str = "accept if-match cookie x-custom content-type idempotency-key";

    fn names() -> Vec<&'static str> {
        [NEVER, IDENTITY, ORDINARY].iter().flat_map(|names| names.split_whitespace()).collect()
    }

    proptest! {
        #[test]
        fn a_client_writes_nothing_that_a_service_believes(
            sent in vec((select(names()), any::<bool>()), 0..24),
            named in subsequence(names(), 0..5),
            shouted in any::<bool>(),
        ) {
            let mut request = TestRequest::default().peer_addr(([192, 0, 2, 7], 4711).into());
            for (number, (name, is_first)) in sent.iter().enumerate() {
                let value = HeaderValue::from_str(&format!("client-{number}")).expect("ASCII");
                let name = HeaderName::from_static(name);
                request = match is_first {
                    true => request.insert_header((name, value)),
                    false => request.append_header((name, value)),
                };
            }
            let listed = named.join(" ,");
            let listed = if shouted { listed.to_uppercase() } else { listed };
            let request = request.append_header(("connection", listed)).to_http_request();
            let passed = request_headers(&request, &TrustedProxies::default());

            for (name, value) in &passed {
                let is_of_client = value.as_bytes().starts_with(b"client-");
                prop_assert!(!NEVER.split_whitespace().any(|never| never == *name), "{}", name);
                if is_of_client && *name != "x-forwarded-host" {
                    prop_assert!(ORDINARY.split_whitespace().any(|plain| plain == *name), "{}", name);
                    prop_assert!(!named.contains(&name.as_str()), "{} was named", name);
                }
            }
            // The host that was asked for is the client's to say; only in its one place.
            let host = request.headers().get("host");
            let of = |headers: &[(HeaderName, HeaderValue)], wanted: &str| -> Vec<HeaderValue> {
                headers.iter().filter(|(n, _)| *n == wanted).map(|(_, v)| v.clone()).collect()
            };
            prop_assert_eq!(of(&passed, "x-forwarded-host"), host.into_iter().cloned().collect::<Vec<_>>());
            prop_assert_eq!(of(&passed, "x-forwarded-for"), ["192.0.2.7"]);
            // Everything else crosses, each value in its place.
            for name in ORDINARY.split_whitespace().filter(|name| !named.contains(name)) {
                prop_assert_eq!(of(&passed, name), values(request.headers(), name));
            }
        }
    }

    fn values(headers: &HeaderMap, name: &str) -> Vec<HeaderValue> {
        headers.get_all(name).cloned().collect()
    }
}
