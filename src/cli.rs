//! The command line: types for clap, and no behaviour.

use crate::kernel::config::{GatewaySettings, ListenSettings, LogFilter, StorageSettings};
use clap::builder::BoolishValueParser;
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
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// What this process serves
    #[arg(long, env = "CHRONOS_ROLE", value_enum, default_value_t = Role::All)]
    pub role: Role,

    /// Leave a new embedded database empty
    #[arg(long, env = "CHRONOS_NO_SEED", value_parser = BoolishValueParser::new())]
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
    /// Folder with the three files
    #[arg(long, env = "CHRONOS_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,

    /// Empty the tables first, in the same transaction
    #[arg(long, env = "CHRONOS_SEED_RESET", value_parser = BoolishValueParser::new())]
    pub reset: bool,

    #[command(flatten)]
    pub storage: StorageSettings,
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
