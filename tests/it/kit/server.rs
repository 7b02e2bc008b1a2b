//! Servers that a test starts for itself: on ports of their own, and never left behind.

use std::collections::HashSet;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// A port that nobody listens at, the same for every start of one server. It lies below the range
/// from which the system hands out ports by itself: nothing can take it between two starts.
pub fn free_port() -> u16 {
    static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let port = fastrand::u16(20_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && given.insert(port) {
            return port;
        }
    }
}

/// Sends a signal, by its name, to processes; one that has ended is no failure.
pub fn signal(name: &str, processes: &[u32]) {
    let ids = processes.iter().map(u32::to_string);
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).args(ids).stderr(Stdio::null());
    kill.status().expect("kill is there");
}

/// What a process says of itself in `/proc`; `None` when it is gone.
pub fn status_of(process: u32, field: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.map(|value| value.trim().to_owned())
}

/// The processes that this one has started and that still run.
pub fn children_of(process: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = process.to_string();
    ids.filter(|id| status_of(*id, "PPid").as_ref() == Some(&parent)).collect()
}

/// A program that may be started, ended and started again; it ends with the test, and when the
/// tests are killed.
#[derive(Default)]
pub struct Server(Mutex<Option<Child>>);

impl Server {
    /// Starts `program`, which gets `signal` should the tests end without ending it.
    #[track_caller]
    pub fn start(&self, signal: &str, log: &Path, options: &[String], program: &[String]) {
        let log = std::fs::File::options().create(true).append(true).open(log).expect("a log");
        let mut command = Command::new("setpriv");
        command.arg(format!("--pdeathsig={signal}")).args(options).arg("--").args(program);
        command.stdin(Stdio::null()).stderr(log.try_clone().expect("a second handle")).stdout(log);
        *self.lock() = Some(spawn(command));
    }

    pub fn id(&self) -> u32 {
        self.lock().as_ref().expect("it runs").id()
    }

    /// Waits for its end, after something has made it end.
    pub fn wait(&self) {
        if let Some(mut child) = self.lock().take() {
            child.wait().expect("it is a child");
        }
    }

    /// Ends it, and every process that it started, as a power cut would.
    pub fn kill(&self) {
        let Some(mut child) = self.lock().take() else {
            return;
        };
        let mut processes = vec![child.id()];
        // Stopped first, so that it starts no more of them.
        signal("STOP", &processes);
        processes.extend(children_of(child.id()));
        signal("KILL", &processes);
        child.wait().expect("it is a child");
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts it from a thread that lives as long as the tests: the signal at its parent's death comes
/// at the death of the thread that started it.
fn spawn(command: Command) -> Child {
    type Order = (Command, Sender<std::io::Result<Child>>);
    static ORDERS: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
        let (sender, orders) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in orders {
                // Whoever gave the order waits for it.
                let _waiting = answer.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    let (answer, started) = channel();
    let orders = ORDERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    orders.send((command, answer)).expect("the thread lives on");
    started.recv().expect("the thread lives on").expect("setpriv is installed")
}
