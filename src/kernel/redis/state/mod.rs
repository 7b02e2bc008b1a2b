//! How far the link is trusted, and what each event makes of that: decided without I/O, at a time
//! that is passed in.

use super::timeouts::{
    CONNECT_EVERY, HARMLESS_TURNS, IDLE_PING_EVERY, IN_USE, PING_EVERY, READ_TURNS, SETTLE_FOR,
    SUPERVISOR_TURNS, SUSPICION_TURNS,
};
use std::time::Duration;

/// How far the link is trusted. Times are those of the link's [clock](super::clock::Clock); `C` is a
/// connection, and two of them are equal where they are the same one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State<C> {
    Down,
    /// Connected; writers may use the connection, readers not before `until`.
    Settling {
        connection: C,
        until: Duration,
    },
    /// At `since`, an operation ran out of so many turns; writers may use the connection, readers
    /// not before a ping is answered.
    Suspect {
        connection: C,
        since: Duration,
        turns: u32,
    },
    /// Readers and writers may use the connection, readers since `since`.
    Up {
        connection: C,
        since: Duration,
    },
}

/// What the supervisor or an operation has met.
#[derive(Debug, Clone)]
pub(super) enum Event<C> {
    /// The process has begun with this connection: it has missed nothing.
    Started(C),
    /// Connected again, and what was pending is delivered.
    Connected(C),
    /// A ping that was sent then was answered after so many turns.
    PingAnswered { connection: C, sent: Duration, turns: u32 },
    /// What [`Action::DeliverThenReadmit`] or [`Action::EmptyThenReadmit`] asks for is delivered.
    Delivered { connection: C, is_anything_pending: bool },
    /// An operation ran out of so many turns.
    OperationLate { connection: C, turns: u32 },
    /// An operation or a ping failed, a ping was not answered, or a delivery was not taken.
    Failed(C),
}

/// What is to be done about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    /// Begin the next round at once.
    BeginRound,
    /// Deliver the pending invalidations.
    Deliver,
    /// Deliver the pending invalidations, and then say so, so that readers may come back.
    DeliverThenReadmit,
    /// Empty the cache, and then say so, so that readers may come back.
    EmptyThenReadmit,
}

/// What a round of the supervisor begins with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Round<C> {
    Connect,
    /// Ping, and wait for so many turns.
    Ping {
        connection: C,
        turns: u32,
    },
}

impl<C: Clone + PartialEq> State<C> {
    /// The connection for an invalidation.
    pub(super) fn for_writers(&self) -> Option<&C> {
        match self {
            State::Down => None,
            State::Settling { connection, .. }
            | State::Suspect { connection, .. }
            | State::Up { connection, .. } => Some(connection),
        }
    }

    /// The connection for a reader, where its answers can be believed.
    pub(super) fn for_readers(&self) -> Option<&C> {
        match self {
            State::Up { connection, .. } => Some(connection),
            State::Settling { .. } | State::Suspect { .. } | State::Down => None,
        }
    }

    pub(super) fn round(&self) -> Round<C> {
        let turns = match self {
            State::Suspect { .. } => SUSPICION_TURNS,
            State::Settling { .. } | State::Up { .. } | State::Down => SUPERVISOR_TURNS,
        };
        match self.for_writers() {
            Some(connection) => Round::Ping { connection: connection.clone(), turns },
            None => Round::Connect,
        }
    }

    /// How long the supervisor rests before the next round; the link was last used so long ago.
    pub(super) fn pause(&self, since_use: Duration) -> Duration {
        match self {
            State::Down => CONNECT_EVERY,
            State::Up { .. } if since_use > IN_USE => IDLE_PING_EVERY,
            State::Settling { .. } | State::Suspect { .. } | State::Up { .. } => PING_EVERY,
        }
    }

    /// The state after an event, and what is to be done about it.
    pub(super) fn on(&self, event: Event<C>, now: Duration) -> (State<C>, Action) {
        match event {
            Event::Started(connection) => (State::Up { connection, since: now }, Action::Nothing),
            Event::Connected(connection) => (settling(connection, now), Action::Nothing),
            // What comes late from a connection that was replaced says nothing about the new one.
            Event::PingAnswered { ref connection, .. }
            | Event::Delivered { ref connection, .. }
            | Event::OperationLate { ref connection, .. }
            | Event::Failed(ref connection)
                if self.for_writers() != Some(connection) =>
            {
                (self.clone(), Action::Nothing)
            }
            Event::PingAnswered { connection, sent, turns } => {
                self.on_ping_answered(connection, sent, turns, now)
            }
            Event::Delivered { connection, is_anything_pending } => match self {
                State::Settling { .. } | State::Suspect { .. } if !is_anything_pending => {
                    (State::Up { connection, since: now }, Action::Nothing)
                }
                _ => (self.clone(), Action::Nothing),
            },
            Event::OperationLate { connection, turns } => match self {
                State::Up { .. } => {
                    (State::Suspect { connection, since: now, turns }, Action::BeginRound)
                }
                _ => (self.clone(), Action::BeginRound),
            },
            Event::Failed(_) => match self {
                // What answers and refuses every write comes this way four times a second.
                State::Settling { .. } => (State::Down, Action::Nothing),
                _ => (State::Down, Action::BeginRound),
            },
        }
    }

    fn on_ping_answered(
        &self,
        connection: C,
        sent: Duration,
        turns: u32,
        now: Duration,
    ) -> (State<C>, Action) {
        let action = match self {
            State::Up { .. } | State::Suspect { .. } if turns >= HARMLESS_TURNS => {
                return (settling(connection, now), Action::Deliver);
            }
            // The ping waited behind the operation, and its turns come on top of the operation's. One
            // that was sent before the operation ran out of time proves nothing.
            State::Suspect { since, turns: first, .. } if sent >= *since => {
                if first + turns >= HARMLESS_TURNS {
                    return (settling(connection, now), Action::Deliver);
                }
                Action::DeliverThenReadmit
            }
            // One that is too slow for a read stays out: it would come and go, and empty the cache
            // of the others each time.
            State::Settling { until, .. } if now >= *until && turns < READ_TURNS => {
                Action::EmptyThenReadmit
            }
            State::Settling { .. } | State::Suspect { .. } | State::Up { .. } => Action::Deliver,
            State::Down => Action::Nothing,
        };
        (self.clone(), action)
    }
}

/// Keeps readers away for a while.
fn settling<C>(connection: C, now: Duration) -> State<C> {
    State::Settling { connection, until: now + SETTLE_FOR }
}

#[cfg(test)]
mod tests;
