//! What may be shown of a URL, and of a message that may quote one. Nothing else shows either.

/// A URL without its user, password and parameters, of any kind and however it is mistaken: nothing
/// that stands between `//` and the last `@` is ever shown.
///
/// The user and the password may hold `#` and `?` as they are, so that an `@` counts up to the first
/// `/`. Behind that, an `@` is either part of a parameter or of a password with a `/` in it: then
/// only the scheme is shown.
pub fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "…".into();
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    let place = match (rest.rfind('@'), authority.rfind('@')) {
        (Some(last), Some(own)) if last == own => &rest[own + 1..],
        (Some(_), _) => "…",
        (None, _) => rest,
    };
    let shown = place.split(['?', '#']).next().unwrap_or(place);
    // A scheme is a word; what comes before `://` in a mistaken value may be anything.
    let is_word = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    format!("{}://{shown}", if is_word { scheme } else { "…" })
}

/// The lines of a message in one.
pub(super) fn one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The text with `…` where the word stands by itself.
pub(super) fn without_word(text: &str, word: &str) -> String {
    let (mut shown, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(word).filter(|_| !word.is_empty()) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let joins = |letter: Option<char>| letter.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let is_part = joins(before.chars().next_back().or(shown.chars().next_back()))
            || joins(after.chars().next());
        shown.push_str(before);
        shown.push_str(if is_part { word } else { "…" });
        rest = after;
    }
    shown + rest
}
