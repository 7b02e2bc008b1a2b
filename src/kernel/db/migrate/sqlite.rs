//! SQLite: the file's own lock lets one process migrate, and load the store into a new file.

use super::{
    DatabaseUrl, DbConn, Difference, Load, PoolLane, PrepareError, Prepared, Wait, run_migrations,
};
use crate::kernel::db::connection::SQLITE_BUSY_TIMEOUT;
use crate::kernel::db::file::unusable;
use crate::kernel::db::occupied::refuse_tables_of_another_program;
use crate::kernel::error::Refusal;
use anyhow::bail;
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long SQLite waits by itself, between two lines that say what for.
const ONE_TRY: Duration = Duration::from_millis(200);

/// Brings the file up to date, where anything is missing, and fills a new one.
///
/// # Errors
/// [`PrepareError::Unavailable`] where the machine is too busy to open it in time.
pub(super) fn prepare(
    url: &DatabaseUrl,
    writes: &PoolLane,
    load: Option<Load>,
) -> Result<Prepared, PrepareError> {
    // Opened once by hand for its error: the pool only says that it timed out.
    DbConn::open(url).map_err(|error| unusable(url, &error.into()))?;
    // It can be opened, but not within the time-out of the pool: the machine is busy.
    let mut pooled =
        writes.checkout().map_err(|error| PrepareError::Unavailable(error.to_string()))?;
    set_busy_timeout(&mut pooled.conn, ONE_TRY)?;
    let prepared = bring_up_to_date(&mut pooled.conn, url, load).map_err(|error| match error {
        refused if refused.is::<Refusal>() => refused,
        error => unusable(url, &error),
    })?;
    set_busy_timeout(&mut pooled.conn, SQLITE_BUSY_TIMEOUT)?;
    // Nothing is cached yet: what changed before now is no news to the watch for other writers,
    // which would else forget the first products that were read.
    let _before = pooled.was_changed_elsewhere().map_err(anyhow::Error::from)?;
    Ok(prepared)
}

fn bring_up_to_date(
    conn: &mut DbConn,
    url: &DatabaseUrl,
    load: Option<Load>,
) -> anyhow::Result<Prepared> {
    let difference = when_free(conn, url, |conn| Ok(Difference::of(conn)?))?;
    difference.warn_of_newer_schema(url);
    if difference.missing > 0 {
        // Before the file is switched to another journal, which would stay.
        when_free(conn, url, |conn| refuse_tables_of_another_program(conn, url))?;
    }
    if matches!(url, DatabaseUrl::SqliteFile(_)) {
        when_free(conn, url, switch_to_wal)?;
    }
    if difference.missing == 0 {
        return Ok(Prepared::Existing);
    }
    when_free(conn, url, |conn| {
        conn.transact(|conn| {
            let is_new = count_tables(conn)? == 0;
            run_migrations(conn, url)?;
            match load {
                Some(load) if is_new => {
                    load(conn)?;
                    Ok(Prepared::Loaded)
                }
                _ if is_new => Ok(Prepared::Created),
                _ => Ok(Prepared::Existing),
            }
        })
    })
}

/// Runs `job` again for as long as another process has the file locked, within a bound.
fn when_free<T>(
    conn: &mut DbConn,
    url: &DatabaseUrl,
    job: impl Fn(&mut DbConn) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut wait = Wait::begin();
    loop {
        match job(conn) {
            Err(error) if is_locked(&error) => {
                let holder = holder(url);
                if wait.is_over("the database file", &holder) {
                    bail!("{error:#}: held by {holder}; wait until it is done, or end it");
                }
                // SQLite answers without waiting where waiting could never end.
                std::thread::sleep(Duration::from_millis(20));
            }
            done => return done,
        }
    }
}

/// SQLite's texts are never translated.
fn is_locked(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("database is locked")
}

/// Readers then never wait for a writer. A file that is read-only stays as it is.
fn switch_to_wal(conn: &mut DbConn) -> anyhow::Result<()> {
    match conn.batch_execute("PRAGMA journal_mode = WAL") {
        Err(error) if error.to_string().contains("readonly database") => Ok(()),
        switched => Ok(switched?),
    }
}

fn set_busy_timeout(conn: &mut DbConn, timeout: Duration) -> anyhow::Result<()> {
    let pragma = format!("PRAGMA busy_timeout = {}", timeout.as_millis());
    Ok(conn.batch_execute(&pragma)?)
}

fn count_tables(conn: &mut DbConn) -> anyhow::Result<i64> {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    let row: Count =
        diesel::sql_query("SELECT count(*) AS count FROM sqlite_schema").get_result(conn)?;
    Ok(row.count)
}

/// The process that has the file, or the index of its log, locked for writing: `pid 4711 (sqlite3)`.
///
/// The kernel's list is read, since opening and closing the file here would drop the locks that
/// SQLite holds on it in this process.
fn holder(url: &DatabaseUrl) -> String {
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let pid = files_of(url).iter().find_map(|file| {
        let inode = inode_of(file)?;
        locks.lines().find_map(|line| writer_of(line, inode))
    });
    let Some(pid) = pid else {
        return "another process".into();
    };
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("pid {pid} ({})", name.trim_end())
}

fn files_of(url: &DatabaseUrl) -> Vec<PathBuf> {
    match url {
        DatabaseUrl::SqliteFile(path) => {
            let mut index = path.clone().into_os_string();
            index.push("-shm");
            vec![index.into(), path.clone()]
        }
        _ => Vec::new(),
    }
}

fn inode_of(file: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(file).ok().map(|metadata| metadata.ino())
}

/// Of `1: POSIX ADVISORY WRITE 4711 08:01:131 120 120`, the process, where the inode is that one.
fn writer_of(line: &str, inode: u64) -> Option<u32> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, "POSIX", _, "WRITE", pid, place, ..] = words[..] else {
        return None;
    };
    let is_there = place.rsplit(':').next() == Some(inode.to_string().as_str());
    let pid: u32 = pid.parse().ok()?;
    (is_there && pid != std::process::id()).then_some(pid)
}
