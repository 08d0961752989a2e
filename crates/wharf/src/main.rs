//! The `wharf` command: start-up, shutdown and the wiring of the parts; the parts live in the other crates.

use std::io::Write;
use std::process::ExitCode;

mod cli;
mod client;
mod commands;
mod failure;
mod logs;
mod memory;
mod model_name;
mod progress;
mod stop;
mod table;
mod whole_file;

fn main() -> ExitCode {
    let arguments = cli::Cli::from_command_line();
    logs::start(arguments.verbose, arguments.log_format);
    match commands::run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            failure::print(&error);
            failure::exit_code(&error)
        }
    }
}

/// Prints one line to standard output. A closed pipe (`wharf models ls | head -1`) is no error.
fn say(line: impl AsRef<str>) {
    let mut output = std::io::stdout().lock();
    let _closed_pipe = writeln!(output, "{}", line.as_ref());
}
