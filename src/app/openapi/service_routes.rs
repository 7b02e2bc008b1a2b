//! What every listener serves beside its modules.

use crate::app::probes::{LiveView, ReadyView};
use crate::kernel::http::Code;
use crate::kernel::openapi::{Answer, Listener, Route, choice};
use actix_web::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::path::HttpMethod;

pub(super) const TAG: (&str, &str) =
    ("service", "The service itself: whether it is there, and what it is");

/// The routes of a listener that are no module's.
pub(super) fn describe(listener: Listener) -> Vec<Route> {
    #[cfg_attr(not(feature = "gateway"), expect(unused_mut, reason = "the gateway adds to them"))]
    let mut routes = vec![
        index(),
        version_31(),
        version_30(),
        errors(),
        error(),
        live(),
        ready(listener),
        health(listener),
        metrics(listener),
    ];
    #[cfg(feature = "gateway")]
    if listener == Listener::Gateway {
        routes.push(crate::gateway::describe_token());
    }
    routes
}

fn get(path: &'static str, id: &'static str, summary: &'static str) -> Route {
    Route::public(HttpMethod::Get, path, id, summary)
}

fn index() -> Route {
    let example = json!({
        "name": "Chronos", "service": "gateway", "version": env!("CARGO_PKG_VERSION"),
        "openapi": "openapi.json", "docs": "docs/",
    });
    get("/", "getService", "What this is, and where its description is")
        .describe("A small page where a browser asks.")
        .answers(Answer::json::<ServiceView>(StatusCode::OK, "The service", example))
}

/// As `GET /` writes it.
#[derive(Serialize, ToSchema)]
#[schema(as = Service)]
pub(super) struct ServiceView {
    pub name: &'static str,
    pub service: &'static str,
    pub version: &'static str,
    /// Where the description is, relative to this answer.
    pub openapi: &'static str,
    /// Where Swagger UI is; `null` where the binary was built without it.
    #[schema(required = true)]
    pub docs: Option<&'static str>,
}

fn version_31() -> Route {
    get("/openapi.json", "getDescription", "This description, as OpenAPI 3.1")
        .answers(Answer::object("The description").header("ETag"))
        .answers(Answer::not_modified())
}

fn version_30() -> Route {
    get("/openapi-3.0.json", "getDescription30", "This description, as OpenAPI 3.0")
        .answers(Answer::object("The description").header("ETag"))
        .answers(Answer::not_modified())
}

fn errors() -> Route {
    get("/docs/errors", "getErrors", "What each code means, and what to do")
        .answers(Answer::text("The pages of all codes"))
}

fn error() -> Route {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    get("/docs/errors/{code}", "getError", "What a code means, and what to do")
        .describe("HTML where a browser asks. The `type` of a problem leads here.")
        .path("code", "The code", choice(&codes), "INSUFFICIENT_STOCK")
        .answers(Answer::text("The page of the code"))
        .fails(&[Code::NotFound])
}

fn live() -> Route {
    get("/livez", "getLiveness", "Whether the process answers").is_probe().answers(Answer::json::<
        LiveView,
    >(
        StatusCode::OK,
        "It does",
        status("ok"),
    ))
}

fn ready(listener: Listener) -> Route {
    let well = with_dependencies(status("ready"));
    let unwell = {
        let mut value = well.clone();
        value["status"] = "unavailable".into();
        value["database"] = "unavailable".into();
        value
    };
    let describe = match listener {
        Listener::Gateway => "A gateway apart from its services has no `database`.",
        Listener::Service => "Redis is reported and not required.",
    };
    get("/readyz", "getReadiness", "Whether requests should come here")
        .is_probe()
        .describe(describe)
        .answers(Answer::json::<ReadyView>(StatusCode::OK, "They should", well))
        .answers(
            Answer::json::<ReadyView>(StatusCode::SERVICE_UNAVAILABLE, "Not now", unwell)
                .header("Retry-After"),
        )
}

fn health(listener: Listener) -> Route {
    let route = get("/health", "getHealth", "How the service is, for people and dashboards");
    if listener == Listener::Gateway {
        return route.answers(Answer::json::<LiveView>(StatusCode::OK, "It is well", status("ok")));
    }
    let (well, mut unwell) =
        (with_dependencies(status("ok")), with_dependencies(status("unavailable")));
    unwell["database"] = "unavailable".into();
    route.answers(Answer::json::<ReadyView>(StatusCode::OK, "It is well", well)).answers(
        Answer::json::<ReadyView>(StatusCode::SERVICE_UNAVAILABLE, "It is not", unwell)
            .header("Retry-After"),
    )
}

fn metrics(listener: Listener) -> Route {
    let describe = match listener {
        Listener::Gateway => {
            "For whoever asks from the machine itself, or with the SERVICE_TOKEN: a token of a user \
             does not do."
        }
        Listener::Service => "With the SERVICE_TOKEN, where one is set.",
    };
    get("/metrics", "getMetrics", "What the process counts, for Prometheus")
        .is_probe()
        .describe(describe)
        .answers(Answer::text("The text format of Prometheus, 0.0.4"))
        .fails(&[Code::Unauthorized])
}

fn status(status: &str) -> Value {
    json!({ "status": status, "service": "gateway", "timestamp": "2026-11-26T12:00:00.000Z" })
}

fn with_dependencies(mut value: Value) -> Value {
    value["redis"] = "connected".into();
    value["database"] = "connected".into();
    value
}
