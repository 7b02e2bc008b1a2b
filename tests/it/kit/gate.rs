//! A gate in front of a server: what passes, and when.

use super::until;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// A TCP proxy whose way back can be shut, and which can be cut altogether.
pub struct Gate {
    shared: Arc<GateState>,
    address: SocketAddr,
}

struct GateState {
    way: Mutex<Way>,
    changed: Condvar,
}

struct Way {
    target: String,
    is_open: bool,
    /// Shuts the way at the first answer that has these bytes.
    shut_at: Option<Vec<u8>>,
    /// Holds back the first answer that has these bytes, and what follows on its connection alone.
    hold_at: Option<Vec<u8>>,
    is_holding: bool,
    is_cut: bool,
    /// How long each answer takes more.
    delay: Duration,
    held_answers: usize,
    streams: Vec<TcpStream>,
}

impl Gate {
    /// A gate to `HOST:PORT`, open.
    pub fn to(target: &str) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let way = Way {
            target: target.to_owned(),
            is_open: true,
            shut_at: None,
            hold_at: None,
            is_holding: false,
            is_cut: false,
            delay: Duration::ZERO,
            held_answers: 0,
            streams: Vec::new(),
        };
        let shared = Arc::new(GateState { way: Mutex::new(way), changed: Condvar::new() });
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

    /// Holds back the next answer that has these bytes, and all after it. `COMMIT\0` is in the
    /// answer of PostgreSQL to a commit.
    pub fn close_at(&self, bytes: &str) {
        self.shared.change(|way| way.shut_at = Some(bytes.as_bytes().to_vec()));
    }

    /// Holds back the next answer that has these bytes; other connections go on. `SELECT 0\0` is in
    /// the answer of PostgreSQL to a query that finds nothing.
    pub fn hold_at(&self, bytes: &str) {
        self.shared.change(|way| way.hold_at = Some(bytes.as_bytes().to_vec()));
    }

    /// Lets held answers through.
    pub fn open(&self) {
        self.shared.change(|way| {
            way.is_open = true;
            way.is_holding = false;
            way.shut_at = None;
            way.hold_at = None;
            way.held_answers = 0;
        });
    }

    /// From now on each answer takes this much longer.
    pub fn slow_down(&self, delay: Duration) {
        self.shared.change(|way| way.delay = delay);
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

    /// Ends all connections; new ones lead to another server.
    pub fn lead_to(&self, target: &str) {
        self.cut();
        self.shared.change(|way| way.target = target.to_owned());
        self.mend();
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
        let Ok(server) = TcpStream::connect(&way.target) else {
            return;
        };
        let pair = [client, server].map(|stream| (stream.try_clone().expect("cloned"), stream));
        let [(client_read, client_write), (server_read, server_write)] = pair;
        for stream in [&client_read, &server_read] {
            way.streams.push(stream.try_clone().expect("cloned"));
        }
        drop(way);
        thread::spawn(move || pump(client_read, server_write, |_| ()));
        let gate = Arc::clone(self);
        thread::spawn(move || pump(server_read, client_write, |answer| gate.pass(answer)));
    }

    /// Returns when the way back is open for this answer.
    fn pass(&self, answer: &[u8]) {
        let delay = self.way.lock().expect("no panic").delay;
        thread::sleep(delay);
        let mut way = self.way.lock().expect("no panic");
        let has = |bytes: &Vec<u8>| answer.windows(bytes.len()).any(|part| part == bytes);
        if way.shut_at.as_ref().is_some_and(has) {
            way.shut_at = None;
            way.is_open = false;
        }
        if !way.is_open {
            way.held_answers += 1;
        }
        while !way.is_open && !way.is_cut {
            way = self.changed.wait(way).expect("no panic");
        }
        if way.hold_at.as_ref().is_some_and(has) {
            way.hold_at = None;
            way.is_holding = true;
            way.held_answers += 1;
            while way.is_holding && !way.is_cut {
                way = self.changed.wait(way).expect("no panic");
            }
        }
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, before_each: impl Fn(&[u8])) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        before_each(&buffer[..read]);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // One side ended: so does the other.
    let _ended = from.shutdown(Shutdown::Both);
    let _ended = to.shutdown(Shutdown::Both);
}
