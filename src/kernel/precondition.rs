//! What must hold of a row before it is changed. Looked at in the transaction of the change itself,
//! where nobody can come between.

/// The row is not the one that the client has seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the row has version {version}, which is not one that was asked for")]
pub struct VersionMismatch {
    /// That of the row as it is.
    pub version: i64,
    /// What names the row as it is to clients.
    pub tag: String,
}

/// The condition of a change to a `T`; `None` where it is made in any case.
pub type Precondition<T> = Option<Box<dyn Fn(&T) -> Result<(), VersionMismatch> + Send>>;
