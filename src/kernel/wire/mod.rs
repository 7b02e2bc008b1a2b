//! How the members of a JSON body become what they stand for: absent, `null` or a value; required or
//! not; whole numbers. Knows no HTTP: data files are read in the same way.

mod answered;
mod member;
mod members;
mod whole;

pub use answered::Answered;
#[cfg(all(feature = "product", feature = "database"))]
pub(crate) use answered::answer_schema;
pub use member::Member;
pub use members::{BadBody, Members, all};
pub use whole::{Whole, whole};
