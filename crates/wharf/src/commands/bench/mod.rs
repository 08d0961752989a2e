//! `wharf bench`: how fast it is here, beside a baseline measured in the same run.

use crate::cli::BenchCommand;

mod cpu;
mod endpoint;
mod inprocess;
mod language;
mod load;
mod output;
mod overload;
mod request;
mod serve;
mod source;
mod subject;
mod train;

/// Runs one of the subcommands.
pub(crate) fn run(command: BenchCommand) -> anyhow::Result<()> {
    match command {
        BenchCommand::Train { recipe, data, steps, threads, json } => {
            train::run(&recipe, data, steps, threads, json)
        }
        BenchCommand::Serve(arguments) => serve::run(&arguments),
        BenchCommand::Load(arguments) => load::run(&arguments),
        BenchCommand::Overload(arguments) => overload::run(&arguments),
        BenchCommand::Llm(arguments) => language::measure(&arguments),
    }
}
