//! The tests of Chronos: every case goes through HTTP to processes of the real binary.
//!
//! A case is a function. It is registered once, for every combination that it holds in: on SQLite
//! with the cache in the process, and, where `scripts/services` has started servers, on PostgreSQL
//! with Redis; through the gateway of `--role all`, through a gateway in front of
//! separate processes, and directly. Some run once more with a pooler in front of PostgreSQL.

#![allow(unreachable_pub, reason = "a binary of tests exports nothing")]

mod app;
mod bounds;
mod browsers;
mod cache;
mod cli;
mod client;
mod clients;
mod codes;
mod compression;
mod conditions;
mod connections;
mod customer;
mod data;
mod errors;
mod facets;
mod faults;
mod files;
mod filters_of_lists;
mod gateway;
mod health;
mod idempotency;
mod imports;
mod input;
mod integrity;
mod kit;
mod lists;
mod logs;
mod metrics;
mod openapi;
mod orders_of_lists;
mod pages;
mod panics;
mod pooler;
mod product;
mod readme;
mod reliability;
mod roles;
mod sale;
mod schema;
mod search;
mod seed;
mod settings;
mod start;
mod stock;
mod stop;
mod torture;
mod upgrade;
mod urls;
mod values;

use app::{Backend, Combination, Door, Servers};
use libtest_mimic::{Arguments, Trial};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A test, by its name and where it runs.
pub struct Case {
    pub name: &'static str,
    pub runs: Runs,
    pub test: fn(&Combination),
}

/// The combinations that a case holds in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// Both back ends, each through all three doors.
    Everywhere,
    /// Both back ends, through the two gateways.
    BothGateways,
    /// Both back ends, `--role all`.
    BothBackends,
    /// Both back ends, `--role all`, where PostgreSQL and Redis servers are at hand.
    WithServers,
    /// SQLite with the cache in the process, `--role all`.
    OnSqlite,
    /// PostgreSQL with Redis, `--role all`.
    OnPostgres,
    /// PostgreSQL behind a pooler, with Redis, `--role all`.
    OnPooler,
    /// PostgreSQL with the cache in the process, `--role all`.
    OnPostgresAlone,
    /// Once, for what has nothing to do with databases.
    Once,
}

/// Names functions as cases: `cases![Everywhere: a, b]`.
#[macro_export]
macro_rules! cases {
    ($($runs:ident: $($test:ident),+ $(,)?);* $(;)?) => {
        pub fn cases() -> Vec<$crate::Case> {
            vec![$($($crate::Case {
                name: concat!(module_path!(), "::", stringify!($test)),
                runs: $crate::Runs::$runs,
                test: $test,
            }),+),*]
        }
    };
}

fn main() {
    let arguments = Arguments::from_args();
    kit::raise_descriptor_limit();
    let servers = Servers::from_env();
    let listed = all_cases().into_iter().filter(is_listed);
    let trials = listed.flat_map(|case| trials(&case, servers.as_ref()));
    let outcome = libtest_mimic::run(&arguments, trials.collect());
    app::remove_templates(servers.as_ref());
    if !arguments.list {
        println!("{}", halves(servers.as_ref()));
    }
    outcome.exit();
}

/// Every case of every module.
pub fn all_cases() -> Vec<Case> {
    let cases = [
        product::cases(),
        customer::cases(),
        imports::cases(),
        input::cases(),
        bounds::cases(),
        clients::cases(),
        gateway::cases(),
        cache::cases(),
        idempotency::cases(),
        facets::cases(),
        faults::cases(),
        integrity::cases(),
        health::cases(),
        lists::cases(),
        logs::cases(),
        metrics::cases(),
        filters_of_lists::cases(),
        orders_of_lists::cases(),
        browsers::cases(),
        compression::cases(),
        connections::cases(),
        settings::cases(),
        start::cases(),
        stock::cases(),
        urls::cases(),
        stop::cases(),
        panics::cases(),
        pooler::cases(),
        sale::cases(),
        schema::cases(),
        search::cases(),
        seed::cases(),
        data::cases(),
        cli::cases(),
        roles::cases(),
        codes::cases(),
        errors::cases(),
        openapi::cases(),
        pages::cases(),
        conditions::cases(),
        readme::cases(),
        reliability::cases(),
        torture::cases(),
        upgrade::cases(),
        values::cases(),
        files::cases(),
    ];
    cases.into_iter().flatten().collect()
}

/// The long runs are listed for `scripts/torture` alone.
fn is_listed(case: &Case) -> bool {
    !case.name.contains("::torture::") || std::env::var_os("TEST_TORTURE").is_some()
}

/// Whether a case also runs through a pooler: those that use the database in every way it is used.
fn is_pooled(case: &Case) -> bool {
    const MODULES: [&str; 3] = ["product", "customer", "idempotency"];
    const CASES: [&str; 8] = [
        "integrity::two_stores_keep_their_word",
        "seed::load::a_folder_is_loaded_into_a_new_database",
        "seed::load::what_is_loaded_is_served_as_it_is_in_the_files",
        "seed::reset::a_database_with_rows_is_refused_and_left_alone",
        "seed::reset::reset_replaces_everything",
        "seed::reset::the_next_order_is_numbered_after_those_of_the_files",
        "seed::reset::nobody_sees_an_empty_store_during_a_reset",
        "seed::reset::an_error_of_the_database_at_the_last_record_takes_back_everything",
    ];
    let name = case.name.trim_start_matches("it::");
    let module = name.split("::").next().unwrap_or_default();
    case.runs == Runs::OnPooler || MODULES.contains(&module) || CASES.contains(&name)
}

fn halves(servers: Option<&Servers>) -> &'static str {
    match servers {
        Some(_) => "halves: SQLite + in-process cache: ran; PostgreSQL + Redis: ran\n",
        None => {
            "halves: SQLite + in-process cache: ran; PostgreSQL + Redis: NOT run \
             (scripts/services run cargo test, or scripts/test)\n"
        }
    }
}

fn trials(case: &Case, servers: Option<&Servers>) -> Vec<Trial> {
    let doors: &[Door] = match case.runs {
        Runs::Everywhere => &[Door::All, Door::Split, Door::Direct],
        Runs::BothGateways => &[Door::All, Door::Split],
        _ => &[Door::All],
    };
    let sqlite = Some(Backend::Sqlite);
    let postgres = servers.cloned().map(Backend::Postgres);
    let on_postgres = !matches!(case.runs, Runs::Once | Runs::OnSqlite);
    let pooled = servers.filter(|_| on_postgres && is_pooled(case)).cloned().map(Backend::Pooled);
    let backends = match case.runs {
        Runs::Once | Runs::OnSqlite => [sqlite, None],
        Runs::OnPostgres => [None, postgres],
        Runs::OnPooler => [None, None],
        Runs::OnPostgresAlone => {
            [None, servers.map(|servers| Backend::Postgres(servers.without_redis()))]
        }
        Runs::WithServers => [sqlite.filter(|_| servers.is_some()), postgres],
        Runs::Everywhere | Runs::BothGateways | Runs::BothBackends => [sqlite, postgres],
    };
    let own_doors = backends.into_iter().flatten().map(|backend| (backend, doors));
    let pooled_doors = pooled.map(|backend| (backend, &[Door::All][..]));
    let mut trials = Vec::new();
    for (backend, doors) in own_doors.chain(pooled_doors) {
        for door in doors {
            let combination = Combination { backend: backend.clone(), door: *door };
            let name = case.name.trim_start_matches("it::");
            let name = match case.runs {
                Runs::Once => name.to_owned(),
                _ => format!("{}/{name}", combination.name()),
            };
            let (test, case_name) = (case.test, case.name.trim_start_matches("it::"));
            trials.push(Trial::test(name, move || {
                let run = || kit::bars::measuring(case_name, || test(&combination));
                catch_unwind(AssertUnwindSafe(run)).map_err(|panic| message_of(&panic).into())
            }));
        }
    }
    trials
}

fn message_of(panic: &Box<dyn std::any::Any + Send>) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "panicked".to_owned())
}
