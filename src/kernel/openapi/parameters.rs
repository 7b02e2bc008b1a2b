//! The schemas of parameters, which are texts in a URL and no types of `wire`.

use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};

/// An id: as [`crate::kernel::ids::Id`] reads it.
pub fn id() -> Object {
    string().pattern(Some("^[A-Za-z0-9._-]{1,50}$")).build()
}

/// The number of a row, or a name that begins with a letter.
pub fn number_or_name() -> Object {
    string().pattern(Some("^([1-9][0-9]{0,17}|[A-Za-z][A-Za-z0-9._-]{0,49})$")).build()
}

/// An id in a query, where an empty one counts as none.
pub fn id_or_none() -> Object {
    string().pattern(Some("^([A-Za-z0-9._-]{1,50})?$")).build()
}

/// An amount from 0 to 99999999.99, by its digits. As with every parameter of a query, an empty one
/// counts as none.
pub fn money() -> Object {
    string().pattern(Some(r"^([0-9]{1,8}(\.[0-9]{1,2})?)?$")).build()
}

/// One to 100 ids with commas between them.
pub fn ids() -> Object {
    string().pattern(Some("^([A-Za-z0-9._-]{1,50}(,[A-Za-z0-9._-]{1,50}){0,99})?$")).build()
}

/// Names of members with commas between them.
pub(super) fn members(names: &[&str]) -> Object {
    let one = names.join("|");
    string().pattern(Some(format!("^(({one})(,({one})){{0,20}})?$"))).build()
}

/// A part of a telephone number.
pub fn phone() -> Object {
    let pattern = r"^([ ./()+-]*[^\x00 ./()+-][^\x00]*)?$";
    string().max_length(Some(50)).pattern(Some(pattern)).build()
}

/// One to ten words, of 200 characters in all, with white space or control characters between them.
pub fn words() -> Object {
    let between = r"\x01-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";
    let (word, between) = (format!(r"[^\x00{between}]+"), format!("[{between}]"));
    let pattern = format!("^({between}*{word}({between}+{word}){{0,9}}{between}*)?$");
    string().max_length(Some(200)).pattern(Some(pattern)).build()
}

pub fn flag() -> Object {
    choice(&["true", "false"])
}

/// A time with its zone. As with every parameter of a query, an empty one counts as none. The pattern
/// leaves out the day that leap years have more.
pub fn time() -> Object {
    let year = "(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})";
    let day = "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|\
               02-(0[1-9]|1[0-9]|2[0-8]))";
    let time = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?";
    let pattern = format!("^({year}-{day}T{time}(Z|[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]))?$");
    string().pattern(Some(pattern)).examples(["2026-11-26T12:00:00Z"]).build()
}

/// A text that only the bound of a request's target ends.
pub fn any_text() -> Object {
    string().build()
}

pub fn text(max_chars: usize) -> Object {
    string().max_length(Some(max_chars)).build()
}

/// One of some texts.
pub fn choice(values: &[&str]) -> Object {
    string().enum_values(Some(values.iter().copied())).build()
}

pub fn whole(minimum: i64, maximum: i64, default: i64) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(bound(minimum)))
        .maximum(Some(bound(maximum)))
        .default(Some(default.into()))
        .build()
}

fn bound(value: i64) -> utoipa::Number {
    utoipa::Number::Int(isize::try_from(value).unwrap_or(isize::MAX))
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
