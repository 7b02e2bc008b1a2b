//! Which `Host` a listener answers to.
//!
//! A browser sends the name that its page came from. On a loopback address only programs of this
//! machine are meant to be served, but a page whose name leads to 127.0.0.1 makes a browser one of
//! them: then the name is not ours. Elsewhere names are not known here, and any is answered to.

use super::{Code, Failure};
use crate::kernel::config::{AllowedHosts, ListenSettings};
use actix_web::dev::ServiceRequest;
use actix_web::http::header::HOST;
use actix_web::web;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

const MAX_NAME_BYTES: usize = 255;

/// The hosts of a listener; any, where `None`.
#[derive(Debug, Clone)]
pub struct OwnHosts(Option<AllowedHosts>);

impl OwnHosts {
    pub fn of(listen: &ListenSettings) -> OwnHosts {
        OwnHosts(listen.host.is_loopback().then(|| listen.allowed_hosts.clone()))
    }

    fn contain(&self, host: &str) -> bool {
        let Some(allowed) = &self.0 else {
            return true;
        };
        let mut name = Cow::Borrowed(host.strip_suffix('.').unwrap_or(host));
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            name.to_mut().make_ascii_lowercase();
        }
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
        let is_loopback =
            || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
        name == "localhost"
            || is_loopback()
            || name.ends_with(".localhost")
            || allowed.contains(bare)
    }
}

/// Says why a request is none for this listener.
///
/// # Errors
/// 421 for another host, 400 for a `Host` that is none.
pub(super) fn check_host(request: &ServiceRequest) -> Result<(), Failure> {
    // A target may name a host, too; neither hides behind the other. HTTP/1.0 knows none.
    let header = request.headers().get(HOST).map(|host| host.to_str().unwrap_or("?"));
    // Without a scheme, what looks like a host is a path that lacks its slash.
    let absolute = request.uri().scheme().and(request.uri().authority());
    let in_target = absolute.map(|authority| authority.as_str());
    let own = request.app_data::<web::Data<OwnHosts>>();
    for named in [header, in_target].into_iter().flatten() {
        let Some(host) = host_of(named) else {
            return Err(Failure::new(Code::BadRequest)
                .message("Host must be a name or an address, with or without a port"));
        };
        if !own.is_none_or(|own| own.contain(host)) {
            return Err(Failure::new(Code::MisdirectedRequest)
                .message("This listener does not answer to that Host (see ALLOWED_HOSTS)"));
        }
    }
    Ok(())
}

/// The host of `HOST[:PORT]`, where it is one (RFC 3986, section 3.2).
fn host_of(text: &str) -> Option<&str> {
    let end = if let Some(bracketed) = text.strip_prefix('[') {
        let (address, _) = bracketed.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        address.len() + "[]".len()
    } else {
        let end = text.find(':').unwrap_or(text.len());
        let is_name = end <= MAX_NAME_BYTES && text[..end].bytes().all(is_name_byte);
        is_name.then_some(end)?
    };
    let (host, port) = text.split_at(end);
    let is_port = match port.strip_prefix(':') {
        Some("") => true,
        Some(digits) => digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    is_port.then_some(host)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=%".contains(&byte)
}
