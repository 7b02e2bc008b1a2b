//! Load for minutes, and far more load than there is room for.

use super::driver::{Line, drive, request};
use crate::app::{App, Combination};
use crate::cases;
use crate::kit::history::{End, Latencies};
use crate::kit::{Mebibytes, Percent, figure, size, status_of, timed};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

cases![
    BothBackends:
        steady_load_leaves_no_trace_in_the_process,
        too_much_load_is_shed;
];

const CLIENTS: usize = 64;
const MANY_CLIENTS: usize = 1_000;

/// L1: 80 % reads of products, lists and customers, 20 % writes. Nothing fails, and neither memory
/// nor descriptors grow.
fn steady_load_leaves_no_trace_in_the_process(combination: &Combination) {
    let app = start(combination);
    let duration = seconds("TEST_SOAK_SECONDS", 60);
    let warm_up = duration / 4;
    let process = app.processes[0].id();
    let over = AtomicBool::new(false);
    let (tally, samples) = thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut samples = Vec::new();
            let begin = Instant::now();
            while !over.load(Ordering::SeqCst) {
                if begin.elapsed() >= warm_up {
                    samples.push((memory_of(process), descriptors_of(process)));
                }
                thread::sleep(Duration::from_millis(250));
            }
            samples
        });
        let address = app.address("/products");
        let tally = drive(&address, 1, CLIENTS, duration, |random| mixed(random, app.token()));
        over.store(true, Ordering::SeqCst);
        (tally, watching.join().expect("it only reads"))
    });
    assert!(tally.goodput() > 0, "{:?}", tally.ends);
    let what = |what| format!("{what}, {}", name(combination));
    figure("L1", &what("requests that failed"), tally.count(|end| !is_good(end)));
    figure("L1", &what("answers in a second"), tally.goodput());
    let (memory, descriptors): (Vec<usize>, Vec<usize>) = samples.into_iter().unzip();
    figure("L1", &what("memory in use, drift"), drift(&memory));
    figure("L1", &what("descriptors, drift"), drift(&descriptors));
    figure("L1", &what("memory in use at the end"), Mebibytes(memory.last().copied().unwrap_or(0)));
    figure("L1", &what("latency"), tally.latencies());
}

/// L2: a thousand clients at once. What cannot be served is refused in the envelope, the process
/// says all the while that it is alive, and nothing is left of it afterwards.
fn too_much_load_is_shed(combination: &Combination) {
    let app = start(combination);
    let address = app.address("/products");
    let duration = seconds("TEST_CROWD_SECONDS", 15);
    let mix = |random: &mut fastrand::Rng| mixed(random, app.token());
    let peak = drive(&address, 1, CLIENTS, duration / 2, mix).goodput();
    let alone = read_for(&app, Duration::from_secs(1)).percentile(99);
    let over = AtomicBool::new(false);
    let (crowd, alive) = thread::scope(|scope| {
        let probing = scope.spawn(|| {
            let mut line = Line::new(&address, [127, 3, 0, 1]);
            let live = request(app.token(), "GET", "/livez", "");
            let mut took = Vec::new();
            while !over.load(Ordering::SeqCst) {
                let (end, time) = timed(|| line.exchange(&live));
                assert_eq!(end, End::Status(200), "/livez");
                took.push(time);
                thread::sleep(Duration::from_millis(20));
            }
            Latencies::of(took)
        });
        let crowd = drive(&address, 2, MANY_CLIENTS, duration, mix);
        over.store(true, Ordering::SeqCst);
        (crowd, probing.join())
    });
    let after = Instant::now();
    let back = loop {
        if read_for(&app, Duration::from_millis(100)).percentile(90) <= alone * 2 {
            break after.elapsed();
        }
        assert!(after.elapsed() < Duration::from_secs(60), "not back to {alone:?} after a minute");
    };
    let what = |what| format!("{what}, {}", name(combination));
    let allowed = |end| matches!(end, End::Status(200..=499 | 503));
    figure("L2", &what("answers other than 2xx, 4xx, 503"), crowd.count(|end| !allowed(end)));
    figure("L2", &what("refused with 429 or 503"), {
        crowd.count(|end| matches!(end, End::Status(429 | 503)))
    });
    figure("L2", &what("goodput of the peak"), Percent(crowd.goodput() * 100 / peak.max(1)));
    figure("L2", &what("answers in a second at the peak"), peak);
    figure("L2", &what("until a read is as quick as before"), back);
    figure("L2", &what("latency of the crowd"), crowd.latencies());
    figure("L2", &what("latency of /livez"), alive.expect("/livez answers 200"));
}

fn start(combination: &Combination) -> App {
    let app = combination.start_with(&[("RUST_LOG", "warn"), ("DATABASE_POOL_SIZE", "16")]);
    for number in 1..=PRODUCTS_TAKEN {
        let body = serde_json::json!({ "stock": i32::MAX });
        app.put(&format!("/products/prod_{number:03}"), &body).expect(200);
    }
    app
}

const PRODUCTS_TAKEN: u32 = 20;

/// The next request of a client: 80 % reads.
fn mixed(random: &mut fastrand::Rng, token: &str) -> Vec<u8> {
    let taken = random.u32(1..=PRODUCTS_TAKEN);
    match random.u32(..100) {
        0..60 => {
            let path = format!("/products/prod_{:03}", random.u32(1..=112));
            request(token, "GET", &path, "")
        }
        60..70 => {
            let path = format!("/products?limit=10&offset={}", random.u32(..100));
            request(token, "GET", &path, "")
        }
        70..80 => {
            let path = format!("/customers/cust_{:03}", random.u32(1..=40));
            request(token, "GET", &path, "")
        }
        80..90 => {
            let path = format!("/products/prod_{taken:03}/inventory");
            request(token, "PATCH", &path, r#"{"quantity":1}"#)
        }
        _ => {
            let body = format!(r#"{{"price":{}}}"#, random.u32(1..1_000_000));
            request(token, "PUT", &format!("/products/prod_{:03}", 20 + taken), &body)
        }
    }
}

/// What one client sees that reads cached products, one after the other.
fn read_for(app: &App, duration: Duration) -> Latencies {
    let read = request(app.token(), "GET", "/products/prod_100", "");
    drive(&app.address("/products"), 4, 1, duration, |_| read.clone()).latencies()
}

fn is_good(end: End) -> bool {
    matches!(end, End::Status(200..=299))
}

pub fn name(combination: &Combination) -> &'static str {
    if combination.is_postgres() { "PostgreSQL" } else { "SQLite" }
}

pub fn seconds(variable: &str, usual: usize) -> Duration {
    Duration::from_secs(u64::try_from(size(variable, usual)).expect("a small number"))
}

/// Resident memory, in KiB.
pub fn memory_of(process: u32) -> usize {
    let resident = status_of(process, "VmRSS").expect("the process is alive");
    resident.trim_end_matches(" kB").trim().parse().expect("a number")
}

pub fn descriptors_of(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd")).expect("the process is alive").count()
}

/// By how much a value moves over the run: the greatest distance of a tenth's median from that of
/// the first tenth.
fn drift(samples: &[usize]) -> Percent {
    let tenths = samples.chunks((samples.len() / 10).max(1)).map(|tenth| {
        let mut tenth = tenth.to_vec();
        tenth.sort_unstable();
        tenth[tenth.len() / 2]
    });
    let medians: Vec<usize> = tenths.collect();
    let first = medians.first().copied().unwrap_or(1).max(1);
    let most = medians.iter().map(|median| median.abs_diff(first)).max().unwrap_or(0);
    Percent((most * 100).div_ceil(first))
}
