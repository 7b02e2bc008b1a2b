//! How the process ends: signals, and what follows from them, within a bound.

use super::sockets::Closer;
use crate::kernel::http::Drain;
use actix_server::ServerHandle;
use futures_util::future::{Either, join_all, select};
use std::pin::pin;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep, timeout_at};

/// For which everything is still served after SIGTERM, so that whoever spreads the requests sees
/// that this process is no longer ready, and clients come to the end of their connections.
const LAME_DUCK: Duration = Duration::from_secs(1);
/// For connections that are being made to be accepted, and for those that are let go to end.
const A_MOMENT: Duration = Duration::from_millis(200);

/// SIGTERM and SIGINT, caught from the moment that this is made.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Terminate,
    Interrupt,
}

impl Signals {
    pub fn catch() -> anyhow::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub async fn next(&mut self) {
        self.next_kind().await;
    }

    async fn next_kind(&mut self) -> Kind {
        match select(pin!(self.terminate.recv()), pin!(self.interrupt.recv())).await {
            Either::Left(_) => Kind::Terminate,
            Either::Right(_) => Kind::Interrupt,
        }
    }
}

/// How a stop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    WithNothingInFlight,
    /// The bound was over first.
    WithRequestsInFlight,
}

/// What a stop has to do with.
pub struct Stop {
    pub drain: Drain,
    pub closers: Vec<Closer>,
    pub handles: Vec<ServerHandle>,
    /// From the signal to the end.
    pub bound: Duration,
}

impl Stop {
    /// Waits for a signal, then stops: after SIGTERM with a time in which everything is still
    /// served, unless another signal cuts it short. A signal after that ends the process at once.
    pub async fn at_signal(self, mut signals: Signals) -> Stopped {
        let kind = signals.next_kind().await;
        let give_up_at = Instant::now() + self.bound;
        self.drain.begin();
        if kind == Kind::Terminate {
            log::info!("stopping: not ready any more, serving for a moment yet");
            let lame_duck = LAME_DUCK.min(self.bound / 4);
            select(pin!(sleep(lame_duck)), pin!(signals.next())).await;
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
        sleep(A_MOMENT).await;
        self.drain.close();
        sleep(A_MOMENT).await;
        join_all(self.handles.iter().map(|handle| handle.stop(true))).await;
    }
}
