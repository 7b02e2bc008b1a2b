//! The rate limit: a bucket for each client address, counted before anything else is looked at.
//!
//! With Redis, all gateways share the buckets; without it, and while it is away, each process counts
//! for itself. There is never no limit, and Redis is never a reason for an error.

mod address;
mod forwarded;
mod local;
mod middleware;
mod shared;
mod verdict;

pub use middleware::LimitRate;

use crate::kernel::cache::CacheState;
use crate::kernel::config::TrustedProxies;
use crate::kernel::metrics::{Counter, Metrics};
use crate::kernel::redis::RedisLink;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use local::Local;
use shared::Shared;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use verdict::Verdict;

const X_RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
/// What actix-governor writes where it was told to let a request pass.
const X_RATELIMIT_WHITELISTED: HeaderName = HeaderName::from_static("x-ratelimit-whitelisted");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// How often full buckets are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(10);
/// What no client can use up: an orchestrator that is told 429 would kill a gateway for its load.
/// Whoever watches it wants to know most when it is asked for too much.
const UNCOUNTED: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// The buckets of one gateway; clones share them.
#[derive(Clone)]
pub struct RateLimit(Arc<Inner>);

struct Inner {
    per_minute: NonZeroU32,
    trusted: TrustedProxies,
    local: Local,
    shared: Option<Shared>,
    policy: HeaderValue,
    refused: Counter,
}

/// What is known of a request before actix-governor sees it.
#[derive(Debug, Clone, Copy)]
enum Ruling {
    /// Nobody counts it.
    Uncounted,
    /// It is counted in this process.
    Open {
        client: IpAddr,
    },
    /// As with a [`Verdict`].
    Admitted {
        left: u32,
    },
    Refused {
        wait: Duration,
    },
}

impl RateLimit {
    /// Buckets of `per_minute` requests, refilled at `per_minute` a minute, and shared through
    /// Redis where there is one.
    pub fn new(
        per_minute: NonZeroU32,
        trusted: &TrustedProxies,
        redis: Option<&RedisLink>,
        metrics: &Metrics,
    ) -> RateLimit {
        let policy = HeaderValue::from_str(&format!("\"default\";q={per_minute};w=60"));
        RateLimit(Arc::new(Inner {
            per_minute,
            trusted: trusted.clone(),
            local: Local::new(per_minute),
            shared: redis.map(|link| Shared::new(link.clone(), per_minute)),
            policy: policy.expect("digits in ASCII"),
            refused: metrics
                .counter("chronos_rate_limit_refused", "Requests above the limit of their client"),
        }))
    }

    async fn rule(&self, request: &ServiceRequest) -> Ruling {
        if UNCOUNTED.contains(&request.path()) {
            return Ruling::Uncounted;
        }
        let client = address::bucket(request, &self.0.trusted);
        let Some(shared) = &self.0.shared else {
            return Ruling::Open { client };
        };
        let left = match shared.count(client).await {
            None => {
                log::debug!("Redis is away: a request is counted in this process");
                return Ruling::Open { client };
            }
            Some(Verdict::Refused { wait }) => return Ruling::Refused { wait },
            Some(Verdict::Admitted { left }) => left,
        };
        // Counted here, too, so that no client gets a fresh bucket when Redis goes away. Nor when it
        // comes back, knowing nothing of what was counted here meanwhile.
        match self.0.local.count(client) {
            _ if shared.has_seen_a_whole_minute() => Ruling::Admitted { left },
            Verdict::Admitted { left: here } => Ruling::Admitted { left: left.min(here) },
            Verdict::Refused { wait } => Ruling::Refused { wait },
        }
    }

    fn write_headers(&self, headers: &mut HeaderMap, left: u32, next_in_seconds: u64) {
        let per_minute = self.0.per_minute.get();
        let now = HeaderValue::from_str(&format!("\"default\";r={left};t={next_in_seconds}"));
        headers.insert(X_RATELIMIT_LIMIT, per_minute.into());
        headers.insert(X_RATELIMIT_REMAINING, left.into());
        headers.insert(RATELIMIT_POLICY, self.0.policy.clone());
        headers.insert(RATELIMIT, now.expect("digits in ASCII"));
    }

    /// By when one request comes back, in seconds.
    fn interval_in_seconds(&self) -> u64 {
        u64::from(60_u32.div_ceil(self.0.per_minute.get()))
    }

    /// Forgets clients whose buckets are full again, for as long as the process serves.
    pub async fn forget_idle_clients(self) {
        loop {
            tokio::time::sleep(FORGET_EVERY).await;
            let remembered = self.0.local.forget_idle_clients();
            log::debug!("the rate limit remembers {remembered} clients");
        }
    }
}

/// The link to the Redis that gateways share, where there is one.
pub fn shared_link(cache: &CacheState) -> Option<&RedisLink> {
    match cache {
        CacheState::Redis(link) => Some(link),
        CacheState::InProcess(_) => None,
    }
}
