//! Whose bucket a request is counted in.

use super::forwarded;
use crate::kernel::config::TrustedProxies;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{FORWARDED, HeaderName, X_FORWARDED_FOR};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The bucket of the client. IPv6 clients own whole networks: all of a /64 share one.
pub(super) fn bucket(request: &ServiceRequest, trusted: &TrustedProxies) -> IpAddr {
    match client_address(request, trusted) {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The address of the client: the peer, or what trusted proxies say of it.
///
/// A proxy writes one of the two headers, and may pass on the other one as it came: then the client
/// could have written it. So where the two name different clients, neither is believed.
pub(super) fn client_address(request: &ServiceRequest, trusted: &TrustedProxies) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let peer = peer.to_canonical();
    if !trusted.contains(peer) {
        return peer;
    }
    let says = |name: HeaderName, read: fn(&[u8]) -> forwarded::Hops| {
        let lines: Vec<_> = request.headers().get_all(name).collect();
        // The last line is the nearest hop's.
        let hops = lines.iter().rev().flat_map(|line| read(line.as_bytes()).into_iter().rev());
        (!lines.is_empty()).then(|| nearest_stranger(peer, hops, trusted))
    };
    let (one, two) =
        (says(X_FORWARDED_FOR, forwarded::by_list), says(FORWARDED, forwarded::by_standard));
    match (one, two) {
        (None, None) => peer,
        (Some(client), None) | (None, Some(client)) => client,
        (Some(one), Some(two)) if one == two || trusted.contains(two) => one,
        (Some(one), Some(two)) if trusted.contains(one) => two,
        (Some(_), Some(_)) => peer,
    }
}

/// The first address that is no trusted proxy's, from the nearest hop on. What stands behind it, or
/// behind a hop that names no address, anyone can have written.
fn nearest_stranger(
    peer: IpAddr,
    hops: impl Iterator<Item = Option<IpAddr>>,
    trusted: &TrustedProxies,
) -> IpAddr {
    let mut client = peer;
    for hop in hops {
        let Some(address) = hop else {
            break;
        };
        client = address.to_canonical();
        if !trusted.contains(client) {
            break;
        }
    }
    client
}
