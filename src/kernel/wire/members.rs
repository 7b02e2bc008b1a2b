//! The members of a body, taken one by one: which are missing, and what is wrong with the others.

use super::Member;
use crate::kernel::error::Invalid;

/// Why a body does not make what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// All that are missing.
    #[error("missing required members: {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    #[error("no members to update")]
    NothingToUpdate,
    /// The first that breaks its rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// A structure of variables that bear the names of its fields, or `None` where one of them is `None`:
/// `all!(Point { x, y })`.
#[macro_export]
macro_rules! all {
    ($kind:ident { $($field:ident),+ $(,)? }) => {
        (|| Some($kind { $($field: $field?),+ }))()
    };
}
pub use all;

/// Takes the members of a body. Each of its methods gives `None` for what cannot be used, and
/// remembers why; [`Members::build`] and [`Members::build_update`] tell it.
#[derive(Debug, Default)]
pub struct Members {
    missing: Vec<&'static str>,
    invalid: Option<Invalid>,
    are_given: bool,
}

impl Members {
    /// A member that must be there; `null` counts as absent.
    pub fn required<T, U>(
        &mut self,
        name: &'static str,
        value: Option<T>,
        parse: impl FnOnce(T) -> Result<U, Invalid>,
    ) -> Option<U> {
        match value {
            Some(value) => self.parsed(parse(value)),
            None => {
                self.missing.push(name);
                None
            }
        }
    }

    /// A member that may be absent or `null`.
    pub fn optional<T, U>(
        &mut self,
        value: Option<T>,
        parse: impl FnOnce(T) -> Result<U, Invalid>,
    ) -> Option<Option<U>> {
        let parsed = value.map(parse).transpose();
        self.parsed(parsed)
    }

    /// A member of an update that cannot be cleared: absent, it stays as it was.
    pub fn changed<T, U>(
        &mut self,
        name: &'static str,
        member: Member<T>,
        parse: impl FnOnce(T) -> Result<U, Invalid>,
    ) -> Option<Option<U>> {
        match self.changed_or_cleared(member, parse)? {
            None => Some(None),
            Some(Some(value)) => Some(Some(value)),
            Some(None) => self.parsed(Err(Invalid::new(name, "must not be null"))),
        }
    }

    /// A member of an update that `null` clears.
    pub fn changed_or_cleared<T, U>(
        &mut self,
        member: Member<T>,
        parse: impl FnOnce(T) -> Result<U, Invalid>,
    ) -> Option<Option<Option<U>>> {
        let parsed = match member {
            Member::Absent => return Some(None),
            Member::Null => Ok(None),
            Member::Value(value) => parse(value).map(Some),
        };
        self.are_given = true;
        self.parsed(parsed).map(Some)
    }

    fn parsed<U>(&mut self, parsed: Result<U, Invalid>) -> Option<U> {
        match parsed {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.invalid.get_or_insert(invalid);
                None
            }
        }
    }

    /// What the members stand for: `made` is `None` where one of them is.
    ///
    /// # Errors
    /// All that are missing, or else the first that breaks its rule.
    pub fn build<T>(self, made: Option<T>) -> Result<T, BadBody> {
        if !self.missing.is_empty() {
            return Err(BadBody::Missing(self.missing));
        }
        match self.invalid {
            Some(invalid) => Err(invalid.into()),
            None => Ok(made.expect("a member that is None is missing or invalid")),
        }
    }

    /// As [`Members::build`], for an update, which must change something.
    ///
    /// # Errors
    /// The first member that breaks its rule, or that there is none.
    pub fn build_update<T>(self, made: Option<T>) -> Result<T, BadBody> {
        let are_given = self.are_given;
        let made = self.build(made)?;
        if are_given { Ok(made) } else { Err(BadBody::NothingToUpdate) }
    }
}

#[cfg(test)]
mod tests {
    use super::{BadBody, Member, Members};
    use crate::kernel::error::Invalid;

    fn whole(text: &str) -> Result<i32, Invalid> {
        text.parse().map_err(|_| Invalid::new("number", "must be a number"))
    }

    #[derive(Debug, PartialEq)]
    struct Made {
        a: i32,
        b: i32,
        c: Option<i32>,
    }

    fn create(a: Option<&str>, b: Option<&str>, c: Option<&str>) -> Result<Made, BadBody> {
        let mut members = Members::default();
        let a = members.required("a", a, whole);
        let b = members.required("b", b, whole);
        let c = members.optional(c, whole);
        members.build(all!(Made { a, b, c }))
    }

    #[derive(Debug, PartialEq)]
    struct Changed {
        a: Option<i32>,
        b: Option<Option<i32>>,
    }

    fn update(a: Member<&str>, b: Member<&str>) -> Result<Changed, BadBody> {
        let mut members = Members::default();
        let a = members.changed("a", a, whole);
        let b = members.changed_or_cleared(b, whole);
        members.build_update(all!(Changed { a, b }))
    }

    #[test]
    fn all_that_are_missing_are_named_before_what_is_wrong() {
        assert_eq!(create(Some("1"), Some("2"), None), Ok(Made { a: 1, b: 2, c: None }));
        assert_eq!(create(None, None, Some("x")), Err(BadBody::Missing(vec!["a", "b"])));
        assert_eq!(create(Some("x"), None, None), Err(BadBody::Missing(vec!["b"])));
        assert_eq!(create(Some("1"), Some("2"), Some("x")), Err(whole("x").expect_err("x").into()));
    }

    #[test]
    fn an_update_changes_what_is_given_and_at_least_one() {
        use Member::{Absent, Null, Value};
        assert_eq!(update(Value("1"), Absent), Ok(Changed { a: Some(1), b: None }));
        assert_eq!(update(Absent, Null), Ok(Changed { a: None, b: Some(None) }));
        assert_eq!(update(Absent, Value("2")), Ok(Changed { a: None, b: Some(Some(2)) }));
        assert_eq!(update(Absent, Absent), Err(BadBody::NothingToUpdate));
        let refused = Invalid::new("a", "must not be null");
        assert_eq!(update(Null, Value("x")), Err(refused.into()));
    }
}
