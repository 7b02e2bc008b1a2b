//! The log, the identities of a request and of its trace, and the access line.

mod access;
mod current;
mod line;
mod logger;
mod origin;
mod request_id;
mod trace;

pub use access::{Access, Answered, log_access};
pub use current::{Current, carried, carried_job};
pub use logger::init_log;
pub use origin::RequestOrigin;
pub use request_id::{RequestId, X_REQUEST_ID};
pub use trace::{TRACEPARENT, TRACESTATE, Trace};
