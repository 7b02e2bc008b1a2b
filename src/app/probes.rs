//! `/livez` and `/readyz`, on every listener: for whatever watches the process.

use super::shared::Configure;
use crate::kernel::cache::CacheState;
#[cfg(feature = "database")]
use crate::kernel::db::Db;
use crate::kernel::time;
use crate::net::Drain;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, web};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What a probe asks about.
#[derive(Clone)]
pub(super) struct Probes {
    pub drain: Drain,
    pub cache: CacheState,
    /// `None` in a process that has none.
    #[cfg(feature = "database")]
    pub database: Option<Db>,
}

#[derive(Clone)]
struct Probed {
    probes: Probes,
    service: &'static str,
}

/// As `/livez` answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Liveness)]
pub(super) struct LiveView {
    status: &'static str,
    service: &'static str,
    #[schema(format = DateTime)]
    timestamp: String,
}

/// As `/readyz` answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Readiness)]
pub(super) struct ReadyView {
    status: &'static str,
    service: &'static str,
    #[schema(format = DateTime)]
    timestamp: String,
    redis: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    database: Option<&'static str>,
}

impl Probes {
    /// The routes, for a listener of this name.
    pub(super) fn routes(&self, service: &'static str) -> Configure {
        let probed = Probed { probes: self.clone(), service };
        Arc::new(move |config| {
            config
                .app_data(web::Data::new(probed.clone()))
                .service(
                    web::resource("/livez").route(web::get().to(live)).route(web::head().to(live)),
                )
                .service(
                    web::resource("/readyz")
                        .route(web::get().to(ready))
                        .route(web::head().to(ready)),
                );
        })
    }

    /// How the database stands, and whether that is well.
    #[cfg(feature = "database")]
    async fn database(&self) -> (Option<&'static str>, bool) {
        use std::time::Duration;

        /// How long a probe waits for the database.
        const DATABASE_TIMEOUT: Duration = Duration::from_secs(1);
        match &self.database {
            None => (None, true),
            Some(db) if !db.is_migrated() => (Some("migrating"), false),
            Some(db) if db.is_available(DATABASE_TIMEOUT).await => (Some("connected"), true),
            Some(_) => (Some("unavailable"), false),
        }
    }

    #[cfg(not(feature = "database"))]
    async fn database(&self) -> (Option<&'static str>, bool) {
        (None, true)
    }
}

/// The process answers, and that is all. It asks nothing else, so that nothing else can make a
/// supervisor restart it.
async fn live(probed: web::Data<Probed>) -> HttpResponse {
    let timestamp = time::rfc3339(time::now());
    HttpResponse::Ok().json(LiveView { status: "ok", service: probed.service, timestamp })
}

/// Whether requests should come here: 503 while the database is away or not migrated yet, and from
/// the moment that the process is told to stop. Redis is reported and not required.
async fn ready(probed: web::Data<Probed>) -> HttpResponse {
    let Probed { probes, service } = &**probed;
    let (database, is_well) = probes.database().await;
    // Asked last: the answer must not be older than the signal.
    let status = match (probes.drain.has_begun(), is_well) {
        (true, _) => "draining",
        (false, true) => "ready",
        (false, false) => "unavailable",
    };
    let view = ReadyView {
        status,
        service,
        timestamp: time::rfc3339(time::now()),
        redis: probes.cache.as_str(),
        database,
    };
    if status == "ready" {
        return HttpResponse::Ok().json(view);
    }
    HttpResponse::ServiceUnavailable()
        .insert_header((RETRY_AFTER, HeaderValue::from_static("1")))
        .json(view)
}
