//! docs/RELIABILITY.md holds every promise, and names tests that exist.

use crate::app::Combination;
use crate::{all_cases, cases};

cases![Once: every_promise_has_a_test_that_exists];

const PROMISES: &str = "L1 L2 L3 L4 L5 L6 L7 L8 L9 F1 F2 F3 F4 F6 F7 F8 F9 F10 F11 F12 F13 F14 F15 F16 \
                        F18 F19 F20 F21 F22 F23 F24 F25 F26 F27 F28 F29 F30 F31 I0 I1 I4 I5 I6 I7 I10 \
                        I12 I13 I14 I15 I16 I17 I18 I19 I20 I21 A1 A2 A3 A4 A5 A6 A8 A9 A10 A11 A12 \
                        A13 A14 D1 D3 D4 D5 D6 D7 D9 D11 D12 D13 D14 D15 D16";

fn every_promise_has_a_test_that_exists(_: &Combination) {
    let text = include_str!("../../docs/RELIABILITY.md");
    let names: Vec<&str> = all_cases().iter().map(|case| case.name).collect();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").collect())
        // The head of each table.
        .filter(|row: &Vec<&str>| row[0] != "id")
        .collect();
    let ids: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(ids, PROMISES.split_whitespace().collect::<Vec<_>>());
    for row in rows {
        let id = row[0];
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
