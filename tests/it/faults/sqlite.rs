//! SQLite: a file that somebody else has locked, and a disk that is full.

use super::{PATH, expect_unavailable};
use crate::app::{BINARY, Combination, Door, Process, Storage, program};
use crate::cases;
use crate::client::Client;
use crate::kit::until;
use diesel::Connection;
use diesel::connection::SimpleConnection;
use serde_json::json;
use std::io::Write;
use std::process::Command;
use std::thread;

cases![
    OnSqlite:
        a_locked_file_delays_writes_and_not_reads,
        a_file_locked_for_long_is_a_503,
        a_file_locked_for_long_shuts_nobody_out_at_a_gateway,
        a_full_disk_is_a_503_for_writes_and_heals,
        a_small_disk_that_is_full_is_a_503_for_writes_and_heals;
];

/// Another process that holds the write lock of the file.
struct Locker(diesel::SqliteConnection);

impl Locker {
    fn lock(storage: &Storage) -> Locker {
        let file = storage.database_url.strip_prefix("sqlite://").expect("a file");
        let mut conn = diesel::SqliteConnection::establish(file).expect("the file opens");
        conn.batch_execute("BEGIN IMMEDIATE").expect("the lock is free");
        Locker(conn)
    }

    fn release(mut self) {
        self.0.batch_execute("COMMIT").expect("nothing was written");
    }
}

/// F22: locked by another process for a moment.
fn a_locked_file_delays_writes_and_not_reads(combination: &Combination) {
    let app = combination.start();
    let lock = Locker::lock(&app.storage);
    thread::scope(|scope| {
        let writes: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| app.patch(&format!("{PATH}/inventory"), &json!({ "quantity": 1 })))
            })
            .collect();
        for _ in 0..20 {
            app.get("/products/prod_002").expect(200);
            app.get("/products").expect(200);
        }
        lock.release();
        for write in writes {
            write.join().expect("an answer").expect(200);
        }
    });
    assert_eq!(app.get(PATH).expect(200).json["data"]["stock"], 4);
}

/// F22: locked for longer than anybody wants to wait.
fn a_file_locked_for_long_is_a_503(combination: &Combination) {
    let app = combination.start();
    let lock = Locker::lock(&app.storage);
    expect_unavailable(app.patch(&format!("{PATH}/inventory"), &json!({ "quantity": 1 })));
    app.get("/products/prod_002").expect(200);
    lock.release();
    app.patch(&format!("{PATH}/inventory"), &json!({ "quantity": 1 })).expect(200);
    assert_eq!(
        app.get(PATH).expect(200).json["data"]["stock"],
        11,
        "the refused one left no trace"
    );
}

/// F22, F27: writes that wait for the lock in vain are refused before their gateway has waited long
/// enough, and say nothing of the service that waits.
fn a_file_locked_for_long_shuts_nobody_out_at_a_gateway(combination: &Combination) {
    let split = Combination { door: Door::Split, ..combination.clone() };
    let app = split.start();
    let lock = Locker::lock(&app.storage);
    let read = || {
        app.get("/products/prod_002").expect(200);
        app.get("/products").expect(200);
    };
    thread::scope(|scope| {
        let writes: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| app.patch(&format!("{PATH}/inventory"), &json!({ "quantity": 1 })))
            })
            .collect();
        while !writes.iter().all(|write| write.is_finished()) {
            read();
        }
        for write in writes {
            expect_unavailable(write.join().expect("an answer"));
        }
    });
    read();
    lock.release();
    app.patch(&format!("{PATH}/inventory"), &json!({ "quantity": 1 })).expect(200);
    assert!(app.processes.iter().all(|process| !process.log().contains("in a row")));
}

/// F16: the disk is full: of the system calls, those that make a file longer fail.
fn a_full_disk_is_a_503_for_writes_and_heals(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let folder = storage.folder.path();
    // A file above its limit is a signal first, which ends a program that does not ignore it.
    let mut program = program("sh", folder);
    program.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", &BINARY]);
    let process =
        Process::start_as(program, folder, "product", &[("DATABASE_URL", &storage.database_url)]);
    let limit = |bytes: &str| {
        let mut prlimit = Command::new("prlimit");
        prlimit.args(["--pid", &process.id().to_string(), &format!("--fsize={bytes}:unlimited")]);
        assert!(prlimit.status().expect("prlimit is installed").success());
    };
    // Less than one page of the journal.
    fails_for_writes_alone(
        &process,
        &storage.database_url,
        || limit("1024"),
        || limit("unlimited"),
    );
}

/// F16: as above, on a disk of its own, where the machine lets a test have one.
fn a_small_disk_that_is_full_is_a_503_for_writes_and_heals(combination: &Combination) {
    let may_mount = Command::new("unshare").args(["--mount", "true"]).output();
    if !may_mount.is_ok_and(|output| output.status.success()) {
        return;
    }
    let storage = Storage::seeded(&combination.backend);
    let folder = storage.folder.path();
    // Only the process sees the mount, which goes with it.
    let mount = "mkdir disk && mount -t tmpfs -o size=2m tmpfs disk && cp chronos.db disk && exec \"$0\" \"$@\"";
    let mut program = program("unshare", folder);
    program.args(["--mount", "--propagation", "private", "sh", "-c", mount, &BINARY]);
    let process = Process::start_as(
        program,
        folder,
        "product",
        &[("DATABASE_URL", "sqlite://disk/chronos.db")],
    );
    let disk = format!("/proc/{}/root{}/disk", process.id(), folder.display());
    let fill = || {
        let mut file = std::fs::File::create(format!("{disk}/filler")).expect("the disk is there");
        while file.write_all(&[1; 512]).is_ok() {}
    };
    let empty = || std::fs::remove_file(format!("{disk}/filler")).expect("it was made");
    fails_for_writes_alone(&process, &format!("sqlite://{disk}/chronos.db"), fill, empty);
}

fn fails_for_writes_alone(
    process: &Process,
    database_url: &str,
    fill: impl Fn(),
    empty: impl Fn(),
) {
    let client = Client::new();
    let url = |path: &str| format!("{}{path}", process.url("product"));
    let headers = [("Content-Type", "application/json")];
    // Long enough to need room wherever it goes.
    let metadata = "x".repeat(16_000);
    let write = |price: u32| {
        let body = json!({ "price": price, "metadata": { "text": metadata } }).to_string();
        client.send("PUT", &url(PATH), &headers, Some(body.as_bytes()))
    };
    let read =
        || client.send("GET", &url(PATH), &[], None).expect(200).json["data"]["price"].clone();
    write(1).expect(200);
    for round in 0..2 {
        fill();
        for _ in 0..3 {
            expect_unavailable(write(100));
            assert_eq!(read(), format!("{}.00", round + 1));
            client.send("GET", &url("/products?limit=500"), &[], None).expect(200);
            client.send("GET", &url("/products/prod_050"), &[], None).expect(200);
        }
        empty();
        until("there is room", || write(round + 2).status == 200);
        assert_eq!(read(), format!("{}.00", round + 2));
    }
    let storage = Storage::at(database_url.to_owned(), None);
    let broken =
        "SELECT count(*) AS count FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
    assert_eq!(storage.count(broken), 0);
}
