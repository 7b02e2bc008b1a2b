//! Why a SQLite file cannot be used: SQLite itself says the same of every reason.

use crate::kernel::config::DatabaseUrl;
use anyhow::anyhow;
use rustix::fs::{Access, access};
use std::path::{Path, PathBuf};

/// Why the file cannot be used, in words that say what to do where the reason is to be seen.
pub(super) fn unusable(url: &DatabaseUrl, error: &anyhow::Error) -> anyhow::Error {
    match obstacle(url) {
        Some(obstacle) => anyhow!("opening {url}: {error:#}: {obstacle}"),
        None => anyhow!("opening {url}: {error:#}"),
    }
}

/// What stands in the way and what to do about it; `None` where nothing is to be seen.
fn obstacle(url: &DatabaseUrl) -> Option<String> {
    let DatabaseUrl::SqliteFile(file) = url else {
        return None;
    };
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    obstacle_of_folder(&folder).or_else(|| obstacle_of_file(file, &folder))
}

fn obstacle_of_folder(folder: &Path) -> Option<String> {
    let shown = folder.display();
    match std::fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => None,
        Ok(_) => Some(format!("{shown} is no folder; name another file in DATABASE_URL")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Some(format!("the folder {shown} does not exist; make it: mkdir -p {shown}"))
        }
        Err(error) => Some(format!("the folder {shown}: {error}")),
    }
}

fn obstacle_of_file(file: &Path, folder: &Path) -> Option<String> {
    let (shown, folder_shown) = (file.display(), folder.display());
    let may_make = access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    match std::fs::metadata(file) {
        Ok(metadata) if metadata.is_dir() => Some(format!(
            "{shown} is a folder; name a file in it in DATABASE_URL: sqlite://{shown}/chronos.db"
        )),
        Ok(_) if access(file, Access::READ_OK).is_err() => Some(format!(
            "this account may not read {shown}; give it the right to read and write the file and \
             its folder"
        )),
        Ok(_) if access(file, Access::WRITE_OK).is_err() => Some(format!(
            "{shown} is read-only for this account; give it the right to write the file and its \
             folder"
        )),
        Ok(_) if !may_make => Some(format!(
            "the folder {folder_shown} is read-only for this account, and SQLite keeps files \
             beside {shown}; give it the right to write there, or prepare a copy to be only read: \
             sqlite3 COPY 'PRAGMA journal_mode = DELETE'"
        )),
        Ok(_) => None,
        Err(_) if !may_make => Some(format!(
            "the folder {folder_shown} is read-only for this account, and {shown} is not there; \
             give it the right to write there, or name another file in DATABASE_URL"
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => Some(format!("{shown}: {error}")),
    }
}
