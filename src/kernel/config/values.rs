//! The values of settings: each type holds the rule of one, and never shows a secret.

use super::discreet::without_credentials;
use super::postgres_url::PostgresUrl;
use clap::ValueEnum;
use ipnet::{IpNet, Ipv4Net};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;

/// The shortest key that HS256 may have: as long as its hash.
const MIN_SECRET_BYTES: usize = 32;

/// The filter of the log, as the `env_logger` crate documents it.
#[derive(Debug, Clone)]
pub struct LogFilter(String);

impl LogFilter {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<LogFilter, String> {
        match env_filter::Builder::new().try_parse(text) {
            Ok(_) => Ok(LogFilter(text.to_owned())),
            Err(error) => Err(format!("{error}; such as info, or warn,chronos=debug")),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

/// The database, told from the URL's scheme.
#[derive(Clone, PartialEq, Eq)]
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

/// A newline at the end of a file, or a space that was pasted along, would be a part of the secret,
/// and nobody could see why it is not the one that the others have.
fn refuse_white_space_at_the_ends(text: &str) -> Result<(), String> {
    let is_bare = text.trim() == text;
    is_bare.then_some(()).ok_or_else(|| {
        "begins or ends with white space (such as the newline of a file): take it away".into()
    })
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
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

impl RedisUrl {
    pub fn expose(&self) -> &str {
        &self.0
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
                Ok(RedisUrl(text.to_owned()))
            }
            _ => Err("must be redis://[:PASSWORD@]HOST:PORT[/DB]".into()),
        }
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_credentials(&self.0))
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An address to bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindAddress(pub IpAddr);

impl BindAddress {
    pub fn is_loopback(&self) -> bool {
        self.0.to_canonical().is_loopback()
    }
}

impl FromStr for BindAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<BindAddress, String> {
        if text == "localhost" {
            return Ok(BindAddress(Ipv4Addr::LOCALHOST.into()));
        }
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        bare.parse()
            .map(BindAddress)
            .map_err(|_| "must be an IP address, such as 127.0.0.1, 0.0.0.0 or ::".into())
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Names that a loopback listener answers to beside its own, in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    /// Whether the name is one of them; it is in lower case, and an IPv6 address has no brackets.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|allowed| allowed == name)
    }
}

impl FromStr for AllowedHosts {
    type Err = String;

    fn from_str(text: &str) -> Result<AllowedHosts, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let name = |entry: &str| {
            let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']'));
            let bare = bare.unwrap_or(entry);
            let is_name = bare.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            match is_name || bare.parse::<IpAddr>().is_ok() {
                true => Ok(bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase()),
                false => Err(format!(
                    "holds \"{entry}\", which is no name and no address; write them without a scheme \
                     and a port"
                )),
            }
        };
        entries.map(name).collect::<Result<_, _>>().map(AllowedHosts)
    }
}

/// The base of an upstream service: `http://HOST[:PORT]`, no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamUrl {
    /// `HOST[:PORT]`.
    authority: String,
}

impl FromStr for UpstreamUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<UpstreamUrl, String> {
        const EXPECTED: &str = "must be http://HOST[:PORT], without a path";
        let rest = text.strip_prefix("http://").ok_or(EXPECTED)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match authority.rsplit_once(':') {
            // The colons of an IPv6 address stand in brackets.
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (authority, "80"),
        };
        let in_brackets = host.starts_with('[') && host.ends_with(']');
        let well_formed = !host.is_empty()
            && port.parse::<u16>().is_ok_and(|port| port > 0)
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b))
            && (in_brackets || !host.contains([':', '[', ']']));
        if well_formed {
            Ok(UpstreamUrl { authority: authority.into() })
        } else {
            Err(EXPECTED.into())
        }
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

/// Networks whose `X-Forwarded-For` and `Forwarded` are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<TrustedProxies, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let network = |entry: &str| {
            entry
                .parse::<IpNet>()
                .or_else(|_| entry.parse::<IpAddr>().map(IpNet::from))
                .map(canonical)
                .map_err(|_| format!("holds \"{entry}\", which is no address and no CIDR"))
        };
        entries.map(network).collect::<Result<_, _>>().map(TrustedProxies)
    }
}

/// The IPv4 network that a part of `::ffff:0:0/96` stands for: clients are compared in that form.
fn canonical(network: IpNet) -> IpNet {
    const MAPPED_BITS: u8 = 96;
    let IpNet::V6(v6) = network else {
        return network;
    };
    let prefix = v6.prefix_len().checked_sub(MAPPED_BITS);
    v6.addr()
        .to_ipv4_mapped()
        .zip(prefix)
        .and_then(|(v4, prefix)| Ipv4Net::new(v4, prefix).ok())
        .map_or(network, IpNet::V4)
}

/// A key that no log, error or `--help` shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Parts of the keys that tutorials and templates print.
const EXAMPLE_SECRETS: [&str; 14] = [
    "change-me",
    "change_me",
    "changeme",
    "change-this",
    "change_this",
    "change-in-production",
    "change_in_production",
    "your-secret",
    "your_secret",
    "your-super-secret",
    "your-256-bit-secret",
    "your-jwt-secret",
    "replace-me",
    "example",
];

impl Secret {
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether others cannot guess or look up the key.
    ///
    /// # Errors
    /// What is wrong with it, to be read after the name of the setting.
    pub fn check(&self) -> Result<(), &'static str> {
        let lower = self.0.to_lowercase();
        let mut distinct: Vec<u8> = self.0.bytes().collect();
        distinct.sort_unstable();
        distinct.dedup();
        if self.0.len() < MIN_SECRET_BYTES {
            Err("must have at least 32 bytes. Make one with: openssl rand -hex 32")
        } else if EXAMPLE_SECRETS.iter().any(|example| lower.contains(example)) {
            Err("is an example value, which others know. Make one with: openssl rand -hex 32")
        } else if distinct.len() < 6 {
            Err("repeats a few characters. Make one with: openssl rand -hex 32")
        } else {
            Ok(())
        }
    }
}

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Secret, String> {
        refuse_white_space_at_the_ends(text)?;
        Ok(Secret(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
