//! The buckets that all gateways share, in Redis.
//!
//! A bucket is one key: the time at which it is full again, in microseconds of the server's clock.
//! It needs no other state, and expires when it is full. Whatever else stands there counts as a
//! full bucket, or as an empty one where it lies further ahead than a bucket can.

use super::verdict::Verdict;
use crate::kernel::redis::RedisLink;
use deadpool_redis::redis::{FromRedisValue, Script, Value};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::time::Duration;

/// The whole of what a request waits for. Tried once.
const COUNT_TIMEOUT: Duration = Duration::from_millis(40);
const MINUTE_IN_MICROSECONDS: u32 = 60_000_000;

/// Takes one request out of the bucket KEYS[1], which holds ARGV[2] of them and gets one back every
/// ARGV[1] microseconds. Answers 1 and how many are left, or 0 and the microseconds to wait; one
/// that is refused takes nothing. Whole numbers only: a rounding error would cost a request, and
/// Lua's own way to write a number keeps fewer digits than the time has.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local interval, size = tonumber(ARGV[1]), tonumber(ARGV[2])
        local whole = interval * size
        local full_at = tonumber(redis.pcall('GET', KEYS[1]))
        if not (full_at and full_at > now) then full_at = now end
        if full_at > now + whole then full_at = now + whole end
        local next = full_at + interval
        if next > now + whole then return { 0, next - now - whole } end
        redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX',
            string.format('%.0f', math.ceil((next - now) / 1000)))
        return { 1, math.floor((now + whole - next) / interval) }
        ",
    )
});

pub(super) struct Shared {
    link: RedisLink,
    interval_microseconds: u32,
    per_minute: NonZeroU32,
}

impl Shared {
    pub(super) fn new(link: RedisLink, per_minute: NonZeroU32) -> Shared {
        let interval_microseconds = (MINUTE_IN_MICROSECONDS / per_minute).max(1);
        Shared { link, interval_microseconds, per_minute }
    }

    /// Takes one request out of the bucket, if there is one. `None` where Redis is away, too slow
    /// or not to be understood.
    pub(super) async fn count(&self, client: IpAddr) -> Option<Verdict> {
        let (interval, per_minute) = (self.interval_microseconds, self.per_minute.get());
        let asked = self.link.ask(COUNT_TIMEOUT, move |mut connection| async move {
            COUNT
                .key(format!("chronos:rate:{client}"))
                .arg(interval)
                .arg(per_minute)
                .invoke_async::<Value>(&mut connection.multiplexed)
                .await
        });
        self.verdict(&asked.await?)
    }

    /// Whether Redis has seen every request of the last minute, which is as long as a bucket
    /// remembers.
    pub(super) fn has_seen_a_whole_minute(&self) -> bool {
        self.link.up_for().is_some_and(|up| up >= Duration::from_secs(60))
    }

    fn verdict(&self, answer: &Value) -> Option<Verdict> {
        // As they came: smaller types would be cut to size.
        let (admitted, number) = <(i64, i64)>::from_redis_value_ref(answer).ok()?;
        match admitted {
            1 => {
                let left = u32::try_from(number).ok()?;
                (left < self.per_minute.get()).then_some(Verdict::Admitted { left })
            }
            0 => {
                let wait = u64::try_from(number).ok()?;
                let whole =
                    u64::from(self.interval_microseconds) * u64::from(self.per_minute.get());
                let wait = (wait <= whole).then_some(Duration::from_micros(wait))?;
                Some(Verdict::Refused { wait })
            }
            _ => None,
        }
    }
}
