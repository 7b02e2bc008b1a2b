//! `.env` of the working directory. Nothing in it is expanded: a `$` is a `$`.

use std::path::Path;

/// Names that other programs and libraries read, such as libpq its `PGSSLROOTCERT`.
const OF_OTHERS: [&str; 2] = ["PG", "RUST_"];

/// Reads `.env` into the environment; what is set already wins. Returns the names that it sets.
///
/// # Errors
/// When the file is there and cannot be read or parsed. No part of a line is shown: it may be a
/// secret.
pub fn load() -> Result<Vec<String>, String> {
    let text = match std::fs::read_to_string(Path::new(".env")) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!(".env: {error}")),
    };
    let pairs = parse(text.strip_prefix('\u{feff}').unwrap_or(&text))?;
    let escaped: String =
        pairs.iter().map(|(name, value)| format!("{name}=\"{}\"\n", escape(value))).collect();
    dotenvy::from_read(escaped.as_bytes()).map_err(|error| explain(&error))?;
    Ok(pairs.into_iter().map(|(name, _)| name).collect())
}

/// Those of `names` that are neither a setting nor meant for somebody else: mistyped, most likely.
pub fn unknown<'a>(names: &'a [String], settings: &[String]) -> Vec<&'a str> {
    let is_unknown = |name: &&String| {
        !settings.contains(name) && !OF_OTHERS.iter().any(|prefix| name.starts_with(prefix))
    };
    names.iter().filter(is_unknown).map(String::as_str).collect()
}

/// The names and values of a text. dotenvy knows the quotes, the comments and the lines, but would
/// put other variables in the place of a `$NAME`: it is given a letter that the text does not have
/// in the place of `$`.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut escaped = text.match_indices('$').filter(|(at, _)| {
        let slashes = text[..*at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        slashes % 2 == 1
    });
    if let Some((at, _)) = escaped.next() {
        let line = text[..at].lines().count();
        return Err(format!(
            ".env: line {line} has a backslash before a $: nothing is expanded, write the $ alone"
        ));
    }
    let free = ('\u{e000}'..='\u{f8ff}').find(|letter| !text.contains(*letter));
    let letter = free.ok_or(".env: holds every private letter of Unicode")?;
    let masked = text.replace('$', &letter.to_string());
    let pairs = dotenvy::from_read_iter(masked.as_bytes());
    let unmasked = pairs.map(|pair| {
        pair.map(|(name, value)| (name, value.replace(letter, "$"))).map_err(|e| explain(&e))
    });
    unmasked.collect()
}

/// As dotenvy reads it between double quotes.
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            '\n' => escaped.push_str("\\n"),
            '\\' | '"' | '$' => escaped.extend(['\\', letter]),
            other => escaped.push(other),
        }
    }
    escaped
}

fn explain(error: &dotenvy::Error) -> String {
    match error {
        // dotenvy quotes the whole line.
        dotenvy::Error::LineParse(_, column) => {
            format!(".env: a line is not NAME=value (near its column {column})")
        }
        other => format!(".env: {other}"),
    }
}
