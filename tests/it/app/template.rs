//! A database that is loaded once and copied for each test.

use super::{Backend, Servers, command, fresh_name};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A database loaded from `data/` once, and copied for each test.
pub(super) struct Template {
    _folder: TempDir,
    pub(super) sqlite_file: PathBuf,
    pub(super) postgres: String,
}

static SQLITE_TEMPLATE: OnceLock<Template> = OnceLock::new();
static POSTGRES_TEMPLATE: OnceLock<Template> = OnceLock::new();

pub(super) fn template(backend: &Backend) -> &'static Template {
    match backend {
        Backend::Sqlite => SQLITE_TEMPLATE.get_or_init(|| {
            let folder = TempDir::new().expect("a temporary folder");
            let sqlite_file = folder.path().join("template.db");
            seed(&format!("sqlite://{}", sqlite_file.display()));
            Template { _folder: folder, sqlite_file, postgres: String::new() }
        }),
        Backend::Postgres(servers) | Backend::Pooled(servers) => {
            POSTGRES_TEMPLATE.get_or_init(|| {
                let name = fresh_name("template");
                servers.execute(&format!("CREATE DATABASE {name}"));
                seed(&servers.database(&name));
                let folder = TempDir::new().expect("a temporary folder");
                Template { _folder: folder, sqlite_file: PathBuf::new(), postgres: name }
            })
        }
    }
}

/// Drops what [`template`] left on the server.
pub fn remove_templates(servers: Option<&Servers>) {
    if let (Some(servers), Some(template)) = (servers, POSTGRES_TEMPLATE.get()) {
        servers.execute(&format!("DROP DATABASE {} WITH (FORCE)", template.postgres));
    }
}

/// Loads `data/` into a database.
pub fn seed(database_url: &str) {
    let output = command(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["seed", "--database-url", database_url])
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
