//! `/docs/`: Swagger UI, from the binary. It loads nothing from anywhere else.

use crate::kernel::http::{Code, Failure};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION,
};
use actix_web::{HttpResponse, web};
use std::sync::Arc;
use utoipa_swagger_ui::Config;

/// Scripts and styles of this host alone; images may stand in the styles.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

pub(super) fn routes(config: &mut web::ServiceConfig) {
    // Relative: a proxy may show the listener below a prefix.
    let swagger = Config::from("../openapi.json")
        .try_it_out_enabled(true)
        // The validator of Swagger is another host.
        .validator_url("none")
        .use_base_layout();
    config
        .app_data(web::Data::new(swagger))
        .service(
            web::resource("/docs").route(web::get().to(to_docs)).route(web::head().to(to_docs)),
        )
        .service(
            web::resource("/docs/{file:[A-Za-z0-9._-]*}")
                .route(web::get().to(file))
                .route(web::head().to(file)),
        );
}

async fn to_docs() -> HttpResponse {
    let location = HeaderValue::from_static("docs/");
    HttpResponse::PermanentRedirect().insert_header((LOCATION, location)).finish()
}

async fn file(
    path: web::Path<String>,
    swagger: web::Data<Config<'static>>,
) -> Result<HttpResponse, Failure> {
    let swagger: Arc<Config<'static>> = swagger.into_inner();
    let served = utoipa_swagger_ui::serve(&path, swagger);
    let served = served.map_err(|error| Failure::internal().because(format!("/docs: {error}")))?;
    let file = served.ok_or_else(|| Failure::new(Code::NotFound))?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, file.content_type))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CACHE_CONTROL, REVALIDATED))
        .body(file.bytes.into_owned()))
}
