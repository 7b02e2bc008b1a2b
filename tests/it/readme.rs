//! The README's first requests are run, and their answers are those that it shows.

use crate::app::{Combination, Process};
use crate::cases;
use serde_json::Value;
use std::process::Command;
use tempfile::TempDir;

cases![Once: the_first_requests_give_the_answers_shown];

/// A fenced block: its language and its text.
fn blocks(section: &str) -> Vec<(&str, &str)> {
    let mut blocks = Vec::new();
    let mut rest = section;
    while let Some((_, after)) = rest.split_once("```") {
        let (block, next) = after.split_once("```").expect("a closed block");
        let (language, text) = block.split_once('\n').expect("a language");
        blocks.push((language, text));
        rest = next;
    }
    blocks
}

/// What differs from one answer to the next.
fn without_passing_values(mut answer: Value) -> Value {
    if let Some(members) = answer.as_object_mut() {
        members.remove("timestamp");
        members.remove("request_id");
    }
    answer
}

fn the_first_requests_give_the_answers_shown(_: &Combination) {
    let readme = include_str!("../../README.md");
    let (_, section) = readme.split_once("## First requests").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("a section after it");
    let folder = TempDir::new().expect("a temporary folder");
    let process = Process::start_plain(folder.path(), "all", &[]);
    let gateway = process.url("gateway");

    // One shell for all commands, since one sets what the next ones use.
    let commands: Vec<&str> =
        blocks(section).into_iter().filter(|block| block.0 == "sh").map(|block| block.1).collect();
    let script = commands.join("\nprintf '\\0'\n").replace("http://127.0.0.1:3000", &gateway);
    let output = Command::new("bash").args(["-ec", &script]).output().expect("bash is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let mut answers = printed.split('\0');

    let mut compared = 0;
    let mut answer = "";
    for (language, text) in blocks(section) {
        match language {
            "sh" => answer = answers.next().expect("an answer for each command"),
            "json" => {
                let parse = |text: &str| serde_json::from_str(text).expect("JSON");
                assert_eq!(
                    without_passing_values(parse(answer)),
                    without_passing_values(parse(text))
                );
                compared += 1;
            }
            _ => {
                assert_eq!(answer.trim(), text.trim());
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 8);
}
