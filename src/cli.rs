//! The command line: types for clap, and no behaviour.

use crate::app::{OpenApiArgs, ProofArgs, SeedArgs, ServeArgs, TokenArgs};
use crate::kernel::config::{LogFilter, LogFormat};
use clap::{Parser, Subcommand};

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

    /// How to log: lines for people, or a JSON object in each for programs
    #[arg(long, env, value_enum, default_value = "text", global = true)]
    pub log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the store: the whole of it, or one role
    Serve(Box<ServeArgs>),
    /// Load products.json, customers.json and orders.json, all or nothing
    Seed(SeedArgs),
    /// Prove the store by its books: exit 1, and each row that does not agree, where it is not proved
    Proof(ProofArgs),
    /// Print the description of the API, as OpenAPI has it
    #[command(name = "openapi")]
    OpenApi(OpenApiArgs),
    /// Print a token, for who holds the JWT_SECRET of the gateways
    Token(TokenArgs),
}
