//! The pages for people: their links lead somewhere, and the places that they name are there.

use crate::app::Combination;
use crate::cases;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

cases![
    Once:
        every_link_of_a_page_leads_somewhere,
        every_place_that_the_architecture_names_is_there;
];

/// README, CHANGELOG, and all of docs/.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![PathBuf::from("README.md"), PathBuf::from("CHANGELOG.md")];
    for folder in ["docs", "docs/adr"] {
        let entries = fs::read_dir(folder).expect("the folder of the pages");
        let files = entries.map(|entry| entry.expect("readable").path());
        pages.extend(files.filter(|file| file.extension().is_some_and(|ending| ending == "md")));
    }
    pages
}

/// The text without its fenced blocks.
fn prose(page: &Path) -> String {
    let text = fs::read_to_string(page).unwrap_or_else(|error| panic!("{page:?}: {error}"));
    let mut is_fenced = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        !is_fenced && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What `#…` may lead to, as GitHub names the headings.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = prose(page);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let words = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    words
        .map(|heading| {
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

fn every_link_of_a_page_leads_somewhere(_: &Combination) {
    let mut seen = 0;
    for page in pages() {
        let text = prose(&page);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        for (link, _) in links.filter(|(link, _)| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = page.parent().expect("a page is in a folder");
            let target = if path.is_empty() { page.clone() } else { folder.join(path) };
            assert!(target.exists(), "{}: {link}", page.display());
            let is_there = anchor.is_empty() || anchors(&target).contains(anchor);
            assert!(is_there, "{}: {link} names no heading", page.display());
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen} links: the test does not see them");
}

/// `src/app/{migration,probes}.rs` names two places.
fn spelt_out(place: &str) -> Vec<String> {
    let Some((before, rest)) = place.split_once('{') else {
        return vec![place.to_owned()];
    };
    let (names, after) = rest.split_once('}').expect("a closed brace");
    names.split(',').map(|name| format!("{before}{name}{after}")).collect()
}

fn every_place_that_the_architecture_names_is_there(_: &Combination) {
    const FOLDERS: [&str; 11] = [
        "src",
        "tests",
        "migrations",
        "scripts",
        "app",
        "net",
        "kernel",
        "gateway",
        "product",
        "customer",
        "order",
    ];
    let text = prose(Path::new("docs/ARCHITECTURE.md"));
    let mut seen = 0;
    for quoted in text.split('`').skip(1).step_by(2) {
        let place = quoted.split_whitespace().next().unwrap_or_default();
        let is_place = place.split_once('/').is_some_and(|(folder, _)| FOLDERS.contains(&folder));
        if !is_place {
            continue;
        }
        for place in spelt_out(place) {
            let is_there = Path::new(&place).exists() || Path::new("src").join(&place).exists();
            assert!(is_there, "docs/ARCHITECTURE.md names {place}");
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen} places: the test does not see them");
}
