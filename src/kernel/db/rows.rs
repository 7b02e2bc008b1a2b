//! Which rows a transaction writes, by name.

/// The names of rows, such as `product:prod_001`, in the one order in which all transactions enter
/// them: two transactions that write the same rows never wait for each other.
#[derive(Debug, Clone, Default)]
pub struct Rows(Vec<String>);

impl Rows {
    pub fn named(names: impl IntoIterator<Item = String>) -> Rows {
        let mut names: Vec<String> = names.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        Rows(names)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}
