//! What a listener tells of its requests: a line in the log for each, and what is counted of them.

use super::metrics::RequestMetrics;
use crate::kernel::metrics::Metrics;
use crate::kernel::telemetry::{Access, Answered, Current, RequestOrigin, log_access};
use actix_web::HttpRequest;
use actix_web::dev::{ResourceMap, ServiceRequest};
use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

/// What a request is called whose path no route has.
pub const UNMATCHED: &str = "unmatched";

/// Observes the requests of a listener; clones are the same.
#[derive(Clone)]
pub struct RequestObserver {
    slow_after: Option<Duration>,
    metrics: RequestMetrics,
}

impl RequestObserver {
    /// One for the listener of this name. Requests are slow that take so long; none is where that is
    /// `None`.
    pub fn new(
        listener: &'static str,
        slow_after: Option<Duration>,
        metrics: &Metrics,
    ) -> RequestObserver {
        RequestObserver { slow_after, metrics: RequestMetrics::new(listener, metrics) }
    }

    /// Tells of a request whose route has this pattern.
    pub fn answered(
        &self,
        request: &Answered<'_>,
        route: String,
        origin: &RequestOrigin,
        current: &Current,
    ) {
        let is_slow = self.slow_after.is_some_and(|limit| request.took >= limit);
        log_access(&Access { request, route: &route, is_slow }, origin, current);
        self.metrics.count(request.method, route, request.status, request.took);
    }
}

/// The observer of a worker, for the outermost middleware: it also knows the routes. Clones are the
/// same.
#[derive(Clone)]
pub struct Observer(Rc<Inner>);

struct Inner {
    requests: RequestObserver,
    /// What actix knows of the routes, for the requests that are lost with their failure.
    routes: OnceCell<ResourceMap>,
}

impl Observer {
    /// To be registered by each worker of a listener.
    pub fn new(requests: RequestObserver) -> Observer {
        Observer(Rc::new(Inner { requests, routes: OnceCell::new() }))
    }

    /// The one of the worker that serves this request, which must not have been routed yet.
    pub(super) fn of(request: &ServiceRequest) -> Option<Observer> {
        let observer = request.app_data::<Observer>()?.clone();
        observer.0.routes.get_or_init(|| request.resource_map().clone());
        Some(observer)
    }

    /// Tells of an answer, by its request where there is one still.
    pub(super) fn answered(
        &self,
        answered: &Answered<'_>,
        request: Option<&HttpRequest>,
        origin: &RequestOrigin,
        current: &Current,
    ) {
        let route = match request {
            Some(request) => request.match_pattern(),
            None => self.0.routes.get().and_then(|routes| routes.match_pattern(answered.path)),
        };
        let route = route.unwrap_or_else(|| UNMATCHED.to_owned());
        self.0.requests.answered(answered, route, origin, current);
    }
}
