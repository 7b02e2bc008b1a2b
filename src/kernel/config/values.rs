//! The values of settings that are no secrets: each type holds the rule of one.

use clap::ValueEnum;
use ipnet::{IpNet, Ipv4Net};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

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

/// How the log writes its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
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
