//! docs/RELIABILITY.md holds every promise, names tests that exist, and says which of them measure.
//!
//! That a test measures what it is named for is checked where it runs (`kit/bars.rs`).

use crate::app::Combination;
use crate::kit::bars::{self, BARS, names, rows};
use crate::{all_cases, cases};

cases![
    Once:
        every_promise_has_a_bar_and_tests_that_exist,
        a_bar_that_torture_holds_is_measured_by_torture,
        a_figure_is_compared_with_the_bar_as_it_is_written;
];

const PROMISES: &str = "L1 L2 L3 L4 L5 L6 L7 L8 L9 F1 F2 F3 F4 F6 F7 F8 F9 F10 F11 F12 F13 F14 F15 F16 \
                        F18 F19 F20 F21 F22 F23 F24 F25 F26 F27 F28 F29 F30 F31 I0 I1 I4 I5 I6 I7 I10 \
                        I12 I13 I14 I15 I16 I17 I18 I19 I20 I21 A1 A2 A3 A4 A5 A6 A8 A9 A10 A11 A12 \
                        A13 A14 D1 D3 D4 D5 D6 D7 D9 D11 D12 D13 D14 D15 D16";

fn every_promise_has_a_bar_and_tests_that_exist(_: &Combination) {
    let promises = rows("What is promised");
    let ids: Vec<&str> = promises.iter().map(|row| row[0]).collect();
    assert_eq!(ids, PROMISES.split_whitespace().collect::<Vec<_>>());
    for row in &promises {
        let [id, promise, bar, is_met] = row[..] else {
            panic!("{row:?} has {} columns", row.len());
        };
        assert!(!promise.is_empty() && ["yes", "no", "in part"].contains(&is_met), "{row:?}");
        let is_measured = BARS.iter().any(|bar| bar.promise == id);
        assert_eq!(bar.starts_with("measured"), is_measured, "{id}: {bar}");
    }
    let cases: Vec<&str> =
        all_cases().iter().map(|case| case.name.trim_start_matches("it::")).collect();
    let shown = tests_that_show();
    let measured = BARS.iter().map(|bar| (bar.promise, &bar.tests));
    for (id, tests) in measured.chain(shown.iter().map(|(id, tests)| (*id, tests))) {
        assert!(ids.contains(&id) && !tests.is_empty(), "{id}");
        for test in tests {
            assert!(cases.contains(test), "{id} names {test}, which does not exist");
        }
    }
    for id in ids {
        let is_measured = BARS.iter().any(|bar| bar.promise == id);
        let is_shown = shown.iter().any(|(shown, _)| *shown == id);
        assert!(is_measured || is_shown, "{id} names no test");
    }
}

/// The tests of each promise beside those that measure it: `- **L3** …`.
fn tests_that_show() -> Vec<(&'static str, Vec<&'static str>)> {
    let (_, list) = bars::PAGE.split_once("\n## Which tests show it\n").expect("it is there");
    let entries = list.split("\n- **").skip(1);
    let split = |entry: &'static str| entry.split_once("** ").expect("an id and its tests");
    entries.map(split).map(|(id, tests)| (id, names(tests).collect())).collect()
}

/// `scripts/torture` runs all tests that measure such a bar: `tests PART FILTER`, where the filter may
/// begin with a combination.
fn a_bar_that_torture_holds_is_measured_by_torture(_: &Combination) {
    let script = include_str!("../../scripts/torture");
    let runs = script.lines().filter_map(|line| line.trim().strip_prefix("tests "));
    let filters = runs.filter_map(|run| run.split_whitespace().nth(1));
    let filters: Vec<&str> = filters.filter_map(|filter| filter.rsplit('/').next()).collect();
    for bar in BARS.iter().filter(|bar| !bar.is_held_always) {
        for test in &bar.tests {
            let is_run = filters.iter().any(|filter| test.contains(filter));
            assert!(is_run, "{}: scripts/torture does not run {test}", bar.promise);
        }
    }
}

fn a_figure_is_compared_with_the_bar_as_it_is_written(_: &Combination) {
    let latencies = "p50 1.0ms p99 251.5ms max 3.0s of 12";
    let table = [
        ("≤ 0", "0", Some(true)),
        ("≤ 0", "1", Some(false)),
        ("≤ 5 %", "5%", Some(true)),
        ("≥ 70 %", "69%", Some(false)),
        ("≤ 19.5 MiB", "19.51MiB", Some(false)),
        ("≤ 2 s", "1.999999999s", Some(true)),
        ("≤ 2 s", "2000.1ms", Some(false)),
        ("≤ 100 ms", "99µs", Some(true)),
        ("p99 ≤ 250 ms", latencies, Some(false)),
        ("p99 ≤ 252 ms", latencies, Some(true)),
        ("≤ 252 ms", latencies, Some(false)),
        ("≤ 3 s", latencies, Some(true)),
        ("≤ 2", "none", None),
        ("at most 2", "1", None),
        ("p50 ≤ 2", "1", None),
    ];
    for (bar, value, expected) in table {
        assert_eq!(bars::is_met(bar, value), expected, "{bar}, {value}");
    }
}
