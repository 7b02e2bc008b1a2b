//! Which answers of Redis can be believed: decided by the clock, at times that are passed in.
//!
//! Between the last proof that Redis lives and a believed answer lies less than any replica waits
//! before it gives up an invalidation: if Redis stood still meanwhile, nobody has gone on without it.

use super::clock::Moment;
use super::timeouts::{CONFIRMATIONS, FRESH_FOR, HARMLESS_SILENCE};
use std::future::Future;
use std::time::Duration;

/// When Redis is known to have lived: when the last command was sent whose answer was believed.
#[derive(Default)]
pub(super) struct Belief {
    alive_at: Moment,
    /// Held by whoever has Redis prove that it lives, so that the others share the outcome.
    confirming: tokio::sync::Mutex<()>,
}

impl Belief {
    /// Takes note of an answer to a command that was `sent` then; says whether it can be believed.
    pub(super) fn accept(&self, sent: Duration, now: Duration) -> bool {
        let is_believed = self.alive_at.before(now) < HARMLESS_SILENCE;
        if is_believed {
            self.alive_at.advance(sent);
        }
        is_believed
    }

    /// Has Redis prove that it lives, unless it is known to; says whether the answer to a command
    /// that is sent now can be believed.
    ///
    /// # Errors
    /// Those of the ping.
    pub(super) async fn ensure<E, F: Future<Output = Result<(), E>>>(
        &self,
        now: impl Fn() -> Duration,
        ping: impl Fn() -> F,
    ) -> Result<bool, E> {
        if self.is_fresh(now()) {
            return Ok(true);
        }
        let _turn = self.confirming.lock().await;
        if self.is_fresh(now()) {
            return Ok(true);
        }
        // After a silence, whoever's it was, the first answer is not enough: Redis may have stood
        // still, and be about to carry out, in the same breath, an invalidation that another replica
        // has given up.
        let mut sent = Duration::ZERO;
        for _ in 0..CONFIRMATIONS {
            sent = now();
            ping().await?;
            if now().saturating_sub(sent) >= FRESH_FOR {
                return Ok(false);
            }
        }
        self.alive_at.advance(sent);
        Ok(true)
    }

    fn is_fresh(&self, now: Duration) -> bool {
        self.alive_at.before(now) < FRESH_FOR
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Clock;
    use super::Belief;
    use futures_util::FutureExt;
    use std::cell::Cell;
    use std::future::ready;
    use std::time::Duration;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Has Redis answer each ping after so many milliseconds, or refuse it. What came of it, when,
    /// and after how many pings.
    fn ensure(
        belief: &Belief,
        begin: u64,
        answers: &[Option<u64>],
    ) -> (Result<bool, ()>, u64, usize) {
        let (now, pings) = (Cell::new(begin), Cell::new(0));
        let ping = || {
            let answer = answers.get(pings.get()).copied().flatten();
            pings.set(pings.get() + 1);
            now.set(now.get() + answer.unwrap_or(0));
            ready(answer.map(|_| ()).ok_or(()))
        };
        let ensuring = belief.ensure(|| ms(now.get()), ping);
        let outcome = ensuring.now_or_never().expect("nobody else asks");
        (outcome, now.get(), pings.get())
    }

    #[test]
    fn an_answer_is_believed_that_comes_soon_after_the_last_proof_of_life() {
        for (alive_at, sent, now, is_believed) in [
            // Redis answers at once, or in the last moment.
            (1_000, 1_010, 1_011, true),
            (1_000, 1_059, 1_089, true),
            (1_000, 1_059, 1_090, false),
            // This process stood still between the command and the answer.
            (1_000, 1_010, 3_601_000, false),
            // Another answer has been believed meanwhile: this command was sent before that one.
            (1_000, 950, 1_020, true),
        ] {
            let belief = Belief::default();
            belief.alive_at.advance(ms(alive_at));
            assert_eq!(belief.accept(ms(sent), ms(now)), is_believed, "{sent} {now}");
            let proof = if is_believed { sent.max(alive_at) } else { alive_at };
            assert_eq!(belief.alive_at.before(ms(now)), ms(now - proof), "{sent} {now}");
        }
    }

    #[test]
    fn after_a_silence_redis_must_answer_three_times_at_once() {
        for (begin, answers, outcome, end, pings) in [
            // Known to live: nothing is asked.
            (1_059, &[][..], Ok(true), 1_059, 0),
            // The silence may have been that of Redis, of this process, or that nobody asked.
            (1_060, &[Some(1), Some(59), Some(2)], Ok(true), 1_122, 3),
            (3_601_000, &[Some(0), Some(0), Some(0)], Ok(true), 3_601_000, 3),
            (1_060, &[Some(60)], Ok(false), 1_120, 1),
            (1_060, &[Some(1), Some(1), Some(400)], Ok(false), 1_462, 3),
            (1_060, &[Some(1), None], Err(()), 1_061, 2),
        ] {
            let belief = Belief::default();
            belief.alive_at.advance(ms(1_000));
            assert_eq!(ensure(&belief, begin, answers), (outcome, end, pings), "{answers:?}");
            // What was proved: Redis lived when the last of the pings was sent, and no later.
            let last = answers.last().copied().flatten().unwrap_or(0);
            let proof = if outcome == Ok(true) && pings == 3 { end - last } else { 1_000 };
            assert_eq!(belief.alive_at.before(ms(end)), ms(end - proof), "{answers:?}");
        }
    }

    #[test]
    fn at_the_start_nothing_is_believed() {
        let now = Clock::start().now();
        let belief = Belief::default();
        assert!(!belief.accept(now, now));
        assert_eq!(ensure(&belief, 1_000, &[None]).2, 1, "it is asked");
    }
}
