//! Conditional requests (RFC 9110, section 13): `If-Match` and `If-None-Match` on what has a version.
//!
//! docs/adr/0019 says what a tag names, and why two of them can be right at once.

use super::Failure;
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::precondition::{Precondition, VersionMismatch};
use actix_web::http::header::{
    CACHE_CONTROL, ETAG, EntityTag, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, IfMatch,
    IfNoneMatch,
};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

/// What clients may keep and look at again: only they, and never without asking.
const LOOK_AGAIN: HeaderValue = HeaderValue::from_static("private, no-cache");

/// A row that is shown under tags of its own.
pub trait Tagged {
    fn version(&self) -> i64;

    /// The tags of all its representations: each is right while the row is as it is. The first is the
    /// one that answers to changes tell.
    fn tags(&self) -> Vec<String>;

    /// The first of [`Tagged::tags`].
    fn tag(&self) -> String {
        self.tags().swap_remove(0)
    }
}

/// Under which conditions a request is meant.
#[derive(Debug, Default)]
pub struct Conditions {
    if_match: Option<IfMatch>,
    if_none_match: Option<IfNoneMatch>,
}

impl Conditions {
    /// # Errors
    /// When a header is not `*` alone, or a list of tags.
    pub fn of(request: &HttpRequest) -> Result<Conditions, Invalid> {
        let read = |name: HeaderName, field| tags_of(request, &name, field);
        Ok(Conditions {
            if_match: read(IF_MATCH, "If-Match")?.map(|tags| match tags {
                Listed::Any => IfMatch::Any,
                Listed::Tags(tags) => IfMatch::Items(tags),
            }),
            if_none_match: read(IF_NONE_MATCH, "If-None-Match")?.map(|tags| match tags {
                Listed::Any => IfNoneMatch::Any,
                Listed::Tags(tags) => IfNoneMatch::Items(tags),
            }),
        })
    }

    /// For a change: to be looked at in its transaction.
    pub fn into_precondition<T: Tagged>(self) -> Precondition<T> {
        if self.if_match.is_none() && self.if_none_match.is_none() {
            return None;
        }
        Some(Box::new(move |row: &T| {
            let is_met = self.matches(row) && self.seen(row).is_none();
            if is_met { Ok(()) } else { Err(mismatch(row)) }
        }))
    }

    /// Answers a read with what is shown under `tag`, or says that the client has it already.
    ///
    /// # Errors
    /// 412 where the row is not one of those in `If-Match`.
    pub fn respond(
        &self,
        row: &impl Tagged,
        tag: String,
        view: &impl Serialize,
    ) -> Result<HttpResponse, Failure> {
        if !self.matches(row) {
            return Err(mismatch(row).into());
        }
        let seen = self.seen(row).map(|seen| seen.unwrap_or_else(|| tag.clone()));
        let mut response = match seen {
            Some(_) => HttpResponse::NotModified().finish(),
            None => HttpResponse::Ok().json(view),
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, LOOK_AGAIN);
        headers.insert(ETAG, header_of(seen.unwrap_or(tag)));
        Ok(response)
    }

    /// Whether the row is one of those in `If-Match`. A weak tag is none of them.
    fn matches(&self, row: &impl Tagged) -> bool {
        match &self.if_match {
            None | Some(IfMatch::Any) => true,
            Some(IfMatch::Items(wanted)) => row.tags().into_iter().any(|tag| {
                let tag = EntityTag::new_strong(tag);
                wanted.iter().any(|wanted| wanted.strong_eq(&tag))
            }),
        }
    }

    /// The tag under which the client has seen the row as it is; `Some(None)` where it names none.
    fn seen(&self, row: &impl Tagged) -> Option<Option<String>> {
        match &self.if_none_match {
            None => None,
            Some(IfNoneMatch::Any) => Some(None),
            Some(IfNoneMatch::Items(seen)) => {
                let is_seen = |tag: &String| seen.iter().any(|seen| seen.tag() == tag);
                row.tags().into_iter().find(is_seen).map(Some)
            }
        }
    }
}

fn mismatch(row: &impl Tagged) -> VersionMismatch {
    VersionMismatch { version: row.version(), tag: row.tag() }
}

/// A tag as it stands in a header.
pub(super) fn header_of(tag: String) -> HeaderValue {
    let value = EntityTag::new_strong(tag).to_string();
    HeaderValue::from_str(&value).expect("a tag of a row is plain ASCII")
}

/// What a header lists.
#[derive(Debug, PartialEq, Eq)]
enum Listed {
    Any,
    Tags(Vec<EntityTag>),
}

/// Reads a header strictly. The parser of actix passes over what is no tag, so that a condition would
/// be another one than was meant; and it takes a comma within a tag for the end of it.
fn tags_of(
    request: &HttpRequest,
    name: &HeaderName,
    field: &'static str,
) -> Result<Option<Listed>, Invalid> {
    let mut values = request.headers().get_all(name).peekable();
    if values.peek().is_none() {
        return Ok(None);
    }
    // A tag may hold bytes above ASCII, each of which is a character of its own.
    let texts = values.map(|value| value.as_bytes().iter().copied().map(char::from).collect());
    let text = texts.collect::<Vec<String>>().join(",");
    let listed = parse(&text).ok_or_else(|| {
        let reason = "must be * or a list of tags in double quotes, as ETag has them";
        Invalid::new(field, Rule::NotATag, reason)
    })?;
    Ok(Some(listed))
}

fn parse(text: &str) -> Option<Listed> {
    if text.trim() == "*" {
        return Some(Listed::Any);
    }
    let mut tags = Vec::new();
    let mut is_quoted = false;
    let is_end = |character: char| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    };
    for part in text.split(is_end).map(|part| part.trim_matches([' ', '\t'])) {
        // A list may have empty elements (RFC 9110, section 5.6.1).
        if !part.is_empty() {
            tags.push(part.parse().ok()?);
        }
    }
    (!tags.is_empty()).then_some(Listed::Tags(tags))
}

#[cfg(test)]
mod tests {
    use super::{Listed, parse};
    use actix_web::http::header::EntityTag;
    use proptest::collection::vec;
    use proptest::prelude::any;
    use proptest::{prop_assert_eq, proptest};

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        for text in [
            "",
            ",",
            "a",
            "\"a",
            "a\"",
            "\"a\" \"b\"",
            "\"a\", b",
            "*, \"a\"",
            "\"a\",*",
            "**",
            "w/\"a\"",
            "W/a",
            "W/ \"a\"",
            "\"a b\"",
            "'a'",
            "\"a\"b",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(" * "), Some(Listed::Any));
    }

    proptest! {
        #[test]
        fn a_list_is_read_as_it_was_written(
            tags in vec(("[!#-~\u{80}-\u{ff}]{0,9}", any::<bool>()), 1..5),
            space in "[ \t]{0,2}(,[ ]?)?",
        ) {
            let tags: Vec<EntityTag> =
                tags.into_iter().map(|(tag, is_weak)| EntityTag::new(is_weak, tag)).collect();
            let texts: Vec<String> = tags.iter().map(EntityTag::to_string).collect();
            let text = texts.join(&format!("{space},{space}"));
            prop_assert_eq!(parse(&text), Some(Listed::Tags(tags)));
        }
    }
}
