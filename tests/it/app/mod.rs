//! Starts the real binary for one test: its own database, its own ports, ended with the test.

mod combination;
mod process;
mod storage;
mod template;
mod token;

pub use combination::{Backend, Combination, Door, Servers};
pub use process::{BINARY, Process, command, program};
pub use storage::{Storage, flush_redis, redis_command};
pub use template::{remove_templates, seed};
pub use token::{SECRET, make_token, sign};

use crate::client::{Answer, Client, send_raw};
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
    product: String,
    customer: String,
    token: String,
}

impl App {
    #[track_caller]
    pub fn start(combination: &Combination, storage: Storage, settings: &[(&str, &str)]) -> App {
        let mut all = storage.settings();
        all.extend(settings.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let folder = storage.folder.path();
        let (processes, gateway, product, customer) = if combination.door == Door::Split {
            let product = Process::start(folder, "product", &all);
            let customer = Process::start(folder, "customer", &all);
            let (product_url, customer_url) = (product.url("product"), customer.url("customer"));
            all.push(("PRODUCT_SERVICE_URL".into(), product_url.clone()));
            all.push(("CUSTOMER_SERVICE_URL".into(), customer_url.clone()));
            let gateway = Process::start(folder, "gateway", &all);
            let gateway_url = gateway.url("gateway");
            (vec![product, customer, gateway], gateway_url, product_url, customer_url)
        } else {
            let process = Process::start(folder, "all", &all);
            let urls = ["gateway", "product", "customer"].map(|name| process.url(name));
            let [gateway, product, customer] = urls;
            (vec![process], gateway, product, customer)
        };
        let client = Client::new();
        let door = combination.door;
        let token = make_token(3600);
        App { processes, storage, client, door, gateway, product, customer, token }
    }

    /// The URL of a path, behind the door of this combination.
    pub fn url(&self, path: &str) -> String {
        let base = match self.door {
            Door::Direct if path.starts_with("/customers") => &self.customer,
            Door::Direct => &self.product,
            Door::All | Door::Split => &self.gateway,
        };
        format!("{base}{path}")
    }

    pub fn gateway_url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway)
    }

    pub fn product_url(&self, path: &str) -> String {
        format!("{}{path}", self.product)
    }

    pub fn customer_url(&self, path: &str) -> String {
        format!("{}{path}", self.customer)
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
