//! What a listener shows of itself to anybody: its description, and where that is.

use super::described::{Described, Tagged};
use super::service_routes::ServiceView;
use crate::app::listeners::Endpoint;
use crate::app::modules::Module;
use crate::app::shared::Configure;
use actix_web::http::header::{
    self, ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, ETag, HeaderValue,
    IfNoneMatch, VARY,
};
use actix_web::{HttpRequest, HttpResponse, web};
use std::sync::Arc;

/// Held for as long as nobody has asked whether it changed.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");
/// A page of ours loads nothing but its own style.
const OF_PAGES: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'",
);
const ICON: &str = include_str!("icon.svg");
const ROBOTS: &str = "User-agent: *\nDisallow: /\n";

/// The routes, for a listener that serves these modules.
pub(crate) fn routes(endpoint: Endpoint, modules: &[&'static Module]) -> Configure {
    let described = Described::new(endpoint, modules);
    Arc::new(move |config| {
        config.app_data(web::Data::new(described.clone()));
        get(config, "/", web::get().to(index), web::head().to(index));
        get(config, "/openapi.json", web::get().to(version_31), web::head().to(version_31));
        get(config, "/openapi-3.0.json", web::get().to(version_30), web::head().to(version_30));
        get(config, "/favicon.ico", web::get().to(icon), web::head().to(icon));
        get(config, "/robots.txt", web::get().to(robots), web::head().to(robots));
        #[cfg(feature = "swagger")]
        super::swagger::routes(config);
    })
}

fn get(config: &mut web::ServiceConfig, path: &str, get: actix_web::Route, head: actix_web::Route) {
    config.service(web::resource(path).route(get).route(head));
}

async fn version_31(
    described: web::Data<Described>,
    known: web::Header<IfNoneMatch>,
) -> HttpResponse {
    answer(described.version_31(), &known)
}

async fn version_30(
    described: web::Data<Described>,
    known: web::Header<IfNoneMatch>,
) -> HttpResponse {
    answer(described.version_30(), &known)
}

fn answer(document: &Tagged, known: &IfNoneMatch) -> HttpResponse {
    let is_known = match known {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|tag| tag.weak_eq(&document.tag)),
    };
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(ETag(document.tag.clone())).insert_header((CACHE_CONTROL, REVALIDATED));
    if is_known {
        return response.finish();
    }
    response.insert_header(ContentType::json()).body(document.bytes.clone())
}

/// What this is: a page for a browser, JSON for anything else.
async fn index(request: HttpRequest, described: web::Data<Described>) -> HttpResponse {
    let service = described.endpoint.service();
    let version = env!("CARGO_PKG_VERSION");
    let mut response = HttpResponse::Ok();
    response.insert_header((VARY, ACCEPT.as_str()));
    if !wants_a_page(&request) {
        let docs = cfg!(feature = "swagger").then_some("docs/");
        let openapi = "openapi.json";
        return response.json(ServiceView { name: "Chronos", service, version, openapi, docs });
    }
    let docs = if cfg!(feature = "swagger") { DOCS_LINK } else { "" };
    response
        .insert_header(ContentType::html())
        .insert_header((CONTENT_SECURITY_POLICY, OF_PAGES))
        .body(
            PAGE.replace("{service}", service)
                .replace("{version}", version)
                .replace("{docs}", docs),
        )
}

fn wants_a_page(request: &HttpRequest) -> bool {
    use header::{Accept, Header};
    let Ok(accepted) = Accept::parse(request) else {
        return false;
    };
    let ranked = accepted.ranked();
    let first = ranked.iter().find(|range| {
        let range = range.essence_str();
        ["text/html", "application/xhtml+xml", "application/json", "*/*"].contains(&range)
    });
    first.is_some_and(|range| range.essence_str().contains("html"))
}

const DOCS_LINK: &str = r#"<li><a href="docs/">The API, to read and to try</a></li>"#;
const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Chronos</title>
<link rel="icon" href="favicon.ico" type="image/svg+xml">
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }</style>
</head>
<body>
<h1>Chronos</h1>
<p>The management backend of a luxury watch store: <code>{service}</code>, version {version}.</p>
<ul>
{docs}
<li><a href="openapi.json">Its description</a>, OpenAPI 3.1, and <a href="openapi-3.0.json">as 3.0</a></li>
<li><a href="readyz">Whether it is ready</a></li>
</ul>
</body>
</html>
"#;

async fn icon() -> HttpResponse {
    let svg = HeaderValue::from_static("image/svg+xml");
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, svg)).body(ICON)
}

async fn robots() -> HttpResponse {
    HttpResponse::Ok().insert_header(ContentType::plaintext()).body(ROBOTS)
}
