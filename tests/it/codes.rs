//! docs/API.md has the codes of the program, all of them and no other.

use crate::app::Combination;
use crate::cases;
use chronos::kernel::http::Code;
use std::collections::BTreeSet;

cases![Once: the_table_of_codes_is_the_list_of_the_program, no_two_codes_are_the_same];

/// Status, code and sentence, as the table `All codes` has them.
fn documented() -> Vec<[String; 3]> {
    let text = include_str!("../../docs/API.md");
    let (_, section) = text.split_once("\n## All codes\n").expect("the section");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = rows.map(|row| row.split(" | ").map(str::to_owned).collect::<Vec<_>>());
    cells
        // The head.
        .skip_while(|row| row[0] == "status")
        .map(|row| {
            let code = row[1].trim_matches('*').trim_matches('`').to_owned();
            // Some say more than the sentence.
            let sentence = row[2].split('`').nth(1).unwrap_or(&row[2]).to_owned();
            [row[0].clone(), code, sentence]
        })
        .collect()
}

fn the_table_of_codes_is_the_list_of_the_program(_: &Combination) {
    let of_program = |code: &Code| match code {
        // Its status and its sentence are those that the other server chose.
        Code::RequestRefused => ["4xx", code.as_str(), "the name of the status"].map(str::to_owned),
        _ => [code.status().as_str(), code.as_str(), code.sentence()].map(str::to_owned),
    };
    let in_program: BTreeSet<[String; 3]> = Code::ALL.iter().map(of_program).collect();
    let in_docs: BTreeSet<[String; 3]> = documented().into_iter().collect();
    assert_eq!(in_docs, in_program);
    assert_eq!(documented().len(), Code::ALL.len(), "a code has two rows");
}

fn no_two_codes_are_the_same(_: &Combination) {
    let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    for name in names {
        assert!(name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'), "{name}");
    }
}
