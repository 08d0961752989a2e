//! The `wharf` command: start-up, shutdown and the wiring of the parts; the parts live in the other crates.

use std::io::Write;
use std::process::ExitCode;

mod cli;
mod client;
mod commands;
mod failure;
mod logs;
mod model_name;
mod progress;
mod stop;
mod table;
mod whole_file;

/// The system's allocator gives the pages of a large block back to the kernel with every request and has them
/// cleared again for the next: 100 page faults for a picture of 600 KB, half of the server's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
