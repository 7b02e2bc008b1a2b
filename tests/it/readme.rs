//! The commands of the README and of the tutorial are typed as they stand there, into one shell, and
//! their answers are those that the pages show.

use crate::app::{BINARY, Combination};
use crate::cases;
use crate::kit::free_port;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

cases![
    Once:
        the_readme_starts_a_store_and_makes_a_sale,
        the_tutorial_can_be_walked_through;
];

/// The default ports, in the order of the settings below.
const DEFAULT_PORTS: [&str; 4] = ["3000", "3001", "3002", "3003"];
const PORT_SETTINGS: [&str; 4] =
    ["GATEWAY_PORT", "PRODUCT_SERVICE_PORT", "CUSTOMER_SERVICE_PORT", "ORDER_SERVICE_PORT"];
const URL_SETTINGS: [&str; 3] =
    ["PRODUCT_SERVICE_URL", "CUSTOMER_SERVICE_URL", "ORDER_SERVICE_URL"];

/// What stands in a page for what differs from one run to the next.
const DIFFERS: &str = "…";

/// cargo would take minutes: the binary is built already. Whatever a block leaves running ends with
/// the shell.
const PREAMBLE: &str = r#"
exec 2>&1
trap 'kill -KILL $(jobs -p) 2>/dev/null || true' EXIT
cargo() {
  case "$*" in
    'install --path .') ;;
    'run --release -- serve') exec chronos serve ;;
    *) echo "cargo $*: not known here"; return 1 ;;
  esac
}
"#;

/// A fenced block: its language and its text.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("```") {
        let (block, next) = after.split_once("```").expect("a closed block");
        let (language, text) = block.split_once('\n').expect("a language");
        blocks.push((language, text.to_owned()));
        rest = next;
    }
    blocks
}

fn the_readme_starts_a_store_and_makes_a_sale(_: &Combination) {
    let readme = include_str!("../../README.md");
    let (walk, _) = readme.split_once("\n## Read on").expect("the section");
    let mut blocks = blocks(walk);
    // This one is for a terminal of its own.
    let start = blocks[0].1.trim().to_owned();
    blocks[0].1 = format!(
        "{start} > chronos.log 2>&1 &\n\
         until curl -sf http://127.0.0.1:3000/readyz > ready.json; do sleep 0.1; done\n"
    );
    assert_eq!(walk_through(&blocks), 6);
}

fn the_tutorial_can_be_walked_through(_: &Combination) {
    assert_eq!(walk_through(&blocks(include_str!("../../docs/TUTORIAL.md"))), 26);
}

/// Types the blocks in `sh` into one shell, since one sets what the next ones use, and compares each
/// other block with what the one before it has printed. Returns how many were compared.
fn walk_through(blocks: &[(&str, String)]) -> usize {
    let ports = DEFAULT_PORTS.map(|_| free_port().to_string());
    let at_our_ports = |text: &str| {
        DEFAULT_PORTS.iter().zip(&ports).fold(text.to_owned(), |text, (default, ours)| {
            text.replace(&format!("127.0.0.1:{default}"), &format!("127.0.0.1:{ours}"))
        })
    };
    let commands = blocks.iter().filter(|(language, _)| *language == "sh");
    let typed: Vec<String> = commands.map(|(_, text)| at_our_ports(text)).collect();
    let printed = run(&typed.join("\nprintf '\\0'\n"), &ports);
    let mut answers = printed.split('\0');

    let mut compared = 0;
    let mut answer = "";
    for (language, text) in blocks {
        match *language {
            "sh" => {
                let next = answers.next();
                answer = next.unwrap_or_else(|| panic!("the walk ends before:\n{text}"));
            }
            "json" => {
                let shown: Value = serde_json::from_str(text).expect("JSON in the page");
                let given = serde_json::from_str(answer)
                    .unwrap_or_else(|error| panic!("{error}:\n{answer}\ninstead of\n{text}"));
                assert!(is_shown(&given, &shown), "{answer}\ninstead of\n{text}");
                compared += 1;
            }
            _ => {
                let shown = at_our_ports(text);
                assert!(reads_as(answer, &shown), "{answer}\ninstead of\n{shown}");
                compared += 1;
            }
        }
    }
    compared
}

/// Runs the script in an empty folder, where `chronos` is on the `PATH`; returns all that it prints.
fn run(script: &str, ports: &[String]) -> String {
    let programs = TempDir::new().expect("a temporary folder");
    std::os::unix::fs::symlink(&*BINARY, programs.path().join("chronos")).expect("linked");
    let folder = TempDir::new().expect("a temporary folder");
    let sources = folder.path().join("sources");
    std::fs::create_dir(&sources).expect("made");
    let output = shell(programs.path(), &sources, ports)
        .arg(format!("{PREAMBLE}{script}"))
        .output()
        .expect("bash is there");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{}: {}", output.status, printed.replace('\0', "\n"));
    printed
}

/// bash, which ends on the first command that fails, and after two minutes.
fn shell(programs: &Path, folder: &Path, ports: &[String]) -> Command {
    let mut shell = Command::new("timeout");
    let path = std::env::var("PATH").expect("a PATH");
    shell
        .args(["120", "bash", "-ec"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .env_clear()
        .env("PATH", format!("{}:{path}", programs.display()))
        .envs(PORT_SETTINGS.iter().zip(ports))
        .envs(URL_SETTINGS.iter().zip(&ports[1..]).map(|(name, port)| {
            let url = format!("http://127.0.0.1:{port}");
            (*name, url)
        }));
    shell
}

/// Whether the JSON is the one shown, but for what differs.
fn is_shown(given: &Value, shown: &Value) -> bool {
    match (given, shown) {
        (_, Value::String(text)) if text == DIFFERS => !given.is_null(),
        (Value::Object(given), Value::Object(shown)) => {
            given.len() == shown.len()
                && shown.iter().all(|(name, value)| {
                    given.get(name).is_some_and(|found| is_shown(found, value))
                })
        }
        (Value::Array(given), Value::Array(shown)) => {
            given.len() == shown.len()
                && given.iter().zip(shown).all(|(given, shown)| is_shown(given, shown))
        }
        _ => given == shown,
    }
}

/// Whether the text is the one shown, but for what differs.
fn reads_as(given: &str, shown: &str) -> bool {
    let mut parts = shown.trim().split(DIFFERS);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = given.trim().strip_prefix(first) else {
        return false;
    };
    let mut ends_with_any = false;
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
        ends_with_any = part.is_empty();
    }
    rest.is_empty() || ends_with_any
}
