//! `GET /health` of the services.

use crate::kernel::cache::CacheState;
#[cfg(feature = "database")]
use crate::kernel::db::Db;
use crate::kernel::time;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, web};
use serde::Serialize;
use std::time::Duration;

/// How long a health check waits for the database.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a service reports about itself.
#[derive(Clone)]
pub struct Health {
    pub service: &'static str,
    #[cfg(feature = "database")]
    pub db: Db,
    pub cache: CacheState,
}

#[derive(Serialize)]
struct HealthView {
    status: &'static str,
    service: &'static str,
    timestamp: String,
    redis: &'static str,
    database: &'static str,
}

/// 200 with `status: ok`, or 503 with `status: unavailable` when the database is away. Redis is
/// reported and not required.
pub async fn health(health: web::Data<Health>) -> HttpResponse {
    #[cfg(feature = "database")]
    let database = health.db.is_available(PATIENCE).await;
    #[cfg(not(feature = "database"))]
    let database = false;
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
