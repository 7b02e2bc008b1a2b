//! Every event in every state.

use super::Action::{BeginRound, Deliver, DeliverThenReadmit, EmptyThenReadmit, Nothing};
use super::{Action, Event, Round, State};
use std::collections::HashSet;
use std::mem::discriminant;
use std::time::Duration;

/// A connection is a number here, and `1` is the one that the state holds.
type Of = State<u8>;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn settling(until: u64) -> Of {
    State::Settling { connection: 1, until: ms(until) }
}

fn suspect(since: u64, turns: u32) -> Of {
    State::Suspect { connection: 1, since: ms(since), turns }
}

fn up(since: u64) -> Of {
    State::Up { connection: 1, since: ms(since) }
}

fn answered(sent: u64, turns: u32) -> Event<u8> {
    Event::PingAnswered { connection: 1, sent: ms(sent), turns }
}

fn late(connection: u8, turns: u32) -> Event<u8> {
    Event::OperationLate { connection, turns }
}

fn delivered(is_anything_pending: bool) -> Event<u8> {
    Event::Delivered { connection: 1, is_anything_pending }
}

/// The state, the event and when it comes; the state after it, and what is done.
type Row = (Of, Event<u8>, u64, Of, Action);

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let other_ping = || Event::PingAnswered { connection: 2, sent: ms(900), turns: 20 };
    let other_delivery = || Event::Delivered { connection: 2, is_anything_pending: false };
    vec![
        // At the start, and after an outage.
        (State::Down, Event::Started(1), 100, up(100), Nothing),
        (State::Down, Event::Connected(1), 100, settling(1_100), Nothing),
        // What a connection says that is gone already.
        (State::Down, answered(90, 0), 100, State::Down, Nothing),
        (State::Down, delivered(false), 100, State::Down, Nothing),
        (State::Down, late(1, 5), 100, State::Down, Nothing),
        (State::Down, Event::Failed(1), 100, State::Down, Nothing),

        // Readers wait for the time, and then for a ping that is quick enough for a read.
        (settling(1_100), answered(1_090, 0), 1_099, settling(1_100), Deliver),
        (settling(1_100), answered(1_090, 4), 1_100, settling(1_100), EmptyThenReadmit),
        (settling(1_100), answered(1_000, 5), 1_100, settling(1_100), Deliver),
        (settling(1_100), answered(9_000, 49), 9_490, settling(1_100), Deliver),
        (settling(1_100), delivered(false), 1_110, up(1_110), Nothing),
        (settling(1_100), delivered(true), 1_110, settling(1_100), Nothing),
        (settling(1_100), late(1, 10), 500, settling(1_100), BeginRound),
        (settling(1_100), Event::Failed(1), 500, State::Down, Nothing),
        (settling(1_100), Event::Connected(2), 500,
            State::Settling { connection: 2, until: ms(1_500) }, Nothing),
        (settling(1_100), Event::Started(1), 500, up(500), Nothing),
        (settling(1_100), other_ping(), 2_000, settling(1_100), Nothing),
        (settling(1_100), other_delivery(), 2_000, settling(1_100), Nothing),
        (settling(1_100), late(2, 5), 500, settling(1_100), Nothing),
        (settling(1_100), Event::Failed(2), 500, settling(1_100), Nothing),

        // The turns of the ping come on top of those of the operation.
        (suspect(500, 5), answered(501, 3), 531, suspect(500, 5), DeliverThenReadmit),
        (suspect(500, 5), answered(501, 4), 541, settling(1_541), Deliver),
        (suspect(500, 10), answered(501, 0), 502, settling(1_502), Deliver),
        // This process stood still for an hour, and heard the answer at once after it.
        (suspect(500, 4), answered(501, 1), 3_600_501, suspect(500, 4), DeliverThenReadmit),
        // A ping from before the operation was late proves nothing, unless Redis was silent.
        (suspect(500, 5), answered(499, 0), 501, suspect(500, 5), Deliver),
        (suspect(500, 5), answered(499, 8), 579, suspect(500, 5), Deliver),
        (suspect(500, 5), answered(499, 9), 589, settling(1_589), Deliver),
        (suspect(500, 5), delivered(false), 510, up(510), Nothing),
        (suspect(500, 5), delivered(true), 510, suspect(500, 5), Nothing),
        (suspect(500, 5), late(1, 10), 550, suspect(500, 5), BeginRound),
        (suspect(500, 5), Event::Failed(1), 600, State::Down, BeginRound),
        (suspect(500, 5), Event::Connected(1), 600, settling(1_600), Nothing),
        (suspect(500, 5), Event::Started(1), 600, up(600), Nothing),
        (suspect(500, 5), other_ping(), 1_100, suspect(500, 5), Nothing),
        (suspect(500, 5), other_delivery(), 1_100, suspect(500, 5), Nothing),
        (suspect(500, 5), late(2, 5), 550, suspect(500, 5), Nothing),
        (suspect(500, 5), Event::Failed(2), 550, suspect(500, 5), Nothing),

        (up(100), answered(900, 0), 901, up(100), Deliver),
        (up(100), answered(900, 8), 980, up(100), Deliver),
        (up(100), answered(900, 9), 990, settling(1_990), Deliver),
        // This process stood still for an hour: it blames nobody.
        (up(100), answered(900, 1), 3_600_900, up(100), Deliver),
        (up(100), late(1, 4), 940, suspect(940, 4), BeginRound),
        (up(100), Event::Failed(1), 901, State::Down, BeginRound),
        (up(100), delivered(false), 901, up(100), Nothing),
        (up(100), Event::Connected(1), 901, settling(1_901), Nothing),
        (up(100), Event::Started(1), 901, up(901), Nothing),
        (up(100), other_ping(), 1_100, up(100), Nothing),
        (up(100), other_delivery(), 1_100, up(100), Nothing),
        (up(100), late(2, 5), 950, up(100), Nothing),
        (up(100), Event::Failed(2), 901, up(100), Nothing),
    ]
}

#[test]
fn each_event_changes_each_state_as_the_table_says() {
    let mut seen = HashSet::new();
    for (before, event, at, after, action) in rows() {
        seen.insert((discriminant(&before), discriminant(&event)));
        assert_eq!(before.on(event.clone(), ms(at)), (after, action), "{before:?} {event:?}");
    }
    assert_eq!(seen.len(), 4 * 6, "every event is in the table with every state");
}

#[test]
fn a_state_says_who_may_use_the_connection_and_what_the_supervisor_does() {
    let ping = |turns| Round::Ping { connection: 1, turns };
    let (often, rarely) = (ms(50), ms(1_000));
    for (state, reader, writer, round, in_use, idle) in [
        (State::Down, None, None, Round::Connect, ms(250), ms(250)),
        (settling(0), None, Some(&1), ping(50), often, often),
        (suspect(0, 5), None, Some(&1), ping(10), often, often),
        (up(0), Some(&1), Some(&1), ping(50), often, rarely),
    ] {
        assert_eq!((state.for_readers(), state.for_writers()), (reader, writer), "{state:?}");
        assert_eq!(state.round(), round, "{state:?}");
        assert_eq!(state.pause(ms(1_000)), in_use, "{state:?}");
        assert_eq!(state.pause(ms(1_001)), idle, "{state:?}");
    }
}
