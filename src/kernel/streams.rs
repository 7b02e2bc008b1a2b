//! Words for whoever runs a command. A stream that takes none, because it is full or closed or
//! nobody reads it, changes nothing of what was done: `println!` would panic.

use std::fmt::Display;
use std::io::{self, Write};

/// A line on stdout.
///
/// # Errors
/// When it could not be written; a command whose result is the line has then failed.
pub fn say(line: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush())
}

/// An error, in one line on stderr.
pub fn say_error(error: impl Display) {
    let line = single_line(&format!("error: {error}"));
    // Nothing is left to be told when even stderr takes nothing.
    let _closed = writeln!(io::stderr(), "{line}");
}

/// What a command goes on in spite of, in one line on stderr.
pub fn say_warning(warning: impl Display) {
    let line = single_line(&format!("warning: {warning}"));
    // A warning that nobody can read is no reason to stop.
    let _closed = writeln!(io::stderr(), "{line}");
}

/// The text in one line: whoever reads line by line takes each for a message of its own.
pub fn single_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}
