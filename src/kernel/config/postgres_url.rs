//! A URL of PostgreSQL, read as libpq reads it, and passed on as keywords and values.
//!
//! libpq takes a URL as well, but nothing can be added to a text that is not understood: behind a
//! trailing `&`, or a `?` in the password, the time limits would become part of something else.
//! docs/adr/0011 says how this reader is held to libpq's.

use super::discreet::{one_line, without_credentials, without_word};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::str::FromStr;

/// What libpq is told where the URL says nothing of it. By default, it waits for minutes for a
/// connection, and for hours for an answer from a machine that is gone. In seconds, but for
/// `tcp_user_timeout`, which is in milliseconds.
const DEFAULTS: [(&str, &str); 6] = [
    ("connect_timeout", "2"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "10000"),
    ("fallback_application_name", "chronos"),
];

const WHOLE_NUMBERS: [&str; 6] = [
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
];

/// The parameters of a connection; each name is there once.
#[derive(Clone)]
pub struct PostgresUrl {
    parameters: Vec<(String, SecretString)>,
    shown: String,
    /// Whether the names of its parameters may be shown: no `@` stands behind them.
    names_are_public: bool,
}

impl PostgresUrl {
    /// The connection string, with the time limits that the URL does not set itself.
    pub fn conninfo(&self) -> SecretString {
        let missing = DEFAULTS.iter().filter(|(name, _)| self.get(name).is_none());
        conninfo_of(self.pairs().chain(missing.copied()))
    }

    /// The connection string of a server that cannot be there: libpq reads and checks every
    /// parameter, looks up no name, and reaches nobody.
    pub fn conninfo_of_nowhere(&self) -> SecretString {
        const NOWHERE: &str = "/nonexistent/chronos";
        let hosts = self.get("host").or(self.get("hostaddr")).unwrap_or("");
        let nowhere = vec![NOWHERE; hosts.split(',').count()].join(",");
        let others = self.pairs().filter(|(name, _)| *name != "host" && *name != "hostaddr");
        conninfo_of(others.chain([("host", nowhere.as_str())]))
    }

    /// What libpq has against the parameters, without the values that it quotes.
    pub fn censor_refusal(&self, message: &str) -> String {
        let is_public = |word: &str| {
            self.names_are_public && self.pairs().any(|(name, _)| name == word)
                || self.get("sslmode") == Some(word)
        };
        let pieces = message.trim().split('"').enumerate();
        let shown = pieces.map(
            |(index, piece)| {
                if index % 2 == 0 || is_public(piece) { piece } else { "…" }
            },
        );
        one_line(&shown.collect::<Vec<_>>().join("\""))
    }

    /// What libpq or the server says of a connection, in one line, without user and password.
    pub fn censor(&self, message: &str) -> String {
        let mut line = one_line(message);
        for secret in ["user", "password"].iter().filter_map(|name| self.get(name)) {
            line = without_word(&line, secret);
        }
        line
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_str(), value.expose_secret()))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn set(&mut self, name: &str, value: String) {
        self.parameters.retain(|(known, _)| known != name);
        self.parameters.push((name.to_owned(), value.into()));
    }

    /// `USER[:PASSWORD]`; libpq passes over what is empty.
    fn read_credentials(&mut self, text: &str) -> Result<(), String> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        for (name, value) in [("user", user), ("password", password)] {
            if !value.is_empty() {
                self.set(name, decode(value)?);
            }
        }
        Ok(())
    }

    /// `HOST[:PORT][,…]`; returns what follows.
    fn read_hosts<'a>(&mut self, text: &'a str) -> Result<&'a str, String> {
        let (mut hosts, mut ports, mut rest) = (String::new(), String::new(), text);
        loop {
            let (host, after) = split_host(rest)?;
            hosts.push_str(host);
            rest = after;
            if let Some(after) = rest.strip_prefix(':') {
                let (port, after) = split_before(after, &['/', '?', ',']);
                ports.push_str(port);
                rest = after;
            }
            let Some(next) = rest.strip_prefix(',') else {
                break;
            };
            hosts.push(',');
            ports.push(',');
            rest = next;
        }
        for (name, value) in [("host", hosts), ("port", ports)] {
            if !value.is_empty() {
                self.set(name, decode(&value)?);
            }
        }
        Ok(rest)
    }

    /// `NAME=VALUE[&…]`; the last one of a name counts, and one `&` may stand at the end.
    fn read_parameters(&mut self, text: &str) -> Result<(), String> {
        const SHAPE: &str = "has a parameter that is not NAME=VALUE behind its ?";
        for parameter in text.strip_suffix('&').unwrap_or(text).split('&') {
            if parameter.is_empty() && text.is_empty() {
                continue;
            }
            let (name, value) = parameter.split_once('=').ok_or(SHAPE)?;
            if value.contains('=') {
                return Err(format!("{SHAPE}: write %3D for a = in a value"));
            }
            let (name, value) = (decode(name)?, decode(value)?);
            let is_word =
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            if !is_word {
                return Err("has a parameter that libpq does not know behind its ?".into());
            }
            // libpq itself looks at these only when it has reached a server.
            if WHOLE_NUMBERS.contains(&name.as_str()) && value.trim().parse::<i32>().is_err() {
                return Err(format!("has a parameter {name} that is no whole number"));
            }
            match (name.as_str(), value.as_str()) {
                ("ssl", "true") => self.set("sslmode", "require".into()),
                _ => self.set(&name, value),
            }
        }
        Ok(())
    }
}

impl FromStr for PostgresUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<PostgresUrl, String> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let rest = rest.ok_or("must begin with postgres:// or postgresql://")?;
        if text.contains('\0') {
            return Err("holds a NUL character".into());
        }
        let (_, query) = rest.split_once('?').unwrap_or_default();
        let mut url = PostgresUrl {
            parameters: Vec::new(),
            shown: without_credentials(text),
            names_are_public: !query.contains('@'),
        };
        let (authority, _) = split_before(rest, &['/']);
        let place = match authority.split_once('@') {
            Some((credentials, _)) => {
                url.read_credentials(credentials)?;
                &rest[credentials.len() + 1..]
            }
            None => rest,
        };
        // libpq would take what stands before this @ for a part of a host, and say it aloud.
        if split_before(place, &['?']).0.contains('@') {
            return Err(
                "has an @ that may be part of the password: write %40 for @ and %2F for / \
                        in the user and the password"
                    .into(),
            );
        }
        let rest = url.read_hosts(place)?;
        let (path, query) = split_before(rest, &['?']);
        if let Some(name) = path.strip_prefix('/').filter(|name| !name.is_empty()) {
            url.set("dbname", decode(name)?);
        }
        url.read_parameters(query.strip_prefix('?').unwrap_or(""))?;
        Ok(url)
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn split_before<'a>(text: &'a str, ends: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// A host, or an IPv6 address in brackets, and what follows.
fn split_host(text: &str) -> Result<(&str, &str), String> {
    let Some(inside) = text.strip_prefix('[') else {
        return Ok(split_before(text, &[':', '/', '?', ',']));
    };
    match inside.split_once(']') {
        Some((address, rest)) if !address.is_empty() => {
            let ends_well = rest.is_empty() || rest.starts_with([':', '/', '?', ',']);
            ends_well
                .then_some((address, rest))
                .ok_or_else(|| "has something behind the ] of its IPv6 address".into())
        }
        _ => Err("has an IPv6 address that is empty, or without its ]".into()),
    }
}

/// Percent-decoded; spaces around it do not count, and may not stand in it.
fn decode(text: &str) -> Result<String, String> {
    let text = text.trim_matches(' ');
    let is_escape = |after: &str| {
        after.len() >= 2 && after.bytes().take(2).all(|digit| digit.is_ascii_hexdigit())
    };
    if text.contains(' ') {
        Err("has a space inside: write %20".into())
    } else if !text.split('%').skip(1).all(is_escape) {
        Err("has a % that two hexadecimal digits do not follow: write %25 for %".into())
    } else if text.contains("%00") {
        Err("holds %00, which no value may".into())
    } else {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded.map(Into::into).map_err(|_| "holds bytes that are no UTF-8".into())
    }
}

/// In libpq's form: `name='value'`, with a backslash before quotes and backslashes.
fn conninfo_of<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> SecretString {
    let assignment = |(name, value): (&str, &str)| {
        format!("{name}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
    };
    parameters.map(assignment).collect::<Vec<_>>().join(" ").into()
}
