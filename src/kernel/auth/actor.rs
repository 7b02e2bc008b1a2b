//! Who changed something, as the books remember them.

use super::Caller;
use crate::kernel::telemetry::RequestId;
use actix_web::HttpRequest;

/// As many characters as a column holds.
const MAX_NAME_CHARS: usize = 255;

/// Who makes a change, and by which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    name: String,
    request_id: Option<String>,
}

impl Actor {
    /// The user of the token, or `service` where a service is called by no user.
    pub fn of(request: &HttpRequest) -> Actor {
        let caller = Caller::of(request);
        let name = caller.as_ref().map_or("service", Caller::user_id);
        let request_id = RequestId::current(request).map(|id| id.as_str().to_owned());
        Actor { name: shortened(name), request_id }
    }

    /// A part of the program that acts by itself, such as `expiry`.
    pub fn program(name: &str) -> Actor {
        Actor { name: shortened(name), request_id: None }
    }

    /// 1 to 255 characters.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}
