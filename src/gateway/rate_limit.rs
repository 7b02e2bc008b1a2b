//! The rate limit: a bucket for each client address, counted before anything else is looked at.

use crate::kernel::config::TrustedProxies;
use crate::kernel::http::Failure;
use actix_governor::governor::NotUntil;
use actix_governor::governor::clock::{Clock, DefaultClock, QuantaInstant};
use actix_governor::governor::middleware::StateInformationMiddleware;
use actix_governor::{Governor, GovernorConfig, GovernorConfigBuilder, KeyExtractor};
use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::middleware::Condition;
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
/// How often full buckets are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(10);

/// The buckets, shared by all workers.
#[derive(Clone)]
pub struct RateLimit {
    config: GovernorConfig<ClientAddress, StateInformationMiddleware>,
    is_on: bool,
}

impl RateLimit {
    /// Buckets of `per_minute` requests, refilled at `per_minute` a minute; `None`: no limit.
    pub fn new(per_minute: Option<NonZeroU32>, trusted: &TrustedProxies) -> RateLimit {
        let quota = per_minute.unwrap_or(NonZeroU32::MIN);
        let config = GovernorConfigBuilder::default()
            .period(Duration::from_secs(60) / quota.get())
            .burst_size(quota.get())
            .key_extractor(ClientAddress(Arc::new(trusted.clone())))
            .use_headers()
            .finish()
            .expect("neither the period nor the burst is zero");
        RateLimit { config, is_on: per_minute.is_some() }
    }

    /// No limit, for listeners of trusted callers.
    pub fn off() -> RateLimit {
        RateLimit::new(None, &TrustedProxies::default())
    }

    pub fn middleware(&self) -> Condition<Governor<ClientAddress, StateInformationMiddleware>> {
        Condition::new(self.is_on, Governor::new(&self.config))
    }

    /// Forgets clients whose buckets are full again, for as long as the process serves.
    pub async fn forget_idle_clients(self) {
        loop {
            tokio::time::sleep(FORGET_EVERY).await;
            self.config.limiter().retain_recent();
            self.config.limiter().shrink_to_fit();
        }
    }
}

/// Whose bucket a request is counted in.
#[derive(Clone)]
pub struct ClientAddress(Arc<TrustedProxies>);

impl KeyExtractor for ClientAddress {
    type Key = IpAddr;
    type KeyExtractionError = Failure;

    fn extract(&self, request: &ServiceRequest) -> Result<IpAddr, Failure> {
        Ok(bucket(client_address(request, &self.0)))
    }

    fn exceed_rate_limit_response(
        &self,
        negative: &NotUntil<QuantaInstant>,
        _: HttpResponseBuilder,
    ) -> HttpResponse {
        let wait = negative.wait_time_from(DefaultClock::default().now());
        // Rounded up: a client that comes back when told must not be refused again. And "retry in
        // 0 seconds" is no answer to a request that is refused, even where the wait has just ended.
        let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
        let limit = negative.quota().burst_size().get();
        Failure::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", "Too Many Requests")
            .showing_status()
            .message(format!("Rate limit exceeded, retry in {seconds} seconds"))
            .header(RETRY_AFTER, seconds.into())
            .header(X_RATELIMIT_LIMIT, limit.into())
            .header(X_RATELIMIT_REMAINING, HeaderValue::from_static("0"))
            .error_response()
    }
}

/// The address of the client: the peer, or behind trusted proxies the right-most address of
/// `X-Forwarded-For` that is not one of them. What stands further left, anyone can write.
pub fn client_address(request: &ServiceRequest, trusted: &TrustedProxies) -> IpAddr {
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

/// IPv6 clients own whole networks: all of a /64 share one bucket.
fn bucket(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}
