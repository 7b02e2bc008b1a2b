//! The settings: each a flag, an environment variable, a default and a type that holds its rule.
//!
//! A value that does not parse ends the program with status 2 and the name of the setting; there
//! is never a default in its place.

mod values;

pub use values::{
    BindAddress, DatabaseUrl, LogFilter, RedisUrl, Secret, Switch, TrustedProxies, UpstreamUrl,
};

use clap::Args;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

/// Reads `.env` of the working directory into the environment; what is set already wins.
///
/// # Errors
/// When the file is there and cannot be read or parsed.
pub fn load_dotenv() -> Result<(), String> {
    match dotenvy::from_path(Path::new(".env")) {
        Ok(()) => Ok(()),
        Err(error) if error.not_found() => Ok(()),
        // dotenvy quotes the whole line, which may hold a secret.
        Err(dotenvy::Error::LineParse(_, column)) => {
            Err(format!(".env: a line is not NAME=value (near its column {column})"))
        }
        Err(error) => Err(format!(".env: {error}")),
    }
}

/// Where data lives: what `serve` and `seed` share.
#[derive(Debug, Clone, Args)]
pub struct StorageSettings {
    /// sqlite://PATH, sqlite::memory:, or postgres://USER:PASSWORD@HOST/NAME
    #[arg(long, env, default_value = "sqlite://chronos.db", hide_env_values = true)]
    pub database_url: DatabaseUrl,

    /// Connections in the database pool
    #[arg(long, env, default_value = "16", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub database_pool_size: u32,

    /// redis://HOST:PORT, the cache and the rate limit that all replicas share; unset: they live in
    /// the process
    #[arg(long, env, hide_env_values = true)]
    pub redis_url: Option<RedisUrl>,

    /// Lifetime of a cached product, in seconds
    #[arg(long, env, default_value = "60", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub cache_ttl_seconds: u32,
}

impl StorageSettings {
    pub fn cache_ttl(&self) -> Duration {
        Duration::from_secs(self.cache_ttl_seconds.into())
    }
}

/// Where the process listens, and how it stops.
#[derive(Debug, Clone, Args)]
pub struct ListenSettings {
    /// Address to bind; 0.0.0.0 or :: for every interface
    #[arg(long, env, default_value = "127.0.0.1")]
    pub host: BindAddress,

    /// Port of the gateway
    #[arg(long, env, default_value = "3000")]
    pub gateway_port: u16,

    /// Port of the product service
    #[arg(long, env, default_value = "3001")]
    pub product_service_port: u16,

    /// Port of the customer service
    #[arg(long, env, default_value = "3002")]
    pub customer_service_port: u16,

    /// What the services ask of their callers, and the gateway tells them; at least 32 bytes; unset:
    /// they ask for nothing
    #[arg(long, env, hide_env_values = true)]
    pub service_token: Option<Secret>,

    /// How long requests in flight may take to finish after SIGTERM, in seconds
    #[arg(long, env, default_value = "10", value_parser = clap::value_parser!(u32).range(0..=3600))]
    pub shutdown_timeout_seconds: u32,
}

impl ListenSettings {
    /// Refuses a token that others could guess or look up, or that no header can carry.
    ///
    /// # Errors
    /// The sentence to show, which names the setting and never the value.
    pub fn check_service_token(&self) -> Result<(), String> {
        let Some(token) = &self.service_token else {
            return Ok(());
        };
        token.check().map_err(|reason| format!("SERVICE_TOKEN {reason}"))?;
        if token.expose().iter().all(u8::is_ascii_graphic) {
            Ok(())
        } else {
            Err("SERVICE_TOKEN must be visible ASCII characters: it travels in a header".into())
        }
    }
}

/// How the gateway treats its clients, and where it forwards.
#[derive(Debug, Clone, Args)]
pub struct GatewaySettings {
    /// Where `--role gateway` forwards /products
    #[arg(long, env, default_value = "http://127.0.0.1:3001")]
    pub product_service_url: UpstreamUrl,

    /// Where `--role gateway` forwards /customers
    #[arg(long, env, default_value = "http://127.0.0.1:3002")]
    pub customer_service_url: UpstreamUrl,

    /// Key of the tokens (HS256), at least 32 bytes; unset, on a loopback HOST only: a random one
    #[arg(long, env, hide_env_values = true)]
    pub jwt_secret: Option<Secret>,

    /// Whether POST /auth/token hands out tokens [default: on if JWT_SECRET is unset, else off]
    #[arg(long, env)]
    pub auth_token_endpoint: Option<Switch>,

    /// Requests a minute for each client address, and the size of its burst; 0: no limit
    #[arg(long, env, default_value = "100", value_parser = clap::value_parser!(u32).range(0..=1_000_000_000))]
    pub rate_limit_per_minute: u32,

    /// Addresses or CIDRs, comma-separated, whose X-Forwarded-For names the client
    #[arg(long, env, default_value = "", hide_default_value = true)]
    pub trusted_proxies: TrustedProxies,
}

impl GatewaySettings {
    /// Whether tokens are handed out, by setting or by default.
    pub fn hands_out_tokens(&self) -> bool {
        match self.auth_token_endpoint {
            Some(switch) => switch == Switch::On,
            None => self.jwt_secret.is_none(),
        }
    }

    /// The limit, or `None` when it is turned off.
    pub fn rate_limit(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.rate_limit_per_minute)
    }

    /// Refuses a missing, short or published key where others could reach the gateway.
    ///
    /// # Errors
    /// The sentence to show, which names the setting and never the value.
    pub fn check_secret(&self, host: &BindAddress) -> Result<(), String> {
        match &self.jwt_secret {
            Some(secret) => secret.check().map_err(|reason| format!("JWT_SECRET {reason}")),
            None if host.is_loopback() => Ok(()),
            None => Err(format!(
                "JWT_SECRET must be set when HOST is {host}: anyone can reach this address. \
                 Make one with: openssl rand -hex 32"
            )),
        }
    }
}
