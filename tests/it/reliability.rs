//! docs/RELIABILITY.md holds every promise, and names tests that exist.

use crate::app::Combination;
use crate::{all_cases, cases};

cases![Once: every_promise_has_a_test_that_exists];

const PROMISES: &str = "L1 L2 L3 L4 L5 L6 F1 F2 F3 F4 F6 F7 F8 F9 F10 F11 F12 F13 F14 F15 F16 F18 \
                        F19 F20 F21 F22 I0 I1 I4 I5 I6 I7 I10 I12 I13 A1 A2 A3 A4 A5 A6 A8 A9 D1 D3 \
                        D4 D5 D6 D7 D9 D11";

fn every_promise_has_a_test_that_exists(_: &Combination) {
    let text = include_str!("../../docs/RELIABILITY.md");
    let names: Vec<&str> = all_cases().iter().map(|case| case.name).collect();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").collect())
        .collect();
    for id in PROMISES.split_whitespace() {
        let row = rows.iter().find(|row| row[0] == id).unwrap_or_else(|| panic!("no row for {id}"));
        let [_, promise, tests, _figure, _bar, is_met] = row[..] else {
            panic!("{id} has {} columns", row.len());
        };
        assert!(!promise.is_empty() && ["yes", "no", "in part"].contains(&is_met), "{row:?}");
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty() || is_met == "no", "{id} names no test");
        for test in named {
            let test = format!("it::{test}");
            assert!(names.contains(&test.as_str()), "{id} names {test}, which does not exist");
        }
    }
}
