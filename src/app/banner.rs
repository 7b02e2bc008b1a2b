//! What a person sees when the store opens: what listens where, on what, and what to try first.

use super::listeners::Place;
use super::migration::Migration;
use crate::cli::{Role, ServeArgs};
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

pub fn print(args: &ServeArgs, listeners: &[Place], migration: &Migration) {
    // A banner that cannot be shown is no reason not to serve.
    let _closed = std::io::Write::write_all(
        &mut std::io::stdout(),
        render(args, listeners, migration).as_bytes(),
    );
}

fn render(args: &ServeArgs, listeners: &[Place], migration: &Migration) -> String {
    let mut lines = format!("\n  Chronos {} is open\n\n", env!("CARGO_PKG_VERSION"));
    let mut line = |name: &str, text: String| {
        writeln!(lines, "  {name:<10} {}", text.trim_end())
            .expect("writing to a string cannot fail");
    };
    for listener in listeners {
        let url = url(listener.address);
        match listener.role {
            Role::All | Role::Gateway => line("gateway", format!("{url}  {}", door(args))),
            Role::Product => line("product", format!("{url}  {}", back_door(args))),
            Role::Customer => line("customer", format!("{url}  {}", back_door(args))),
        }
    }
    if args.listen.host.0.is_unspecified() {
        let host = args.listen.host;
        line("interfaces", format!("HOST is {host}: every interface of this machine answers"));
    }
    if args.role == Role::Gateway {
        line("upstreams", args.gateway.product_service_url.to_string());
        line("", args.gateway.customer_service_url.to_string());
    } else {
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

fn door(args: &ServeArgs) -> String {
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

fn back_door(args: &ServeArgs) -> &'static str {
    match args.listen.service_token {
        Some(_) => "for callers with the SERVICE_TOKEN",
        None => "no token: for trusted callers",
    }
}

fn first_commands(args: &ServeArgs, listeners: &[Place]) -> Vec<String> {
    let Some(first) = listeners.first() else {
        return Vec::new();
    };
    let base = url(first.address);
    match first.role {
        Role::All | Role::Gateway if args.gateway.hands_out_tokens() => vec![
            format!("curl {base}/health"),
            format!("TOKEN=$(curl -s {base}/auth/token -H 'Content-Type: application/json' \\"),
            "  -d '{\"userId\":\"me\",\"email\":\"me@example.com\"}' | cut -d'\"' -f4)".into(),
            format!("curl {base}/products/prod_001 -H \"Authorization: Bearer $TOKEN\""),
        ],
        Role::All | Role::Gateway => vec![format!("curl {base}/health")],
        Role::Product | Role::Customer if args.listen.service_token.is_some() => {
            vec![format!("curl {base}/health")]
        }
        Role::Product => vec![format!("curl {base}/products/prod_001")],
        Role::Customer => vec![format!("curl {base}/customers/cust_001")],
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
