//! The settings: each a flag, an environment variable, a default and a type that holds its rule.
//!
//! A value that does not parse ends the program with status 2 and the name of the setting; there
//! is never a default in its place.

mod discreet;
mod dotenv;
mod numbers;
mod origins;
mod postgres_url;
mod sales;
mod secret;
mod urls;
mod values;

pub use discreet::without_credentials;
pub use dotenv::{load as load_dotenv, parse as parse_dotenv, unknown as unknown_names};
pub use numbers::{Port, port_or, switch, whole};
pub use origins::AllowedOrigins;
pub use postgres_url::PostgresUrl;
pub use sales::{TierDiscounts, currency, percent};
pub use secret::Secret;
pub use urls::{DatabaseUrl, RedisUrl, UpstreamUrl};
pub use values::{AllowedHosts, BindAddress, LogFilter, LogFormat, Switch, TrustedProxies};

use clap::Args;
use std::num::NonZeroU32;
use std::time::Duration;

/// Where data lives: what `serve` and `seed` share.
#[derive(Debug, Clone, Args)]
pub struct StorageSettings {
    /// sqlite://PATH, sqlite::memory:, or postgres://USER:PASSWORD@HOST/NAME
    #[arg(long, env, default_value = "sqlite://chronos.db", hide_env_values = true)]
    pub database_url: DatabaseUrl,

    /// Connections in the database pool
    #[arg(long, env, default_value = "16", value_parser = whole(1..=1000))]
    pub database_pool_size: u32,

    /// Whether each connection keeps its prepared statements and settings; off behind a pooler that
    /// lends sessions by the transaction
    #[arg(long, env, value_enum, default_value = "on")]
    pub database_prepared_statements: Switch,

    /// redis://HOST:PORT, the cache and the rate limit that all replicas share; unset: they live in
    /// the process
    #[arg(long, env, hide_env_values = true)]
    pub redis_url: Option<RedisUrl>,

    /// Lifetime of a cached product, in seconds
    #[arg(long, env, default_value = "60", value_parser = whole(1..=86_400))]
    pub cache_ttl_seconds: u32,
}

impl StorageSettings {
    pub fn cache_ttl(&self) -> Duration {
        Duration::from_secs(self.cache_ttl_seconds.into())
    }
}

/// What the process tells of itself.
#[derive(Debug, Clone, Args)]
pub struct ObservationSettings {
    /// From how many milliseconds on a request or a statement of the database is warned of as slow;
    /// 0: none is
    #[arg(long, env, default_value = "1000", value_parser = whole(0..=3_600_000))]
    pub slow_request_ms: u32,

    /// Below how many pieces the stock of a product is low, for the metrics; at how many or fewer, for
    /// GET /stock/low, where the product has no threshold of its own
    #[arg(long, env, default_value = "3", value_parser = whole(1..=1000))]
    pub low_stock_threshold: u32,
}

/// What the store permits.
#[derive(Debug, Clone, Args)]
pub struct StoreSettings {
    /// The longest hold of pieces for a client, in days
    #[arg(long, env, default_value = "30", value_parser = whole(1..=365))]
    pub hold_max_days: u32,

    /// The currency of all amounts, by its three letters; one with two decimals
    #[arg(long, env, default_value = "USD", value_parser = currency)]
    pub store_currency: String,

    /// What customers of each tier have off their orders, in percent; empty: nothing
    #[arg(long, env, default_value = "platinum=15,gold=10,silver=7.5,bronze=5")]
    pub tier_discounts: TierDiscounts,

    /// Whether prices hold a tax, or have it on top
    #[arg(long, env, default_value = "none", value_parser = ["none", "included", "added"])]
    pub tax_mode: String,

    /// The tax, in percent, where there is one
    #[arg(long, env, default_value = "0", value_parser = percent)]
    pub tax_rate: i32,

    /// Whether pieces of an order may leave before it is paid
    #[arg(long, env, default_value = "off")]
    pub fulfil_unpaid: Switch,
}

impl ObservationSettings {
    /// From when on something is slow; `None` where nothing is.
    pub fn slow_after(&self) -> Option<Duration> {
        let limit = Duration::from_millis(self.slow_request_ms.into());
        Some(limit).filter(|limit| !limit.is_zero())
    }
}

/// Where the process listens, and how it stops.
#[derive(Debug, Clone, Args)]
pub struct ListenSettings {
    /// Address to bind; 0.0.0.0 or :: for every interface
    #[arg(long, env, default_value = "127.0.0.1")]
    pub host: BindAddress,

    /// Names, comma-separated, that a loopback HOST answers to beside localhost and its addresses;
    /// others are 421
    #[arg(long, env, default_value = "", hide_default_value = true)]
    pub allowed_hosts: AllowedHosts,

    /// Web origins, comma-separated and each with its scheme, whose pages may call the API from a
    /// browser; none: browsers keep the answers from pages
    #[arg(long, env, default_value = "", hide_default_value = true)]
    pub cors_allowed_origins: AllowedOrigins,

    /// Port of the gateway
    #[arg(long, env, default_value = "3000", value_parser = port_or(3000))]
    pub gateway_port: Port,

    /// What the services ask of their callers, and the gateway tells them; at least 32 bytes; unset:
    /// they ask for nothing
    #[arg(long, env, hide_env_values = true)]
    pub service_token: Option<Secret>,

    /// How long everything is still served after SIGTERM, with /readyz 503, in seconds; at most
    /// three quarters of SHUTDOWN_TIMEOUT_SECONDS
    #[arg(long, env, default_value = "1", value_parser = whole(0..=3600))]
    pub shutdown_drain_seconds: u32,

    /// How long a stop may take from the signal on, in seconds: the drain, and then the requests in
    /// flight
    #[arg(long, env, default_value = "10", value_parser = whole(0..=3600))]
    pub shutdown_timeout_seconds: u32,
}

impl ListenSettings {
    /// From the signal to the end.
    pub fn shutdown_timeout(&self) -> Duration {
        Duration::from_secs(self.shutdown_timeout_seconds.into())
    }

    /// How much of it everything is still served: the requests in flight keep a quarter.
    pub fn shutdown_drain(&self) -> Duration {
        let wanted = Duration::from_secs(self.shutdown_drain_seconds.into());
        wanted.min(self.shutdown_timeout() * 3 / 4)
    }

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

/// How the gateway treats its clients.
#[derive(Debug, Clone, Args)]
pub struct GatewaySettings {
    /// Key of the tokens (HS256), at least 32 bytes; unset, on a loopback HOST only: a random one
    #[arg(long, env, hide_env_values = true)]
    pub jwt_secret: Option<Secret>,

    /// Key that JWT_SECRET was before: verifies tokens, never signs; unset: there is none
    #[arg(long, env, hide_env_values = true)]
    pub jwt_secret_previous: Option<Secret>,

    /// By how many seconds the clock of who makes tokens may differ, for exp, nbf and iat
    #[arg(long, env, default_value = "0", value_parser = whole(0..=60))]
    pub jwt_leeway_seconds: u32,

    /// Whether POST /auth/token hands out tokens [default: on if JWT_SECRET is unset, else off]
    #[arg(long, env)]
    pub auth_token_endpoint: Option<Switch>,

    /// Requests a minute for each client address, and the size of its burst; 0: no limit
    #[arg(long, env, default_value = "100", value_parser = whole(0..=1_000_000_000))]
    pub rate_limit_per_minute: u32,

    /// Addresses or CIDRs, comma-separated, whose X-Forwarded-For or Forwarded names the client
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
        self.check_previous_secret()?;
        match &self.jwt_secret {
            Some(secret) => secret.check().map_err(|reason| format!("JWT_SECRET {reason}")),
            None if host.is_loopback() => Ok(()),
            None => Err(format!(
                "JWT_SECRET must be set when HOST is {host}: anyone can reach this address. \
                 Make one with: openssl rand -hex 32"
            )),
        }
    }

    /// A key that verifies opens the store as one that signs: the same rules hold for both.
    fn check_previous_secret(&self) -> Result<(), String> {
        let Some(previous) = &self.jwt_secret_previous else {
            return Ok(());
        };
        previous.check().map_err(|reason| format!("JWT_SECRET_PREVIOUS {reason}"))?;
        match &self.jwt_secret {
            None => Err("JWT_SECRET_PREVIOUS is the key that JWT_SECRET was before: set \
                         JWT_SECRET, too"
                .into()),
            Some(secret) if secret == previous => {
                Err("JWT_SECRET_PREVIOUS must not be the same as JWT_SECRET".into())
            }
            Some(_) => Ok(()),
        }
    }
}
