//! `GET /metrics`, on every listener: what the process counts, whichever of its listeners is asked.

use super::listeners::Endpoint;
use super::shared::Configure;
use crate::kernel::auth::{require_operator, require_service_token};
use crate::kernel::metrics::{CONTENT_TYPE, Metrics};
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use std::sync::Arc;

/// The route, for a listener. A service guards it as its other routes; the world reaches a gateway.
pub(super) fn route(endpoint: Endpoint, metrics: &Metrics) -> Configure {
    let metrics = web::Data::new(metrics.clone());
    Arc::new(move |config| {
        let resource = web::resource("/metrics")
            .app_data(metrics.clone())
            .route(web::get().to(show))
            .route(web::head().to(show));
        match endpoint {
            Endpoint::Gateway => config.service(resource.wrap(from_fn(require_operator))),
            Endpoint::Module(_) => config.service(resource.wrap(from_fn(require_service_token))),
        };
    })
}

async fn show(metrics: web::Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok().content_type(CONTENT_TYPE).body(metrics.to_text().await)
}
