//! Why a token is refused: one word for the log, and never a word of it for the client.

use crate::kernel::metrics::{Counter, EncodeLabelSet, Family, Metrics};
use crate::kernel::telemetry::RequestId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many lines of one reason are written at once, and after how long there is one more.
const BURST: u32 = 10;
const REFILL: Duration = Duration::from_secs(1);

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no `Authorization`.
    Missing,
    /// There is more than one.
    Repeated,
    /// Its scheme is not `Bearer`, or nothing stands behind that.
    Scheme,
    TooLong,
    /// Not three parts in base64url, or a header that is no JSON object.
    Malformed,
    /// `alg` is not HS256.
    Algorithm,
    /// A header with `kid`, `crit` or another member that is not understood.
    Header,
    Signature,
    /// A claim is missing, or of the wrong type.
    Claims,
    Expired,
    /// `nbf` or `iat` lies ahead.
    NotYet,
    /// It would be believed for more than a day.
    Lifetime,
}

impl Refusal {
    const ALL: [Refusal; 12] = [
        Refusal::Missing,
        Refusal::Repeated,
        Refusal::Scheme,
        Refusal::TooLong,
        Refusal::Malformed,
        Refusal::Algorithm,
        Refusal::Header,
        Refusal::Signature,
        Refusal::Claims,
        Refusal::Expired,
        Refusal::NotYet,
        Refusal::Lifetime,
    ];

    fn word(self) -> &'static str {
        match self {
            Refusal::Missing => "missing",
            Refusal::Repeated => "repeated",
            Refusal::Scheme => "scheme",
            Refusal::TooLong => "too_long",
            Refusal::Malformed => "malformed",
            Refusal::Algorithm => "algorithm",
            Refusal::Header => "header",
            Refusal::Signature => "signature",
            Refusal::Claims => "claims",
            Refusal::Expired => "expired",
            Refusal::NotYet => "not_yet",
            Refusal::Lifetime => "lifetime",
        }
    }
}

/// Counts refusals, and writes them to the log, of each reason only so many: whoever is refused must
/// not be able to fill a disk.
pub struct RefusalLog {
    lines: Mutex<HashMap<&'static str, Lines>>,
    refused: Family<OfReason, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReason {
    reason: &'static str,
}

/// The lines of one reason.
#[derive(Default)]
struct Lines {
    /// How many were written and are not paid for yet, at the time of the last one.
    written: u32,
    last: Option<Instant>,
    left_out: u64,
}

impl Lines {
    /// How many were left out since the last line, where there is room for another one.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if let Some(last) = self.last {
            let refills = now.saturating_duration_since(last).as_secs() / REFILL.as_secs();
            if refills > 0 {
                self.written =
                    self.written.saturating_sub(u32::try_from(refills).unwrap_or(u32::MAX));
                self.last = Some(now);
            }
        } else {
            self.last = Some(now);
        }
        if self.written >= BURST {
            self.left_out += 1;
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

impl RefusalLog {
    pub fn new(metrics: &Metrics) -> RefusalLog {
        let refused: Family<OfReason, Counter> = metrics.counters(
            "chronos_tokens_refused",
            "Tokens that a gateway refused, by the word that the log has for it",
        );
        for reason in Refusal::ALL.map(Refusal::word) {
            // Each is there before it occurs, so that its first time shows as an increase.
            let _zero = refused.get_or_create_owned(&OfReason { reason });
        }
        RefusalLog { lines: Mutex::default(), refused }
    }

    pub fn note(&self, refusal: Refusal, request: Option<&RequestId>) {
        self.refused.get_or_create(&OfReason { reason: refusal.word() }).inc();
        let left_out = {
            // Nothing panics while the lock is held.
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.entry(refusal.word()).or_default().admit(Instant::now())
        };
        let id = request.map_or("-", RequestId::as_str);
        match left_out {
            Some(0) => {
                log::info!(reason = refusal.word(), request_id = id; "a token is refused:");
            }
            Some(more) => log::info!(
                reason = refusal.word(), left_out = more, request_id = id;
                "a token is refused, and {more} more for this reason since the last line:"
            ),
            None => {}
        }
    }
}
