//! The log: where it goes, how much is in it, and how that changes while a server runs.

use std::io::IsTerminal;
use std::sync::OnceLock;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use wharf_api::LogControl;

/// The log of this process.
static CONTROL: OnceLock<LogControl> = OnceLock::new();

/// Logs go to standard error, so that standard output holds nothing but answers.
pub(crate) fn start(verbose: bool) {
    let default_level = if verbose { "debug" } else { "warn" };
    let filter = EnvFilter::try_from_env("WHARF_LOG").unwrap_or_else(|_| EnvFilter::new(default_level));
    let level = filter.max_level_hint().unwrap_or(LevelFilter::TRACE);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter_reloading();
    let handle = builder.reload_handle();
    builder.init();
    CONTROL.get_or_init(|| {
        LogControl::new(level, move |level| {
            handle.reload(EnvFilter::new(level.to_string())).map_err(|error| error.to_string())
        })
    });
}

/// The log of this process, once it is started.
pub(crate) fn control() -> Option<LogControl> {
    CONTROL.get().cloned()
}
