//! `{success, data}`: how one thing is answered.

use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct Answered<T> {
    success: bool,
    data: T,
}

impl<T> Answered<T> {
    pub fn new(data: T) -> Answered<T> {
        Answered { success: true, data }
    }
}

/// The description of what [`Answered`] writes of a view: `answer_schema!(HoldAnswer, HoldView)`.
#[cfg(all(feature = "product", feature = "database"))]
macro_rules! answer_schema {
    ($name:ident, $view:ident) => {
        #[derive(ToSchema)]
        #[expect(dead_code, reason = "it describes what Answered writes")]
        pub(super) struct $name {
            success: bool,
            #[schema(inline = false)]
            data: $view<'static>,
        }
    };
}
#[cfg(all(feature = "product", feature = "database"))]
pub(crate) use answer_schema;
