//! HTTP as every listener speaks it: one failure envelope, strict input, paging.

mod answer;
mod bearer;
mod body;
mod caller;
mod connection;
mod drain;
mod edge;
mod expect;
mod failure;
mod host;
mod idempotency_key;
mod listing;
mod paging;
mod path;
mod query;
mod target;

pub use answer::Answer;
pub use bearer::{ServiceToken, bearer_token, require_service_token};
#[cfg(fuzzing)]
pub use body::parse as parse_body;
pub use body::{BODY_PATIENCE, BodyLimit, JsonBody, MAX_BODY_BYTES, SMALL_BODY_BYTES, bound_body};
pub use caller::{Caller, X_USER_ID, believe_caller};
pub use connection::{Connection, ConnectionHandle, Roster};
pub use drain::Drain;
pub use edge::edge;
pub use expect::expecting;
pub use failure::{Failure, not_found};
pub use host::OwnHosts;
pub use idempotency_key::IdempotencyKey;
pub use listing::{Listing, Rendered, RowView, Show, write_json};
pub use paging::{Cursor, Page, Pagination, next_link};
pub use query::Query;
pub use target::refuse_other_targets;
