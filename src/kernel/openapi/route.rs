//! One route, as a slice describes it.

use super::parameters::{any_text, choice, members, whole};
use crate::kernel::http::{Code, ListView};
use crate::kernel::page::{Counting, Pagination, Placed, SortKey};
use actix_web::http::StatusCode;
use serde_json::Value;
use utoipa::openapi::path::{HttpMethod, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr, Required};
use utoipa::{PartialSchema, ToSchema};

/// What every route may answer, before anything of it was looked at.
const ALWAYS: [Code; 6] = [
    Code::BadRequest,
    Code::RequestTimeout,
    Code::UriTooLong,
    Code::MisdirectedRequest,
    Code::HeadersTooLarge,
    Code::InternalError,
];
/// What a route of a module may answer, in addition.
const OF_MODULES: [Code; 3] =
    [Code::Unauthorized, Code::ValidationFailed, Code::ServiceUnavailable];
const WITH_BODY: [Code; 3] = [Code::InvalidBody, Code::PayloadTooLarge, Code::UnsupportedMediaType];
const WITH_KEY: [Code; 2] = [Code::IdempotencyKeyInUse, Code::IdempotencyKeyReused];
const LAST_PAGE: i64 = 1_000;

/// A route and all that it takes and answers.
pub struct Route {
    pub(super) method: HttpMethod,
    pub(super) path: &'static str,
    /// The name of the operation in clients that are made from the document.
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<(RefOr<Schema>, Value)>,
    pub(super) answers: Vec<Answer>,
    pub(super) codes: Vec<Code>,
    /// Whether a token is asked for.
    pub(super) is_guarded: bool,
    /// Whether it is for what watches the process, and counts for no limit.
    pub(super) is_probe: bool,
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
}

/// A success.
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) description: &'static str,
    /// The content type, its schema and an example; `None` where there is no body.
    pub(super) content: Option<(&'static str, RefOr<Schema>, Option<Value>)>,
    /// Names of headers that the components of the document describe.
    pub(super) headers: Vec<&'static str>,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Answer {
    /// JSON, by the type of `wire` that makes it, and as the store of the examples answers it.
    pub fn json<T: ToSchema>(
        status: StatusCode,
        description: &'static str,
        example: Value,
    ) -> Answer {
        let (schema, schemas) = named::<T>();
        let content = Some(("application/json", schema, Some(example)));
        Answer { status, description, content, headers: Vec::new(), schemas }
    }

    /// As [`Answer::json`], where an example would have to be made first.
    pub fn of<T: ToSchema>(status: StatusCode, description: &'static str) -> Answer {
        let (schema, schemas) = named::<T>();
        let content = Some(("application/json", schema, None));
        Answer { status, description, content, headers: Vec::new(), schemas }
    }

    /// A page of a list: rows, and what is said of the page.
    pub fn page<V: ListView, Row: ToSchema>(
        name: &'static str,
        description: &'static str,
        example: Value,
    ) -> Answer {
        let (row, mut schemas) = named::<Row>();
        let (part_name, part) = part_of::<V, Row>();
        let part_ref = Ref::from_schema_name(part_name.as_str());
        schemas.push((part_name, part));
        let row = AnyOfBuilder::new().item(row).item(part_ref).into();
        schemas.push((name.to_owned(), page_schema(row, V::SHOWS_COUNT)));
        schemas.push((Pagination::name().into_owned(), Pagination::schema()));
        let content = Some(("application/json", Ref::from_schema_name(name).into(), Some(example)));
        let answer =
            Answer { status: StatusCode::OK, description, content, headers: Vec::new(), schemas };
        answer.header("Link")
    }

    /// A JSON object of any members.
    pub fn object(description: &'static str) -> Answer {
        let schema = RefOr::T(Object::with_type(Type::Object).into());
        Answer {
            content: Some(("application/json", schema, None)),
            ..Answer::empty(StatusCode::OK, description)
        }
    }

    /// Plain text.
    pub fn text(description: &'static str) -> Answer {
        let schema = RefOr::T(Object::with_type(Type::String).into());
        let content = Some(("text/plain", schema, None));
        Answer { content, ..Answer::empty(StatusCode::OK, description) }
    }

    /// Lines of cells with commas between them.
    pub fn csv(description: &'static str) -> Answer {
        let schema = RefOr::T(Object::with_type(Type::String).into());
        let content = Some(("text/csv", schema, None));
        Answer { content, ..Answer::empty(StatusCode::OK, description) }
    }

    /// The client has it already.
    pub fn not_modified() -> Answer {
        Answer::empty(StatusCode::NOT_MODIFIED, "As the client has it").header("ETag")
    }

    fn empty(status: StatusCode, description: &'static str) -> Answer {
        Answer { status, description, content: None, headers: Vec::new(), schemas: Vec::new() }
    }

    /// Names a header of the answer that the components describe.
    pub fn header(mut self, name: &'static str) -> Answer {
        self.headers.push(name);
        self
    }
}

impl Route {
    /// A route that anybody may ask.
    pub fn public(
        method: HttpMethod,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Route {
        Route {
            method,
            path,
            id,
            tag: "service",
            summary,
            description: "",
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            codes: ALWAYS.to_vec(),
            is_guarded: false,
            is_probe: false,
            schemas: Vec::new(),
        }
    }

    /// A route of a module, behind its guard.
    pub fn guarded(
        tag: &'static str,
        method: HttpMethod,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Route {
        let route = Route::public(method, path, id, summary).fails(&OF_MODULES);
        Route { tag, is_guarded: true, ..route }
    }

    /// No limit counts it.
    pub fn is_probe(mut self) -> Route {
        self.is_probe = true;
        self
    }

    pub fn describe(mut self, description: &'static str) -> Route {
        self.description = description;
        self
    }

    /// An id in the path.
    pub fn path_id(self, name: &'static str, description: &'static str, example: &str) -> Route {
        self.path(name, description, super::id(), example).fails(&[Code::InvalidPath])
    }

    /// A part of the path.
    pub fn path(
        self,
        name: &'static str,
        description: &'static str,
        schema: Object,
        example: &str,
    ) -> Route {
        let parameter = parameter(name, ParameterIn::Path, description, schema)
            .required(Required::True)
            .example(Some(example.into()))
            .build();
        self.parameter(parameter)
    }

    pub fn query(self, name: &'static str, description: &'static str, schema: Object) -> Route {
        self.parameter(parameter(name, ParameterIn::Query, description, schema).build())
    }

    /// Gives the parameter of this name the value that the example of the answer was asked for with.
    pub fn asked_with(mut self, name: &str, example: impl Into<Value>) -> Route {
        let place = self.parameters.iter().position(|parameter| parameter.name == name);
        debug_assert!(place.is_some(), "{} has no {name}", self.id);
        if let Some(place) = place {
            let parameter = ParameterBuilder::from(self.parameters.remove(place));
            self.parameters.insert(place, parameter.example(Some(example.into())).build());
        }
        self
    }

    /// What every list takes. It comes after what the list itself takes, which is checked here.
    pub fn list<V: ListView>(self) -> Route {
        let in_query = |parameter: &&Parameter| parameter.parameter_in == ParameterIn::Query;
        let described = self.parameters.iter().filter(in_query).map(|parameter| &parameter.name);
        debug_assert!(described.eq(V::FILTERS), "{}: its filters are {:?}", self.id, V::FILTERS);
        self.query(
            "limit",
            "How many rows a page has at most",
            whole(1, LAST_PAGE, V::DEFAULT_LIMIT),
        )
        .query("offset", "How many rows are left out before the page", whole(0, i64::MAX, 0))
        .query("sort", "By what the rows are ordered; with `-`, the highest first", order::<V>())
        .query(
            "after",
            "The place behind which the page begins: from the `Link` of the page before",
            any_text(),
        )
        .query(
            "before",
            "The place in front of which the page ends: from the `Link` of the page behind",
            any_text(),
        )
        .query(
            "fields",
            "Only these members of each row, with commas between them",
            members(V::MEMBERS),
        )
        .count::<V>()
        .fails(&[Code::CursorMismatch])
    }

    fn count<V: ListView>(self) -> Route {
        if !V::HAS_TOTAL {
            return self;
        }
        let description = "How `total` is found: by counting, by counting up to 10000 and estimating what \
                           is more, or not at all";
        self.query("count", description, choice(&Counting::NAMES))
    }

    /// A change of money or stock: it must come with a key.
    pub fn keyed_change(self) -> Route {
        self.change_with(Required::True).fails(&[Code::IdempotencyKeyRequired])
    }

    /// A change: its client may send it again under one key, and it takes effect once.
    pub fn change(self) -> Route {
        self.change_with(Required::False)
    }

    fn change_with(self, required: Required) -> Route {
        let description = "A name that the client gives this request: sent again with it within 24 \
                           hours, the request is answered as before and takes effect once";
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[\\x21-\\x7e]{1,255}$"))
            .build();
        let key = parameter("Idempotency-Key", ParameterIn::Header, description, schema);
        let key = key.required(required).build();
        self.parameter(key).fails(&WITH_KEY)
    }

    /// What has tags of its own: a request may say which of them it is meant for.
    pub fn conditional(self) -> Route {
        let only = "Only where one of these tags is right; `*`: where there is anything";
        let unless = "Only where none of these tags is right; a read is 304 else";
        self.parameter(parameter("If-Match", ParameterIn::Header, only, tags()).build())
            .parameter(parameter("If-None-Match", ParameterIn::Header, unless, tags()).build())
            .fails(&[Code::VersionMismatch])
    }

    /// The body, by the type of `wire` that reads it.
    pub fn body<T: ToSchema>(mut self, example: Value) -> Route {
        let (schema, schemas) = named::<T>();
        self.body = Some((schema, example));
        self.schemas.extend(schemas);
        self.fails(&WITH_BODY)
    }

    pub fn answers(mut self, answer: Answer) -> Route {
        self.schemas.extend(answer.schemas.iter().cloned());
        self.answers.push(answer);
        self
    }

    pub fn fails(mut self, codes: &[Code]) -> Route {
        self.codes.extend_from_slice(codes);
        self
    }

    fn parameter(mut self, parameter: Parameter) -> Route {
        self.parameters.push(parameter);
        self
    }
}

/// The orders of a list.
fn order<V: ListView>() -> Object {
    let keys = <V::Row as Placed>::Key::KEYS.iter();
    let orders = keys.flat_map(|(name, ..)| [(*name).to_owned(), format!("-{name}")]);
    let orders: Vec<String> = orders.collect();
    choice(&orders.iter().map(String::as_str).collect::<Vec<_>>())
}

/// `*`, or a list of tags: as [`crate::kernel::http::Conditions`] reads it.
fn tags() -> Object {
    let tag = r#"(W/)?"[\x21\x23-\x7e\x80-\xff]*""#;
    let pattern = format!("^([ \\t]*\\*[ \\t]*|[ \\t,]*{tag}([ \\t]*,[ \\t,]*{tag})*[ \\t,]*)$");
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build()
}

fn parameter(
    name: &'static str,
    place: ParameterIn,
    description: &'static str,
    schema: Object,
) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
}

/// The schema of a row with some of its members, as `fields` picks them.
fn part_of<V: ListView, Row: ToSchema>() -> (String, RefOr<Schema>) {
    let mut part = Row::schema();
    if let RefOr::T(Schema::Object(row)) = &mut part {
        row.required.clear();
        debug_assert!(V::MEMBERS.iter().all(|name| row.properties.contains_key(*name)));
        row.properties.retain(|name, _| V::MEMBERS.contains(&name.as_str()));
    }
    (format!("{}Members", Row::name()), part)
}

/// As [`crate::kernel::http::answer_list`] writes it.
fn page_schema(row: RefOr<Schema>, shows_count: bool) -> RefOr<Schema> {
    let whole = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0_usize)).build();
    let mut page = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("success", Object::with_type(Type::Boolean))
        .property("data", ArrayBuilder::new().items(row))
        .required("success")
        .required("data");
    if shows_count {
        page = page.property("count", whole()).required("count");
    }
    page.property("pagination", Ref::from_schema_name(Pagination::name())).into()
}

/// A reference to the schema of a type, and it with those that it refers to.
fn named<T: ToSchema>() -> (RefOr<Schema>, Vec<(String, RefOr<Schema>)>) {
    let mut schemas = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    (Ref::from_schema_name(T::name()).into(), schemas)
}
