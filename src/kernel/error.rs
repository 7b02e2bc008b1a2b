//! The errors that every module shares: a value that breaks a rule, and a refusal of the program.

use std::borrow::Cow;

/// Declares [`Rule`] from one line per rule.
macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)+) => {
        /// Which rule a value breaks, as programs read it: the member `code` of an entry of `errors`.
        /// docs/ERRORS.md has the same list for people; a test compares the two.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Rule {
            $($(#[$doc])* $variant,)+
        }

        impl Rule {
            pub const ALL: &[Rule] = &[$(Rule::$variant),+];

            /// As it stands on the wire: `TOO_LONG`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Rule::$variant => $text,)+
                }
            }
        }
    };
}

rules! {
    /// A member that must be there is not, or is null where that counts as absent.
    Required = "REQUIRED";
    NullNotAllowed = "NULL_NOT_ALLOWED";
    /// A text of nothing, or of white space alone; a list without entries.
    Empty = "EMPTY";
    /// Too many characters, or bytes of JSON.
    TooLong = "TOO_LONG";
    /// A character that may not stand in such a value.
    BadCharacter = "BAD_CHARACTER";
    Nul = "NUL";
    NotUtf8 = "NOT_UTF8";
    /// A value that means something else where it would be used.
    Reserved = "RESERVED";
    NotMoney = "NOT_MONEY";
    NotANumber = "NOT_A_NUMBER";
    OutOfRange = "OUT_OF_RANGE";
    NotOneOf = "NOT_ONE_OF";
    NotAnEmail = "NOT_AN_EMAIL";
    NotATime = "NOT_A_TIME";
    NotACursor = "NOT_A_CURSOR";
    /// Not a tag, as `ETag` has it, nor a list of them.
    NotATag = "NOT_A_TAG";
    /// Given more than once.
    Repeated = "REPEATED";
    /// The name of a parameter only looks like one that is read.
    Misspelt = "MISSPELT";
    /// A total that is not what its parts come to.
    WrongTotal = "WRONG_TOTAL";
}

/// A value from outside that breaks a rule; the client is told which and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct Invalid {
    /// The member, query parameter or path segment, as the client wrote it.
    pub field: Cow<'static, str>,
    pub rule: Rule,
    /// What is wrong, to be read after the field: "must not be empty".
    pub reason: Cow<'static, str>,
}

impl Invalid {
    /// `reason` reads on from the field's name:
    /// `Invalid::new("price", Rule::OutOfRange, "must not be negative")`.
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        rule: Rule,
        reason: impl Into<Cow<'static, str>>,
    ) -> Invalid {
        Invalid { field: field.into(), rule, reason: reason.into() }
    }
}

/// The program will not do what it was asked, and has changed nothing: exit status 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);
