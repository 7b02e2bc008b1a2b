//! Stores of real processes, each of which may be killed and started again where it was.

use super::{free_port, timed, until};
use crate::app::{Door, PORTS, Process, Storage, make_token};
use crate::client::Client;
use chronos::app::MODULES;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One process, on the same ports and settings at each start.
pub struct Replica {
    role: &'static str,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    /// In the order of [`PORTS`].
    ports: Vec<u16>,
    process: Mutex<Option<Process>>,
}

impl Replica {
    /// A process that is not started yet. Its log is in `folder`.
    pub fn reserve(role: &'static str, folder: &Path, settings: &[(String, String)]) -> Replica {
        let ports: Vec<u16> = PORTS.iter().map(|_| free_port()).collect();
        let of_ports =
            PORTS.iter().zip(&ports).map(|(name, port)| (name.clone(), port.to_string()));
        let all = of_ports.chain(settings.iter().cloned()).collect();
        let folder = folder.to_owned();
        Replica { role, folder, settings: all, ports, process: Mutex::default() }
    }

    #[track_caller]
    pub fn started(role: &'static str, folder: &Path, settings: &[(String, String)]) -> Replica {
        let replica = Replica::reserve(role, folder, settings);
        replica.start();
        replica
    }

    #[track_caller]
    pub fn start(&self) {
        *self.lock() = Some(Process::start(&self.folder, self.role, &self.settings));
    }

    /// `kill -9`.
    pub fn kill(&self) {
        // That is how a process ends here.
        drop(self.lock().take());
    }

    pub fn gateway(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    /// `HOST:PORT` of the service that its role is.
    fn service(&self) -> String {
        let row = MODULES.iter().position(|module| module.name == self.role);
        format!("127.0.0.1:{}", self.ports[1 + row.expect("a service of the table")])
    }

    /// The id of the running process.
    pub fn id(&self) -> u32 {
        self.lock().as_ref().expect("it runs").id()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Some whole stores on one storage: each a process of `--role all`, or a gateway and a process
/// for each service.
pub struct Fleet {
    pub stores: Vec<Store>,
    pub token: String,
    client: Client,
}

/// The processes of one store, the gateway last.
pub struct Store(pub Vec<Replica>);

impl Store {
    /// `HOST:PORT` of its gateway.
    pub fn gateway(&self) -> String {
        self.0.last().expect("a store has a gateway").gateway()
    }
}

impl Fleet {
    /// Starts `count` stores, one after the other.
    #[track_caller]
    pub fn start(door: Door, storage: &Storage, count: usize, settings: &[(&str, &str)]) -> Fleet {
        let folder = storage.folder.path();
        let mut all = storage.settings();
        all.push(("CHRONOS_NO_SEED".into(), "true".into()));
        all.extend(settings.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let stores = (0..count).map(|_| {
            if door != Door::Split {
                return Store(vec![Replica::started("all", folder, &all)]);
            }
            let mut replicas = Vec::new();
            let mut urls = all.clone();
            for module in &MODULES {
                let replica = Replica::started(module.name, folder, &all);
                urls.push((module.setting("URL"), format!("http://{}", replica.service())));
                replicas.push(replica);
            }
            replicas.push(Replica::started("gateway", folder, &urls));
            Store(replicas)
        });
        Fleet { stores: stores.collect(), token: make_token(86_000), client: Client::new() }
    }

    pub fn gateways(&self) -> Vec<String> {
        self.stores.iter().map(Store::gateway).collect()
    }

    /// Kills a process, starts it again, and waits until its store reads from the database;
    /// returns how long that took from the start.
    #[track_caller]
    pub fn kill_and_restart(&self, store: usize, process: usize) -> Duration {
        let store = &self.stores[store];
        store.0[process].kill();
        timed(|| {
            store.0[process].start();
            self.until_ready(store);
        })
        .1
    }

    /// Waits until a store, through its gateway, reads from the database.
    #[track_caller]
    pub fn until_ready(&self, store: &Store) {
        let bearer = format!("Bearer {}", self.token);
        for path in ["products", "customers"] {
            let url = format!("http://{}/{path}?limit=1", store.gateway());
            until("the store reads from its database", || {
                let answer =
                    self.client.try_send("GET", &url, &[("Authorization", bearer.as_str())], None);
                answer.is_ok_and(|answer| answer.status == 200)
            });
        }
    }
}
