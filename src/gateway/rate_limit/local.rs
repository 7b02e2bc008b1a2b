//! The buckets of this process: all there is without Redis, and what takes over while it is away.

use super::Verdict;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

pub struct Local(DefaultKeyedRateLimiter<IpAddr, StateInformationMiddleware>);

impl Local {
    pub fn new(per_minute: NonZeroU32) -> Local {
        let refill = Quota::with_period(Duration::from_secs(60) / per_minute.get());
        let quota = refill.expect("a minute has more nanoseconds than the limit has requests");
        Local(RateLimiter::keyed(quota.allow_burst(per_minute)).with_middleware())
    }

    /// Takes one request out of the bucket, if there is one.
    pub fn count(&self, client: IpAddr) -> Verdict {
        match self.0.check_key(&client) {
            Ok(state) => Verdict::Admitted { left: state.remaining_burst_capacity() },
            Err(not_yet) => {
                Verdict::Refused { wait: not_yet.wait_time_from(DefaultClock::default().now()) }
            }
        }
    }

    /// Forgets the clients whose buckets are full again; says how many stay.
    pub fn forget_idle_clients(&self) -> usize {
        self.0.retain_recent();
        self.0.shrink_to_fit();
        self.0.len()
    }
}
