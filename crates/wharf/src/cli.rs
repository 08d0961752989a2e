//! What can be typed.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use wharf_load::{Arrivals, Slo, Wire};
use wharf_serve::VersionPolicy;

/// AI models as a service: train, publish, serve, predict.
#[derive(Parser, Debug)]
#[command(name = "wharf", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Log more to standard error (or set WHARF_LOG, for example WHARF_LOG=info)
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Train what a recipe describes and publish the result as a bundle
    Train(TrainArgs),
    /// Serve every bundle of a repository
    Serve(ServeArgs),
    /// Ask a model what is in a picture
    Predict(PredictArgs),
    /// Get data sets
    #[command(subcommand)]
    Data(DataCommand),
    /// Look at, check and remove published models
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Look at past training runs
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Publish trained weights (.pth, .safetensors) under a recipe
    Import(ImportArgs),
    /// Write a run's weights as .pth or .safetensors, or its graph as .onnx
    Export(ExportArgs),
    /// Measure training and serving, each beside its baseline
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Look at this machine: what serving needs, what is wrong, and how to mend it
    Doctor(DoctorArgs),
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
    /// The recipe; not needed with --resume
    #[arg(value_name = "RECIPE.toml", required_unless_present = "resume")]
    pub(crate) recipe: Option<PathBuf>,
    /// Take the data from here instead of where the recipe says
    #[arg(long, value_name = "DIR")]
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
pub(crate) struct ServeArgs {
    /// A lone model.onnx or a bundle folder, served under the name of its file or folder
    #[arg(value_name = "MODEL", conflicts_with_all = ["repository", "model"])]
    pub(crate) path: Option<PathBuf>,
    /// Folder of published models, `<DIR>/<model>/<version>/` [default: repository]
    #[arg(long, value_name = "DIR", env = "WHARF_REPOSITORY")]
    pub(crate) repository: Option<PathBuf>,
    /// Serve PATH (a model folder with versions, a bundle or an .onnx file) under NAME; may be repeated
    #[arg(long, value_name = "NAME=PATH", value_parser = parse_named_path)]
    pub(crate) model: Vec<(String, PathBuf)>,
    /// Serve the models of this file, in TensorFlow Serving's form (text of ModelServerConfig)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["path", "repository", "model"])]
    pub(crate) model_config_file: Option<PathBuf>,
    /// Read the file again every so many seconds, and serve what it then says; 0 never
    #[arg(long, value_name = "SECONDS", default_value_t = 0, requires = "model_config_file")]
    pub(crate) model_config_file_poll_wait_seconds: u64,
    /// Folder that clients may have models loaded from by a reload request [default: where the models are]
    #[arg(long, value_name = "DIR")]
    pub(crate) reload_root: Vec<PathBuf>,
    /// Let a reload request label versions that are not available yet
    #[arg(long)]
    pub(crate) allow_version_labels_for_unavailable_models: bool,
    /// Who decides what is loaded: `none` loads what is there at the start, `poll` looks again, `explicit` loads what
    /// clients ask for
    #[arg(long, value_enum, default_value_t = Control::Poll)]
    pub(crate) control: Control,
    /// Seconds between two looks under --control poll
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) poll_interval: u64,
    /// Model to load at the start under --control explicit; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) load: Vec<String>,
    /// Versions to serve of each model: `latest:N`, `all` or `specific:N,M`
    #[arg(long, value_name = "POLICY", default_value = "latest:1", value_parser = parse_policy)]
    pub(crate) versions: VersionPolicy,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) bind: IpAddr,
    /// TensorFlow Serving gRPC port; `0` takes a free one, `off` opens none
    #[arg(long, default_value = "8500", value_parser = parse_port)]
    pub(crate) grpc_port: Port,
    /// TensorFlow Serving REST port; `0` takes a free one, `off` opens none
    #[arg(long, default_value = "8501", value_parser = parse_port)]
    pub(crate) rest_port: Port,
    /// Open Inference Protocol (Triton, KServe v2) REST port
    #[arg(long, default_value = "8000", value_parser = parse_port)]
    pub(crate) oip_rest_port: Port,
    /// Open Inference Protocol gRPC port; every gRPC port serves every gRPC service
    #[arg(long, default_value = "8001", value_parser = parse_port)]
    pub(crate) oip_grpc_port: Port,
    /// KServe v1 port, which answers the Open Inference Protocol too
    #[arg(long, default_value = "8080", value_parser = parse_port)]
    pub(crate) http_port: Port,
    /// Let clients on this machine pass tensors in POSIX shared memory objects whose names begin so
    #[arg(long, value_name = "PREFIX", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) shared_memory_prefix: Option<String>,
    /// Certificate chain, PEM, the server's own first: turns TLS on for every port; read again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key", env = "WHARF_TLS_CERT")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert", env = "WHARF_TLS_KEY")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Demand of every client a certificate that an authority in this PEM file has signed
    #[arg(long, value_name = "FILE", requires = "tls_cert", env = "WHARF_TLS_CLIENT_CA")]
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// Add this to every port
    #[arg(long, default_value_t = 0)]
    pub(crate) port_offset: u16,
    /// Threads that compute [default: one per core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Seconds that running requests may take to finish after Ctrl-C or SIGTERM
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) drain_timeout: u64,
    /// Write the ports as JSON to this file once every model is ready
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

/// Who decides what is loaded.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    None,
    Poll,
    Explicit,
}

/// A port, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Port(pub(crate) Option<u16>);

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
pub(crate) enum ModelsCommand {
    /// List models and versions
    Ls {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        repository: RepositoryArg,
    },
    /// Show a model's manifest in words
    Show {
        /// `NAME` (the newest version) or `NAME/VERSION`
        model: String,
        /// Print the manifest as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        repository: RepositoryArg,
    },
    /// Check every file against its hash and replay the goldens
    Verify {
        /// `NAME` (all its versions) or `NAME/VERSION`; everything if not given
        model: Option<String>,
        #[command(flatten)]
        repository: RepositoryArg,
    },
    /// Remove one version, or with --all every version of a model
    Rm {
        /// `NAME/VERSION`, or `NAME` with --all
        model: String,
        /// Remove every version
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        repository: RepositoryArg,
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
    /// The recipe whose layers the weights fit
    #[arg(value_name = "RECIPE.toml")]
    pub(crate) recipe: PathBuf,
    /// The weights: a PyTorch state dict (.pth, .pt) or .safetensors
    #[arg(value_name = "WEIGHTS")]
    pub(crate) weights: PathBuf,
    /// Take the data (class names, goldens, evaluation) from here instead of where the recipe says
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Publish under this name instead of the recipe's
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
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

fn parse_port(text: &str) -> Result<Port, String> {
    match text {
        "off" => Ok(Port(None)),
        number => {
            number.parse().map(|port| Port(Some(port))).map_err(|_| "expected 0 to 65535 or `off`".to_owned())
        }
    }
}

fn parse_policy(text: &str) -> Result<VersionPolicy, String> {
    let expected = || "expected `latest:N`, `all` or `specific:N,M`".to_owned();
    let (kind, numbers) = text.split_once(':').unwrap_or((text, ""));
    let numbers = numbers.split(',').filter(|number| !number.is_empty()).map(str::parse::<u64>);
    let numbers = numbers.collect::<Result<BTreeSet<_>, _>>().map_err(|_| expected())?;
    match (kind, numbers.len()) {
        ("all", 0) => Ok(VersionPolicy::All),
        ("latest", 1) if !numbers.contains(&0) => {
            let count = numbers.first().and_then(|count| usize::try_from(*count).ok());
            count.map(VersionPolicy::Latest).ok_or_else(expected)
        }
        ("specific", 1..) => Ok(VersionPolicy::Specific(numbers)),
        _ => Err(expected()),
    }
}

fn parse_named_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("expected NAME=PATH".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn policies_are_words_and_numbers() {
        for (text, expected) in [
            ("all", Some(VersionPolicy::All)),
            ("latest:2", Some(VersionPolicy::Latest(2))),
            ("specific:3,1", Some(VersionPolicy::Specific([1, 3].into()))),
            ("latest", None),
            ("latest:0", None),
            ("latest:1,2", None),
            ("specific:", None),
            ("specific:x", None),
            ("all:1", None),
            ("newest", None),
        ] {
            assert_eq!(parse_policy(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn ports_are_numbers_or_off() {
        assert_eq!(parse_port("off"), Ok(Port(None)));
        assert_eq!(parse_port("8500"), Ok(Port(Some(8500))));
        assert!(parse_port("65536").is_err());
    }
}
