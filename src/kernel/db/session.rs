//! Whom the sessions of PostgreSQL belong to, and what each is told.

#[cfg(feature = "postgres")]
use std::borrow::Cow;

/// Whose a session of PostgreSQL is. SQLite makes no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// Each connection has one for itself: what it is told once, and what is prepared, stays.
    Own,
    /// A pooler lends one to each transaction: nothing outlives that, and nothing must.
    Shared,
}

/// A statement ends on the server before the deadline here, so that its thread comes back.
#[cfg(feature = "postgres")]
const LIMITS: [(&str, &str); 3] = [
    ("statement_timeout", "2500ms"),
    ("lock_timeout", "2000ms"),
    ("idle_in_transaction_session_timeout", "10s"),
];

#[cfg(feature = "postgres")]
impl Session {
    /// What a connection says once.
    pub fn settings() -> String {
        format!("SET default_transaction_isolation = 'read committed'; {}", limits("SESSION"))
    }

    /// What a transaction begins with. The isolation is said each time: the server's default may be
    /// another one.
    pub fn begin(self) -> Cow<'static, str> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
        match self {
            Session::Own => BEGIN.into(),
            Session::Shared => format!("{BEGIN}; {}", limits("LOCAL")).into(),
        }
    }
}

#[cfg(feature = "postgres")]
fn limits(scope: &str) -> String {
    let settings = LIMITS.map(|(name, value)| format!("SET {scope} {name} = '{value}'"));
    settings.join("; ")
}
