//! The access line: one for each answered request.

use super::{Current, RequestOrigin};
use log::kv::Value;
use log::{Level, Record};
use std::time::Duration;

/// The target of the lines that are one for each request: they hold no text of others.
pub(super) const ACCESS: &str = "chronos::access";

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub status: u16,
    /// From its head to the head of its answer.
    pub took: Duration,
}

/// What is told of it.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    pub request: &'a Answered<'a>,
    /// The pattern of its route.
    pub route: &'a str,
    pub is_slow: bool,
}

impl Access<'_> {
    /// What a client asks for wrongly is nothing that an operator must look after. A bug is an error;
    /// what is away or overloaded, or takes long, is a warning.
    fn level(&self) -> Level {
        match self.request.status {
            500 => Level::Error,
            501.. => Level::Warn,
            _ if self.is_slow => Level::Warn,
            _ => Level::Info,
        }
    }
}

/// One line for an answered request. The query is left out, and so is what stands in the path and
/// is no id, or is no word for a method: they may be e-mail addresses or tokens.
pub fn log_access(access: &Access<'_>, origin: &RequestOrigin, current: &Current) {
    let level = access.level();
    if !log::log_enabled!(target: ACCESS, level) {
        return;
    }
    let Answered { method, path, status, took } = *access.request;
    let is_word = method.len() <= 20 && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let (method, path) = (if is_word { method } else { "*" }, &*discreet_path(path));
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let (client, user, trace_id) = (origin.client(), origin.user(), current.trace.id());
    let values = [
        ("slow", Value::from(true)),
        ("method", Value::from(method)),
        ("path", Value::from(path)),
        ("route", Value::from(access.route)),
        ("status", Value::from(status)),
        ("duration_us", Value::from(micros)),
        ("client", client.as_ref().map_or(Value::from("-"), Value::from_display)),
        ("user", Value::from(user.as_deref().unwrap_or("-"))),
        ("trace_id", Value::from_display(&trace_id)),
        ("request_id", Value::from(current.request_id.as_str())),
    ];
    let values = if access.is_slow { &values[..] } else { &values[1..] };
    log::logger().log(
        &Record::builder()
            .level(level)
            .target(ACCESS)
            .args(format_args!("{method} {path} {status} {micros}us"))
            .key_values(&values)
            .build(),
    );
}

/// The path, with `*` for every segment that no route and no id could be.
fn discreet_path(path: &str) -> String {
    const MAX_SEGMENTS: usize = 8;
    let is_plain = |segment: &str| {
        segment.len() <= 50
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let segments = path.split('/').take(MAX_SEGMENTS);
    let shown = segments.map(|segment| if is_plain(segment) { segment } else { "*" });
    shown.collect::<Vec<_>>().join("/")
}
