//! Clients that buy, change, create, delete and read at random, and rules that their history keeps
//! whatever breaks meanwhile:
//!
//! - stock is never negative, and what is missing at the end is what was taken: the acknowledged
//!   takes, and at most those whose fate is unknown;
//! - a read that begins after a write was acknowledged shows that write or a later one;
//! - what was acknowledged is there at the end, and every store shows what the database holds.
//!
//! Every row has one writer, who writes growing numbers, except for the stocks that all take from.

use super::history::{End, History, Kind, Notes, Sample};
use super::{Caller, Fleet, Outcome, size};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How much load, and how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Every choice follows from it, up to the timing.
    pub seed: u64,
    pub clients: usize,
    /// The clients go on until they have tried this many takes, and
    pub takes: usize,
    /// this long, and the faults are over.
    pub duration: Duration,
    /// Whether the stores share one cache. Those that do not see the writes of each other late.
    pub shares_cache: bool,
}

impl Plan {
    /// About a second of load; the variables `TEST_CLIENTS`, `TEST_TAKES` and `TEST_SECONDS` make it
    /// more. `TEST_SEED` repeats the choices of an earlier run.
    pub fn short(shares_cache: bool) -> Plan {
        let seed = std::env::var("TEST_SEED").ok();
        let seconds = u64::try_from(size("TEST_SECONDS", 1)).expect("a small number");
        Plan {
            seed: seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a number")),
            clients: size("TEST_CLIENTS", 8),
            takes: size("TEST_TAKES", 300),
            duration: Duration::from_secs(seconds),
            shares_cache,
        }
    }
}

/// Runs the load against all stores while `faults` does what it does; then waits until all stores
/// are ready, and checks what they show.
#[track_caller]
pub fn run<T>(fleet: &Fleet, plan: &Plan, faults: impl FnOnce() -> T) -> (History, T) {
    let load = Load::prepare(fleet, plan);
    let over = AtomicBool::new(false);
    let begin = Instant::now();
    let value = thread::scope(|scope| {
        for index in 0..plan.clients {
            let (load, over) = (&load, &over);
            scope.spawn(move || {
                let mut client = Client::new(load, index);
                while !over.load(Ordering::SeqCst)
                    || begin.elapsed() < plan.duration
                    || load.tries.load(Ordering::SeqCst) < plan.takes
                {
                    client.step();
                }
                client.finish();
            });
        }
        // The clients must end when the faults panic, too.
        let _end = EndOfFaults(&over);
        faults()
    });
    for store in &fleet.stores {
        fleet.until_ready(store);
    }
    load.check_end();
    (load.notes.into_history(plan.seed), value)
}

struct EndOfFaults<'a>(&'a AtomicBool);

impl Drop for EndOfFaults<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A number in a row that only grows: the price of a product, or the name of a customer.
struct Register {
    path: String,
    is_price: bool,
    /// The greatest acknowledged number, as each cache must know it.
    acknowledged: Vec<AtomicI64>,
    issued: AtomicI64,
    /// Numbers whose request may still be on its way: nobody knows when they arrive.
    stray: Mutex<Vec<i64>>,
}

impl Register {
    fn body(&self, number: i64) -> Value {
        match self.is_price {
            true => json!({ "price": number }),
            false => json!({ "name": format!("Name {number}") }),
        }
    }

    fn number_of(&self, row: &Value) -> Option<i64> {
        match self.is_price {
            true => row["price"].as_str()?.strip_suffix(".00")?.parse().ok(),
            false => row["name"].as_str()?.strip_prefix("Name ")?.parse().ok(),
        }
    }

    fn is_stray(&self, number: i64) -> bool {
        self.stray.lock().unwrap_or_else(PoisonError::into_inner).contains(&number)
    }
}

/// A product that everybody takes from.
struct Stock {
    path: String,
    initial: i64,
    /// Acknowledged, as each cache must know it.
    taken: Vec<AtomicI64>,
    /// Acknowledged by anybody.
    taken_in_all: AtomicI64,
    /// Neither acknowledged nor refused.
    unknown: AtomicI64,
}

struct Load<'a> {
    stores: Vec<String>,
    token: &'a str,
    plan: &'a Plan,
    registers: Vec<Register>,
    stocks: Vec<Stock>,
    tries: AtomicUsize,
    notes: Notes,
    /// The rows that were created, and whether each must be there at the end, where that is known.
    created: Mutex<Vec<(String, Option<bool>)>>,
}

impl<'a> Load<'a> {
    #[track_caller]
    fn prepare(fleet: &'a Fleet, plan: &'a Plan) -> Load<'a> {
        let stores = fleet.gateways();
        let caches = if plan.shares_cache { 1 } else { stores.len() };
        let counters = || (0..caches).map(|_| AtomicI64::new(0)).collect();
        let registers = (0..plan.clients).flat_map(|client| {
            [true, false].map(|is_price| Register {
                path: if is_price {
                    format!("/products/load_{client}")
                } else {
                    format!("/customers/load_{client}")
                },
                is_price,
                acknowledged: counters(),
                issued: AtomicI64::new(0),
                stray: Mutex::default(),
            })
        });
        // The last one runs out.
        let few = i64::try_from(plan.takes / 4).expect("a small number");
        let stocks = [1_000_000, 1_000_000, few].into_iter().enumerate();
        let stocks = stocks.map(|(index, initial)| Stock {
            path: format!("/products/stock_{index}"),
            initial,
            taken: counters(),
            taken_in_all: AtomicI64::new(0),
            unknown: AtomicI64::new(0),
        });
        let load = Load {
            stores,
            token: &fleet.token,
            plan,
            registers: registers.collect(),
            stocks: stocks.collect(),
            tries: AtomicUsize::new(0),
            notes: Notes::default(),
            created: Mutex::default(),
        };
        load.add_rows();
        load
    }

    #[track_caller]
    fn add_rows(&self) {
        let mut caller = Caller::new([127, 0, 0, 1], self.token);
        let mut add = |path: &str, stock: i64| {
            let (list, id) = path.rsplit_once('/').expect("a path");
            let body = new_row(list, id, stock);
            let outcome = caller.send(&self.stores[0], "POST", list, Some(&body));
            assert!(matches!(outcome, Outcome::Answer(201, _)), "{outcome:?}");
        };
        for stock in &self.stocks {
            add(&stock.path, stock.initial);
        }
        for register in &self.registers {
            add(&register.path, 1);
        }
    }

    /// Looks into the database, past every cache, and at every store. Lists are never cached.
    fn check_end(&self) {
        let mut caller = Caller::new([127, 0, 0, 1], self.token);
        let mut get = |store: &str, path: &str| match caller.send(store, "GET", path, None) {
            Outcome::Answer(status, json) => (status, json["data"].clone()),
            lost => panic!("GET {path}: {lost:?}"),
        };
        for (index, store) in self.stores.iter().enumerate() {
            let mut differ = Vec::new();
            // Requests whose clients went away may still be carried out, and a cache that is not
            // shared follows after a moment: what is wrong then stays wrong.
            let settled = Instant::now() + Duration::from_secs(5);
            loop {
                let list = rows_of(&get(&self.stores[0], LIST).1);
                differ.clear();
                for row in &list {
                    let path = format!("/products/{}", row["id"].as_str().unwrap_or_default());
                    for _ in 0..2 {
                        let shown = get(store, &path);
                        if shown != (200, row.clone()) {
                            differ
                                .push(format!("store {index} shows {shown:?}, and there is {row}"));
                        }
                    }
                }
                if differ.is_empty() || Instant::now() >= settled {
                    break;
                }
                thread::sleep(Duration::from_millis(50));
            }
            differ.into_iter().for_each(|text| self.notes.violation(text));
        }
        let mut show = |path: &str| get(&self.stores[0], path);
        for stock in &self.stocks {
            let left = show(&stock.path).1["stock"].as_i64().expect("a stock");
            let missing = stock.initial - left;
            let taken = stock.taken_in_all.load(Ordering::SeqCst);
            let most = taken + stock.unknown.load(Ordering::SeqCst);
            if !(taken..=most).contains(&missing) {
                self.notes.violation(format!(
                    "{}: {missing} are missing, {taken} were taken, {most} at most",
                    stock.path
                ));
            }
        }
        for register in &self.registers {
            let (_, row) = show(&register.path);
            self.check_register(register, &row, register.floor(), "at the end");
        }
        for (path, is_there) in self.created.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let (status, _) = show(path);
            let expected = is_there.map(|is_there| if is_there { 200 } else { 404 });
            if expected.is_some_and(|expected| status != expected) {
                self.notes.violation(format!("{path} is {status}, not {expected:?}"));
            }
        }
    }

    fn check_register(&self, register: &Register, row: &Value, floor: i64, when: &str) {
        let seen = register.number_of(row);
        let issued = register.issued.load(Ordering::SeqCst);
        let is_right = seen.is_some_and(|seen| {
            (floor..=issued).contains(&seen) || (seen <= issued && register.is_stray(seen))
        });
        // A new row says nothing of its register.
        if !is_right && (floor > 0 || !register.is_new(row)) {
            let path = &register.path;
            self.notes.violation(format!("{path} shows {seen:?} {when}, after {floor}: {row}"));
        }
    }

    fn check_stock(&self, stock: &Stock, row: &Value, taken: i64) {
        let left = row["stock"].as_i64();
        if !left.is_some_and(|left| left >= 0 && left <= stock.initial - taken) {
            let initial = stock.initial;
            self.notes.violation(format!("{} of {initial}, {taken} taken: {row}", stock.path));
        }
    }
}

impl Register {
    /// The greatest acknowledged number.
    fn floor(&self) -> i64 {
        let all = self.acknowledged.iter().map(|number| number.load(Ordering::SeqCst));
        all.max().unwrap_or_default()
    }

    fn is_new(&self, row: &Value) -> bool {
        row["name"] == NEW_NAME && (!self.is_price || row["price"] == "0.50")
    }
}

const CATEGORY: &str = "load";
const NEW_NAME: &str = "New";
const LIST: &str = "/products?category=load&limit=500";

/// A body that creates a row, of the kind that the list has.
fn new_row(list: &str, id: &str, stock: i64) -> Value {
    match list {
        "/products" => json!({
            "id": id, "name": NEW_NAME, "brand": "B", "price": "0.50", "stock": stock,
            "category": CATEGORY
        }),
        _ => json!({
            "id": id, "email": format!("{id}@example.com"), "name": NEW_NAME, "tier": "gold"
        }),
    }
}

fn rows_of(list: &Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}

/// One client: it does one thing after the other.
struct Client<'a> {
    load: &'a Load<'a>,
    index: usize,
    random: fastrand::Rng,
    caller: Caller,
    samples: Vec<Sample>,
    created: Vec<(String, Option<bool>)>,
}

impl<'a> Client<'a> {
    fn new(load: &'a Load<'a>, index: usize) -> Client<'a> {
        let number = u8::try_from(index % 250 + 1).expect("below 256");
        Client {
            load,
            index,
            random: fastrand::Rng::with_seed(load.plan.seed ^ u64::from(number)),
            caller: Caller::new([127, 0, 1, number], load.token),
            samples: Vec::new(),
            created: Vec::new(),
        }
    }

    fn step(&mut self) {
        let store = self.random.usize(..self.load.stores.len());
        match self.random.u32(..100) {
            0..40 => self.read(store),
            40..50 => self.read_stock(store),
            50..75 => self.take(store),
            75..90 => self.update(store),
            90..95 => self.create_or_delete(store),
            _ => self.list(store),
        }
    }

    fn finish(self) {
        self.load.notes.add(self.samples);
        let mut created = self.load.created.lock().unwrap_or_else(PoisonError::into_inner);
        created.extend(self.created);
    }

    fn send(
        &mut self,
        store: usize,
        kind: Kind,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Outcome {
        self.send_with(store, kind, method, path, "", body)
    }

    fn send_with(
        &mut self,
        store: usize,
        kind: Kind,
        method: &str,
        path: &str,
        headers: &str,
        body: Option<&Value>,
    ) -> Outcome {
        let at = Instant::now();
        let server = &self.load.stores[store];
        let outcome = self.caller.send_with(server, method, path, headers, body);
        let end = match &outcome {
            Outcome::Answer(status, json) => {
                self.check_answer(*status, json, method, path);
                End::Status(*status)
            }
            Outcome::NotSent => End::NotSent,
            Outcome::Lost => End::Lost,
        };
        self.samples.push(Sample { at, took: at.elapsed(), kind, end });
        if !matches!(end, End::Status(..=499)) {
            // A client that is refused at once would otherwise do nothing but ask.
            thread::sleep(Duration::from_millis(20));
        }
        outcome
    }

    fn check_answer(&self, status: u16, json: &Value, method: &str, path: &str) {
        let is_whole = json["success"] == (status < 400);
        let is_bug = !matches!(status, 200 | 201 | 400 | 404 | 409 | 429 | 502..=504);
        if !is_whole || is_bug {
            self.load.notes.violation(format!("{method} {path}: {status} {json}"));
        }
    }

    /// Which of the caches a store writes and reads through.
    fn cache_of(&self, store: usize) -> usize {
        if self.load.plan.shares_cache { 0 } else { store }
    }

    fn read(&mut self, store: usize) {
        let load = self.load;
        let register = &load.registers[self.random.usize(..load.registers.len())];
        // Customers are not cached: every store knows every write.
        let floor = match register.is_price {
            true => register.acknowledged[self.cache_of(store)].load(Ordering::SeqCst),
            false => register.floor(),
        };
        match self.send(store, Kind::Read, "GET", &register.path, None) {
            Outcome::Answer(200, json) => {
                load.check_register(register, &json["data"], floor, "in a read");
            }
            Outcome::Answer(status @ ..=499, json) => {
                load.notes.violation(format!("GET {}: {status} {json}", register.path));
            }
            _ => {}
        }
    }

    fn read_stock(&mut self, store: usize) {
        let load = self.load;
        let stock = &load.stocks[self.random.usize(..load.stocks.len())];
        let taken = stock.taken[self.cache_of(store)].load(Ordering::SeqCst);
        if let Outcome::Answer(200, json) = self.send(store, Kind::Read, "GET", &stock.path, None) {
            load.check_stock(stock, &json["data"], taken);
        }
    }

    /// A list comes from the database: it shows every acknowledged write.
    fn list(&mut self, store: usize) {
        let load = self.load;
        let registers = load.registers.iter().filter(|register| register.is_price);
        let floors: Vec<(&Register, i64)> =
            registers.map(|register| (register, register.floor())).collect();
        let taken: Vec<(&Stock, i64)> =
            load.stocks.iter().map(|s| (s, s.taken_in_all.load(Ordering::SeqCst))).collect();
        let Outcome::Answer(200, json) = self.send(store, Kind::List, "GET", LIST, None) else {
            return;
        };
        for row in rows_of(&json["data"]) {
            let path = format!("/products/{}", row["id"].as_str().unwrap_or_default());
            if let Some((register, floor)) = floors.iter().find(|(r, _)| r.path == path) {
                load.check_register(register, &row, *floor, "in a list");
            }
            if let Some((stock, taken)) = taken.iter().find(|(stock, _)| stock.path == path) {
                load.check_stock(stock, &row, *taken);
            }
        }
    }

    /// Takes once. Half of the clients' takes have a key, and are repeated with it, anywhere, until
    /// there is an answer: whatever became of the first request, they take effect once.
    fn take(&mut self, store: usize) {
        let load = self.load;
        let number = load.tries.fetch_add(1, Ordering::SeqCst);
        let stock = &load.stocks[self.random.usize(..load.stocks.len())];
        let quantity = self.random.i64(1..4);
        let path = format!("{}/inventory", stock.path);
        let body = json!({ "quantity": quantity });
        let (key, attempts) = match self.random.bool() {
            true => (format!("Idempotency-Key: {}-{number}\r\n", load.plan.seed), 200),
            false => (String::new(), 1),
        };
        let (mut store, mut is_unknown) = (store, false);
        for attempt in 0..attempts {
            match self.send_with(store, Kind::Take, "PATCH", &path, &key, Some(&body)) {
                Outcome::Answer(200, json) => {
                    // Otherwise it may be another store, with another cache, that took it.
                    if attempt == 0 || load.plan.shares_cache {
                        stock.taken[self.cache_of(store)].fetch_add(quantity, Ordering::SeqCst);
                    }
                    stock.taken_in_all.fetch_add(quantity, Ordering::SeqCst);
                    if json["data"]["remaining_stock"].as_i64().is_none_or(|left| left < 0) {
                        load.notes.violation(format!("{path}: {json}"));
                    }
                    return;
                }
                Outcome::Answer(400, json) => {
                    let available = json["details"]["available"].as_i64();
                    if available.is_none_or(|available| !(0..quantity).contains(&available)) {
                        load.notes.violation(format!("{path} of {quantity}: {json}"));
                    }
                    break;
                }
                Outcome::Answer(..=499, _) | Outcome::NotSent => {}
                Outcome::Answer(..) | Outcome::Lost => is_unknown = true,
            }
            store = self.random.usize(..load.stores.len());
        }
        if is_unknown {
            stock.unknown.fetch_add(quantity, Ordering::SeqCst);
        }
    }

    fn update(&mut self, store: usize) {
        let load = self.load;
        let register = &load.registers[self.index * 2 + self.random.usize(..2)];
        let number = register.issued.fetch_add(1, Ordering::SeqCst) + 1;
        let body = register.body(number);
        match self.send(store, Kind::Update, "PUT", &register.path, Some(&body)) {
            Outcome::Answer(200, _) => {
                register.acknowledged[self.cache_of(store)].store(number, Ordering::SeqCst);
            }
            Outcome::Answer(status @ ..=499, json) => {
                load.notes.violation(format!("PUT {}: {status} {json}", register.path));
            }
            // Whoever gave up may have left somebody behind who does it later.
            Outcome::Lost | Outcome::Answer(502 | 504, _) => {
                register.stray.lock().unwrap_or_else(PoisonError::into_inner).push(number);
            }
            Outcome::Answer(..) | Outcome::NotSent => {}
        }
    }

    fn create_or_delete(&mut self, store: usize) {
        let known = self.created.iter().rposition(|(_, is_there)| *is_there == Some(true));
        match known.filter(|_| self.random.bool()) {
            Some(index) => self.delete(store, index),
            None => self.create(store),
        }
    }

    fn create(&mut self, store: usize) {
        let list = if self.random.bool() { "/products" } else { "/customers" };
        let id = format!("made_{}_{}", self.index, self.created.len());
        let path = format!("{list}/{id}");
        let mut body = new_row(list, &id, 1);
        if list == "/products" {
            // Not in the list that everybody reads, which would grow.
            body["category"] = json!("made");
        }
        let is_there = match self.send(store, Kind::Create, "POST", list, Some(&body)) {
            Outcome::Answer(201, _) => Some(true),
            Outcome::Answer(status @ ..=499, json) => {
                self.load.notes.violation(format!("POST {path}: {status} {json}"));
                None
            }
            Outcome::NotSent => Some(false),
            Outcome::Answer(..) | Outcome::Lost => None,
        };
        if is_there == Some(true) {
            self.expect_found(&path, 200);
        }
        self.created.push((path, is_there));
    }

    fn delete(&mut self, store: usize, index: usize) {
        let path = self.created[index].0.clone();
        match self.send(store, Kind::Delete, "DELETE", &path, None) {
            Outcome::Answer(200, _) => {
                self.created[index].1 = Some(false);
                // Another cache may show it for a moment, where each store has its own.
                if self.load.plan.shares_cache {
                    self.expect_found(&path, 404);
                }
            }
            Outcome::Answer(status @ ..=499, json) => {
                self.load.notes.violation(format!("DELETE {path}: {status} {json}"));
            }
            Outcome::NotSent => {}
            Outcome::Answer(..) | Outcome::Lost => self.created[index].1 = None,
        }
    }

    /// Asks any store, which has to know.
    fn expect_found(&mut self, path: &str, expected: u16) {
        let store = self.random.usize(..self.load.stores.len());
        if let Outcome::Answer(status @ ..=499, json) =
            self.send(store, Kind::Read, "GET", path, None)
            && status != expected
        {
            self.load.notes.violation(format!("{path}: {status} {json}, not {expected}"));
        }
    }
}
