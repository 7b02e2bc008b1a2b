//! The members of a body, taken one by one: which are missing, and what is wrong with the others.

use super::Member;
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::problems::Problems;

/// Why a body does not make what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    #[error("no members to update")]
    NothingToUpdate,
    /// All members that are missing or break their rule.
    #[error(transparent)]
    Problems(#[from] Problems),
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
    problems: Problems,
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
            Some(value) => self.problems.take(parse(value)),
            None => {
                self.problems.note(Invalid::new(name, Rule::Required, "is required"));
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
        self.problems.take(value.map(parse).transpose())
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
            Some(None) => {
                self.problems.note(Invalid::new(name, Rule::NullNotAllowed, "must not be null"));
                None
            }
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
        self.problems.take(parsed).map(Some)
    }

    /// What is wrong so far, for rules between members.
    pub fn problems(&mut self) -> &mut Problems {
        &mut self.problems
    }

    /// What the members stand for: `made` is `None` where one of them is.
    ///
    /// # Errors
    /// All that are missing or break their rule.
    pub fn build<T>(self, made: Option<T>) -> Result<T, Problems> {
        self.problems.finish(made)
    }

    /// As [`Members::build`], for an update, which must change something.
    ///
    /// # Errors
    /// All members that break their rule, or that there is none.
    pub fn build_update<T>(self, made: Option<T>) -> Result<T, BadBody> {
        let are_given = self.are_given;
        let made = self.build(made)?;
        if are_given { Ok(made) } else { Err(BadBody::NothingToUpdate) }
    }
}

#[cfg(test)]
mod tests {
    use super::{BadBody, Member, Members};
    use crate::kernel::error::{Invalid, Rule};
    use crate::kernel::problems::Problems;

    fn number(field: &'static str) -> impl Fn(&str) -> Result<i32, Invalid> {
        move |text| {
            text.parse().map_err(|_| Invalid::new(field, Rule::NotANumber, "must be a number"))
        }
    }

    #[derive(Debug, PartialEq)]
    struct Made {
        a: i32,
        b: i32,
        c: Option<i32>,
    }

    fn create(a: Option<&str>, b: Option<&str>, c: Option<&str>) -> Result<Made, Problems> {
        let mut members = Members::default();
        let a = members.required("a", a, number("a"));
        let b = members.required("b", b, number("b"));
        let c = members.optional(c, number("c"));
        members.build(all!(Made { a, b, c }))
    }

    #[derive(Debug, PartialEq)]
    struct Changed {
        a: Option<i32>,
        b: Option<Option<i32>>,
    }

    fn update(a: Member<&str>, b: Member<&str>) -> Result<Changed, BadBody> {
        let mut members = Members::default();
        let a = members.changed("a", a, number("a"));
        let b = members.changed_or_cleared(b, number("b"));
        members.build_update(all!(Changed { a, b }))
    }

    fn told(problems: &Problems) -> Vec<(&str, Rule)> {
        problems.iter().map(|invalid| (invalid.field.as_ref(), invalid.rule)).collect()
    }

    #[test]
    fn all_that_are_missing_or_wrong_are_told_in_the_order_of_the_members() {
        use Rule::{NotANumber, Required};
        assert_eq!(create(Some("1"), Some("2"), None), Ok(Made { a: 1, b: 2, c: None }));
        for (a, b, c, expected) in [
            (None, None, Some("x"), vec![("a", Required), ("b", Required), ("c", NotANumber)]),
            (Some("x"), None, None, vec![("a", NotANumber), ("b", Required)]),
            (Some("1"), Some("2"), Some("x"), vec![("c", NotANumber)]),
            (Some("x"), Some("x"), None, vec![("a", NotANumber), ("b", NotANumber)]),
        ] {
            assert_eq!(told(&create(a, b, c).expect_err("wrong")), expected);
        }
    }

    #[test]
    fn an_update_changes_what_is_given_and_at_least_one() {
        use Member::{Absent, Null, Value};
        assert_eq!(update(Value("1"), Absent), Ok(Changed { a: Some(1), b: None }));
        assert_eq!(update(Absent, Null), Ok(Changed { a: None, b: Some(None) }));
        assert_eq!(update(Absent, Value("2")), Ok(Changed { a: None, b: Some(Some(2)) }));
        assert_eq!(update(Absent, Absent), Err(BadBody::NothingToUpdate));
        let Err(BadBody::Problems(problems)) = update(Null, Value("x")) else {
            panic!("both are wrong");
        };
        assert_eq!(told(&problems), [("a", Rule::NullNotAllowed), ("b", Rule::NotANumber)]);
    }
}
