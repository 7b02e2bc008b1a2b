//! The settings of each command, as clap reads them.

use super::modules::{MODULES, Roles, ServicePorts, UpstreamUrls};
use crate::kernel::config::{
    GatewaySettings, ListenSettings, ObservationSettings, Secret, StorageSettings, StoreSettings,
    switch, whole,
};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub roles: Roles,

    /// Leave a new embedded database empty
    #[arg(long, env = "CHRONOS_NO_SEED", value_parser = switch)]
    pub no_seed: bool,

    #[command(flatten)]
    pub listen: ListenSettings,

    #[command(flatten)]
    pub ports: ServicePorts,

    #[command(flatten)]
    pub storage: StorageSettings,

    #[command(flatten)]
    pub gateway: GatewaySettings,

    #[command(flatten)]
    pub upstreams: UpstreamUrls,

    #[command(flatten)]
    pub store: StoreSettings,

    #[command(flatten)]
    pub observation: ObservationSettings,
}

#[derive(Debug, Args)]
pub struct SeedArgs {
    /// Folder with the three files [default: data, where it has them, else the example store in the
    /// binary]
    #[arg(long, env = "CHRONOS_DATA_DIR")]
    pub data_dir: Option<PathBuf>,

    /// Empty the tables first, in the same transaction
    #[arg(long, env = "CHRONOS_SEED_RESET", value_parser = switch)]
    pub reset: bool,

    /// Refuse files with members that are not kept
    #[arg(long, env = "CHRONOS_SEED_STRICT", value_parser = switch)]
    pub strict: bool,

    #[command(flatten)]
    pub storage: StorageSettings,
}

#[derive(Debug, Args)]
pub struct ProofArgs {
    #[command(flatten)]
    pub storage: StorageSettings,
}

#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Id of the user whom the token names
    #[arg(long, env = "CHRONOS_TOKEN_USER", value_name = "ID", value_parser = short_text)]
    pub user: String,

    /// E-mail address of the user
    #[arg(long, env = "CHRONOS_TOKEN_EMAIL", value_name = "ADDRESS", value_parser = short_text)]
    pub email: String,

    /// Lifetime of the token, in seconds
    #[arg(
        long,
        env = "CHRONOS_TOKEN_TTL",
        value_name = "SECONDS",
        default_value = "86400",
        value_parser = whole(1..=86_400)
    )]
    pub ttl: u32,

    /// Key of the tokens (HS256), the one of the gateways
    #[arg(long, env, hide_env_values = true)]
    pub jwt_secret: Option<Secret>,
}

#[derive(Debug, Args)]
pub struct OpenApiArgs {
    /// Version of OpenAPI: 3.1, or 3.0 for generators that cannot read it
    #[arg(long, env = "CHRONOS_OPENAPI_VERSION", value_name = "VERSION", default_value = "3.1")]
    pub version: OpenApiVersion,
}

/// A version of OpenAPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OpenApiVersion {
    #[value(name = "3.1")]
    V31,
    #[value(name = "3.0")]
    V30,
}

/// As the token endpoint takes them.
fn short_text(text: &str) -> Result<String, String> {
    const LONGEST: usize = 255;
    let is_fine = !text.trim().is_empty() && text.chars().count() <= LONGEST;
    is_fine.then(|| text.to_owned()).ok_or_else(|| format!("must have 1 to {LONGEST} characters"))
}

impl ServeArgs {
    /// Says which of the ports are not what their variable says, and why.
    pub fn warn_of_ports_of_kubernetes(&self) {
        let services =
            MODULES.iter().map(|module| (module.setting("PORT"), *self.ports.of(module)));
        let gateway = ("GATEWAY_PORT".to_owned(), self.listen.gateway_port);
        for (name, port) in [gateway].into_iter().chain(services) {
            if port.is_of_kubernetes() {
                log::warn!(
                    "{name} is an address and no port: Kubernetes sets it beside a Service of that \
                     name (enableServiceLinks); ignored, the port is {}",
                    port.number()
                );
            }
        }
    }
}
