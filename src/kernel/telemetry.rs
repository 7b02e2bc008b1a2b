//! The log, the identity of a request, and the access line.

use crate::kernel::config::LogFilter;
use crate::kernel::streams::single_line;
use crate::kernel::time;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};
use chrono::Utc;
use env_logger::fmt::Formatter;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, Write};
use std::net::IpAddr;
use std::rc::Rc;

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The target of the lines that are one for each request: they hold no text of others.
const ACCESS: &str = "chronos::access";

const MAX_REQUEST_ID: usize = 128;

/// Starts the log on stderr: coloured on a terminal, plain in a pipe.
pub fn init_log(filter: &LogFilter) {
    let logger = env_logger::Builder::new()
        // Its start and stop, a dozen lines each, are what the banner and our own lines say.
        .filter_module("actix_server", log::LevelFilter::Warn)
        // What clients send that is no HTTP is no event of ours, and would fill the log.
        .filter_module("actix_http", log::LevelFilter::Off)
        .parse_filters(filter.as_str())
        .format(write_line)
        .build();
    log::set_max_level(logger.filter());
    log::set_boxed_logger(Box::new(Discreet(logger))).expect("nothing has started a log before");
}

/// `[2026-01-31T12:00:00.000Z INFO  chronos::app::serve] stopped`. The logger's own format brings a
/// library for dates with it, beside the one that is here already.
fn write_line(line: &mut Formatter, record: &log::Record<'_>) -> io::Result<()> {
    let (now, level, target) = (time::rfc3339(Utc::now()), record.level(), record.target());
    let style = line.default_level_style(level);
    writeln!(line, "[{now} {style}{level:<5}{style:#} {target}] {}", record.args())
}

/// A log in which only Chronos itself goes into detail, whatever the filter asks for: what the
/// crates below say at `debug` and `trace` quotes headers, which may be secrets.
struct Discreet(env_logger::Logger);

impl log::Log for Discreet {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        let is_own = metadata.target().split("::").next() == Some("chronos");
        (is_own || metadata.level() <= log::Level::Info) && self.0.enabled(metadata)
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        if record.target() == ACCESS {
            return self.0.log(record);
        }
        // libpq and others below write over several lines, and a reader of the log takes each for a
        // line of its own.
        let text = record.args().to_string();
        if text.contains('\n') {
            let line = single_line(&text);
            let metadata = record.metadata().clone();
            self.0.log(
                &log::Record::builder().metadata(metadata).args(format_args!("{line}")).build(),
            );
        } else {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

/// The identity of one request, in the log, in the answer and at the upstream.
#[derive(Debug, Clone)]
pub struct RequestId(String);

impl RequestId {
    /// The client's `X-Request-Id` where it is one and well-formed, else a new one.
    pub fn of(request: &ServiceRequest) -> RequestId {
        let mut given = request.headers().get_all(X_REQUEST_ID);
        match (given.next().and_then(|value| value.to_str().ok()), given.next()) {
            (Some(text), None) if Self::is_well_formed(text) => RequestId(text.to_owned()),
            _ => RequestId::fresh(),
        }
    }

    /// One that no request brought.
    pub fn fresh() -> RequestId {
        RequestId(format!("{:032x}", random_u128()))
    }

    /// The identity that the outermost middleware gave to this request.
    pub fn current(request: &HttpRequest) -> Option<RequestId> {
        request.extensions().get::<RequestId>().cloned()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn to_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("letters, digits, dots, dashes and underscores")
    }

    fn is_well_formed(text: &str) -> bool {
        (1..=MAX_REQUEST_ID).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn random_u128() -> u128 {
    let (high, low) = (fastrand::u64(..), fastrand::u64(..));
    (u128::from(high) << 64) | u128::from(low)
}

/// Who calls, as the layers behind the outermost one find out: an extension of the request, whose
/// clones are the same.
#[derive(Debug, Clone, Default)]
pub struct RequestOrigin(Rc<Known>);

#[derive(Debug, Default)]
struct Known {
    client: Cell<Option<IpAddr>>,
    user: RefCell<Option<String>>,
}

impl RequestOrigin {
    /// The origin of a request, known by the peer of its connection alone.
    pub fn of_peer(peer: Option<IpAddr>) -> RequestOrigin {
        let origin = RequestOrigin::default();
        origin.0.client.set(peer.map(|peer| peer.to_canonical()));
        origin
    }

    /// The client that stands behind a proxy in front.
    pub fn comes_from(request: &ServiceRequest, client: IpAddr) {
        if let Some(origin) = request.extensions().get::<RequestOrigin>() {
            origin.0.client.set(Some(client));
        }
    }

    /// The user of the token.
    pub fn is_user(request: &ServiceRequest, user_id: &str) {
        if let Some(origin) = request.extensions().get::<RequestOrigin>() {
            origin.0.user.replace(Some(discreet_user(user_id)));
        }
    }
}

impl fmt::Display for RequestOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.client.get() {
            Some(client) => write!(f, "client={client}")?,
            None => f.write_str("client=-")?,
        }
        write!(f, " user={}", self.0.user.borrow().as_deref().unwrap_or("-"))
    }
}

/// The user where they are named by an id, else `*`: it may be an e-mail address, or any other text.
fn discreet_user(user_id: &str) -> String {
    const MAX_LENGTH: usize = 50;
    let is_id = (1..=MAX_LENGTH).contains(&user_id.len())
        && user_id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if is_id { user_id.to_owned() } else { "*".to_owned() }
}

/// One line for an answered request. The query is left out, and so is what stands in the path and
/// is no id, or is no word for a method: they may be e-mail addresses or tokens.
pub fn log_access(
    (method, path): (&str, &str),
    origin: &RequestOrigin,
    status: u16,
    micros: u128,
    id: &RequestId,
) {
    let is_word = method.len() <= 20 && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let (method, path) = (if is_word { method } else { "*" }, discreet_path(path));
    log::info!(
        target: ACCESS,
        "{method} {path} {status} {micros}us {origin} request_id={id}"
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
