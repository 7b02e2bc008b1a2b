//! What is counted of the requests of a listener.

use crate::kernel::metrics::{Counter, EncodeLabelSet, Family, Histogram, Metrics};
use std::time::Duration;

/// Counts the requests of one listener; clones are the same.
#[derive(Clone)]
pub(super) struct RequestMetrics {
    listener: &'static str,
    requests: Family<OfAnswer, Counter>,
    durations: Family<OfRoute, Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAnswer {
    listener: &'static str,
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    listener: &'static str,
    method: &'static str,
    route: String,
}

impl RequestMetrics {
    pub(super) fn new(listener: &'static str, metrics: &Metrics) -> RequestMetrics {
        RequestMetrics {
            listener,
            requests: metrics.counters(
                "chronos_http_requests",
                "Answered requests, by listener, pattern of the route, method and status",
            ),
            durations: metrics.durations(
                "chronos_http_request_duration_seconds",
                "From the head of a request to the head of its answer",
            ),
        }
    }

    /// `route` is the pattern of a route, and never a path.
    pub(super) fn count(&self, method: &str, route: String, status: u16, took: Duration) {
        let (listener, method) = (self.listener, known_method(method));
        let of_answer = OfAnswer { listener, method, route, status };
        self.requests.get_or_create(&of_answer).inc();
        let of_route = OfRoute { listener, method, route: of_answer.route };
        self.durations.get_or_create(&of_route).observe(took.as_secs_f64());
    }
}

/// All methods that no route has are one: clients may make up as many as they like.
fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("other")
}
