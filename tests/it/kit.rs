//! What breaks things on purpose: a gate in front of PostgreSQL, a Redis of one's own, a bounded
//! wait.

use crate::app::{App, Combination, Process, Storage};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a test waits for something that is promised within seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again until it is so. The pause only spares the processor: nothing depends on its length.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let give_up_at = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < give_up_at, "waited {PATIENCE:?} until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until the health of a service reports Redis as `state`.
#[track_caller]
pub fn until_redis_is(app: &App, service: &str, state: &str) {
    until(&format!("Redis is {state}"), || {
        app.client.send("GET", &format!("{service}/health"), &[], None).json["redis"] == state
    });
}

/// A TCP proxy whose way back can be shut, and which can be cut altogether.
pub struct Gate {
    shared: Arc<GateState>,
    address: SocketAddr,
}

struct GateState {
    target: String,
    way: Mutex<Way>,
    changed: Condvar,
}

struct Way {
    is_open: bool,
    is_cut: bool,
    held_answers: usize,
    streams: Vec<TcpStream>,
}

impl Gate {
    /// A gate to `HOST:PORT`, open.
    pub fn to(target: &str) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let way = Way { is_open: true, is_cut: false, held_answers: 0, streams: Vec::new() };
        let shared = Arc::new(GateState {
            target: target.to_owned(),
            way: Mutex::new(way),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                accepting.connect(client);
            }
        });
        Gate { shared, address }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on answers are held back.
    pub fn close(&self) {
        self.shared.change(|way| way.is_open = false);
    }

    /// Lets held answers through.
    pub fn open(&self) {
        self.shared.change(|way| {
            way.is_open = true;
            way.held_answers = 0;
        });
    }

    /// Ends all connections; new ones end at once.
    pub fn cut(&self) {
        self.shared.change(|way| {
            way.is_cut = true;
            for stream in way.streams.drain(..) {
                // It may have ended by itself.
                let _ended = stream.shutdown(Shutdown::Both);
            }
        });
    }

    /// Lets new connections through again.
    pub fn mend(&self) {
        self.shared.change(|way| way.is_cut = false);
    }

    /// Waits until an answer has come and is held.
    pub fn wait_for_held_answer(&self) {
        until("an answer is held at the gate", || {
            self.shared.way.lock().expect("no panic").held_answers > 0
        });
    }
}

impl GateState {
    fn change(&self, change: impl FnOnce(&mut Way)) {
        change(&mut self.way.lock().expect("no panic"));
        self.changed.notify_all();
    }

    fn connect(self: &Arc<Self>, client: TcpStream) {
        let mut way = self.way.lock().expect("no panic");
        if way.is_cut {
            return;
        }
        let Ok(server) = TcpStream::connect(&self.target) else {
            return;
        };
        let pair = [client, server].map(|stream| (stream.try_clone().expect("cloned"), stream));
        let [(client_read, client_write), (server_read, server_write)] = pair;
        for stream in [&client_read, &server_read] {
            way.streams.push(stream.try_clone().expect("cloned"));
        }
        drop(way);
        thread::spawn(move || pump(client_read, server_write, || ()));
        let gate = Arc::clone(self);
        thread::spawn(move || pump(server_read, client_write, || gate.pass()));
    }

    /// Returns when the way back is open.
    fn pass(&self) {
        let mut way = self.way.lock().expect("no panic");
        if !way.is_open {
            way.held_answers += 1;
        }
        while !way.is_open && !way.is_cut {
            way = self.changed.wait(way).expect("no panic");
        }
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, before_each: impl Fn()) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        before_each();
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // One side ended: so does the other.
    let _ended = from.shutdown(Shutdown::Both);
    let _ended = to.shutdown(Shutdown::Both);
}

/// A storage on PostgreSQL whose connections all go through a gate.
pub fn storage_behind_gate(combination: &Combination) -> (Storage, Gate) {
    let mut storage = Storage::seeded(&combination.backend);
    let (before, rest) = storage.database_url.split_once('@').expect("a user in the URL");
    let (target, name) = rest.split_once('/').expect("a database in the URL");
    let gate = Gate::to(target);
    storage.database_url = format!("{before}@{}/{name}", gate.address());
    (storage, gate)
}

/// A store whose way to PostgreSQL goes through a gate, beside a product service that has its own.
pub struct GatedStore {
    pub app: App,
    pub gate: Gate,
    pub other: Process,
}

pub fn gated_store(combination: &Combination, settings: &[(&str, &str)]) -> GatedStore {
    let crate::app::Backend::Postgres(servers) = &combination.backend else {
        panic!("a gate is for PostgreSQL");
    };
    let (storage, gate) = storage_behind_gate(combination);
    let name = storage.database_url.rsplit('/').next().expect("a name");
    let mut direct = storage.settings();
    direct.push(("DATABASE_URL".into(), servers.database(name)));
    let other = Process::start(storage.folder.path(), "product", &direct);
    let mut all = vec![("RUST_LOG", "chronos=debug")];
    all.extend(settings);
    let app = App::start(combination, storage, &all);
    GatedStore { app, gate, other }
}

/// A store behind a gate, with the cache in the process: what it holds depends on nothing else.
pub fn gated_store_with_own_cache(combination: &Combination) -> (App, Gate) {
    let (mut storage, gate) = storage_behind_gate(combination);
    storage.redis_url = None;
    (App::start(combination, storage, &[]), gate)
}

/// A Redis server of one test, which it may kill, freeze and start again.
pub struct Redis {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Redis {
    /// A port for it; not started yet.
    pub fn reserve() -> Redis {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        Redis { folder: TempDir::new().expect("a temporary folder"), port, child: None }
    }

    pub fn started() -> Redis {
        let mut redis = Redis::reserve();
        redis.start();
        redis
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it, on the snapshot that [`Redis::save`] left if there is one.
    pub fn start(&mut self) {
        let child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "no", "--dir"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed: scripts/services install");
        self.child = Some(child);
        until("Redis accepts connections", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    pub fn command(&self, command: &str) -> String {
        crate::app::redis_command(&self.url(), command)
    }

    /// Writes a snapshot, which a later start loads.
    pub fn save(&self) {
        self.command("SAVE");
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(status.expect("kill is there").success(), "kill -{name}");
    }

    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ended = child.kill();
            let _ended = child.wait();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
