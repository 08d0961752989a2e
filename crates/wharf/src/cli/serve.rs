//! What can be typed after `wharf serve`.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wharf_serve::VersionPolicy;

use super::compat::Compat;
use super::network::NetworkArgs;
use super::observe::ObserveArgs;
use super::serve_language::LanguageArgs;

#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// Take the flags of another server instead of these: `wharf serve --compat tfs --help` lists them
    #[arg(long, value_enum, value_name = "SERVER")]
    pub(crate) compat: Option<Compat>,
    /// A lone .onnx or .gguf file or a bundle folder, served under the name of its file or folder
    #[arg(value_name = "MODEL", conflicts_with_all = ["repository", "model"])]
    pub(crate) path: Option<PathBuf>,
    /// Folder of published models, `<DIR>/<model>/<version>/` [default: repository]
    #[arg(long, value_name = "DIR", env = "WHARF_REPOSITORY")]
    pub(crate) repository: Option<PathBuf>,
    /// Serve PATH (a model folder with versions, a bundle, an .onnx or a .gguf file) under NAME; may be repeated
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
    /// Serve VERSION of the model NAME under LABEL too; may be repeated
    #[arg(long, value_name = "NAME:LABEL=VERSION", value_parser = parse_label, conflicts_with = "model_config_file")]
    pub(crate) label: Vec<VersionLabel>,
    /// Let --label and reload requests label versions that are not available yet
    #[arg(long)]
    pub(crate) allow_version_labels_for_unavailable_models: bool,
    /// Who decides what is loaded: `none` loads what is there at the start, `poll` looks again, `explicit` loads what
    /// clients ask for
    #[arg(long, value_enum, default_value_t = Control::Poll)]
    pub(crate) control: Control,
    /// Seconds between two looks under --control poll
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) poll_interval: u64,
    /// Under --control poll, do not look at once where the file system says that something changed
    #[arg(long)]
    pub(crate) no_file_events: bool,
    /// Model to load at the start under --control explicit; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) load: Vec<String>,
    /// Load each model with its first request, and not at the start
    #[arg(long)]
    pub(crate) on_demand: bool,
    /// The most memory that models take together, such as 512MiB or 2GiB: the one used longest ago makes place for
    /// the next; implies --on-demand
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory_budget: Option<u64>,
    /// Unload a model that nobody asked for this long; implies --on-demand
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) unload_after: Option<u64>,
    /// Model that is loaded at the start and stays, under --on-demand; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) pin: Vec<String>,
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
    /// Port of the language models (OpenAI, Anthropic, Ollama), KServe v1 and the Open Inference Protocol
    #[arg(long, default_value = "8080", value_parser = parse_port)]
    pub(crate) http_port: Port,
    #[command(flatten)]
    pub(crate) observe: ObserveArgs,
    #[command(flatten)]
    pub(crate) language: LanguageArgs,
    /// Let clients on this machine pass tensors in POSIX shared memory objects whose names begin so
    #[arg(long, value_name = "PREFIX", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) shared_memory_prefix: Option<String>,
    /// Send tensors over TensorFlow Serving's gRPC as raw bytes, not as lists of values
    #[arg(long)]
    pub(crate) tensor_content_replies: bool,
    /// Milliseconds that a REST call may take; gRPC clients say themselves how long they wait
    #[arg(long, value_name = "MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rest_timeout_ms: u64,
    /// TLS as TensorFlow Serving's SSLConfig has it, with keys and certificates in the file
    #[arg(long, value_name = "FILE", conflicts_with = "tls_cert")]
    pub(crate) ssl_config_file: Option<PathBuf>,
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
    /// How requests are joined and how many may wait, as TensorFlow Serving's BatchingParameters has it
    #[arg(long, value_name = "FILE", conflicts_with = "p99_target_ms")]
    pub(crate) batching_parameters_file: Option<PathBuf>,
    /// Learn how many requests to join, and how long one may wait for others, from this 99th percentile of latency
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) p99_target_ms: Option<u64>,
    /// Requests that may wait for one model; under overload fewer may, so that answers are not late [default: 512]
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_queue_size: Option<usize>,
    /// Sequences of requests that may be open to one version of a model that keeps states [default: 65536]
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_sequences: Option<usize>,
    /// Those that one caller may have open [default: 16384]
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_sequences_per_caller: Option<usize>,
    /// Memory that the states of the sequences of one version may take [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_sequence_memory: Option<u64>,
    /// Remember answers in this much memory, such as 256MiB, and give them again to equal requests: those of models
    /// whose config.pbtxt says `response_cache { enable: true }`, and of --cache-model
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) cache_bytes: Option<u64>,
    /// Model whose answers are remembered, `*` for all; may be repeated
    #[arg(long, value_name = "NAME", requires = "cache_bytes")]
    pub(crate) cache_model: Vec<String>,
    /// Run every model in a process of its own, so that a fault of native code takes nobody with it
    #[arg(long, value_enum, default_value_t = IsolationArg::Shared)]
    pub(crate) isolation: IsolationArg,
    /// Run this model in a process of its own; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) isolate: Vec<String>,
    /// Threads that compute [default: one per core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Runs of one model that there may be at once: the threads are divided among them [default: one per thread]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) instances: Option<u16>,
    /// Threads that one run uses within an operator: more than 1 answers few callers faster, and many more slowly
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) intra_threads: u16,
    /// Operators of one run that may be computed side by side
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) inter_threads: u16,
    /// Models that load at the same time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) parallel_loads: u16,
    /// Serve versions without running their recorded requests (assets.extra/tf_serving_warmup_requests and
    /// assets.extra/requests.jsonl) first
    #[arg(long)]
    pub(crate) no_warm_up: bool,
    /// Have versions answer what this request log has of their model before they are served: its first 1,000 requests
    /// that succeeded
    #[arg(long, value_name = "FILE.jsonl", conflicts_with = "no_warm_up")]
    pub(crate) warm_up_log: Option<PathBuf>,
    /// Stop where a model does not load at the start
    #[arg(long)]
    pub(crate) exit_on_error: bool,
    /// Seconds that running requests may take to finish after Ctrl-C or SIGTERM
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) drain_timeout: u64,
    /// Write the ports as JSON to this file once every model is ready
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// Who decides what is loaded.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    None,
    Poll,
    Explicit,
}

/// Where models run.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsolationArg {
    /// In the server's process
    Shared,
    /// Each in one of its own
    Process,
}

/// Another name for a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VersionLabel {
    pub(crate) model: String,
    pub(crate) label: String,
    pub(crate) version: u64,
}

fn parse_label(text: &str) -> Result<VersionLabel, String> {
    let parts = text.split_once(':').and_then(|(model, rest)| Some((model, rest.rsplit_once('=')?)));
    let label = parts.and_then(|(model, (label, version))| {
        let version = version.parse().ok().filter(|version| *version > 0)?;
        Some(VersionLabel { model: model.to_owned(), label: label.to_owned(), version })
    });
    let label = label.filter(|label| !label.model.is_empty() && !label.label.is_empty());
    label.ok_or_else(|| "expected NAME:LABEL=VERSION, such as `fashion:stable=3`".to_owned())
}

/// A port, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Port(pub(crate) Option<u16>);

pub(super) fn parse_port(text: &str) -> Result<Port, String> {
    match text {
        "off" => Ok(Port(None)),
        number => {
            number.parse().map(|port| Port(Some(port))).map_err(|_| "expected 0 to 65535 or `off`".to_owned())
        }
    }
}

/// A number of bytes, with a unit or without.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let expected = || "expected a size such as 512MiB, 2GiB or 100MB".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(expected()),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(expected)
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

pub(super) fn parse_named_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("expected NAME=PATH".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn labels_are_of_a_version_of_a_model() {
        let label = |label: &str| VersionLabel { model: "m".to_owned(), label: label.to_owned(), version: 3 };
        assert_eq!(parse_label("m:stable=3"), Ok(label("stable")));
        assert_eq!(parse_label("m:a=b=3"), Ok(label("a=b")));
        for refused in
            ["", "m", "m:stable", "m=3", "m:=3", ":stable=3", "m:stable=", "m:stable=0", "m:stable=x"]
        {
            assert!(parse_label(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn sizes_are_numbers_with_units() {
        for (text, expected) in [
            ("1", Some(1)),
            ("512MiB", Some(512 << 20)),
            ("2 GiB", Some(2 << 30)),
            ("2g", Some(2 << 30)),
            ("100MB", Some(100_000_000)),
            ("0", None),
            ("MiB", None),
            ("1.5GiB", None),
            ("99999999999GiB", None),
        ] {
            assert_eq!(parse_size(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn ports_are_numbers_or_off() {
        assert_eq!(parse_port("off"), Ok(Port(None)));
        assert_eq!(parse_port("8500"), Ok(Port(Some(8500))));
        assert!(parse_port("65536").is_err());
    }
}
