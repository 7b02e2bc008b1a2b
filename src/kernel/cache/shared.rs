//! The cache in Redis, shared by all replicas.
//!
//! An entry is one string: format, epoch, version, kind, and for a row its JSON. Whatever does not
//! read as one (an older or newer format, another type, garbage, 10 MB) is a miss and is replaced.

use super::keeper::Live;
use super::link::RedisLink;
use super::{Cacheable, Lookup, Ticket};
use crate::kernel::ids::Id;
use deadpool_redis::redis::{RedisError, Script, cmd, pipe};
use std::marker::PhantomData;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const FORMAT: &str = "C1";
const EPOCH_DIGITS: usize = 16;
const VERSION_DIGITS: usize = 20;
const HEADER_BYTES: usize = FORMAT.len() + EPOCH_DIGITS + VERSION_DIGITS + 1;
const VALUE: char = 'V';
const TOMBSTONE: char = 'T';
/// Rows above this are not cached: they would hold up everything behind them on the connection.
const MAX_ENTRY_BYTES: usize = 256 * 1024;
/// Longer than any load can take, so that no slow reader outlives the tombstone it must meet.
const TOMBSTONE_TTL: Duration = Duration::from_secs(60);

/// Writes the entry unless the epoch has moved or a newer version is there. An empty ARGV[1]
/// stands for the epoch of now. Versions have a fixed width, so that text compares as numbers.
static PUT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local epoch = redis.call('GET', KEYS[1])
        if not epoch then return 0 end
        if ARGV[1] ~= '' and ARGV[1] ~= epoch then return 0 end
        local head = redis.pcall('GETRANGE', KEYS[2], 0, 37)
        if type(head) == 'string' and #head == 38 and string.sub(head, 1, 18) == 'C1' .. epoch
            and string.sub(head, 19, 38) > ARGV[2] then
            return 0
        end
        redis.call('SET', KEYS[2], 'C1' .. epoch .. ARGV[2] .. ARGV[3], 'PX', ARGV[4])
        return 1
        ",
    )
});

pub struct Shared<V> {
    link: RedisLink,
    ttl: Duration,
    _rows: PhantomData<fn() -> V>,
}

impl<V: Cacheable> Shared<V> {
    pub fn new(link: RedisLink, ttl: Duration) -> Shared<V> {
        Shared { link, ttl, _rows: PhantomData }
    }

    pub async fn lookup(&self, id: &Id) -> Lookup<V> {
        let Some(live) = self.link.reading() else {
            return Lookup::Away;
        };
        let looked = self.link.read(&live, async |mut conn| {
            let keys = (live.epoch_key(), live.key(&entry_name::<V>(id)));
            let found: Result<(Option<String>, Vec<u8>), RedisError> = pipe()
                .get(&keys.0)
                .cmd("GETRANGE")
                .arg(&keys.1)
                .arg(0)
                .arg(HEADER_BYTES + MAX_ENTRY_BYTES)
                .query_async(&mut conn)
                .await;
            match found {
                Ok((Some(epoch), bytes)) => Ok(match decode::<V>(&epoch, &bytes) {
                    Some(value) if value.id() == id => Lookup::Hit(Arc::new(value)),
                    _ => Lookup::Miss(Ticket(epoch)),
                }),
                // Nobody has cached anything since Redis started or was emptied.
                Ok((None, _)) => {
                    let fresh = format!("{:016x}", fastrand::u64(..));
                    let () =
                        cmd("SET").arg(&keys.0).arg(&fresh).arg("NX").exec_async(&mut conn).await?;
                    Ok(Lookup::Miss(Ticket(fresh)))
                }
                // Some other program's list or hash is in the way: the next reader finds it gone.
                Err(error) if is_wrong_type(&error) => {
                    cmd("DEL").arg(&keys.0).arg(&keys.1).exec_async(&mut conn).await?;
                    Ok(Lookup::Away)
                }
                Err(error) => Err(error),
            }
        });
        looked.await.unwrap_or(Lookup::Away)
    }

    pub async fn fill(&self, ticket: &Ticket, value: &Arc<V>) {
        let Some(live) = self.link.reading() else {
            return;
        };
        let Ok(json) = serde_json::to_string(&**value) else {
            return;
        };
        if json.len() > MAX_ENTRY_BYTES {
            return;
        }
        let put = Put {
            epoch: &ticket.0,
            version: value.version(),
            content: format!("{VALUE}{json}"),
            ttl: self.ttl,
        };
        let name = entry_name::<V>(value.id());
        // A fill that fails costs the next reader a load, nothing else.
        let _filled = self.link.read(&live, async |conn| put.run(&live, &name, conn).await).await;
    }

    pub async fn bury(&self, id: &Id, version: i64) {
        let name = entry_name::<V>(id);
        let put = tombstone(version);
        let bury = async |live: Live, conn| put.run(&live, &name, conn).await;
        self.link.invalidate(name.clone(), version, bury).await;
    }
}

/// Delivers an invalidation that Redis missed.
pub(super) async fn bury_late(
    live: &Live,
    name: &str,
    version: i64,
    conn: deadpool_redis::redis::aio::MultiplexedConnection,
) -> Result<(), RedisError> {
    tombstone(version).run(live, name, conn).await
}

fn tombstone(version: i64) -> Put<'static> {
    Put { epoch: "", version, content: TOMBSTONE.to_string(), ttl: TOMBSTONE_TTL }
}

struct Put<'a> {
    epoch: &'a str,
    version: i64,
    content: String,
    ttl: Duration,
}

impl Put<'_> {
    async fn run(
        &self,
        live: &Live,
        name: &str,
        mut conn: deadpool_redis::redis::aio::MultiplexedConnection,
    ) -> Result<(), RedisError> {
        PUT.key(live.epoch_key())
            .key(live.key(name))
            .arg(self.epoch)
            .arg(format!("{:0width$}", self.version, width = VERSION_DIGITS))
            .arg(&self.content)
            .arg(u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX))
            .invoke_async(&mut conn)
            .await
    }
}

fn entry_name<V: Cacheable>(id: &Id) -> String {
    format!("{}:{id}", V::KIND)
}

/// The row of an entry of this epoch; `None` for a tombstone and for anything unreadable.
pub fn decode<V: Cacheable>(epoch: &str, bytes: &[u8]) -> Option<V> {
    if bytes.len() > HEADER_BYTES + MAX_ENTRY_BYTES {
        return None;
    }
    let (header, json) = bytes.split_at_checked(HEADER_BYTES)?;
    let header = std::str::from_utf8(header).ok()?;
    let rest = header.strip_prefix(FORMAT)?.strip_prefix(epoch)?;
    let version: i64 = rest.strip_suffix(VALUE)?.parse().ok()?;
    serde_json::from_slice::<V>(json).ok().filter(|value| value.version() == version)
}

fn is_wrong_type(error: &RedisError) -> bool {
    let errors = error.clone().into_server_errors();
    errors.is_some_and(|errors| errors.iter().all(|(_, error)| error.code() == "WRONGTYPE"))
}
