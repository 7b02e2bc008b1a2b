//! The command line: types for clap, and no behaviour.

use crate::kernel::config::{
    GatewaySettings, ListenSettings, LogFilter, Secret, StorageSettings, switch, whole,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Chronos: the management backend of a luxury watch store
#[derive(Debug, Parser)]
#[command(name = "chronos", version, max_term_width = 100)]
#[command(
    after_help = "Settings are read from flags, then the environment, then .env in the working \
                        directory.\nStart here: chronos serve"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,

    /// What to log: error, warn, info, debug, or a filter such as warn,chronos=debug
    #[arg(long, env, default_value = "info", global = true)]
    pub rust_log: LogFilter,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the store: the whole of it, or one role
    Serve(ServeArgs),
    /// Load products.json, customers.json and orders.json, all or nothing
    Seed(SeedArgs),
    /// Print a token, for who holds the JWT_SECRET of the gateways
    Token(TokenArgs),
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// What this process serves
    #[arg(long, env = "CHRONOS_ROLE", value_enum, default_value_t = Role::All)]
    pub role: Role,

    /// Leave a new embedded database empty
    #[arg(long, env = "CHRONOS_NO_SEED", value_parser = switch)]
    pub no_seed: bool,

    #[command(flatten)]
    pub listen: ListenSettings,

    #[command(flatten)]
    pub storage: StorageSettings,

    #[command(flatten)]
    pub gateway: GatewaySettings,
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

/// As the token endpoint takes them.
fn short_text(text: &str) -> Result<String, String> {
    const LONGEST: usize = 255;
    let is_fine = !text.trim().is_empty() && text.chars().count() <= LONGEST;
    is_fine.then(|| text.to_owned()).ok_or_else(|| format!("must have 1 to {LONGEST} characters"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Gateway, product and customer in one process
    All,
    /// The public door, in front of the other two
    Gateway,
    /// The catalogue, for trusted callers
    Product,
    /// Customers and their orders, for trusted callers
    Customer,
}
