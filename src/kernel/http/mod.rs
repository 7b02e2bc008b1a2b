//! HTTP as every listener speaks it: one failure envelope, strict input, paging.

mod answer;
mod body;
mod body_digest;
mod connection;
mod drain;
mod edge;
mod expect;
mod failure;
mod host;
mod listing;
mod paging;
mod path;
mod query;
mod target;

pub use answer::Answer;
#[cfg(fuzzing)]
pub use body::parse as parse_body;
pub use body::{BODY_PATIENCE, BodyLimit, JsonBody, MAX_BODY_BYTES, SMALL_BODY_BYTES, bound_body};
pub use body_digest::{BodyDigest, IDEMPOTENCY_KEY};
pub use connection::{Connection, ConnectionHandle, Roster};
pub use drain::Drain;
pub use edge::edge;
pub use expect::expecting;
pub use failure::{Failure, not_found};
pub use host::OwnHosts;
pub use listing::{Listing, Rendered, RowView, write_json};
pub use paging::{next_link, parse_page};
pub use query::Query;
pub use target::refuse_other_targets;
