//! What a connection waits for, since when, and until when: decisions alone. There is no I/O here and
//! no clock, so that each of them is a row of a table in the tests.

use super::timeouts::{
    CLOSING_TIMEOUT, HEAD_TIMEOUT, KEEP_ALIVE_TIMEOUT, LINGER_TIMEOUT, WRITE_TIMEOUT,
};
use std::time::Duration;
use tokio::time::Instant;

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first byte of its first request.
    New,
    /// The first byte of another one.
    Idle,
    /// The rest of a head.
    Head,
    /// Chronos itself, or the body of the request.
    Serving,
    /// The client, to take the answer.
    Answered,
    /// The client, to take the last answer and to close.
    Ending,
}

/// What changes the state of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// Bytes of the client were read.
    Received,
    /// A head is complete.
    HeadArrived,
    /// An answer is complete, though not yet with the client.
    Answered,
    /// As [`Event::Answered`], with an answer that ends the connection.
    AnsweredFinally,
    /// Everything that was written is with the client, or on its way.
    Flushed,
    /// The client takes nothing more of an answer for now.
    WriteBlocked,
    /// The client took some of an answer.
    WriteProgressed,
    /// Another connection needs the place of one that is idle.
    Evicted,
    /// The process ends what nobody is using.
    ProcessClosing,
}

/// A value that events change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lifecycle {
    phase: Phase,
    since: Instant,
    /// An end of being idle that comes before the usual one.
    idle_end: Option<Instant>,
    /// Since when the client takes nothing of an answer.
    blocked_since: Option<Instant>,
    /// For how long the client took nothing of the same answer before.
    blocked_before: Duration,
}

impl Lifecycle {
    /// Of a connection that was just accepted.
    pub(super) fn new(now: Instant) -> Lifecycle {
        Lifecycle {
            phase: Phase::New,
            since: now,
            idle_end: None,
            blocked_since: None,
            blocked_before: Duration::ZERO,
        }
    }

    /// What comes of an event. `clock` is read only where a time is kept: most events of a request
    /// keep none.
    pub(super) fn after(self, event: Event, clock: impl FnOnce() -> Instant) -> Lifecycle {
        match (event, self.phase) {
            (Event::Received, Phase::New | Phase::Idle) => {
                Lifecycle { idle_end: None, ..self.enter(Phase::Head, clock()) }
            }
            (Event::Received, _) => self,
            (Event::HeadArrived, _) => {
                Lifecycle { phase: Phase::Serving, blocked_before: Duration::ZERO, ..self }
            }
            (Event::Answered, _) => Lifecycle { phase: Phase::Answered, ..self },
            (Event::AnsweredFinally, _) => self.enter(Phase::Ending, clock()),
            (Event::Flushed, Phase::Answered) => {
                let now = clock();
                self.unblock(|| now).enter(Phase::Idle, now)
            }
            (Event::Flushed | Event::WriteProgressed, _) => self.unblock(clock),
            (Event::WriteBlocked, _) => {
                Lifecycle { blocked_since: self.blocked_since.or_else(|| Some(clock())), ..self }
            }
            // A client that has just connected may send the request that it connected for.
            (Event::ProcessClosing, Phase::New) => {
                Lifecycle { idle_end: Some(clock() + CLOSING_TIMEOUT), ..self }
            }
            (Event::ProcessClosing | Event::Evicted, _) => {
                Lifecycle { idle_end: Some(clock()), ..self }
            }
        }
    }

    fn enter(self, phase: Phase, now: Instant) -> Lifecycle {
        Lifecycle { phase, since: now, ..self }
    }

    fn unblock(self, clock: impl FnOnce() -> Instant) -> Lifecycle {
        let Some(since) = self.blocked_since else {
            return self;
        };
        let blocked_before = self.blocked_before + clock().duration_since(since);
        Lifecycle { blocked_since: None, blocked_before, ..self }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::New | Phase::Idle)
    }

    /// Since when the connection is idle, unless its end is set already.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (self.is_idle() && self.idle_end.is_none()).then_some(self.since)
    }

    /// Until when the client may send nothing; `None` while it is not its turn.
    pub(super) fn read_deadline(&self) -> Option<Instant> {
        let timeout = match self.phase {
            Phase::New | Phase::Head => HEAD_TIMEOUT,
            Phase::Idle => KEEP_ALIVE_TIMEOUT,
            Phase::Ending => LINGER_TIMEOUT,
            Phase::Serving | Phase::Answered => return None,
        };
        let usual = self.since + timeout;
        match self.idle_end {
            Some(earlier) if self.is_idle() => Some(usual.min(earlier)),
            _ => Some(usual),
        }
    }

    /// Until when the client may take nothing of an answer; `None` while it takes some.
    pub(super) fn write_deadline(&self) -> Option<Instant> {
        let left = WRITE_TIMEOUT.saturating_sub(self.blocked_before);
        self.blocked_since.map(|since| since + left)
    }
}

#[cfg(test)]
mod tests {
    use super::Event::{
        Answered, AnsweredFinally, Evicted, Flushed, HeadArrived, ProcessClosing, Received,
        WriteBlocked, WriteProgressed,
    };
    use super::{
        CLOSING_TIMEOUT, Event, HEAD_TIMEOUT, KEEP_ALIVE_TIMEOUT, LINGER_TIMEOUT, Lifecycle, Phase,
        WRITE_TIMEOUT,
    };
    use std::time::Duration;
    use tokio::time::Instant;

    const SECOND: Duration = Duration::from_secs(1);

    /// Events, each with the seconds after the start at which it happens.
    type Story<'a> = &'a [(u32, Event)];

    fn after(start: Instant, story: Story) -> Lifecycle {
        let step = |state: Lifecycle, (second, event): &(u32, Event)| {
            state.after(*event, || start + SECOND * *second)
        };
        story.iter().fold(Lifecycle::new(start), step)
    }

    /// How each phase is reached, at second 0.
    const PHASES: [(Phase, Story); 6] = [
        (Phase::New, &[]),
        (Phase::Idle, &[(0, Received), (0, HeadArrived), (0, Answered), (0, Flushed)]),
        (Phase::Head, &[(0, Received)]),
        (Phase::Serving, &[(0, Received), (0, HeadArrived)]),
        (Phase::Answered, &[(0, Received), (0, HeadArrived), (0, Answered)]),
        (Phase::Ending, &[(0, Received), (0, HeadArrived), (0, AnsweredFinally)]),
    ];

    #[test]
    fn an_event_leads_from_each_phase_to_one_phase() {
        use Phase::{Answered as Made, Ending, Head, Idle, New, Serving};
        #[rustfmt::skip]
        let table = [
            // From:             New      Idle     Head     Serving  Answered Ending
            (Received,        [Head,    Head,    Head,    Serving, Made,    Ending]),
            (HeadArrived,     [Serving, Serving, Serving, Serving, Serving, Serving]),
            (Answered,        [Made,    Made,    Made,    Made,    Made,    Made]),
            (AnsweredFinally, [Ending,  Ending,  Ending,  Ending,  Ending,  Ending]),
            (Flushed,         [New,     Idle,    Head,    Serving, Idle,    Ending]),
            (WriteBlocked,    [New,     Idle,    Head,    Serving, Made,    Ending]),
            (WriteProgressed, [New,     Idle,    Head,    Serving, Made,    Ending]),
            (Evicted,         [New,     Idle,    Head,    Serving, Made,    Ending]),
            (ProcessClosing,  [New,     Idle,    Head,    Serving, Made,    Ending]),
        ];
        let start = Instant::now();
        for (event, expected) in table {
            for ((phase, story), expected) in PHASES.into_iter().zip(expected) {
                let state = after(start, story);
                assert_eq!(state.phase(), phase);
                assert_eq!(state.after(event, || start).phase(), expected, "{event:?}, {phase:?}");
            }
        }
    }

    #[test]
    fn a_client_has_until_the_read_deadline_to_send_something() {
        let at = |second: u32, timeout: Duration| Some(SECOND * second + timeout);
        let now = Duration::ZERO;
        let (r, h, a, f) = ((1, Received), (2, HeadArrived), (3, Answered), (4, Flushed));
        let table: [(&str, Story, Option<Duration>); 21] = [
            ("the first byte", &[], at(0, HEAD_TIMEOUT)),
            ("the rest of a head, from its first byte", &[r], at(1, HEAD_TIMEOUT)),
            ("more of a head prolongs nothing", &[r, (2, Received)], at(1, HEAD_TIMEOUT)),
            ("a request is served", &[r, h], None),
            ("its body comes", &[r, h, (3, Received)], None),
            ("the client has not taken the answer", &[r, h, a], None),
            ("the next request", &[r, h, a, f], at(4, KEEP_ALIVE_TIMEOUT)),
            ("a second flush", &[r, h, a, f, (5, Flushed)], at(4, KEEP_ALIVE_TIMEOUT)),
            ("the rest of the next head", &[r, h, a, f, (9, Received)], at(9, HEAD_TIMEOUT)),
            ("the last answer", &[r, h, (3, AnsweredFinally)], at(3, LINGER_TIMEOUT)),
            ("a refused head", &[r, (2, AnsweredFinally), f], at(2, LINGER_TIMEOUT)),
            ("evicted before the first byte", &[(1, Evicted)], at(1, now)),
            ("evicted before the next one", &[r, h, a, f, (9, Evicted)], at(9, now)),
            ("a byte was on its way", &[(1, Evicted), (2, Received)], at(2, HEAD_TIMEOUT)),
            ("closing: the first byte", &[(1, ProcessClosing)], at(1, CLOSING_TIMEOUT)),
            ("closing: no longer than usual", &[(4, ProcessClosing)], at(0, HEAD_TIMEOUT)),
            ("closing: the next request", &[r, h, a, f, (9, ProcessClosing)], at(9, now)),
            ("closing: a head", &[r, (2, ProcessClosing)], at(1, HEAD_TIMEOUT)),
            ("closing: a request is served", &[r, h, (3, ProcessClosing)], None),
            ("closing: it was the last", &[r, h, (2, ProcessClosing), a, f], at(2, now)),
            (
                "closing: but for one that was sent behind it",
                &[r, h, (2, ProcessClosing), a, f, (5, Received)],
                at(5, HEAD_TIMEOUT),
            ),
        ];
        let start = Instant::now();
        for (case, story, expected) in table {
            let deadline = after(start, story).read_deadline();
            assert_eq!(deadline.map(|deadline| deadline - start), expected, "{case}");
        }
    }

    #[test]
    fn a_client_has_until_the_write_deadline_to_take_something() {
        let at = |second: u32, timeout: Duration| Some(SECOND * second + timeout);
        let (b, p) = ((3, WriteBlocked), (9, WriteProgressed));
        let table: [(&str, Story, Option<Duration>); 8] = [
            ("nothing is blocked", &[], None),
            ("blocked", &[b], at(3, WRITE_TIMEOUT)),
            ("tried again", &[b, (5, WriteBlocked)], at(3, WRITE_TIMEOUT)),
            ("some is taken", &[b, p], None),
            ("the waits are added up", &[b, p, (20, WriteBlocked)], at(14, WRITE_TIMEOUT)),
            ("a flush ends a wait", &[b, (9, Flushed), (20, WriteBlocked)], at(14, WRITE_TIMEOUT)),
            (
                "nothing is left",
                &[b, (40, WriteProgressed), (50, WriteBlocked)],
                at(50, Duration::ZERO),
            ),
            (
                "the next answer has a time of its own",
                &[b, p, (10, Received), (11, HeadArrived), (20, WriteBlocked)],
                at(20, WRITE_TIMEOUT),
            ),
        ];
        let start = Instant::now();
        for (case, story, expected) in table {
            let deadline = after(start, story).write_deadline();
            assert_eq!(deadline.map(|deadline| deadline - start), expected, "{case}");
        }
    }

    #[test]
    fn only_what_is_idle_and_has_no_end_yet_can_be_evicted() {
        let start = Instant::now();
        for (phase, story) in PHASES {
            let state = after(start, story);
            let is_idle = [Phase::New, Phase::Idle].contains(&phase);
            assert_eq!(state.idle_since(), is_idle.then_some(start), "{phase:?}");
            for event in [Evicted, ProcessClosing] {
                assert_eq!(state.after(event, || start).idle_since(), None, "{event:?}, {phase:?}");
            }
        }
    }

    /// A busy connection reads the clock as its phase changes to and from idle, and at no other time.
    #[test]
    fn most_events_of_a_request_do_not_read_the_clock() {
        let start = Instant::now();
        for (phase, story) in PHASES {
            let needless = match phase {
                Phase::New | Phase::Idle => {
                    [HeadArrived, Answered, Flushed, WriteProgressed].as_slice()
                }
                Phase::Answered => &[Received, HeadArrived, Answered, WriteProgressed],
                _ => &[Received, HeadArrived, Answered, Flushed, WriteProgressed],
            };
            for event in needless {
                let clock = || panic!("{event:?} read the clock, {phase:?}");
                after(start, story).after(*event, clock);
            }
        }
    }
}
