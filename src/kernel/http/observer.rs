//! What a worker of a listener knows of its requests, for the log.

use actix_web::HttpRequest;
use actix_web::dev::{ResourceMap, ServiceRequest};
use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

/// What a request is called whose path no route has.
pub const UNMATCHED: &str = "unmatched";

/// Registered by each worker of a listener, and used by the outermost middleware. Clones are the same.
#[derive(Clone, Default)]
pub struct Observer(Rc<Inner>);

#[derive(Default)]
struct Inner {
    slow_after: Option<Duration>,
    /// What actix knows of the routes, for the requests that are lost with their failure.
    routes: OnceCell<ResourceMap>,
}

impl Observer {
    /// One for which requests are slow that take so long; none is where that is `None`.
    pub fn new(slow_after: Option<Duration>) -> Observer {
        Observer(Rc::new(Inner { slow_after, routes: OnceCell::new() }))
    }

    /// The one of the worker that serves this request, which must not have been routed yet.
    pub(super) fn of(request: &ServiceRequest) -> Observer {
        let observer = request.app_data::<Observer>().cloned().unwrap_or_default();
        observer.0.routes.get_or_init(|| request.resource_map().clone());
        observer
    }

    pub(super) fn is_slow(&self, took: Duration) -> bool {
        self.0.slow_after.is_some_and(|limit| took >= limit)
    }

    /// The pattern of the route of a request that was answered: `/products/{id}`.
    pub(super) fn route_of(&self, request: &HttpRequest) -> String {
        request.match_pattern().unwrap_or_else(|| UNMATCHED.to_owned())
    }

    /// As [`Observer::route_of`], where only the path is left of it.
    pub(super) fn route_at(&self, path: &str) -> String {
        let pattern = self.0.routes.get().and_then(|routes| routes.match_pattern(path));
        pattern.unwrap_or_else(|| UNMATCHED.to_owned())
    }
}
