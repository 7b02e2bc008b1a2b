//! How the process ends: signals, and what follows from them, within a bound.

use crate::net::{Closer, Drain};
use actix_server::ServerHandle;
use futures_util::future::{Either, join_all, select};
use std::future::pending;
use std::pin::pin;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep, timeout_at};

/// Signals that come so soon after one are that one: a terminal and a supervisor send theirs to the
/// process and to its group, and a shell that ends passes SIGHUP on.
const ONE_SIGNAL: Duration = Duration::from_millis(300);
/// For connections that are being made to be accepted.
const ACCEPTING_TAKES: Duration = Duration::from_millis(200);
/// For idle connections that are let go to end.
const DISMISSING_TAKES: Duration = Duration::from_millis(200);

/// SIGTERM, SIGHUP and SIGINT, caught from the moment that this is made. A SIGHUP that is ignored
/// when the process starts, as under `nohup`, stays ignored.
pub(super) struct Signals {
    terminate: Signal,
    hangup: Option<Signal>,
    interrupt: Signal,
    counted_at: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Terminate,
    Interrupt,
}

impl Signals {
    pub(super) fn catch() -> anyhow::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            hangup: match is_hangup_ignored() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
            interrupt: signal(SignalKind::interrupt())?,
            counted_at: None,
        })
    }

    pub(super) async fn next(&mut self) {
        self.next_kind().await;
    }

    async fn next_kind(&mut self) -> Kind {
        loop {
            let hangup = async {
                match &mut self.hangup {
                    Some(signal) => signal.recv().await,
                    None => pending().await,
                }
            };
            let kind = tokio::select! {
                _ = self.terminate.recv() => Kind::Terminate,
                _ = hangup => Kind::Terminate,
                _ = self.interrupt.recv() => Kind::Interrupt,
            };
            if self.counted_at.is_none_or(|at| at.elapsed() >= ONE_SIGNAL) {
                self.counted_at = Some(Instant::now());
                return kind;
            }
        }
    }
}

/// Whether whoever started the process has SIGHUP ignored, as `nohup` does.
fn is_hangup_ignored() -> bool {
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & HANGUP != 0)
}

/// How a stop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    WithNothingInFlight,
    /// The bound was over first.
    WithRequestsInFlight,
}

/// What a stop has to do with.
pub(super) struct Stop {
    pub drain: Drain,
    pub closers: Vec<Closer>,
    pub handles: Vec<ServerHandle>,
    /// From the signal to the end.
    pub bound: Duration,
    /// For how much of that, after SIGTERM, everything is still served: whoever spreads the requests
    /// sees that this process is no longer ready, and clients come to the end of their connections.
    pub drained_for: Duration,
}

impl Stop {
    /// Waits for a signal, then stops: after SIGTERM with a time in which everything is still
    /// served, unless another signal cuts it short. A signal after that ends the process at once.
    pub(super) async fn at_signal(self, mut signals: Signals) -> Stopped {
        let kind = signals.next_kind().await;
        let give_up_at = Instant::now() + self.bound;
        self.drain.begin();
        if kind == Kind::Terminate {
            log::info!("stopping: not ready any more, serving for a moment yet");
            select(pin!(sleep(self.drained_for)), pin!(signals.next())).await;
        }
        log::info!("stopping: no new connections, waiting for requests in flight");
        let again = async {
            signals.next().await;
            // A graceful stop that has begun cannot be made a quick one.
            log::warn!("stopped at once, with requests in flight");
            std::process::exit(1);
        };
        let stopping = timeout_at(give_up_at, self.close());
        match select(pin!(stopping), pin!(again)).await {
            Either::Left((Ok(()), _)) => Stopped::WithNothingInFlight,
            Either::Left((Err(_), _)) => Stopped::WithRequestsInFlight,
            Either::Right((never, _)) => match never {},
        }
    }

    async fn close(self) {
        self.closers.into_iter().for_each(Closer::refuse_new);
        sleep(ACCEPTING_TAKES).await;
        self.drain.close();
        sleep(DISMISSING_TAKES).await;
        join_all(self.handles.iter().map(|handle| handle.stop(true))).await;
    }
}
