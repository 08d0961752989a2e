//! What can be typed.

mod amounts;
mod bench;
mod compat;
mod language;
mod models;
mod network;
mod observe;
mod pull;
mod serve;
mod serve_language;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use bench::{BenchCommand, BenchLanguageArgs, BenchLoadArgs, BenchOverloadArgs, BenchServeArgs};
pub(crate) use language::{AskArgs, ChatArgs, PsArgs, RunArgs};
pub(crate) use models::{ModelsCommand, PromoteArgs, TrafficArgs};
pub(crate) use observe::RequestLogFormat;
pub(crate) use pull::{HubArgs, PullArgs};
pub(crate) use serve::{Control, IsolationArg, Port, ServeArgs};

use crate::logs::LogFormat;

/// AI models as a service: train, publish, serve, predict.
#[derive(Parser, Debug)]
#[command(name = "wharf", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Log more to standard error (or set WHARF_LOG, for example WHARF_LOG=info)
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    /// Form of the log: lines for people, or a JSON object on each
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, env = "WHARF_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// What was typed; in the flags of another server where the program goes by its name or is asked to. Ends the
    /// program where that makes no sense, or where help was asked for.
    pub(crate) fn from_command_line() -> Self {
        match compat::parse(std::env::args_os()) {
            Ok(Some(cli)) => cli,
            Ok(None) => Self::parse(),
            Err(error) => error.exit(),
        }
    }
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Train what a recipe describes and publish the result as a bundle
    Train(TrainArgs),
    /// Make a smaller and faster version of a model within a budget: quantise, prune, measure, choose
    Optimize(OptimizeArgs),
    /// Serve every bundle of a repository
    Serve(Box<ServeArgs>),
    /// Ask a model what is in a picture
    Predict(PredictArgs),
    /// Ask a language model one question
    Run(RunArgs),
    /// Talk with a language model
    Chat(ChatArgs),
    /// List the language models of a server
    Ps(PsArgs),
    /// Get data sets
    #[command(subcommand)]
    Data(DataCommand),
    /// Look at, check and remove published models; spread requests over their versions
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Look at past training runs
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Publish a language model (.gguf), or trained weights (.pth, .safetensors) under a recipe
    Import(ImportArgs),
    /// Download a language model (.gguf) from an address or the hub, check it and publish it
    Pull(PullArgs),
    /// Write a run's weights as .pth or .safetensors, or its graph as .onnx
    Export(ExportArgs),
    /// Measure training and serving, each beside its baseline
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Look at this machine: what serving needs, what is wrong, and how to mend it
    Doctor(DoctorArgs),
    /// Hold one model for `wharf serve`, which starts this itself
    #[command(hide = true)]
    Worker {
        /// What kind of model
        #[arg(value_enum, default_value_t = WorkerKind::Graph)]
        kind: WorkerKind,
    },
}

/// What a worker holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorkerKind {
    /// A graph of tensors, in ONNX Runtime.
    Graph,
    /// A language model, in llama.cpp.
    Llm,
}

/// Where published models live.
#[derive(Args, Debug, Clone)]
pub(crate) struct RepositoryArg {
    /// Folder of published models
    #[arg(long, value_name = "DIR", default_value = "repository", env = "WHARF_REPOSITORY")]
    pub(crate) repository: PathBuf,
}

/// Where training runs are kept.
#[derive(Args, Debug, Clone)]
pub(crate) struct RunsArg {
    /// Folder of training runs
    #[arg(long, value_name = "DIR", default_value = "runs", env = "WHARF_RUNS")]
    pub(crate) runs: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct TrainArgs {
    /// The recipe, or with --auto the table; not needed with --resume
    #[arg(value_name = "RECIPE.toml|TABLE", required_unless_present = "resume")]
    pub(crate) recipe: Option<PathBuf>,
    /// Choose the model for a table (.csv, .parquet) without a recipe; one is written into the run's folder
    #[arg(long, requires = "target", conflicts_with_all = ["resume", "data"])]
    pub(crate) auto: bool,
    /// The column to predict, with --auto
    #[arg(long, value_name = "COLUMN", requires = "auto")]
    pub(crate) target: Option<String>,
    /// How long the choice may take, with --auto, such as 90s, 5m or 2h [default: 5m]
    #[arg(long, value_name = "TIME", requires = "auto", value_parser = amounts::duration)]
    pub(crate) budget: Option<Duration>,
    /// Take the data from here instead of where the recipe says
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,
    /// Train for so many epochs instead of the recipe's
    #[arg(long)]
    pub(crate) epochs: Option<u32>,
    /// Use this seed instead of the recipe's
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Publish under this name instead of the recipe's
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Continue an interrupted run: its id, or the newest one if none is given
    #[arg(long, value_name = "RUN", num_args = 0..=1, default_missing_value = "")]
    pub(crate) resume: Option<String>,
    /// Worker threads [default: one per core]; any number gives the same weights
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Train and evaluate, but publish nothing
    #[arg(long)]
    pub(crate) no_publish: bool,
    /// Print events as JSON lines
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) repository: RepositoryArg,
    #[command(flatten)]
    pub(crate) runs: RunsArg,
}

#[derive(Args, Debug)]
pub(crate) struct OptimizeArgs {
    /// The model's name, optionally with a version: `fashion-mnist` or `fashion-mnist/3`
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,
    /// The data that it was trained on, where not as its recipe says from here
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,
    /// How much accuracy or R2 may be lost, such as 0.5%
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = amounts::share)]
    pub(crate) max_loss: f64,
    /// How large the file may be, such as 1MB
    #[arg(long, value_name = "SIZE", value_parser = serve::parse_size)]
    pub(crate) max_size: Option<u64>,
    /// How long 99 of 100 answers to one sample may take on this machine, such as 5ms
    #[arg(long, value_name = "TIME", value_parser = amounts::milliseconds)]
    pub(crate) max_p99: Option<f64>,
    /// Count the loss by the upper end of its 95 % interval, not by its mean
    #[arg(long)]
    pub(crate) certain: bool,
    /// What decides among those that fit the budget
    #[arg(long, value_enum, default_value_t = OptimizeObjective::Latency)]
    pub(crate) objective: OptimizeObjective,
    /// Training samples that ranges are taken from
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = amounts::count)]
    pub(crate) calibration: usize,
    /// Held-out samples that quality is measured on, at most
    #[arg(long, value_name = "COUNT", default_value_t = 5000, value_parser = amounts::count)]
    pub(crate) samples: usize,
    /// The batch that is timed besides one sample
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = amounts::count)]
    pub(crate) batch: usize,
    /// Threads of a run
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: u16,
    /// Publish under this name instead of the model's
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Measure and report, but publish nothing
    #[arg(long)]
    pub(crate) no_publish: bool,
    /// Print events as JSON lines
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) repository: RepositoryArg,
    #[command(flatten)]
    pub(crate) runs: RunsArg,
}

/// What decides among models that fit a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OptimizeObjective {
    /// The median time of one answer.
    Latency,
    /// The size of the file.
    Size,
}

#[derive(Args, Debug)]
pub(crate) struct PredictArgs {
    /// The model's name, optionally with a version: `fashion-mnist` or `fashion-mnist/3`
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,
    /// Pictures: PNG, JPEG, PGM or BMP files
    #[arg(value_name = "PICTURE", required = true)]
    pub(crate) pictures: Vec<PathBuf>,
    /// Server to ask; its REST port with --protocol rest
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "local")]
    pub(crate) server: Option<String>,
    /// How to ask it
    #[arg(long, value_enum, default_value_t = Protocol::Grpc, conflicts_with = "local")]
    pub(crate) protocol: Protocol,
    /// Load the bundle here instead of asking a server
    #[arg(long)]
    pub(crate) local: bool,
    /// How many classes to show for each picture
    #[arg(long, default_value_t = 3)]
    pub(crate) top: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) repository: RepositoryArg,
}

/// A wire of TensorFlow Serving.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    Rest,
}

#[derive(Subcommand, Debug)]
pub(crate) enum DataCommand {
    /// Look at a table: types, what is missing, distributions, what gives the target away
    Inspect {
        /// The table: a CSV or Parquet file
        #[arg(value_name = "TABLE")]
        path: PathBuf,
        /// The column that is to be predicted
        #[arg(long, value_name = "COLUMN")]
        target: Option<String>,
        /// Write a page with plots as well
        #[arg(long, value_name = "FILE.html")]
        html: Option<PathBuf>,
        /// Print JSON
        #[arg(long, conflicts_with = "html")]
        json: bool,
    },
    /// Download a data set, check it and keep it
    Fetch {
        /// Which one
        #[arg(value_name = "fashion-mnist|cifar10|mnist")]
        dataset: String,
        /// Take the files from this folder or address instead of the official one
        #[arg(long, value_name = "DIR|URL")]
        from: Option<String>,
        /// Keep it in a folder of its name below this one
        #[arg(long, value_name = "DIR", default_value = "data")]
        into: PathBuf,
    },
    /// Write some pictures of a data set as PNG files, to try predictions with
    Sample {
        /// The data set: a folder, an archive or a fetched data set
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// Folder for the pictures, named `<number>-<class>.png`
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
        /// How many, spread evenly over the data set
        #[arg(long, default_value_t = 5)]
        count: usize,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum RunsCommand {
    /// List runs, newest first
    Ls {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        runs: RunsArg,
    },
    /// Show a run: its settings, epochs and result
    Show {
        /// The run's id, or its beginning where that fits one run; the newest if not given
        run: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        runs: RunsArg,
    },
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// A language model, an encoder's folder, or the recipe whose layers the weights fit
    #[arg(value_name = "MODEL.gguf|FOLDER|RECIPE.toml")]
    pub(crate) source: PathBuf,
    /// The weights for the recipe: a PyTorch state dict (.pth, .pt) or .safetensors
    #[arg(value_name = "WEIGHTS")]
    pub(crate) weights: Option<PathBuf>,
    /// Take the data (class names, goldens, evaluation) from here instead of where the recipe says
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Publish under this name instead of the recipe's or the file's
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// A small language model with the same tokens, which guesses what the large one will write
    #[arg(long, value_name = "FILE.gguf")]
    pub(crate) draft: Option<PathBuf>,
    /// A LoRA adapter, asked for as `MODEL:NAME`; may be repeated
    #[arg(long, value_name = "NAME=FILE.gguf", value_parser = serve::parse_named_path)]
    pub(crate) adapter: Vec<(String, PathBuf)>,
    #[command(flatten)]
    pub(crate) repository: RepositoryArg,
    #[command(flatten)]
    pub(crate) runs: RunsArg,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// The run's id, or its beginning where that fits one run
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// The file to write: .pth, .safetensors or .onnx
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// What pictures an .onnx graph takes: `float32` in 0..1, or `uint8`
    #[arg(long, value_name = "DTYPE", default_value = "float32")]
    pub(crate) input: String,
    #[command(flatten)]
    pub(crate) runs: RunsArg,
}

#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    /// The address at which a server would listen
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) bind: IpAddr,
    /// What a server would add to every port
    #[arg(long, default_value_t = 0)]
    pub(crate) port_offset: u16,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) repository: RepositoryArg,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
