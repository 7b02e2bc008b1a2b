//! Arguments in, exit code out: 0 done, 1 failed, 2 wrong use or refused.

use chronos::cli::{Cli, Command};
use chronos::kernel::config;
use chronos::kernel::error::Refusal;
use chronos::kernel::telemetry;
use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FAILED: u8 = 1;
const REFUSED: u8 = 2;

fn main() -> ExitCode {
    if let Err(reason) = config::load_dotenv() {
        eprintln!("error: {reason}");
        return ExitCode::from(REFUSED);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    telemetry::init_log(&cli.rust_log);
    let outcome = match cli.command {
        Command::Serve(args) => chronos::server::serve(args),
        Command::Seed(args) => chronos::seed::seed(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(if error.is::<Refusal>() { REFUSED } else { FAILED })
        }
    }
}

/// clap's own text, but for a value that does not parse: that one is quoted by clap, and may be a
/// secret.
fn explain(error: &clap::Error) -> ExitCode {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) if error.kind() == ErrorKind::ValueValidation => {
            argument
        }
        _ => {
            let code = error.exit_code();
            // Nothing is left to be told when even stderr is closed.
            let _closed = error.print();
            return ExitCode::from(u8::try_from(code).unwrap_or(REFUSED));
        }
    };
    let reason = std::error::Error::source(error).map_or(String::new(), ToString::to_string);
    eprintln!("error: {}", config::describe_bad_value(argument, &reason));
    ExitCode::from(REFUSED)
}
