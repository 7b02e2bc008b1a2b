//! What becomes of a request by one count, and the answer to one that is refused.

use crate::kernel::http::{Code, Failure};
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use std::time::Duration;

/// What becomes of a request by one count.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verdict {
    /// Let through, and how many more would be.
    Admitted { left: u32 },
    /// Too many; in so long there is room for one.
    Refused { wait: Duration },
}

/// In how many seconds a client that is refused may come back; left with the refusal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait(pub u64);

impl Wait {
    /// Rounded up: a client that comes back when told must not be refused again. And "retry in 0
    /// seconds" is no answer to a request that is refused, even where the wait has just ended.
    pub(super) fn of(wait: Duration) -> Wait {
        Wait((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }
}

/// The answer to a request above the limit.
pub(super) fn refusal(wait: Duration) -> HttpResponse {
    let wait = Wait::of(wait);
    let mut response = too_many(wait.0).error_response();
    response.extensions_mut().insert(wait);
    response
}

fn too_many(seconds: u64) -> Failure {
    Failure::new(Code::RateLimited)
        .showing_status()
        .message(format!("Rate limit exceeded, retry in {seconds} seconds"))
        .header(RETRY_AFTER, seconds.into())
}
