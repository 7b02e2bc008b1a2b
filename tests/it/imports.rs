//! Who may know whom: the arrows between the folders of `src/`, read from the imports.

use crate::app::Combination;
use crate::cases;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

cases![
    Once:
        a_folder_imports_only_what_stands_below_it,
        a_slice_is_called_by_its_front_alone,
        what_stands_behind_a_wall_does_not_know_http;
];

/// Each folder, and what it may import. The order of slices: product, customer < order.
const ARROWS: [(&str, &[&str]); 8] = [
    ("app", &["gateway", "net", "kernel", "product", "customer", "order"]),
    ("cli", &["app", "kernel"]),
    ("gateway", &["kernel"]),
    ("net", &["kernel"]),
    ("order", &["customer", "product", "kernel", "schema"]),
    ("customer", &["kernel", "schema"]),
    ("product", &["kernel", "schema"]),
    ("kernel", &[]),
];
const SLICES: [&str; 3] = ["product", "customer", "order"];
/// What has the files of a slice: the slices, and a part of one.
const SLICE_FOLDERS: [&str; 4] = ["product", "product/stock", "customer", "order"];
/// What is behind the front of a slice.
const INSIDE: [&str; 6] = ["routes", "wire", "model", "service", "store", "error"];

fn a_folder_imports_only_what_stands_below_it(_: &Combination) {
    for (folder, allowed) in ARROWS {
        let mut seen = 0;
        for (file, import) in imports_of(folder) {
            let to = import.split("::").next().unwrap_or_default();
            let is_allowed = to == folder || allowed.contains(&to);
            assert!(is_allowed, "{} imports {import}", file.display());
            seen += 1;
        }
        assert!(seen > 0, "{folder} imports nothing: the test does not see it");
    }
    let folders: BTreeSet<String> = fs::read_dir("src")
        .expect("the sources")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().replace(".rs", ""))
        .filter(|name| !["lib", "main", "schema"].contains(&name.as_str()))
        .collect();
    let known = ARROWS.map(|(folder, _)| folder.to_owned()).into();
    assert_eq!(folders, known, "each folder has its arrows");
}

fn a_slice_is_called_by_its_front_alone(_: &Combination) {
    for (folder, _) in ARROWS {
        for (file, import) in imports_of(folder) {
            let mut words = import.split("::");
            let (slice, part) = (words.next().unwrap_or_default(), words.next());
            if SLICES.contains(&slice) && slice != folder {
                // A front may have a function of the same name.
                let goes_on = words.next().is_some();
                let is_inside = goes_on && part.is_some_and(|part| INSIDE.contains(&part));
                assert!(!is_inside, "{} looks behind the front: {import}", file.display());
            }
        }
    }
}

/// What a file of a slice must not name, in any form; what `kernel/db` and `kernel/page` must not.
const WALLS: [(&[&str], &[&str]); 3] = [
    (&["store", "model"], &["actix", "kernel::http", "wire", "kernel::cache", "gateway"]),
    (&["service"], &["actix", "kernel::http", "wire", "gateway"]),
    (&["kernel/db", "kernel/page"], &["actix", "kernel::http"]),
];

fn what_stands_behind_a_wall_does_not_know_http(_: &Combination) {
    for (places, outside) in WALLS {
        for place in places {
            let files = match place.split_once('/') {
                Some(_) => files_in(&Path::new("src").join(place)),
                None => {
                    SLICE_FOLDERS.iter().flat_map(|slice| files_of_slice(slice, place)).collect()
                }
            };
            for file in files {
                let text = fs::read_to_string(&file).expect("a source file");
                for word in outside {
                    assert!(!names(&text, word), "{} knows {word}", file.display());
                }
            }
        }
    }
}

/// A file, or all of a folder of the same name.
fn files_of_slice(slice: &str, name: &str) -> Vec<PathBuf> {
    let place = Path::new("src").join(slice).join(name);
    if place.is_dir() { files_in(&place) } else { vec![place.with_extension("rs")] }
}

/// Whether the code of a file names a path or a part of one, such as `wire` in `super::wire::X`.
fn names(text: &str, path: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let code = text.lines().map(|line| line.split("//").next().unwrap_or(line));
    code.flat_map(|line| line.match_indices(path).map(move |(at, _)| (line, at))).any(
        |(line, at)| {
            let rest = &line[at + path.len()..];
            // The name of a crate may go on: actix_web.
            !line[..at].ends_with(is_word) && !rest.starts_with(char::is_alphanumeric)
        },
    )
}

/// What the files of a folder import of this crate, without the words before.
fn imports_of(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let root = Path::new("src").join(folder);
    let files = if root.is_dir() { files_in(&root) } else { vec![root.with_extension("rs")] };
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for rest in line.split("crate::").skip(1) {
                let is_path = |c: &char| c.is_alphanumeric() || "_:".contains(*c);
                let path: String = rest.chars().take_while(is_path).collect();
                if !path.is_empty() {
                    found.push((file.clone(), path));
                }
            }
        }
    }
    found
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
