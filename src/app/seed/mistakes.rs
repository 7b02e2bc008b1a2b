//! What is wrong with the files, and what of them is not kept.

use crate::kernel::streams;
use anyhow::anyhow;
use std::collections::BTreeMap;
use std::fmt;

/// So many mistakes are shown; the others are counted.
const MAX_SHOWN: usize = 50;

/// Everything that the reader of the files has to say.
#[derive(Debug, Default)]
pub struct Report {
    mistakes: Vec<String>,
    mistake_count: usize,
    /// How often each member occurs that no table has a column for, by its file and name.
    not_kept: BTreeMap<(String, String), usize>,
}

impl Report {
    /// `place` is the file and the line, and the record where there is one.
    pub fn mistake(&mut self, place: impl fmt::Display, reason: impl fmt::Display) {
        self.mistake_count += 1;
        if self.mistakes.len() < MAX_SHOWN {
            self.mistakes.push(format!("{place}: {reason}"));
        }
    }

    pub fn not_kept(&mut self, file: &str, member: String) {
        *self.not_kept.entry((file.to_owned(), member)).or_default() += 1;
    }

    /// One line for each member that is not kept.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.not_kept.iter().map(|((file, member), count)| {
            let times = if *count == 1 { "once" } else { &format!("{count} times") };
            format!("{file}: the member {member} is not kept; it occurs {times}")
        })
    }

    /// Takes what is not kept for mistakes.
    pub fn be_strict(&mut self) {
        let warnings: Vec<String> = self.warnings().collect();
        self.not_kept.clear();
        self.mistake_count += warnings.len();
        self.mistakes.extend(warnings);
        self.mistakes.truncate(MAX_SHOWN);
    }

    /// Tells the mistakes, each in a line of its own.
    ///
    /// # Errors
    /// The one mistake, or how many there are.
    pub fn into_result(self) -> anyhow::Result<()> {
        match self.mistakes.as_slice() {
            [] => Ok(()),
            [only] => Err(anyhow!("{only}")),
            shown => {
                shown.iter().for_each(streams::say_error);
                let (all, shown) = (self.mistake_count, shown.len());
                let which = if all > shown {
                    format!("; the first {shown} are shown")
                } else {
                    String::new()
                };
                Err(anyhow!("{all} mistakes, and nothing was changed{which}"))
            }
        }
    }
}
