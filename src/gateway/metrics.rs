//! What is told of the services behind the gateway.

use super::upstream::{Fault, Upstream};
use crate::kernel::metrics::{
    Collector, Counter, DescriptorEncoder, EncodeLabelSet, Family, Levels, Metrics,
};
use std::fmt;

/// What became of a request that was to be forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The service answered, whatever it said.
    Answered,
    Failed(Fault),
    /// The breaker is open.
    NotAsked,
    /// As many as may wait for the service do.
    TooMany,
}

impl Outcome {
    const ALL: [Outcome; 5] = [
        Outcome::Answered,
        Outcome::Failed(Fault::Gone),
        Outcome::Failed(Fault::Slow),
        Outcome::NotAsked,
        Outcome::TooMany,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::Failed(Fault::Gone) => "gone",
            Outcome::Failed(Fault::Slow) => "slow",
            Outcome::NotAsked => "not_asked",
            Outcome::TooMany => "too_many",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    upstream: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfUpstream {
    upstream: &'static str,
}

/// Counts what becomes of the requests for one service.
#[derive(Clone)]
pub(super) struct UpstreamMetrics {
    upstream: &'static str,
    requests: Family<OfOutcome, Counter>,
}

impl UpstreamMetrics {
    pub(super) fn new(upstream: &'static str, metrics: &Metrics) -> UpstreamMetrics {
        let requests = metrics.counters(
            "chronos_upstream_requests",
            "Requests for a service in another process: answered, gone (it could not be reached, or \
             broke off), slow, not_asked (its breaker is open), too_many (they wait for it)",
        );
        let counts = UpstreamMetrics { upstream, requests };
        for outcome in Outcome::ALL {
            // Each is there before it occurs, so that its first time shows as an increase.
            let _zero = counts.requests.get_or_create_owned(&counts.of(outcome));
        }
        counts
    }

    pub(super) fn count(&self, outcome: Outcome) {
        self.requests.get_or_create(&self.of(outcome)).inc();
    }

    fn of(&self, outcome: Outcome) -> OfOutcome {
        OfOutcome { upstream: self.upstream, result: outcome.as_str() }
    }
}

/// Has `metrics` tell how these services are asked.
pub fn observe_upstreams(metrics: &Metrics, upstreams: Vec<Upstream>) {
    if !upstreams.is_empty() {
        metrics.collect(Upstreams(upstreams));
    }
}

struct Upstreams(Vec<Upstream>);

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upstreams")
    }
}

impl Collector for Upstreams {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut levels = Levels::of(encoder);
        let of = |upstream: &Upstream| OfUpstream { upstream: upstream.name() };
        levels.gauges(
            "chronos_upstream_breaker_open",
            "1 while a service is not asked before it answers a probe",
            self.0.iter().map(|upstream| (of(upstream), u32::from(upstream.is_open()))),
        )?;
        levels.gauges(
            "chronos_upstream_requests_in_flight",
            "Requests that a service has not answered yet",
            self.0.iter().map(|upstream| (of(upstream), upstream.in_flight())),
        )
    }
}
