//! One connection to one run of the Redis server, and the epoch of the cache on it.
//!
//! A Redis that restarts may bring back an old snapshot, with rows that have changed since. So an
//! epoch names the run of the server that it was made in, and each run has a mark that no snapshot
//! holds: a script, which the server keeps in memory alone. An epoch whose mark is missing is from
//! another run; it is removed, and every entry is void with it. A server cannot begin another run
//! behind an open connection, so one look at each new connection is enough.

use crate::kernel::effect::Announcement;
use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{InfoDict, RedisError, Script, cmd};
use std::sync::{Arc, LazyLock};

/// The epoch of the cache, which every entry repeats: removing it empties the cache at once.
pub const EPOCH_KEY: &str = "chronos:epoch";
/// How long an announcement stands, in milliseconds: longer than any commit takes. Its write removes
/// it; it ends by itself where the writer has died.
const ANNOUNCEMENT_LIFETIME: u32 = 30_000;
const RUN_DIGITS: usize = 16;
/// The run, and as many digits for the epoch in it.
pub const EPOCH_DIGITS: usize = 2 * RUN_DIGITS;

/// Removes the epoch KEYS[1] if it still is ARGV[1]: another replica may have made a right one.
static REMOVE_EPOCH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.pcall('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end",
    )
});

/// Writes nothing, and is refused where a write would be: by a read-only replica, by a server that
/// is full or cannot save. Such a server takes no invalidation, and what it holds goes stale
/// although it answers `PING`.
static PING: LazyLock<Script> = LazyLock::new(|| Script::new("#!lua\nreturn 1"));

/// Writes the announcement ARGV[1] for ARGV[2] milliseconds in the place of the entry KEYS[2], in the
/// epoch KEYS[1]; without an epoch, nothing is cached.
static ANNOUNCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local epoch = redis.pcall('GET', KEYS[1])
        if type(epoch) == 'string' then
            redis.call('SET', KEYS[2], 'C2' .. epoch .. 'A' .. ARGV[1], 'PX', ARGV[2])
        end
        ",
    )
});

/// Removes the entry KEYS[1], but for an announcement other than ARGV[1]. The letter behind the
/// format and the epoch tells an announcement.
static REMOVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local entry = redis.pcall('GETRANGE', KEYS[1], 34, 51)
        if type(entry) ~= 'string' or string.sub(entry, 1, 1) ~= 'A' or entry == 'A' .. ARGV[1] then
            redis.call('DEL', KEYS[1])
        end
        ",
    )
});

#[derive(Clone)]
pub struct Connection {
    pub multiplexed: MultiplexedConnection,
    run: Arc<str>,
}

impl PartialEq for Connection {
    /// Whether both are the same connection.
    fn eq(&self, other: &Connection) -> bool {
        Arc::ptr_eq(&self.run, &other.run)
    }
}

impl Connection {
    /// Finds out which run of the server this is.
    ///
    /// # Errors
    /// Those of Redis.
    pub async fn open(mut multiplexed: MultiplexedConnection) -> Result<Connection, RedisError> {
        // An announcement that Redis had to be told how to write first would come behind what is
        // sent later.
        ANNOUNCE.prepare_invoke().load_async(&mut multiplexed).await?;
        let epoch = read_epoch(&mut multiplexed).await?;
        if let Some(run) = epoch.as_deref().and_then(|epoch| epoch.get(..RUN_DIGITS)) {
            let mut exists = cmd("SCRIPT");
            exists.arg("EXISTS").arg(mark(run).get_hash());
            let exists: Vec<bool> = exists.query_async(&mut multiplexed).await?;
            if exists == [true] {
                return Ok(Connection { multiplexed, run: run.into() });
            }
        }
        let run = digits();
        // The mark is there before any epoch can name it.
        mark(&run).prepare_invoke().load_async(&mut multiplexed).await?;
        if let Some(epoch) = epoch {
            let mut removal = REMOVE_EPOCH.key(EPOCH_KEY);
            let _removed: Option<i64> = removal.arg(epoch).invoke_async(&mut multiplexed).await?;
        }
        Ok(Connection { multiplexed, run: run.into() })
    }

    /// An epoch of this run that never was.
    pub fn new_epoch(&self) -> String {
        format!("{}{}", self.run, digits())
    }

    /// Empties the cache of every replica: what they hold is void from here on.
    ///
    /// # Errors
    /// Those of Redis.
    pub async fn clear(&self) -> Result<(), RedisError> {
        cmd("DEL").arg(EPOCH_KEY).exec_async(&mut self.multiplexed.clone()).await
    }

    /// Puts an announcement in the place of an entry.
    ///
    /// # Errors
    /// Those of Redis.
    pub async fn announce(&self, key: &str, announcement: Announcement) -> Result<(), RedisError> {
        let mut script = ANNOUNCE.key(EPOCH_KEY);
        script.key(key).arg(announcement.to_string()).arg(ANNOUNCEMENT_LIFETIME);
        script.invoke_async(&mut self.multiplexed.clone()).await
    }

    /// Removes an entry: a row that a write has replaced, an absence that a write has ended, the
    /// reservation of somebody who may have loaded the one or the other, or this write's own
    /// announcement. That of another write stays: its commit may be yet to come.
    ///
    /// # Errors
    /// Those of Redis.
    pub async fn remove(
        &self,
        key: &str,
        announcement: Option<Announcement>,
    ) -> Result<(), RedisError> {
        let own = announcement.map_or_else(String::new, |announcement| announcement.to_string());
        REMOVE.key(key).arg(own).invoke_async(&mut self.multiplexed.clone()).await
    }

    /// # Errors
    /// Those of Redis, and of a Redis that would take no write.
    pub async fn ping(&self) -> Result<(), RedisError> {
        let _one: i64 = PING.prepare_invoke().invoke_async(&mut self.multiplexed.clone()).await?;
        Ok(())
    }

    /// The name of what Redis does when it is full, where this user may ask for it.
    pub async fn eviction_policy(&self) -> Option<String> {
        let mut info = cmd("INFO");
        let asked = info.arg("memory").query_async::<InfoDict>(&mut self.multiplexed.clone()).await;
        asked.inspect_err(|error| log::debug!("INFO memory: {error}")).ok()?.get("maxmemory_policy")
    }
}

/// The epoch that is there; `None` also for what can be none.
async fn read_epoch(conn: &mut MultiplexedConnection) -> Result<Option<String>, RedisError> {
    let found: Result<Option<Vec<u8>>, RedisError> =
        cmd("GETRANGE").arg(EPOCH_KEY).arg(0).arg(EPOCH_DIGITS).query_async(conn).await;
    match found {
        Ok(bytes) => Ok(bytes
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|epoch| is_epoch(epoch))),
        Err(error) if is_wrong_type(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

pub fn is_epoch(text: &str) -> bool {
    text.len() == EPOCH_DIGITS && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Whether some other program's list or hash is where a text should be.
pub fn is_wrong_type(error: &RedisError) -> bool {
    let errors = error.clone().into_server_errors();
    errors.is_some_and(|errors| errors.iter().all(|(_, error)| error.code() == "WRONGTYPE"))
}

fn mark(run: &str) -> Script {
    Script::new(&format!("-- a run of the server, as chronos names it: {run}\nreturn 1"))
}

fn digits() -> String {
    format!("{:0width$x}", fastrand::u64(..), width = RUN_DIGITS)
}
