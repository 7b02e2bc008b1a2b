//! A PostgreSQL server of one test, which it may kill, freeze, restart, and start late.

use super::server::{Server, children_of, free_port, signal};
use super::until;
use crate::app::Storage;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

pub struct Postgres {
    server: Server,
    folder: TempDir,
    bin: PathBuf,
    port: u16,
    locale: Option<&'static str>,
}

impl Postgres {
    /// A new cluster and a port for it; not started yet.
    pub fn reserve() -> Postgres {
        let template = folder_from_env("TEST_POSTGRES_TEMPLATE");
        // Beside the template, where the account of PostgreSQL can get to.
        let beside = template.parent().expect("it is in a folder");
        let folder = tempfile::Builder::new().prefix("postgres-").tempdir_in(beside);
        let folder = folder.expect("a temporary folder");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        std::fs::set_permissions(folder.path(), mode).expect("it is ours");
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(&template).arg(folder.path().join("data"));
        assert!(copy.status().expect("cp is there").success());
        Postgres {
            server: Server::default(),
            folder,
            bin: folder_from_env("TEST_POSTGRES_BIN"),
            port: free_port(),
            locale: None,
        }
    }

    /// A server that tells its errors in the language of a locale; started.
    pub fn speaking(locale: &'static str) -> Postgres {
        let postgres = Postgres { locale: Some(locale), ..Postgres::reserve() };
        postgres.start();
        postgres
    }

    pub fn started() -> Postgres {
        let postgres = Postgres::reserve();
        postgres.start();
        postgres
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("postgres://chronos@127.0.0.1:{}/postgres", self.port)
    }

    /// Its one database, with the store of `data/` in it, and the cache in the process.
    pub fn seeded(&self) -> Storage {
        crate::app::seed(&self.url());
        Storage::at(self.url(), None)
    }

    /// Starts it, after however it ended.
    #[track_caller]
    pub fn start(&self) {
        self.begin_start();
        until("PostgreSQL accepts connections", || PgConnection::establish(&self.url()).is_ok());
    }

    /// Starts it and does not wait.
    #[track_caller]
    pub fn begin_start(&self) {
        let data = self.folder.path().join("data");
        let owner = std::fs::metadata(&data).expect("the copy is there");
        let mut options = Vec::new();
        // PostgreSQL refuses to run as root: the template belongs to the account that it runs as.
        if owner.uid() != std::fs::metadata("/proc/self").expect("Linux").uid() {
            options.push(format!("--reuid={}", owner.uid()));
            options.push(format!("--regid={}", owner.gid()));
            options.push("--clear-groups".to_owned());
        }
        let mut program = Vec::new();
        if self.locale.is_some() {
            let locales = folder_from_env("TEST_LOCALES");
            program.extend(["env".to_owned(), format!("LOCPATH={}", locales.display())]);
        }
        program.push(self.bin.join("postgres").display().to_string());
        if let Some(locale) = self.locale {
            program.extend(["-c".to_owned(), format!("lc_messages={locale}")]);
        }
        program.extend(["-D".to_owned(), data.display().to_string()]);
        program.extend(["-p".to_owned(), self.port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=100",
            "shared_buffers=16MB",
            // The system does not crash in these tests, but the server does: what it acknowledged
            // must be out of its own memory.
            "fsync=off",
            "full_page_writes=off",
            "synchronous_commit=on",
        ] {
            program.extend(["-c".to_owned(), setting.to_owned()]);
        }
        self.server.start("INT", &self.folder.path().join("log"), &options, &program);
    }

    /// Ends it, as an operator would: its clients are cut off.
    pub fn stop(&self) {
        signal("INT", &[self.server.id()]);
        self.server.wait();
    }

    /// Ends all its processes at once.
    pub fn kill(&self) {
        self.server.kill();
    }

    /// Stops all its processes where they are; connections stay open, and nothing answers.
    pub fn freeze(&self) {
        // The first starts the others, so that it is stopped before they are counted.
        signal("STOP", &[self.server.id()]);
        signal("STOP", &children_of(self.server.id()));
    }

    pub fn thaw(&self) {
        signal("CONT", &children_of(self.server.id()));
        signal("CONT", &[self.server.id()]);
    }

    /// Ends the connections of everybody else.
    pub fn terminate_backends(&self) {
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
    }

    #[track_caller]
    pub fn execute(&self, sql: &str) {
        let mut conn = PgConnection::establish(&self.url()).expect("PostgreSQL is there");
        conn.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

fn folder_from_env(name: &str) -> PathBuf {
    let value = std::env::var_os(name);
    value.unwrap_or_else(|| panic!("{name} is not set: use scripts/services run")).into()
}
