//! The buckets of this process, counted by actix-governor: all there is without Redis, and what takes
//! over while it is away.

use super::verdict::{Verdict, refusal};
use crate::kernel::http::Failure;
use actix_governor::governor::NotUntil;
use actix_governor::governor::clock::{Clock, DefaultClock, QuantaInstant};
use actix_governor::governor::middleware::StateInformationMiddleware;
use actix_governor::{
    Governor, GovernorConfig, GovernorConfigBuilder, GovernorMiddleware, KeyExtractor,
};
use actix_web::dev::ServiceRequest;
use actix_web::{HttpMessage, HttpResponse, HttpResponseBuilder};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::time::Duration;

/// The middleware that decides where nobody else has.
pub(super) type Decider<S> = GovernorMiddleware<S, ByBucket, StateInformationMiddleware>;

/// By which bucket a request is counted; left with the request by whoever looks at it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// By none: Redis has counted it already, or nobody does.
    Free,
    /// By that of this client.
    Of(IpAddr),
}

/// Takes the bucket of a request as it was left.
#[derive(Debug, Clone, Copy)]
pub struct ByBucket;

impl KeyExtractor for ByBucket {
    type Key = Bucket;
    type KeyExtractionError = Failure;

    fn extract(&self, request: &ServiceRequest) -> Result<Bucket, Failure> {
        let bucket = request.extensions().get::<Bucket>().copied();
        bucket.ok_or_else(|| Failure::internal().because("a request without a bucket"))
    }

    fn exceed_rate_limit_response(
        &self,
        not_until: &NotUntil<QuantaInstant>,
        _: HttpResponseBuilder,
    ) -> HttpResponse {
        refusal(wait(not_until))
    }

    fn whitelisted_keys(&self) -> Vec<Bucket> {
        vec![Bucket::Free]
    }
}

/// Clones share the buckets.
#[derive(Clone)]
pub(super) struct Local(GovernorConfig<ByBucket, StateInformationMiddleware>);

impl Local {
    pub(super) fn new(per_minute: NonZeroU32) -> Local {
        let config = GovernorConfigBuilder::const_default()
            .const_period(Duration::from_secs(60) / per_minute.get())
            .const_burst_size(per_minute.get())
            .key_extractor(ByBucket)
            .finish();
        Local(config.expect("a minute has more nanoseconds than the limit has requests"))
    }

    /// The middleware, for a worker.
    pub(super) fn governor(&self) -> Governor<ByBucket, StateInformationMiddleware> {
        Governor::new(&self.0)
    }

    /// Takes one request out of the bucket, if there is one.
    pub(super) fn count(&self, client: IpAddr) -> Verdict {
        match self.0.limiter().check_key(&Bucket::Of(client)) {
            Ok(state) => Verdict::Admitted { left: state.remaining_burst_capacity() },
            Err(not_until) => Verdict::Refused { wait: wait(&not_until) },
        }
    }

    /// Forgets the clients whose buckets are full again; says how many stay.
    pub(super) fn forget_idle_clients(&self) -> usize {
        let limiter = self.0.limiter();
        limiter.retain_recent();
        limiter.shrink_to_fit();
        limiter.len()
    }
}

/// A new one asks the processor what it can, which takes a virtual machine microseconds each time.
static CLOCK: LazyLock<DefaultClock> = LazyLock::new(DefaultClock::default);

fn wait(not_until: &NotUntil<QuantaInstant>) -> Duration {
    not_until.wait_time_from(CLOCK.now())
}
