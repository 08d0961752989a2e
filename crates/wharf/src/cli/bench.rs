//! What can be typed after `wharf bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use wharf_load::{Arrivals, Slo, Wire};

use super::RepositoryArg;

#[derive(Subcommand, Debug)]
pub(crate) enum BenchCommand {
    /// Pictures per second of training, with and without the loader
    Train {
        /// The recipe
        #[arg(value_name = "RECIPE.toml")]
        recipe: PathBuf,
        /// Take the data from here instead of where the recipe says
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Steps to measure
        #[arg(long, default_value_t = 500)]
        steps: u64,
        /// Worker threads [default: one per core]
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
        threads: Option<u16>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Requests per second and latency over the wires, beside the engine called in-process
    Serve(BenchServeArgs),
    /// Load a server in a closed or an open loop and measure its latency
    Load(BenchLoadArgs),
    /// Ask far more of a server than it can do, and see what it still does
    Overload(BenchOverloadArgs),
    /// A language model over HTTP, beside the bare loop of passes over the same file
    Llm(BenchLanguageArgs),
}

#[derive(Args, Debug)]
pub(crate) struct BenchLanguageArgs {
    /// A `.gguf` file, for which a server is started
    #[arg(value_name = "MODEL.gguf", required_unless_present = "server")]
    pub(crate) model: Option<PathBuf>,
    /// Measure the first model of this running server instead, of any make that answers as OpenAI
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "model")]
    pub(crate) server: Option<String>,
    /// Clients that ask at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) clients: u32,
    /// Words of the system that the clients share
    #[arg(long, default_value_t = 400)]
    pub(crate) system_words: usize,
    /// Tokens of each answer
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) tokens: u32,
    /// Rounds in which server and bare loop take turns
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// What the words are drawn from; another seed finds a cold server
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BenchServeArgs {
    /// The model's name, or an .onnx file; its `float` or `serving_default` signature must have numeric inputs
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,
    /// Rows in a request; may be repeated
    #[arg(long, default_values_t = [1, 32])]
    pub(crate) batch: Vec<usize>,
    /// Requests kept running at once; may be repeated
    #[arg(long, default_values_t = [1, 8])]
    pub(crate) concurrency: Vec<usize>,
    /// Size of open dimensions other than the first
    #[arg(long, default_value_t = 1)]
    pub(crate) length: usize,
    /// Wires to measure: tfs-grpc, tfs-rest, oip-grpc, oip-rest (binary tensors), oip-rest-json; may be repeated
    #[arg(long, default_values_t = [Wire::TfsGrpc, Wire::TfsRest])]
    pub(crate) protocol: Vec<Wire>,
    /// Seconds for each line of the result, after half a one of warm-up
    #[arg(long, default_value_t = 3)]
    pub(crate) seconds: u64,
    /// Parts into which the seconds are divided: engine and wires are measured in turn
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) repository: RepositoryArg,
}

#[derive(Args, Debug)]
pub(crate) struct BenchLoadArgs {
    /// The model's name, or an .onnx file; its `float` or `serving_default` signature is sent random numbers
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,
    /// Wires to measure: tfs-grpc, tfs-rest, oip-grpc, oip-rest (binary tensors), oip-rest-json; may be repeated
    #[arg(long, default_values_t = [Wire::TfsGrpc])]
    pub(crate) protocol: Vec<Wire>,
    /// Load this server instead of starting one; the port of the protocol
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) server: Option<String>,
    /// Load a server on another machine
    #[arg(long, requires = "server")]
    pub(crate) allow_remote: bool,
    /// Closed loop: requests kept running at once
    #[arg(long, default_value_t = 8, value_parser = positive, conflicts_with = "rate")]
    pub(crate) concurrency: usize,
    /// Open loop: requests a second, whether or not earlier ones were answered
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Search the highest rate that keeps a promise such as p99=20ms; requests without an answer break it
    #[arg(long, value_name = "pN=TIME", conflicts_with = "rate")]
    pub(crate) slo: Option<Slo>,
    /// Open loop: how requests are spread over time
    #[arg(long, value_enum, default_value_t = ArrivalsArg::Poisson)]
    pub(crate) arrivals: ArrivalsArg,
    /// Open loop: what the times are made of
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Seconds to measure
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, conflicts_with = "requests")]
    pub(crate) duration: f64,
    /// Send the model's requests of this file, a log of `wharf serve --request-log`, one after the other and again
    #[arg(long, value_name = "FILE.jsonl", conflicts_with_all = ["batch", "length", "inprocess"])]
    pub(crate) replay: Option<PathBuf>,
    /// Requests to measure instead of a time
    #[arg(long, value_name = "COUNT")]
    pub(crate) requests: Option<u64>,
    /// Seconds that are driven but not measured
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5)]
    pub(crate) warm_up: f64,
    /// Connections; 0 is one for each request running at once, in an open loop 4 over gRPC and 64 over REST
    #[arg(long, default_value_t = 0)]
    pub(crate) connections: usize,
    /// Rows in a request
    #[arg(long, default_value_t = 1, value_parser = positive)]
    pub(crate) batch: usize,
    /// Size of open dimensions other than the first
    #[arg(long, default_value_t = 1, value_parser = positive)]
    pub(crate) length: usize,
    /// Measure the engine alone as well
    #[arg(long)]
    pub(crate) inprocess: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the numbers to this file as well
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Draw the latencies into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) repository: RepositoryArg,
}

#[derive(Args, Debug)]
pub(crate) struct BenchOverloadArgs {
    /// The model's name, or an .onnx file; its `float` or `serving_default` signature is sent random numbers
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,
    /// The wire: tfs-grpc, tfs-rest, oip-grpc, oip-rest (binary tensors) or oip-rest-json
    #[arg(long, default_value_t = Wire::TfsGrpc)]
    pub(crate) protocol: Wire,
    /// Processors for the server, such as `0` or `0,2-3`; run the load itself under `taskset` to keep it off them
    #[arg(long, value_name = "LIST")]
    pub(crate) server_cpus: Option<String>,
    /// How many times the peak is asked for
    #[arg(long, default_value_t = 5.0)]
    pub(crate) factor: f64,
    /// Seconds for the peak, and again for the overload
    #[arg(long, default_value_t = 5)]
    pub(crate) seconds: u64,
    /// Size of open dimensions other than the first
    #[arg(long, default_value_t = 1, value_parser = positive)]
    pub(crate) length: usize,
    #[command(flatten)]
    pub(crate) repository: RepositoryArg,
}

/// How an open loop spreads its requests.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArrivalsArg {
    Poisson,
    Even,
}

impl From<ArrivalsArg> for Arrivals {
    fn from(argument: ArrivalsArg) -> Self {
        match argument {
            ArrivalsArg::Poisson => Self::Poisson,
            ArrivalsArg::Even => Self::Even,
        }
    }
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a whole number of at least 1".to_owned()),
        Ok(number) => Ok(number),
    }
}
