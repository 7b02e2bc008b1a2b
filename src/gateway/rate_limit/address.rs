//! Whose bucket a request is counted in.

use crate::kernel::config::TrustedProxies;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderName, HeaderValue};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The bucket of the client. IPv6 clients own whole networks: all of a /64 share one.
pub fn bucket(request: &ServiceRequest, trusted: &TrustedProxies) -> IpAddr {
    match client_address(request, trusted) {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The address of the client: the peer, or behind trusted proxies the right-most address of
/// `X-Forwarded-For` that is not one of them. What stands further left, anyone can write.
fn client_address(request: &ServiceRequest, trusted: &TrustedProxies) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let mut client = peer.to_canonical();
    if !trusted.contains(client) {
        return client;
    }
    // Split before it is read as text: what a client sends in bytes that are none must not hide
    // what a proxy has added behind it.
    let values: Vec<&HeaderValue> = request.headers().get_all(X_FORWARDED_FOR).collect();
    let hops = values.iter().rev().flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    let address = |hop| std::str::from_utf8(hop).ok()?.trim().parse::<IpAddr>().ok();
    for hop in hops {
        let Some(address) = address(hop) else {
            break;
        };
        client = address.to_canonical();
        if !trusted.contains(client) {
            break;
        }
    }
    client
}
