//! The URLs among the settings: where the database, Redis and the services are.
//!
//! A password in one of them is a secret: it is shown nowhere, and wiped from memory with the value.

use super::discreet::without_credentials;
use super::postgres_url::PostgresUrl;
use super::secret::refuse_white_space_at_the_ends;
use http::Uri;
use http::uri::{Authority, Scheme};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;

/// The database, told from the URL's scheme.
#[derive(Clone)]
pub enum DatabaseUrl {
    SqliteFile(PathBuf),
    SqliteMemory,
    Postgres(PostgresUrl),
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<DatabaseUrl, String> {
        refuse_white_space_at_the_ends(text)?;
        if text == "sqlite::memory:" || text == "sqlite://:memory:" {
            return compiled_in(cfg!(feature = "sqlite"), "sqlite", DatabaseUrl::SqliteMemory);
        }
        if let Some(path) = text.strip_prefix("sqlite://") {
            return match path {
                "" => Err("names no file; write sqlite://PATH".into()),
                path if path.contains(['\0', '?']) => {
                    Err("takes a plain path, without parameters: sqlite://PATH".into())
                }
                path => compiled_in(
                    cfg!(feature = "sqlite"),
                    "sqlite",
                    DatabaseUrl::SqliteFile(path.into()),
                ),
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let url = DatabaseUrl::Postgres(text.parse()?);
            return compiled_in(cfg!(feature = "postgres"), "postgres", url);
        }
        Err("has an unknown scheme; write sqlite://PATH, sqlite::memory: or postgres://…".into())
    }
}

fn compiled_in(is: bool, feature: &str, url: DatabaseUrl) -> Result<DatabaseUrl, String> {
    if is {
        Ok(url)
    } else {
        Err(format!("names a database that this build leaves out; build with --features {feature}"))
    }
}

impl fmt::Display for DatabaseUrl {
    /// Without user, password and parameters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseUrl::SqliteFile(path) => write!(f, "sqlite://{}", path.display()),
            DatabaseUrl::SqliteMemory => f.write_str("sqlite::memory:"),
            DatabaseUrl::Postgres(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where Redis is; its scheme and shape are checked by the redis crate.
#[derive(Clone)]
pub struct RedisUrl(SecretString);

impl RedisUrl {
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl FromStr for RedisUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<RedisUrl, String> {
        use deadpool_redis::redis::IntoConnectionInfo;

        refuse_white_space_at_the_ends(text)?;
        let (_, rest) = text.split_once("://").unwrap_or_default();
        if rest.rsplit_once('@').is_some_and(|(secret, _)| secret.contains(['#', '?', '/'])) {
            // Everything from there on would be left out, and a part of the password be the host.
            return Err(
                "has a #, ? or / before its @: write %23, %3F and %2F in the password".into()
            );
        }
        match text.into_connection_info() {
            Ok(_) if text.starts_with("redis://") || text.starts_with("redis+unix://") => {
                Ok(RedisUrl(text.into()))
            }
            _ => Err("must be redis://[:PASSWORD@]HOST:PORT[/DB]".into()),
        }
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_credentials(self.expose()))
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The base of an upstream service: `http://HOST[:PORT]`, no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamUrl(Authority);

impl UpstreamUrl {
    /// The URI of a path and its query at this service. They stay as they are written: `..` and
    /// doubled slashes mean something to some service.
    ///
    /// # Errors
    /// When no request can be sent to such a path.
    pub fn uri(&self, path_and_query: &str) -> Result<Uri, http::Error> {
        let base = Uri::builder().scheme(Scheme::HTTP).authority(self.0.clone());
        base.path_and_query(path_and_query).build()
    }
}

impl FromStr for UpstreamUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<UpstreamUrl, String> {
        const EXPECTED: &str = "must be http://HOST[:PORT], without a path";
        let rest = text.strip_prefix("http://").ok_or(EXPECTED)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let authority: Authority = rest.parse().map_err(|_| EXPECTED)?;
        // An authority may hold a user, and signs that stand in no name.
        let (host, port) = rest.split_at_checked(authority.host().len()).ok_or(EXPECTED)?;
        let is_address = |inside: &str| inside.parse::<Ipv6Addr>().is_ok();
        let is_host = host == authority.host()
            && match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
                Some(inside) => is_address(inside),
                None => host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)),
            };
        let is_port = match port.strip_prefix(':') {
            Some(_) => authority.port_u16().is_some_and(|port| port > 0),
            None => port.is_empty(),
        };
        if is_host && is_port { Ok(UpstreamUrl(authority)) } else { Err(EXPECTED.into()) }
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{DatabaseUrl, RedisUrl, UpstreamUrl};

    #[test]
    fn an_upstream_is_a_host_and_a_port() {
        for (text, shown) in [
            ("http://products.internal:3001", "http://products.internal:3001"),
            ("http://products_v2/", "http://products_v2"),
            ("http://127.0.0.1:3001/", "http://127.0.0.1:3001"),
            ("http://[::1]:3001", "http://[::1]:3001"),
            ("http://[::1]", "http://[::1]"),
        ] {
            let url: Result<UpstreamUrl, String> = text.parse();
            assert_eq!(url.map(|url| url.to_string()).as_deref(), Ok(shown), "{text}");
        }
        for text in [
            "http://",
            "http:///",
            "https://a",
            "HTTP://a",
            "a:3001",
            "http://a:",
            "http://a:0",
            "http://a:65536",
            "http://a:x",
            "http://a:1:2",
            "http://::1",
            "http://[::1",
            "http://[a]",
            "http://[::1]x",
            "http://u@a",
            "http://u:p@a:1",
            "http://a,b",
            "http://a%41",
            "http://é",
            "http://a/b",
            "http://a//",
            "http://a?b",
            "http://a#b",
            "http:// a",
            "http://a\t",
        ] {
            assert!(text.parse::<UpstreamUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_reaches_an_upstream_as_it_is_written() {
        let url: UpstreamUrl = "http://a:3001".parse().expect("a good one");
        for path in ["/", "/a/../b", "/a//b/", "/%2e%2E/%2F?x=%zz&y=a+b", "/a\\b;c?", "/?"] {
            let uri = url.uri(path).expect("a good path");
            assert_eq!(uri.path_and_query().map(|path| path.as_str()), Some(path));
            assert_eq!(uri.to_string(), format!("http://a:3001{path}"));
        }
        assert!(url.uri("/a b").is_err());
    }

    #[test]
    fn what_is_shown_of_a_url_has_no_password() {
        let database: DatabaseUrl =
            "postgres://clara:zwirn@db/store?application_name=fjord".parse().expect("a good one");
        let redis: RedisUrl = "redis://clara:zwirn@cache:6379/3".parse().expect("a good one");
        for (debug, plain) in [
            (format!("{database:?}"), database.to_string()),
            (format!("{redis:?}"), redis.to_string()),
        ] {
            assert_eq!(debug, plain);
            assert!(
                !["clara", "zwirn", "fjord"].iter().any(|part| plain.contains(part)),
                "{plain}"
            );
        }
    }
}
