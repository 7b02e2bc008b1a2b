//! The description of the API, as OpenAPI has it: a slice says what its routes take and answer, and
//! `app` makes one document of it for each listener.
//!
//! Schemas come from the types of `wire`, failures from the list of codes, parameters of lists from
//! their views: what is described cannot be another thing than what is served. The tests compare the
//! rest.

mod document;
mod failures;
mod parameters;
mod route;
mod version_30;

pub use document::{Document, Listener};
pub use parameters::{
    any_text, choice, flag, id, id_or_none, ids, money, number_or_name, phone, text, time, whole,
    words,
};
pub use route::{Answer, Route};
pub use version_30::to_version_30;
