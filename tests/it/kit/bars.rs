//! The bars of docs/RELIABILITY.md. What a test measures is compared with the bar that names it, and a
//! test that is named there must measure.

use std::cell::RefCell;
use std::fmt::{self, Debug};
use std::io::Write;
use std::sync::LazyLock;

/// docs/RELIABILITY.md.
pub const PAGE: &str = include_str!("../../../docs/RELIABILITY.md");

/// A row of what is measured.
pub struct Bar {
    pub promise: &'static str,
    /// What is measured: figures have names that begin with this.
    what: &'static str,
    /// As it is written: `p99 ≤ 250 ms`.
    text: &'static str,
    /// Whether a test fails that does not hold it. The others depend on how busy the machine is, and are
    /// held by `scripts/torture`.
    pub is_held_always: bool,
    pub tests: Vec<&'static str>,
}

/// The rows of the tables of one section of the page, without their heads.
pub fn rows(section: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = PAGE.split_once(&format!("\n## {section}\n")).expect("the section is there");
    let text = rest.split("\n## ").next().unwrap_or_default();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").collect()).filter(|row: &Vec<&str>| row[0] != "id").collect()
}

/// What stands between backticks.
pub fn names(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split('`').skip(1).step_by(2)
}

pub static BARS: LazyLock<Vec<Bar>> = LazyLock::new(|| {
    let bar = |row: Vec<&'static str>| {
        let [promise, what, text, held, _last_seen, tests] = row[..] else {
            panic!("{row:?} has {} columns", row.len());
        };
        assert!(["always", "torture"].contains(&held), "{row:?}");
        assert!(is_met(text, "0").is_some(), "{text} is no bar");
        let tests = names(tests).collect();
        Bar { promise, what, text, is_held_always: held == "always", tests }
    };
    rows("What is measured").into_iter().map(bar).collect()
});

/// A promise, and what of it.
type Measured = (&'static str, &'static str);

thread_local! {
    /// The case that this thread runs, and what it has measured of which promise.
    static RUNNING: RefCell<Option<(String, Vec<Measured>)>> = const { RefCell::new(None) };
}

/// Runs a case; it fails unless it measures every bar that names it.
#[track_caller]
pub fn measuring(case: &str, test: impl FnOnce()) {
    RUNNING.set(Some((case.to_owned(), Vec::new())));
    test();
    let (_, measured) = RUNNING.take().expect("no other case has run on this thread");
    for bar in BARS.iter().filter(|bar| bar.tests.contains(&case)) {
        let Bar { promise, what, .. } = bar;
        assert!(
            measured.contains(&(promise, what)),
            "{case} is named for {promise}, {what}, and measures none"
        );
    }
}

/// Notes a figure of a promise, and compares it with its bar, if there is one. To be called on the
/// thread of the case. `TEST_FIGURES` names a file for a line of each: the promise, what it is, its
/// value, the value as a number, the bar, and whether the bar is met.
#[track_caller]
pub fn figure(promise: &str, what: &str, value: impl Debug) {
    let value = format!("{value:?}");
    let bar = BARS.iter().find(|bar| bar.promise == promise && what.starts_with(bar.what));
    let text = bar.map_or("-", |bar| bar.text);
    let is_met =
        bar.map(|bar| is_met(bar.text, &value).expect("the value of a figure has a number"));
    if let Some(bar) = bar {
        RUNNING.with_borrow_mut(|running| {
            let (case, measured) = running.as_mut().expect("this is the thread of a case");
            assert!(bar.tests.contains(&case.as_str()), "{promise}, {what}: {case} is not named");
            measured.push((bar.promise, bar.what));
        });
    }
    if let Some(file) = std::env::var_os("TEST_FIGURES") {
        let verdict = is_met.map_or("-", |is_met| if is_met { "met" } else { "NOT MET" });
        let number = number(part(text, &value)).map_or("-".to_owned(), |number| number.to_string());
        let line = format!("{promise}\t{what}\t{value}\t{number}\t{text}\t{verdict}\n");
        let file = std::fs::File::options().create(true).append(true).open(file);
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .expect("TEST_FIGURES can be written");
    }
    if bar.is_some_and(|bar| bar.is_held_always) {
        assert!(is_met == Some(true), "{promise}, {what}: {value}, and the bar is {text}");
    }
}

/// Whether a value is on the right side of a bar; `None` where one of them cannot be read.
pub fn is_met(bar: &str, value: &str) -> Option<bool> {
    let (before, limit) = bar.split_once(['≤', '≥'])?;
    let (value, limit) = (number(part(bar, value))?, number(limit)?);
    matches!(before, "" | "p99 ")
        .then(|| if bar.contains('≤') { value <= limit } else { value >= limit })
}

/// The part of a figure that a bar is for. One of latencies has several: `p50 1ms p99 2ms max 3ms`.
fn part<'a>(bar: &str, value: &'a str) -> &'a str {
    let name = if bar.starts_with("p99 ") { "p99" } else { "max" };
    let mut words = value.split(' ');
    if !value.starts_with("p50 ") {
        return value;
    }
    words.find(|word| *word == name).and_then(|_| words.next()).unwrap_or(value)
}

/// `250 ms`, `1.5s`, `70%`, `64 MiB`, `2`: durations in milliseconds, anything else as it is.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit.trim_start() {
        "" | "%" | "ms" | "MiB" => 1.0,
        "s" => 1e3,
        "µs" => 1e-3,
        "ns" => 1e-6,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

pub struct Percent(pub usize);

impl fmt::Debug for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// A size that is counted in KiB.
pub struct Mebibytes(pub usize);

impl fmt::Debug for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never less than it is.
        let hundredths = (self.0 * 100).div_ceil(1024);
        write!(f, "{}.{:02}MiB", hundredths / 100, hundredths % 100)
    }
}
