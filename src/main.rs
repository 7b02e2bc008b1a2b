//! Arguments in, exit code out: 0 done, 1 failed, 2 wrong use or refused.

use chronos::cli::{Cli, Command};
use chronos::kernel::config;
use chronos::kernel::error::Refusal;
use chronos::kernel::streams::say_error;
use chronos::kernel::telemetry;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FAILED: u8 = 1;
const REFUSED: u8 = 2;

fn main() -> ExitCode {
    let from_dotenv = match config::load_dotenv() {
        Ok(names) => names,
        Err(reason) => {
            say_error(reason);
            return ExitCode::from(REFUSED);
        }
    };
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    telemetry::init_log(&cli.rust_log, cli.log_format);
    for name in config::unknown_names(&from_dotenv, &settings()) {
        log::warn!(".env: {name} is no setting of Chronos, and changes nothing");
    }
    let outcome = match cli.command {
        Command::Serve(args) => chronos::app::serve(*args),
        Command::OpenApi(args) => chronos::app::openapi(&args),
        Command::Seed(args) => chronos::app::seed(&args),
        Command::Proof(args) => chronos::app::proof(&args),
        Command::Token(args) => chronos::app::token(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(format_args!("{error:#}"));
            ExitCode::from(if error.is::<Refusal>() { REFUSED } else { FAILED })
        }
    }
}

/// clap's own text, but for a value that does not parse, or a URL in the wrong place: those are
/// quoted by clap, and may be a secret. The setting is named instead, by its variable and its flag.
fn explain(error: &clap::Error) -> ExitCode {
    let is_bad_value = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
    let setting = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) if is_bad_value => name_of(argument),
        _ => None,
    };
    if let (None, Some(url)) = (&setting, misplaced_url(error)) {
        let shown = config::without_credentials(url);
        say_error(format_args!("{shown} stands where no value is wanted; see chronos --help"));
        return ExitCode::from(REFUSED);
    }
    let Some(setting) = setting else {
        // Nothing is left to be told when even stderr is closed.
        let _closed = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(REFUSED));
    };
    let reason = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => {
            format!("must be one of: {}", values.join(", "))
        }
        _ if error.kind() == ErrorKind::InvalidValue => "needs a value".into(),
        _ => std::error::Error::source(error).map_or(String::new(), ToString::to_string),
    };
    say_error(format_args!("{setting}: {reason}"));
    ExitCode::from(REFUSED)
}

/// A URL that clap would quote, with the password in it.
fn misplaced_url(error: &clap::Error) -> Option<&str> {
    error.context().find_map(|(_, value)| match value {
        ContextValue::String(text) if text.contains("://") => Some(text.as_str()),
        _ => None,
    })
}

/// The variables of all settings of all commands.
fn settings() -> Vec<String> {
    let root = Cli::command();
    let of_commands = root.get_subcommands().flat_map(|command| command.get_arguments());
    let variables = root.get_arguments().chain(of_commands).filter_map(|known| known.get_env());
    variables.map(|name| name.to_string_lossy().into_owned()).collect()
}

/// `GATEWAY_PORT (--gateway-port)`, for clap's `--gateway-port <GATEWAY_PORT>`.
fn name_of(argument: &str) -> Option<String> {
    let mut root = Cli::command();
    // An argument has no text before.
    root.build();
    let of_commands = root.get_subcommands().flat_map(|command| command.get_arguments());
    let found =
        root.get_arguments().chain(of_commands).find(|known| known.to_string() == argument)?;
    let variable = found.get_env()?.to_string_lossy();
    Some(format!("{variable} (--{})", found.get_long()?))
}
