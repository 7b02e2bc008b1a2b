//! In which of its two formats a failure is told: the envelope, or RFC 9457 beside it.

use super::accept::{accept_of, wish_for};
use crate::kernel::telemetry::RequestId;
use actix_web::http::header::{ACCEPT, HeaderMap};

pub(super) const JSON: &str = "application/json";
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// The format of a failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ErrorFormat {
    /// `success`, `error`, `code` and what else today's clients know.
    #[default]
    Envelope,
    /// The same members, and beside them those of RFC 9457.
    Problem,
}

impl ErrorFormat {
    pub(super) fn of_headers(headers: &HeaderMap) -> ErrorFormat {
        // Hardly any request asks for it: the others cost no more than this look.
        let is_named = headers.get_all(ACCEPT).any(|value| names_problem(value.as_bytes()));
        if is_named { ErrorFormat::of_accept(&accept_of(headers)) } else { ErrorFormat::Envelope }
    }

    /// The format that an `Accept` asks for. Whoever only takes everything is told as ever.
    pub fn of_accept(accept: &str) -> ErrorFormat {
        let (problem, json) = (wish_for(PROBLEM_JSON, accept), wish_for(JSON, accept));
        let is_wanted = problem.is_named && problem.thousandths > 0;
        if is_wanted && problem.thousandths >= json.thousandths {
            ErrorFormat::Problem
        } else {
            ErrorFormat::Envelope
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            ErrorFormat::Envelope => JSON,
            ErrorFormat::Problem => PROBLEM_JSON,
        }
    }
}

/// Whether an `Accept` may name the format of RFC 9457.
fn names_problem(accept: &[u8]) -> bool {
    const WORD: &[u8] = b"/problem+json";
    accept.windows(WORD.len()).any(|part| part.eq_ignore_ascii_case(WORD))
}

/// Who is told of a failure, and about which request.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    pub format: ErrorFormat,
    pub request_id: &'a RequestId,
    /// As it came; empty where it is not known.
    pub path: &'a str,
}

impl Recipient<'_> {
    /// A reference that names this failure of this request alone: the path that was asked for, and
    /// the identity of the request as its fragment.
    pub(super) fn instance(&self) -> String {
        /// A path that is longer is left out: nothing that a client repeats endlessly is sent back.
        const LONGEST_PATH: usize = 200;
        let is_reference =
            |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&byte);
        let is_shown = self.path.len() <= LONGEST_PATH
            && !self.path.starts_with("//")
            && self.path.bytes().all(is_reference);
        let path = if is_shown { self.path } else { "" };
        format!("{path}#{}", self.request_id)
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorFormat;

    #[test]
    fn a_problem_is_told_to_whoever_names_it_and_would_not_rather_have_json() {
        for (accept, is_problem) in [
            ("", false),
            ("*/*", false),
            ("application/*", false),
            ("application/json", false),
            ("application/problem+json", true),
            ("Application/Problem+JSON; charset=utf-8", true),
            ("application/json, application/problem+json", true),
            ("application/json;q=0.9, application/problem+json;q=0.8", false),
            ("application/json;q=0.8, application/problem+json;q=0.9", true),
            ("application/problem+json;q=0.1, */*;q=0.5", false),
            ("application/problem+json;q=0.1, text/html", true),
            ("application/problem+json;q=0", false),
            ("application/problem+json;q=0, */*;q=0", false),
            ("application/problem+xml", false),
        ] {
            let format = ErrorFormat::of_accept(accept);
            assert_eq!(format == ErrorFormat::Problem, is_problem, "{accept}");
        }
    }
}
