//! The log of the process: what gets into it, and that each event is one line.

use super::access::ACCESS;
use super::line::{write_json, write_text};
use crate::kernel::config::{LogFilter, LogFormat};
use crate::kernel::streams::single_line;

/// Starts the log on stderr: as text, coloured on a terminal and plain in a pipe, or as JSON.
pub fn init_log(filter: &LogFilter, format: LogFormat) {
    let mut builder = env_logger::Builder::new();
    builder
        // Its start and stop, a dozen lines each, are what the banner and our own lines say.
        .filter_module("actix_server", log::LevelFilter::Warn)
        // What clients send that is no HTTP is no event of ours, and would fill the log.
        .filter_module("actix_http", log::LevelFilter::Off)
        .parse_filters(filter.as_str());
    match format {
        LogFormat::Text => builder.format(write_text),
        LogFormat::Json => builder.format(write_json),
    };
    let logger = builder.build();
    log::set_max_level(logger.filter());
    log::set_boxed_logger(Box::new(Discreet(logger))).expect("nothing has started a log before");
    if format == LogFormat::Json {
        log_panics();
    }
}

/// Has panics logged as everything else is: their usual words on stderr would be no JSON.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("with what is no text");
        match panic.location() {
            Some(place) => log::error!("panicked at {place}: {text}"),
            None => log::error!("panicked: {text}"),
        }
    }));
}

/// A log in which only Chronos itself goes into detail, whatever the filter asks for: what the
/// crates below say at `debug` and `trace` quotes headers, which may be secrets.
struct Discreet(env_logger::Logger);

impl log::Log for Discreet {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        let is_own = metadata.target().split("::").next() == Some("chronos");
        (is_own || metadata.level() <= log::Level::Info) && self.0.enabled(metadata)
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        if record.target() == ACCESS {
            return self.0.log(record);
        }
        // libpq and others below write over several lines, and a reader of the log takes each for a
        // line of its own.
        let text = record.args().to_string();
        if text.contains('\n') {
            let line = single_line(&text);
            let metadata = record.metadata().clone();
            self.0.log(
                &log::Record::builder()
                    .metadata(metadata)
                    .args(format_args!("{line}"))
                    .key_values(&record.key_values())
                    .build(),
            );
        } else {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}
