//! A service behind the gateway: whether it is asked at all, and by how many at once.
//!
//! A **breaker** opens after a few failures in a row, each of which counts only where the service
//! answers no probe either: what one request provokes says nothing of the others. From then on
//! requests are answered at once, and a task of its own asks the service each second whether it lives;
//! never is a client's request the one that finds out. A **bulkhead** bounds how many requests wait for
//! one service, so that a silent one cannot take the gateway down with it.

use super::error::GatewayError;
use super::metrics::{Outcome, UpstreamMetrics};
use crate::kernel::config::UpstreamUrl;
use crate::kernel::http::Failure;
use crate::kernel::metrics::Metrics;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{self, Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Failures in a row that open the breaker.
const FAILURES_TO_OPEN: u32 = 5;
/// Between two looks at a service that is not asked.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// Requests that may wait for one service at once, of those with a body and of those without: a
/// client that sends its body slowly holds a permit, and must hold up no reader.
const MAX_PERMITS: usize = 512;

/// One service, as all workers of a gateway see it; clones share it.
#[derive(Clone)]
pub struct Upstream(Arc<Inner>);

struct Inner {
    name: &'static str,
    url: UpstreamUrl,
    breaker: Mutex<Breaker>,
    opened: Notify,
    /// The last probe that a failing request asked for. Locked while it goes on: one serves all.
    last_probe: sync::Mutex<Option<Probed>>,
    permits: Arc<Semaphore>,
    permits_with_body: Arc<Semaphore>,
    metrics: UpstreamMetrics,
}

/// Which permits a request takes one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    ABody,
    Nothing,
}

#[derive(Clone, Copy)]
struct Probed {
    began: Instant,
    is_alive: bool,
}

#[derive(Default)]
struct Breaker {
    /// How often the service has answered, ever.
    answers: u64,
    /// Failures since the last answer.
    failures: u32,
    open: Option<Fault>,
}

/// How a service failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be reached, broke off, or answered what is no HTTP.
    Gone,
    /// It did not answer in time.
    Slow,
}

/// A request that may be sent: its permit, and what the breaker knew when it began.
pub struct UpstreamPermit {
    upstream: Upstream,
    began: Instant,
    answers_before: u64,
    _permit: OwnedSemaphorePermit,
}

impl Upstream {
    /// The service that is called `name`, at `url`.
    pub fn new(name: &'static str, url: UpstreamUrl, metrics: &Metrics) -> Upstream {
        let [permits, permits_with_body] = [(); 2].map(|()| Arc::new(Semaphore::new(MAX_PERMITS)));
        let (breaker, opened, last_probe) =
            (Mutex::default(), Notify::new(), sync::Mutex::default());
        Upstream(Arc::new(Inner {
            name,
            url,
            breaker,
            opened,
            last_probe,
            permits,
            permits_with_body,
            metrics: UpstreamMetrics::new(name, metrics),
        }))
    }

    pub fn name(&self) -> &'static str {
        self.0.name
    }

    pub fn url(&self) -> &UpstreamUrl {
        &self.0.url
    }

    /// Whether it is not asked before it answers a probe.
    pub(super) fn is_open(&self) -> bool {
        self.breaker().open.is_some()
    }

    /// How many requests wait for it.
    pub(super) fn in_flight(&self) -> usize {
        let kinds = [&self.0.permits, &self.0.permits_with_body];
        kinds.iter().map(|permits| MAX_PERMITS - permits.available_permits()).sum()
    }

    /// Counts what became of a request for it.
    pub(super) fn count(&self, outcome: Outcome) {
        self.0.metrics.count(outcome);
    }

    /// Lets a request in.
    ///
    /// # Errors
    /// 502 or 504 while the service is not asked, 503 where too many wait for it.
    pub fn permit(&self, carries: Carries) -> Result<UpstreamPermit, Failure> {
        let answers_before = {
            let breaker = self.breaker();
            match breaker.open {
                None => breaker.answers,
                Some(fault) => {
                    self.count(Outcome::NotAsked);
                    return Err(fault
                        .to_failure()
                        .header(RETRY_AFTER, in_a_second())
                        .of_dependency(self.0.name)
                        .because(format!("{self} is not asked before it answers a probe")));
                }
            }
        };
        let permits = match carries {
            Carries::ABody => &self.0.permits_with_body,
            Carries::Nothing => &self.0.permits,
        };
        match Arc::clone(permits).try_acquire_owned() {
            Ok(permit) => {
                let (upstream, began) = (self.clone(), Instant::now());
                Ok(UpstreamPermit { upstream, began, answers_before, _permit: permit })
            }
            Err(_) => {
                self.count(Outcome::TooMany);
                Err(Failure::unavailable()
                    .message("Too many requests wait for the service behind the gateway")
                    .of_dependency(self.0.name)
                    .because(format!("{self}: {MAX_PERMITS} requests are waiting for it already")))
            }
        }
    }

    /// Asks a service that failed whether it lives, each second until it does; for as long as the
    /// process serves. `is_alive` asks once, and gives up by itself.
    pub async fn look_after<F: Future<Output = bool>>(self, is_alive: impl Fn(UpstreamUrl) -> F) {
        loop {
            self.0.opened.notified().await;
            let mut ticks = tokio::time::interval(PROBE_EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            // The first tick comes at once, and the failures have just been seen.
            ticks.tick().await;
            while self.breaker().open.is_some() {
                ticks.tick().await;
                if is_alive(self.0.url.clone()).await {
                    self.breaker().answer();
                    log::info!("{self} answers again");
                }
            }
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // Nothing panics while the lock is held.
        self.0.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UpstreamPermit {
    /// The service has answered, whatever it said.
    pub fn answered(self) {
        self.upstream.count(Outcome::Answered);
        let mut breaker = self.upstream.breaker();
        // Only the probe closes it: this one may have begun long before the failures.
        if breaker.open.is_none() {
            breaker.answer();
        }
    }

    /// Whether the service has answered a probe since this request began. Asks it where nobody has;
    /// `ask` gives up by itself.
    pub async fn is_alive<F>(&self, ask: impl FnOnce(UpstreamUrl) -> F) -> bool
    where
        F: Future<Output = bool>,
    {
        let mut last = self.upstream.0.last_probe.lock().await;
        if let Some(probed) = last.filter(|probed| probed.began >= self.began) {
            return probed.is_alive;
        }
        let began = Instant::now();
        let is_alive = ask(self.upstream.0.url.clone()).await;
        *last = Some(Probed { began, is_alive });
        is_alive
    }

    /// The service has failed, and is not [alive](UpstreamPermit::is_alive). That counts only where it
    /// has answered nobody since this request began: requests that were broken off together before
    /// it came back say nothing of it.
    pub fn failed(self, fault: Fault) {
        let mut breaker = self.upstream.breaker();
        if breaker.open.is_some() || breaker.answers != self.answers_before {
            return;
        }
        breaker.failures += 1;
        if breaker.failures >= FAILURES_TO_OPEN {
            breaker.open = Some(fault);
            drop(breaker);
            self.upstream.0.opened.notify_one();
            log::warn!(
                "{} failed {FAILURES_TO_OPEN} times in a row: it is not asked before it answers a \
                 probe",
                self.upstream
            );
        }
    }
}

impl Breaker {
    fn answer(&mut self) {
        *self = Breaker { answers: self.answers + 1, failures: 0, open: None };
    }
}

impl Fault {
    pub fn to_failure(self) -> Failure {
        match self {
            Fault::Gone => GatewayError::UpstreamGone.into(),
            Fault::Slow => GatewayError::UpstreamSlow.into(),
        }
    }
}

fn in_a_second() -> HeaderValue {
    HeaderValue::from_static("1")
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.url.fmt(f)
    }
}
