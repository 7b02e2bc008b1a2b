//! The rate limit with very many clients.

use super::driver::Line;
use super::steady::memory_of;
use crate::app::Combination;
use crate::cases;
use crate::kit::history::End;
use crate::kit::{Mebibytes, figure};
use std::thread;

cases![OnSqlite: many_clients_cost_little_memory_and_are_forgotten];

/// L3: 50 000 clients, then 50 000 others once the first are forgotten.
fn many_clients_cost_little_memory_and_are_forgotten(combination: &Combination) {
    const CLIENTS: usize = 50_000;
    let settings = [
        ("RATE_LIMIT_PER_MINUTE", "100"),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
        ("RUST_LOG", "warn"),
    ];
    let app = combination.start_with(&settings);
    let process = app.processes[0].id();
    let address = app.address("/products");
    let come = |network: usize| {
        thread::scope(|scope| {
            for thread in 0..8 {
                let address = &address;
                scope.spawn(move || {
                    let mut line = Line::new(address, [127, 0, 0, 1]);
                    for client in (thread..CLIENTS).step_by(8) {
                        let [.., high, middle, low] = client.to_be_bytes();
                        let from = format!("{}.{high}.{middle}.{low}", 10 + network);
                        let request = format!(
                            "GET /health HTTP/1.1\r\nHost: store\r\nX-Forwarded-For: {from}\r\n\r\n"
                        );
                        assert_eq!(line.exchange(request.as_bytes()), End::Status(200), "{from}");
                    }
                });
            }
        });
    };
    // Once for what any load costs: buffers, threads, the allocator.
    (0..200).for_each(|_| {
        let mut line = Line::new(&address, [127, 0, 0, 2]);
        line.exchange(b"GET /health HTTP/1.1\r\nHost: store\r\n\r\n");
    });
    let before = memory_of(process);
    come(0);
    let with_them = memory_of(process).saturating_sub(before);
    // Their buckets are full again in less than a second; the next sweep forgets them. One that
    // was kept would show in the memory that as many others take.
    thread::sleep(std::time::Duration::from_secs(25));
    let forgotten = memory_of(process).saturating_sub(before);
    come(1);
    let again = memory_of(process).saturating_sub(before);
    figure("L3", "memory of 50 000 clients", Mebibytes(with_them));
    figure("L3", "memory once they are forgotten", Mebibytes(forgotten));
    figure("L3", "memory of 50 000 others after them", Mebibytes(again));
}
