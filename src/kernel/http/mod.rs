//! HTTP as every listener speaks it: one failure envelope, strict input, paging.

mod accept;
mod body;
mod body_digest;
mod code;
mod compression;
mod conditions;
mod connection;
mod cross_origin;
#[cfg(feature = "database")]
mod db_failure;
mod error_format;
mod error_pages;
mod failure;
mod host;
mod listing;
mod metrics;
mod observer;
mod paging;
mod panics;
mod path;
mod query;
mod request_context;
mod stored_response;
mod target;

#[cfg(fuzzing)]
pub use body::parse as parse_body;
pub use body::{BODY_TIMEOUT, BodyLimit, JsonBody, MAX_BODY_BYTES, SMALL_BODY_BYTES, bound_body};
pub use body_digest::{BodyDigest, IDEMPOTENCY_KEY};
pub use code::Code;
pub use compression::compress;
pub use conditions::{Conditions, Tagged};
pub use connection::{ConnectionEvents, ConnectionHandle};
pub use cross_origin::cross_origin;
pub use error_format::{ErrorFormat, Recipient};
pub use error_pages::error_pages;
pub use failure::{Failure, not_found};
pub use host::OwnHosts;
pub use listing::{ListView, answer_list};
pub use observer::{Observer, RequestObserver, UNMATCHED};
pub use paging::{AskedPage, links, parse_page};
pub use panics::catch_panics;
pub use query::Query;
pub use request_context::{closing_response, request_context};
pub use stored_response::StoredResponse;
pub use target::refuse_other_targets;
