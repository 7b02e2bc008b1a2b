//! The document of a listener: its routes, with what the listener itself adds to each.

use super::failures::{FAILURE, PROBLEM, failure, failure_schema, problem_schema};
use super::route::{Answer, Route};
use crate::kernel::http::Code;
use std::collections::BTreeMap;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{Object, ObjectBuilder};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, Info, LicenseBuilder, OpenApi, OpenApiBuilder, Paths, Ref,
    Required, ResponseBuilder, Type,
};

/// Whose document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    Gateway,
    Service,
}

/// What a gateway adds to each of its routes, and to those of the modules.
const OF_GATEWAY: [Code; 1] = [Code::RateLimited];
const OF_FORWARDING: [Code; 2] = [Code::UpstreamUnavailable, Code::UpstreamTimeout];

const SECURITY: &str = "token";

/// A document in the making.
pub struct Document {
    listener: Listener,
    title: String,
    routes: Vec<Route>,
    tags: Vec<(&'static str, &'static str)>,
}

impl Document {
    pub fn new(listener: Listener, title: String) -> Document {
        let tags = vec![("service", "The service itself: whether it is there, and what it is")];
        Document { listener, title, routes: Vec::new(), tags }
    }

    /// Adds routes under a heading.
    pub fn add(mut self, tag: (&'static str, &'static str), routes: Vec<Route>) -> Document {
        if !self.tags.iter().any(|(name, _)| *name == tag.0) {
            self.tags.push(tag);
        }
        self.routes.extend(routes);
        self
    }

    pub fn build(self) -> OpenApi {
        let mut components = ComponentsBuilder::new()
            .schema(FAILURE, failure_schema())
            .schema(PROBLEM, problem_schema());
        for (name, header) in headers() {
            components = components.header(name, header);
        }
        let scheme = Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(match self.listener {
                Listener::Gateway => {
                    "A token of `chronos token` or `POST /auth/token`: a JWT, HS256"
                }
                Listener::Service => "The SERVICE_TOKEN of the operator, where one is set",
            }))
            .build();
        components = components.security_scheme(SECURITY, SecurityScheme::Http(scheme));
        let mut paths = Paths::new();
        for route in self.routes {
            for (name, schema) in &route.schemas {
                components = components.schema(name.clone(), schema.clone());
            }
            let (path, method) = (route.path, route.method.clone());
            paths.add_path_operation(path, vec![method], operation(route, self.listener));
        }
        let tag = |(name, description): (&str, &str)| {
            TagBuilder::new().name(name).description(Some(description)).build()
        };
        let mut info = Info::new(self.title, env!("CARGO_PKG_VERSION").to_owned());
        info.description = Some(ABOUT.to_owned());
        info.license = Some(LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).build());
        OpenApiBuilder::new()
            .info(info)
            .paths(paths)
            .components(Some(components.build()))
            .tags(Some(self.tags.into_iter().map(tag)))
            .build()
    }
}

const ABOUT: &str = "The management backend of a luxury watch store.\n\nEvery failure has the shape \
    `Failure`: decide by its status and its `code`. Every answer has an `X-Request-Id`, which the \
    log has, too. A route that is listed with `get` answers `HEAD` as well. Members that are not \
    described here may be added to any answer.";

fn operation(route: Route, listener: Listener) -> Operation {
    let mut codes = route.codes;
    if listener == Listener::Gateway {
        codes.extend(OF_GATEWAY.iter().filter(|_| !route.is_probe));
        codes.extend(OF_FORWARDING.iter().filter(|_| route.is_guarded));
    }
    let has_key = route.parameters.iter().any(|parameter| parameter.name == "Idempotency-Key");
    let mut operation = OperationBuilder::new()
        .tag(route.tag)
        .operation_id(Some(route.id))
        .summary(Some(route.summary))
        .parameters(Some(route.parameters))
        .parameter(request_id_parameter());
    if !route.description.is_empty() {
        operation = operation.description(Some(route.description));
    }
    if let Some((schema, example)) = route.body {
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        let body = RequestBodyBuilder::new().required(Some(Required::True));
        operation = operation.request_body(Some(body.content("application/json", content).build()));
    }
    if route.is_guarded {
        let token = SecurityRequirement::new(SECURITY, Vec::<String>::new());
        operation = operation.security(token);
        if listener == Listener::Service {
            // Where no SERVICE_TOKEN is set, none is asked for.
            operation = operation.security(SecurityRequirement::default());
        }
    }
    for answer in route.answers {
        let status = answer.status.as_str().to_owned();
        operation = operation.response(status, success(answer, has_key));
    }
    for (status, codes) in by_status(codes) {
        operation = operation.response(status, failure(&codes));
    }
    operation.build()
}

fn by_status(codes: Vec<Code>) -> BTreeMap<String, Vec<Code>> {
    let mut all: BTreeMap<String, Vec<Code>> = BTreeMap::new();
    for code in codes {
        let of_status = all.entry(code.status().as_str().to_owned()).or_default();
        if !of_status.contains(&code) {
            of_status.push(code);
        }
    }
    all
}

fn success(answer: Answer, has_key: bool) -> utoipa::openapi::Response {
    let mut response = ResponseBuilder::new().description(answer.description);
    if let Some((content_type, schema, example)) = answer.content {
        let content = ContentBuilder::new().schema(Some(schema)).example(example).build();
        response = response.content(content_type, content);
    }
    let of_key = has_key.then_some("Idempotency-Replayed");
    for name in answer.headers.into_iter().chain(of_key).chain(["X-Request-Id"]) {
        response = response.header_ref(name, header(name));
    }
    response.build()
}

/// A header that the components of the document describe.
pub(super) fn header(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

fn headers() -> [(&'static str, Header); 7] {
    let described = |schema: Object, description: &str| {
        HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
    };
    let string = || Object::with_type(Type::String);
    let seconds = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0_usize)).build();
    [
        ("X-Request-Id", described(string(), "The name of this request in the log")),
        ("ETag", described(string(), "The version of what is answered")),
        ("Location", described(string(), "Where the new row is, relative to the request's URL")),
        (
            "Link",
            described(
                string(),
                "`rel=\"next\"`: the page behind this one, where there is one; with `sort`, also \
                 `prev` and `first`",
            ),
        ),
        ("Retry-After", described(seconds(), "In how many seconds to try again")),
        ("WWW-Authenticate", described(string(), "`Bearer`: a token is asked for")),
        (
            "Idempotency-Replayed",
            described(
                string(),
                "`true` where this is the answer to an earlier request of this key",
            ),
        ),
    ]
}

fn request_id_parameter() -> ParameterBuilder {
    ParameterBuilder::new()
        .name("X-Request-Id")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "A name for this request in the log; anything else than the pattern is replaced",
        ))
        .schema(Some(Object::with_type(Type::String)))
}
