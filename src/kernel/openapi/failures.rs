//! Failures in the description: one schema for all, and an example for each code.

use super::document::header;
use crate::kernel::error::Rule;
use crate::kernel::http::Code;
use serde_json::{Value, json};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::schema::{
    AdditionalProperties, AllOfBuilder, ArrayBuilder, Object, ObjectBuilder, Type,
};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder, Schema};

pub(super) const FAILURE: &str = "Failure";
pub(super) const PROBLEM: &str = "Problem";

/// The failures of one status, with an example for each of their codes.
pub(super) fn failure(codes: &[Code]) -> Response {
    let described: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.sentence())).collect();
    let examples = codes.iter().map(|code| {
        let value = json!({
            "success": false,
            "error": code.sentence(),
            "code": code.as_str(),
            "request_id": "915b721ef5b243f845e0a3225b21df38",
        });
        (code.as_str(), ExampleBuilder::new().value(Some(value)).build())
    });
    let as_json = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(FAILURE)))
        .examples_from_iter(examples)
        .build();
    let as_problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(PROBLEM))).build();
    let mut response = ResponseBuilder::new()
        .description(described.join("\n\n"))
        .content("application/json", as_json)
        .content("application/problem+json", as_problem)
        .header_ref("X-Request-Id", header("X-Request-Id"));
    let comes_back = [Code::ServiceUnavailable, Code::RateLimited, Code::IdempotencyKeyInUse];
    if codes.iter().any(|code| comes_back.contains(code)) {
        response = response.header_ref("Retry-After", header("Retry-After"));
    }
    if codes.contains(&Code::VersionMismatch) {
        response = response.header_ref("ETag", header("ETag"));
    }
    if codes.contains(&Code::Unauthorized) {
        response = response.header_ref("WWW-Authenticate", header("WWW-Authenticate"));
    }
    response.build()
}

/// As [`crate::kernel::http::Failure`] writes it.
pub(super) fn failure_schema() -> RefOr<Schema> {
    let code = text_of(Code::ALL.iter().map(|code| code.as_str()), "What went wrong, for programs");
    let never = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([false]));
    let details = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("More for programs, which depends on the code"))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("success", never)
        .property("error", text("A short sentence that belongs to the code"))
        .property("code", code)
        .property("message", text("What exactly is wrong, for people"))
        .property("details", details)
        .property("errors", ArrayBuilder::new().items(entry_schema()))
        .property("request_id", text("The X-Request-Id of the answer"))
        .property("statusCode", Object::with_type(Type::Integer))
        .required("success")
        .required("error")
        .required("code")
        .required("request_id")
        .into()
}

/// One of all the values that are wrong.
fn entry_schema() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("field", text("The member or parameter"))
        .property("code", text_of(Rule::ALL.iter().map(|rule| rule.as_str()), "The rule"))
        .property("detail", text("What is wrong with it, for people"))
        .required("field")
        .required("code")
        .required("detail")
}

/// The failure with the members of RFC 9457, for whoever accepts `application/problem+json`.
pub(super) fn problem_schema() -> RefOr<Schema> {
    let own = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("type", text("The page of the code, relative to this listener"))
        .property("title", text("The sentence of the code"))
        .property("status", Object::with_type(Type::Integer))
        .property("detail", text("What exactly is wrong"))
        .property("instance", text("The request"))
        .required("type")
        .required("title")
        .required("status");
    AllOfBuilder::new().item(Ref::from_schema_name(FAILURE)).item(own).into()
}

fn text(description: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description)).build()
}

fn text_of(values: impl Iterator<Item = &'static str>, description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(values.map(Value::from)))
        .description(Some(description))
        .build()
}
