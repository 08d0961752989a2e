//! One module for each command.

use crate::cli::Command;

mod bench;
mod data;
mod doctor;
mod engines;
mod export;
mod goldens;
mod import;
mod language;
mod models;
mod optimize;
mod own_server;
mod predict;
mod publishing;
mod pull;
mod runs;
mod serve;
mod train;
mod worker;

/// Runs `command` to its end.
pub(crate) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Optimize(arguments) => optimize::run(&arguments),
        Command::Train(arguments) => train::run(arguments),
        Command::Serve(arguments) => serve::run(*arguments),
        Command::Predict(arguments) => predict::run(arguments),
        Command::Run(arguments) => language::run(arguments),
        Command::Chat(arguments) => language::chat(arguments),
        Command::Ps(arguments) => language::ps(&arguments),
        Command::Data(command) => data::run(command),
        Command::Models(command) => models::run(command),
        Command::Runs(command) => runs::run(command),
        Command::Import(arguments) => import::run(arguments),
        Command::Pull(arguments) => pull::run(&arguments),
        Command::Export(arguments) => export::run(arguments),
        Command::Bench(command) => bench::run(command),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Worker { kind } => worker::run(kind),
    }
}
