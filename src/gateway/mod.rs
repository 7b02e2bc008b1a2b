//! The public door: rate limit, then token, then the routes of the services. Owns no table.
//!
//! What stands behind `/products` and its like is handed in as a [`Mount`]: the module itself where the
//! process serves it, the [`proxy`] where another process does. Nothing else differs between the two.

mod auth;
mod error;
mod forwarding;
mod hs256;
mod metrics;
mod openapi;
mod proxy;
mod rate_limit;
mod refusal;
mod token;
mod upstream;

pub use hs256::install as install_hs256;
pub use metrics::observe_upstreams;
pub use openapi::describe_token;
pub use proxy::{Proxy, probe, proxy};
pub use rate_limit::{LimitRate, RateLimit, shared_link};
pub use refusal::RefusalLog;
pub use token::TokenKeys;
pub use upstream::Upstream;

use crate::kernel::time;
use actix_web::HttpResponse;
use actix_web::web;
use actix_web_httpauth::middleware::HttpAuthentication;
use serde::Serialize;
use std::cmp::Reverse;

/// Registers what is served below a scope.
pub type Mount = Box<dyn FnOnce(&mut web::ServiceConfig)>;

/// What the gateway puts its guards in front of, each below its prefix.
pub type Mounts = Vec<(&'static str, Mount)>;

/// Registers the gateway's routes, and where it is noted why a token is refused.
pub fn routes(
    config: &mut web::ServiceConfig,
    keys: &TokenKeys,
    refusals: &web::Data<RefusalLog>,
    mounts: Mounts,
) {
    config
        .app_data(web::Data::new(keys.clone()))
        .app_data(refusals.clone())
        .service(
            web::resource("/health").route(web::get().to(health)).route(web::head().to(health)),
        )
        .service(
            web::resource("/auth/token")
                .app_data(auth::body_limit(keys))
                .route(web::post().to(auth::issue_token)),
        );
    // actix takes the first scope that fits: the longer prefix must come before the shorter one.
    let mut mounts = mounts;
    mounts.sort_by_key(|(prefix, _)| Reverse(prefix.len()));
    for (prefix, mount) in mounts {
        let guard = HttpAuthentication::with_fn(auth::require_token);
        config.service(web::scope(prefix).wrap(guard).configure(mount));
    }
}

#[derive(Serialize)]
struct HealthView {
    status: &'static str,
    service: &'static str,
    timestamp: String,
}

async fn health() -> HttpResponse {
    let timestamp = time::rfc3339(time::now());
    HttpResponse::Ok().json(HealthView { status: "ok", service: "gateway", timestamp })
}
