//! What a person sees when the store opens: what listens where, on what, and what to try first.

use super::listeners::{Address, Endpoint};
use super::migration::Migration;
use crate::app::settings::ServeArgs;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

pub(super) fn print(args: &ServeArgs, listeners: &[Address], migration: &Migration) {
    // A banner that cannot be shown is no reason not to serve.
    let _closed = std::io::Write::write_all(
        &mut std::io::stdout(),
        render(args, listeners, migration).as_bytes(),
    );
}

fn render(args: &ServeArgs, listeners: &[Address], migration: &Migration) -> String {
    let mut lines = format!("\n  Chronos {} is open\n\n", env!("CARGO_PKG_VERSION"));
    let mut line = |name: &str, text: String| {
        writeln!(lines, "  {name:<10} {}", text.trim_end())
            .expect("writing to a string cannot fail");
    };
    for listener in listeners {
        let access = match listener.endpoint {
            Endpoint::Gateway => of_gateway(args),
            Endpoint::Module(_) => of_service(args).to_owned(),
        };
        line(listener.endpoint.name(), format!("{}  {access}", url(listener.address)));
    }
    if args.listen.host.0.is_unspecified() {
        let host = args.listen.host;
        line("interfaces", format!("HOST is {host}: every interface of this machine answers"));
    }
    for (index, module) in args.roles.forwarded().enumerate() {
        line(if index == 0 { "upstreams" } else { "" }, args.upstreams.of(module).to_string());
    }
    if args.roles.have_database() {
        line("database", format!("{}  {}", args.storage.database_url, migration.note));
        let ttl = args.storage.cache_ttl_seconds;
        line(
            "cache",
            match &args.storage.redis_url {
                Some(url) => format!("{url}  {ttl} s"),
                None => format!("in the process  {ttl} s"),
            },
        );
    }
    lines.push_str("\n  Try\n");
    for command in first_commands(args, listeners) {
        writeln!(lines, "    {command}").expect("writing to a string cannot fail");
    }
    lines.push_str("\n  Ctrl-C stops it.\n\n");
    lines
}

/// Who is let in at the gateway.
fn of_gateway(args: &ServeArgs) -> String {
    let limit = match args.gateway.rate_limit() {
        Some(limit) => format!("{limit} requests a minute for each client"),
        None => "no rate limit".into(),
    };
    let tokens = if args.gateway.hands_out_tokens() {
        "POST /auth/token hands out tokens"
    } else {
        "tokens from elsewhere"
    };
    format!("{limit}; {tokens}")
}

/// Who is let in at a service.
fn of_service(args: &ServeArgs) -> &'static str {
    match args.listen.service_token {
        Some(_) => "for callers with the SERVICE_TOKEN",
        None => "no token: for trusted callers",
    }
}

fn first_commands(args: &ServeArgs, listeners: &[Address]) -> Vec<String> {
    let Some(first) = listeners.first() else {
        return Vec::new();
    };
    let base = url(first.address);
    match first.endpoint {
        Endpoint::Gateway if args.gateway.hands_out_tokens() => vec![
            format!("curl {base}/health"),
            format!("TOKEN=$(curl -s {base}/auth/token -H 'Content-Type: application/json' \\"),
            "  -d '{\"userId\":\"me\",\"email\":\"me@example.com\"}' | cut -d'\"' -f4)".into(),
            format!("curl {base}/products/prod_001 -H \"Authorization: Bearer $TOKEN\""),
        ],
        Endpoint::Module(module) if args.listen.service_token.is_none() => {
            vec![format!("curl {base}{}", module.first_request)]
        }
        Endpoint::Gateway | Endpoint::Module(_) => vec![format!("curl {base}/health")],
    }
}

/// The URL by which this machine reaches the listener.
fn url(address: SocketAddr) -> String {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        let loopback = match address.ip() {
            IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        };
        reachable.set_ip(loopback);
    }
    format!("http://{reachable}")
}
