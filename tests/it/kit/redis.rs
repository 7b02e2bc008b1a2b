//! A Redis server of one test, which it may kill, freeze, fill, and start again.

use super::server::{Server, free_port, signal};
use super::until;
use tempfile::TempDir;

pub struct Redis {
    server: Server,
    folder: TempDir,
    port: u16,
}

impl Redis {
    /// A port for it; not started yet.
    pub fn reserve() -> Redis {
        let folder = TempDir::new().expect("a temporary folder");
        Redis { server: Server::default(), folder, port: free_port() }
    }

    pub fn started() -> Redis {
        let redis = Redis::reserve();
        redis.start();
        redis
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it, on the snapshot that [`Redis::save`] left if there is one.
    #[track_caller]
    pub fn start(&self) {
        let folder = self.folder.path().display().to_string();
        let port = self.port.to_string();
        let listen = ["redis-server", "--port", &port, "--bind", "127.0.0.1"];
        let keep = ["--dir", &folder, "--save", "", "--appendonly", "no"];
        let program = listen.iter().chain(&keep).map(|word| (*word).to_owned());
        let program: Vec<String> = program.collect();
        self.server.start("TERM", &self.folder.path().join("log"), &[], &program);
        until("Redis answers", || {
            std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
                && self.command("PING").contains("PONG")
        });
    }

    pub fn command(&self, command: &str) -> String {
        crate::app::redis_command(&self.url(), command)
    }

    /// Writes a snapshot, which a later start loads.
    pub fn save(&self) {
        self.command("SAVE");
    }

    /// Leaves no room for another byte: it refuses writes, and still answers reads.
    pub fn fill(&self) {
        self.command("CONFIG SET maxmemory-policy noeviction");
        self.command("CONFIG SET maxmemory 1");
    }

    /// Takes [`Redis::fill`] back.
    pub fn make_room(&self) {
        self.command("CONFIG SET maxmemory 0");
    }

    /// Another server, on the snapshot that this one [saved](Redis::save).
    pub fn start_copy(&self) -> Redis {
        let copy = Redis::reserve();
        let of = |redis: &Redis| redis.folder.path().join("dump.rdb");
        std::fs::copy(of(self), of(&copy)).expect("a snapshot");
        copy.start();
        copy
    }

    pub fn freeze(&self) {
        signal("STOP", &[self.server.id()]);
    }

    pub fn thaw(&self) {
        signal("CONT", &[self.server.id()]);
    }

    pub fn kill(&self) {
        self.server.kill();
    }
}
