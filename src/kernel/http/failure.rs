//! The one shape of a failure, from whichever layer it comes.

use super::Code;
use super::conditions::header_of;
use super::error_format::{ErrorFormat, JSON, PROBLEM_JSON, Recipient};
use super::error_pages::page_of;
use crate::kernel::error::Invalid;
use crate::kernel::precondition::VersionMismatch;
use crate::kernel::problems::Problems;
use crate::kernel::wire::BadBody;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt;

/// A failure on its way to the client. As an error of actix it has no body yet: the outermost
/// middleware writes it, since only that knows the request's identity.
#[derive(Debug, Clone)]
pub struct Failure(Box<Content>);

/// Boxed, so that a `Result` with a failure stays as small as its success.
#[derive(Debug, Clone)]
struct Content {
    status: StatusCode,
    code: Code,
    error: &'static str,
    message: Option<Cow<'static, str>>,
    details: Option<Value>,
    problems: Problems,
    shows_status: bool,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Cow<'static, str>>,
    dependency: Option<&'static str>,
}

impl Failure {
    /// The failure that a code stands for, with its status and its sentence.
    pub fn new(code: Code) -> Self {
        Failure(Box::new(Content {
            status: code.status(),
            code,
            error: code.sentence(),
            message: None,
            details: None,
            problems: Problems::default(),
            shows_status: false,
            headers: Vec::new(),
            cause: None,
            dependency: None,
        }))
    }

    /// The failure that a bare status stands for, as actix's own layers answer.
    fn of_status(status: StatusCode) -> Self {
        let code = Code::of_status(status);
        let mut failure = Failure::new(code);
        failure.0.status = status;
        match code {
            // A service that is away says so itself, and when to come back; another server did not.
            Code::ServiceUnavailable => failure.error("Service Unavailable"),
            Code::RequestRefused => {
                failure.error(status.canonical_reason().unwrap_or(code.sentence()))
            }
            _ => failure,
        }
    }

    /// Replaces the sentence of the code.
    pub fn error(mut self, sentence: &'static str) -> Self {
        self.0.error = sentence;
        self
    }

    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = Some(message.into());
        self
    }

    pub fn details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    /// The values that are to blame, each of which is told in `errors`.
    pub fn problems(mut self, problems: Problems) -> Self {
        self.0.problems = problems;
        self
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// What the log says of it; the client never sees this.
    pub fn because(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Names what is away, or too slow, for the log.
    pub fn of_dependency(mut self, name: &'static str) -> Self {
        self.0.dependency = Some(name);
        self
    }

    pub fn dependency(&self) -> Option<&'static str> {
        self.0.dependency
    }

    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// Repeats the status in the body, as `statusCode`.
    pub fn showing_status(mut self) -> Self {
        self.0.shows_status = true;
        self
    }

    /// A body above the bound of all listeners.
    pub fn body_too_large() -> Self {
        Failure::new(Code::PayloadTooLarge).message("A body may have at most 1 MiB")
    }

    /// A body that ended before its declared length, or whose chunks are not well-formed.
    pub fn broken_body() -> Self {
        Failure::new(Code::BadRequest).message("The body ended early or is not well-formed")
    }

    /// A body that a client takes too long to send.
    pub fn slow_body() -> Self {
        Failure::new(Code::RequestTimeout).message("The body of the request took too long")
    }

    /// A dependency is away: says when to come back, and nothing of what it is.
    pub fn unavailable() -> Self {
        Failure::new(Code::ServiceUnavailable).header(RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// A bug. The cause is in the log, under the request's identity.
    pub fn internal() -> Self {
        Failure::new(Code::InternalError)
    }

    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The whole answer, as its recipient wants it.
    pub fn to_response(&self, recipient: &Recipient<'_>) -> HttpResponse {
        let status = self.0.status.as_u16();
        let is_problem = recipient.format == ErrorFormat::Problem;
        let problem = is_problem.then(|| ProblemMembers {
            kind: page_of(self.0.code),
            title: self.0.code.sentence(),
            status,
            detail: self.0.message.as_deref().unwrap_or(self.0.error),
            instance: recipient.instance(),
        });
        let errors = self.0.problems.iter().map(|invalid| ErrorView {
            field: &invalid.field,
            code: invalid.rule.as_str(),
            detail: &invalid.reason,
        });
        let envelope = Envelope {
            problem,
            success: false,
            status_code: self.0.shows_status.then_some(status),
            error: self.0.error,
            code: self.0.code.as_str(),
            message: self.0.message.as_deref(),
            details: self.0.details.as_ref(),
            errors: errors.collect(),
            request_id: recipient.request_id.as_str(),
        };
        let mut response = HttpResponse::build(self.0.status)
            .insert_header((CONTENT_TYPE, recipient.format.content_type()))
            .json(envelope);
        for (name, value) in &self.0.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response
    }

    /// What a response without a proper body stands for, or `None` when it is fine as it is.
    pub fn behind(
        response: &HttpResponse<impl actix_web::body::MessageBody>,
        format: ErrorFormat,
    ) -> Option<Failure> {
        if let Some(failure) = response.extensions().get::<Failure>() {
            return Some(failure.clone());
        }
        let is_error = response.status().is_client_error() || response.status().is_server_error();
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_understood = kind.is_some_and(|kind| {
            kind.starts_with(JSON)
                || (format == ErrorFormat::Problem && kind.starts_with(PROBLEM_JSON))
        });
        (is_error && !is_understood).then(|| Failure::of_status(response.status()))
    }
}

/// A failure as JSON.
#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemMembers<'a>>,
    success: bool,
    #[serde(rename = "statusCode", skip_serializing_if = "Option::is_none")]
    status_code: Option<u16>,
    error: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorView<'a>>,
    request_id: &'a str,
}

/// The members of RFC 9457.
#[derive(Serialize)]
struct ProblemMembers<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: String,
}

/// A value that breaks a rule.
#[derive(Serialize)]
struct ErrorView<'a> {
    field: &'a str,
    code: &'a str,
    detail: &'a str,
}

/// The default service of every listener.
///
/// # Errors
/// Always: 404.
pub async fn not_found(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let (method, path) = (request.method().as_str(), request.path());
    Err(Failure::new(Code::NotFound).message(format!(
        "There is no {} {}",
        shortened(method, 20),
        shortened(path, 100)
    )))
}

/// The beginning of a text: what a client repeats endlessly is not sent back to it.
fn shortened(text: &str, most_chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most_chars) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.status, self.0.error)
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::new(self.0.status);
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Failure {
        Problems::from(invalid).into()
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Failure {
        let failure = if problems.has_missing() {
            let missing: Vec<&str> = problems.missing().collect();
            Failure::new(Code::MissingFields).details(json!({ "missing": missing }))
        } else {
            let first = problems.first();
            let first = first.map(|it| json!({ "field": it.field, "reason": it.reason }));
            Failure::new(Code::ValidationFailed)
                .message(problems.to_string())
                .details(first.unwrap_or_default())
        };
        failure.problems(problems)
    }
}

impl From<VersionMismatch> for Failure {
    fn from(mismatch: VersionMismatch) -> Failure {
        Failure::new(Code::VersionMismatch)
            .details(json!({ "currentVersion": mismatch.version }))
            .header(ETAG, header_of(mismatch.tag))
    }
}

impl From<BadBody> for Failure {
    fn from(bad: BadBody) -> Failure {
        match bad {
            BadBody::NothingToUpdate => Failure::new(Code::NoFields),
            BadBody::Problems(problems) => problems.into(),
        }
    }
}
