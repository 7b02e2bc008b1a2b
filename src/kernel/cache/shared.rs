//! The cache in Redis, shared by all replicas.
//!
//! An entry is one string: format, epoch, kind, and what belongs to it: the JSON of a row, the
//! number of a reservation, or nothing. Whatever does not read as one (an older or newer format,
//! another type, garbage, 10 MB) is a miss and is replaced.

use super::entry::{
    ABSENCE_LIFETIME, Cacheable, Lookup, RESERVATION_LIFETIME, Reserved, Ticket, key,
};
use super::metrics::Filled;
use crate::kernel::effect::Announcement;
use crate::kernel::ids::Id;
use crate::kernel::redis::{
    Connection, EPOCH_DIGITS, EPOCH_KEY, RedisLink, is_epoch, is_wrong_type,
};
use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{RedisError, Script, pipe};
use std::marker::PhantomData;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const FORMAT: &str = "C2";
const HEADER_BYTES: usize = FORMAT.len() + EPOCH_DIGITS + 1;
const ROW: char = 'V';
const ABSENT: char = 'N';
const RESERVED: char = 'R';
const ANNOUNCED: char = 'A';
/// Rows above this are not cached: they would hold up everything behind them on the connection.
const MAX_ENTRY_BYTES: usize = 256 * 1024;

/// Reserves the entry KEYS[2] with the number ARGV[2] for ARGV[3] milliseconds, in the epoch
/// KEYS[1] or, where there is none, in ARGV[1]. What stands there already in this epoch stays,
/// unless ARGV[5] says that it cannot be read. Answers the epoch and the entry, cut to ARGV[4].
static RESERVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local epoch = redis.pcall('GET', KEYS[1])
        if type(epoch) ~= 'string' or not string.match(epoch, '^%x+$') or #epoch ~= 32 then
            epoch = ARGV[1]
            redis.call('SET', KEYS[1], epoch)
        end
        if ARGV[5] == '' then
            local entry = redis.pcall('GETRANGE', KEYS[2], 0, ARGV[4])
            if type(entry) == 'string' and string.sub(entry, 1, 34) == 'C2' .. epoch then
                return { epoch, entry }
            end
        end
        local reservation = 'C2' .. epoch .. 'R' .. ARGV[2]
        redis.call('SET', KEYS[2], reservation, 'PX', ARGV[3])
        return { epoch, reservation }
        ",
    )
});

/// Writes ARGV[2] for ARGV[3] milliseconds in the place of the reservation ARGV[1], if the entry
/// KEYS[2] still is that one, and the epoch KEYS[1] that of the reservation. Answers 1 where it did.
static FILL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.pcall('GET', KEYS[1]) == string.sub(ARGV[1], 3, 34)
            and redis.pcall('GETRANGE', KEYS[2], 0, #ARGV[1]) == ARGV[1] then
            redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
            return 1
        end
        return 0
        ",
    )
});

/// Puts an announcement in the place of each entry: until it is removed, or has ended, the row is
/// read from the database and not cached.
pub(super) fn announce(link: &RedisLink, keys: Vec<String>, announcement: Announcement) {
    link.send(move |connection| async move {
        for key in keys {
            connection.announce(&key, announcement).await?;
        }
        Ok(())
    });
}

pub(super) struct Shared<V> {
    link: RedisLink,
    ttl: Duration,
    _rows: PhantomData<fn() -> V>,
}

impl<V: Cacheable> Shared<V> {
    pub(super) fn new(link: RedisLink, ttl: Duration) -> Shared<V> {
        Shared { link, ttl, _rows: PhantomData }
    }

    pub(super) async fn lookup(&self, id: &Id) -> Lookup<V> {
        let key = key_of::<V>(id);
        let looked =
            self.link.read(move |connection| look(connection.multiplexed, key.clone())).await;
        let Some((epoch, bytes)) = looked else {
            return Lookup::Away;
        };
        match decode::<V>(&epoch, &bytes) {
            Some(Content::Row(row)) if row.id() == id => Lookup::Row(Arc::new(*row)),
            Some(Content::Absent) => Lookup::Absent,
            _ => Lookup::Miss,
        }
    }

    pub(super) async fn reserve(&self, id: &Id) -> Reserved<V> {
        for standing in [Standing::Kept, Standing::Replaced] {
            let key = key_of::<V>(id);
            let read =
                self.link.read(move |connection| reserve(connection, key.clone(), standing)).await;
            let Some((epoch, bytes)) = read else {
                return Reserved::Away;
            };
            match decode::<V>(&epoch, &bytes) {
                Some(Content::Row(row)) if row.id() == id => return Reserved::Row(Arc::new(*row)),
                Some(Content::Absent) => return Reserved::Absent,
                Some(Content::Reserved(ticket)) => return Reserved::For(ticket),
                Some(Content::Announced) => return Reserved::Away,
                // In the next round it is replaced.
                Some(Content::Row(_)) | None => {}
            }
        }
        Reserved::Away
    }

    pub(super) async fn fill(&self, id: &Id, ticket: Ticket, row: Option<&Arc<V>>) -> Filled {
        let header = &ticket.0[..HEADER_BYTES - 1];
        let (content, lifetime) = match row.map(|row| serde_json::to_string(&**row)) {
            Some(Ok(json)) if json.len() <= MAX_ENTRY_BYTES => {
                (format!("{header}{ROW}{json}"), self.ttl)
            }
            Some(_) => return Filled::TooLarge,
            None => (format!("{header}{ABSENT}"), self.ttl.min(ABSENCE_LIFETIME)),
        };
        let key = key_of::<V>(id);
        // A fill that fails costs the next reader a load, nothing else.
        let told = self
            .link
            .tell(move |connection| fill(connection.multiplexed, key, ticket, content, lifetime))
            .await;
        match told {
            Some(true) => Filled::Taken,
            Some(false) => Filled::Refused,
            None => Filled::Lost,
        }
    }
}

async fn look(
    mut conn: MultiplexedConnection,
    key: String,
) -> Result<(String, Vec<u8>), RedisError> {
    let found: Result<(Option<String>, Vec<u8>), RedisError> = pipe()
        .get(EPOCH_KEY)
        .cmd("GETRANGE")
        .arg(key)
        .arg(0)
        .arg(HEADER_BYTES + MAX_ENTRY_BYTES)
        .query_async(&mut conn)
        .await;
    match found {
        Ok((epoch, bytes)) => Ok((epoch.unwrap_or_default(), bytes)),
        Err(error) if is_wrong_type(&error) => Ok((String::new(), Vec::new())),
        Err(error) => Err(error),
    }
}

/// What becomes of an entry of this epoch that stands where one is reserved.
#[derive(Clone, Copy)]
enum Standing {
    Kept,
    Replaced,
}

async fn reserve(
    mut connection: Connection,
    key: String,
    standing: Standing,
) -> Result<(String, Vec<u8>), RedisError> {
    RESERVE
        .key(EPOCH_KEY)
        .key(key)
        .arg(connection.new_epoch())
        .arg(format!("{:016x}", fastrand::u64(..)))
        .arg(milliseconds(RESERVATION_LIFETIME))
        .arg(HEADER_BYTES + MAX_ENTRY_BYTES)
        .arg(match standing {
            Standing::Kept => "",
            Standing::Replaced => "replace",
        })
        .invoke_async(&mut connection.multiplexed)
        .await
}

async fn fill(
    mut conn: MultiplexedConnection,
    key: String,
    ticket: Ticket,
    content: String,
    lifetime: Duration,
) -> Result<bool, RedisError> {
    FILL.key(EPOCH_KEY)
        .key(key)
        .arg(ticket.0)
        .arg(content)
        .arg(milliseconds(lifetime))
        .invoke_async(&mut conn)
        .await
}

fn milliseconds(lifetime: Duration) -> u64 {
    u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)
}

fn key_of<V: Cacheable>(id: &Id) -> String {
    key(V::KIND, id)
}

/// What an entry says.
enum Content<V> {
    Row(Box<V>),
    Absent,
    Reserved(Ticket),
    /// A write is about to replace the row, or has died after it did.
    Announced,
}

/// The row of an entry of this epoch; `None` for anything else.
#[cfg(fuzzing)]
pub fn decode_row<V: Cacheable>(epoch: &str, bytes: &[u8]) -> Option<V> {
    match decode(epoch, bytes) {
        Some(Content::Row(row)) => Some(*row),
        _ => None,
    }
}

/// An entry of this epoch; `None` for anything else, and for anything unreadable.
fn decode<V: Cacheable>(epoch: &str, bytes: &[u8]) -> Option<Content<V>> {
    if !is_epoch(epoch) || bytes.len() > HEADER_BYTES + MAX_ENTRY_BYTES {
        return None;
    }
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
    let header = std::str::from_utf8(header).ok()?;
    match header.strip_prefix(FORMAT)?.strip_prefix(epoch)?.chars().next()? {
        ROW => serde_json::from_slice(rest).ok().map(Content::Row),
        ABSENT => rest.is_empty().then_some(Content::Absent),
        ANNOUNCED => Some(Content::Announced),
        RESERVED => Some(Content::Reserved(Ticket(String::from_utf8(bytes.to_vec()).ok()?))),
        _ => None,
    }
}
