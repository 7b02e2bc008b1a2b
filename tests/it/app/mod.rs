//! Starts the real binary for one test: its own database, its own ports, ended with the test.

mod combination;
mod process;
mod storage;
mod template;
mod token;

pub use combination::{Backend, Combination, Door, Servers};
pub use process::{BINARY, PORTS, Process, command, program};
pub use storage::{Storage, flush_redis, redis_command};
pub use template::{remove_templates, seed};
pub use token::{SECRET, make_token, sign};

use crate::client::{Answer, Client, send_raw};
use chronos::app::MODULES;
use serde_json::Value;
use std::sync::atomic::{AtomicU32, Ordering};

fn fresh_name(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("chronos_{what}_{}_{number}", std::process::id())
}

/// A running store, reached through one door.
pub struct App {
    pub processes: Vec<Process>,
    pub storage: Storage,
    pub client: Client,
    door: Door,
    gateway: String,
    /// The URL of each service, in the order of the table.
    services: Vec<String>,
    token: String,
}

impl App {
    #[track_caller]
    pub fn start(combination: &Combination, storage: Storage, settings: &[(&str, &str)]) -> App {
        let mut all = storage.settings();
        all.extend(settings.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let folder = storage.folder.path();
        let mut processes = Vec::new();
        if combination.door == Door::Split {
            for module in &MODULES {
                let process = Process::start(folder, module.name, &all);
                all.push((module.setting("URL"), process.url(module.name)));
                processes.push(process);
            }
            processes.push(Process::start(folder, "gateway", &all));
        } else {
            processes.push(Process::start(folder, "all", &all));
        }
        let url = |listener: &str| {
            let banner = processes.iter().find_map(|process| process.find_url(listener));
            banner.unwrap_or_else(|| panic!("no process serves {listener}"))
        };
        let gateway = url("gateway");
        let services = MODULES.iter().map(|module| url(module.name)).collect();
        let client = Client::new();
        let door = combination.door;
        let token = make_token(3600);
        App { processes, storage, client, door, gateway, services, token }
    }

    /// The URL of a path, behind the door of this combination.
    pub fn url(&self, path: &str) -> String {
        match self.door {
            Door::Direct => {
                let is_mounted = |mount: &&str| path.starts_with(mount);
                let of_path = MODULES.iter().find(|module| module.mounts.iter().any(is_mounted));
                self.service_url(of_path.unwrap_or(&MODULES[0]).name, path)
            }
            Door::All | Door::Split => self.gateway_url(path),
        }
    }

    pub fn gateway_url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway)
    }

    pub fn product_url(&self, path: &str) -> String {
        self.service_url("product", path)
    }

    pub fn customer_url(&self, path: &str) -> String {
        self.service_url("customer", path)
    }

    /// The URL of a path at the listener of a service.
    pub fn service_url(&self, service: &str, path: &str) -> String {
        let row = MODULES.iter().position(|module| module.name == service);
        format!("{}{path}", self.services[row.expect("a service of the table")])
    }

    /// `HOST:PORT` behind the door, for raw bytes.
    pub fn address(&self, path: &str) -> String {
        let url = self.url(path);
        let rest = url.strip_prefix("http://").expect("an http:// URL");
        rest.split('/').next().expect("a host").to_owned()
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    /// Reads until the cache answers. The first answer may still come from the database: Redis has
    /// 50 ms to take it in, and a busy machine can miss them.
    #[track_caller]
    pub fn get_cached(&self, path: &str) -> Answer {
        let mut last = self.get(path).expect(200);
        crate::kit::until("the cache answers", || {
            last = self.get(path).expect(200);
            last.json["cached"] == true
        });
        last
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body))
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, Some(body))
    }

    #[track_caller]
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, Some(body))
    }

    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None)
    }

    /// With the token of the tests, and a body as JSON.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(Value::to_string);
        self.send_bytes(method, path, body.as_deref().map(str::as_bytes))
    }

    /// With the token of the tests, and a body that is declared as JSON.
    #[track_caller]
    pub fn send_bytes(&self, method: &str, path: &str, body: Option<&[u8]>) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("Authorization", bearer.as_str())];
        if body.is_some() {
            headers.push(("Content-Type", "application/json"));
        }
        self.client.send(method, &self.url(path), &headers, body)
    }

    /// A request head with a raw path, and what comes back.
    pub fn get_raw(&self, path: &str) -> String {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: chronos\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            self.token
        );
        send_raw(&self.address("/products"), head.as_bytes())
    }
}
