//! The log: where it goes, in which form, how much is in it, and how that changes while a server runs.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use clap::ValueEnum;
use serde_json::json;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use wharf_api::LogControl;

/// The log of this process.
static LOG: OnceLock<Log> = OnceLock::new();

/// The form of a line.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

struct Log {
    format: LogFormat,
    control: LogControl,
}

/// Logs go to standard error, so that standard output holds nothing but answers.
pub(crate) fn start(verbose: bool, format: LogFormat) {
    let default_level = if verbose { "debug" } else { "warn" };
    let filter = EnvFilter::try_from_env("WHARF_LOG").unwrap_or_else(|_| EnvFilter::new(default_level));
    let level = filter.max_level_hint().unwrap_or(LevelFilter::TRACE);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let control = match format {
        LogFormat::Text => {
            let builder = builder.with_ansi(std::io::stderr().is_terminal()).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.init();
            LogControl::new(level, move |level| handle.reload(filter_of(level)).map_err(|e| e.to_string()))
        }
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_span_list(false).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.init();
            LogControl::new(level, move |level| handle.reload(filter_of(level)).map_err(|e| e.to_string()))
        }
    };
    LOG.get_or_init(|| Log { format, control });
}

fn filter_of(level: LevelFilter) -> EnvFilter {
    EnvFilter::new(level.to_string())
}

/// How much is in the log of this process, once it is started.
pub(crate) fn control() -> Option<LogControl> {
    LOG.get().map(|log| log.control.clone())
}

/// Says to whoever started a server what became of it, however little is logged: a line of its own, or one of the log
/// where a program reads that.
pub(crate) fn announce(line: &str) {
    let line = match LOG.get().map(|log| log.format) {
        Some(LogFormat::Json) => {
            let mut now = String::new();
            // A clock that cannot be read leaves the time out.
            let _ = SystemTime.format_time(&mut Writer::new(&mut now));
            json!({"timestamp": now, "level": "INFO", "message": line, "target": "wharf"}).to_string()
        }
        _ => format!("wharf: {line}"),
    };
    let _closed_pipe = writeln!(std::io::stderr().lock(), "{line}");
}
