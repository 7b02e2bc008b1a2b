//! Processes of the real binary.

use super::{SECRET, fresh_name};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;

/// The binary of this build, or another one that `TEST_BINARY` names: the long runs want the release.
pub static BINARY: LazyLock<String> = LazyLock::new(|| {
    std::env::var("TEST_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_chronos").to_owned())
});

/// The settings that say where the gateway and each service listen, the gateway's first.
pub static PORTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let services = chronos::app::MODULES.iter().map(|module| module.setting("PORT"));
    std::iter::once("GATEWAY_PORT".to_owned()).chain(services).collect()
});

/// The binary, in a folder and with no setting from this environment but free ports.
pub fn command(folder: &Path) -> Command {
    program(&BINARY, folder)
}

/// Any program, as [`command`] starts the binary.
pub fn program(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    command.envs(PORTS.iter().map(|name| (name, "0")));
    // Nothing but what the loader of shared libraries and coverage tools may need.
    for name in ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// One process of the binary that serves.
pub struct Process {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    log: PathBuf,
    pub banner: String,
}

impl Process {
    /// Starts `chronos serve` on free ports, as most tests want it, and waits for its banner.
    #[track_caller]
    pub fn start(folder: &Path, role: &str, settings: &[(String, String)]) -> Process {
        let usual = [
            ("JWT_SECRET", SECRET),
            ("AUTH_TOKEN_ENDPOINT", "on"),
            ("RATE_LIMIT_PER_MINUTE", "0"),
            ("DATABASE_POOL_SIZE", "8"),
        ];
        let given = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<(&str, &str)> = usual.into_iter().chain(given).collect();
        Process::start_plain(folder, role, &all)
    }

    /// As [`Process::start`], with no other settings than these.
    #[track_caller]
    pub fn start_plain(folder: &Path, role: &str, settings: &[(&str, &str)]) -> Process {
        Process::start_as(command(folder), folder, role, settings)
    }

    /// As [`Process::start_plain`], where `program` is the binary, or becomes it.
    #[track_caller]
    pub fn start_as(
        mut program: Command,
        folder: &Path,
        role: &str,
        settings: &[(&str, &str)],
    ) -> Process {
        let log = folder.join(format!("{}.log", fresh_name(role)));
        let mut child = program
            .args(["serve", "--role", role])
            // The names that tests write by hand.
            .env("ALLOWED_HOSTS", "a, x, sto, store, chronos, store.example")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).expect("a log file"))
            .spawn()
            .expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut banner = String::new();
        while !banner.contains("Ctrl-C") {
            let read = stdout.read_line(&mut banner).expect("the banner is text");
            if read == 0 {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                panic!("chronos serve --role {role} ended at its start:\n{log}");
            }
        }
        Process { child, _stdout: stdout, log, banner }
    }

    /// The URL that the banner gives for a listener.
    pub fn url(&self, listener: &str) -> String {
        let url = self.find_url(listener);
        url.unwrap_or_else(|| panic!("no {listener} in {}", self.banner))
    }

    /// As [`Process::url`], of a listener that the process may not have.
    pub fn find_url(&self, listener: &str) -> Option<String> {
        let lines = self.banner.lines().map(str::split_whitespace);
        let mut of_listener = lines.filter_map(|mut words| {
            let is_it = words.next() == Some(listener);
            words.next().filter(|url| is_it && url.starts_with("http")).map(str::to_owned)
        });
        of_listener.next()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal, by its name: `TERM`, `STOP`, `CONT`, `KILL`.
    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status();
        assert!(status.expect("kill is there").success(), "kill -{name}");
    }

    /// Waits for the end and returns the exit status.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("it is a child").code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(15)..];
            eprintln!("--- {}\n{}", self.log.display(), tail.join("\n"));
        }
    }
}
