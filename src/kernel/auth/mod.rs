//! Who calls, and who may: bearer tokens, the token of the services, the user behind a request.

mod actor;
mod bearer;
mod caller;
mod operator;

pub use actor::Actor;
pub use bearer::{ServiceToken, bearer_token, require_service_token};
pub use caller::{Caller, X_USER_ID, caller_from_header};
pub use operator::require_operator;
