//! `GET /health` of the services.

use super::shared::{Configure, Shared};
use crate::kernel::cache::CacheState;
use crate::kernel::db::Db;
use crate::kernel::time;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, web};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// How long a health check waits for the database.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(1);

/// What a service reports about itself.
#[derive(Clone)]
struct Health {
    service: &'static str,
    db: Db,
    cache: CacheState,
}

#[derive(Serialize)]
struct HealthView {
    status: &'static str,
    service: &'static str,
    timestamp: String,
    redis: &'static str,
    database: &'static str,
}

/// The route, for a service of this name.
pub(super) fn route(shared: &Shared, service: &'static str) -> Configure {
    let state = Health { service, db: shared.db.clone(), cache: shared.cache.clone() };
    Arc::new(move |config| {
        config.app_data(web::Data::new(state.clone())).service(
            web::resource("/health").route(web::get().to(health)).route(web::head().to(health)),
        );
    })
}

/// 200 with `status: ok`, or 503 with `status: unavailable` when the database is away. Redis is
/// reported and not required.
async fn health(health: web::Data<Health>) -> HttpResponse {
    let database = health.db.is_available(DATABASE_TIMEOUT).await;
    let view = HealthView {
        status: if database { "ok" } else { "unavailable" },
        service: health.service,
        timestamp: time::rfc3339(time::now()),
        redis: health.cache.as_str(),
        database: if database { "connected" } else { "unavailable" },
    };
    if database {
        return HttpResponse::Ok().json(view);
    }
    HttpResponse::ServiceUnavailable()
        .insert_header((RETRY_AFTER, HeaderValue::from_static("1")))
        .json(view)
}
