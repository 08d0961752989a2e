//! The flags of Triton's `tritonserver`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::{Translation, switch, traces};

/// Wharf with the flags of tritonserver; models are ONNX files in the same folders.
#[derive(Parser, Debug)]
#[command(name = "tritonserver", version)]
pub(super) struct TritonArgs {
    /// Folder of models, `<DIR>/<model>/<version>/model.onnx`
    #[arg(long, alias = "model-store", required = true)]
    model_repository: PathBuf,
    /// Who decides what is loaded
    #[arg(long, value_enum, default_value_t = ModelControl::None)]
    model_control_mode: ModelControl,
    /// Model to load at the start under explicit control; may be repeated
    #[arg(long)]
    load_model: Vec<String>,
    /// Seconds between two looks under poll
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    repository_poll_secs: u64,
    /// Stop where a model does not load
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "true", value_parser = switch)]
    exit_on_error: bool,
    /// Seconds that running requests may take to finish
    #[arg(long, default_value_t = 30)]
    exit_timeout_secs: u64,
    /// Models that load at the same time
    #[arg(long)]
    model_load_thread_count: Option<u16>,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "true", value_parser = switch)]
    allow_http: bool,
    #[arg(long, default_value_t = 8000)]
    http_port: u16,
    #[arg(long)]
    http_address: Option<IpAddr>,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "true", value_parser = switch)]
    allow_grpc: bool,
    #[arg(long, default_value_t = 8001)]
    grpc_port: u16,
    #[arg(long)]
    grpc_address: Option<IpAddr>,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "true", value_parser = switch)]
    allow_metrics: bool,
    #[arg(long, default_value_t = 8002)]
    metrics_port: u16,
    #[arg(long)]
    metrics_address: Option<IpAddr>,
    /// Traces: `mode=opentelemetry`, `level=TIMESTAMPS`, `rate=N`, `opentelemetry,url=URL`; may be repeated
    #[arg(long)]
    trace_config: Vec<String>,
    /// TLS on the ports
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "false", value_parser = switch)]
    grpc_use_ssl: bool,
    /// Demand certificates of clients
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "false", value_parser = switch)]
    grpc_use_ssl_mutual: bool,
    #[arg(long)]
    grpc_server_cert: Option<PathBuf>,
    #[arg(long)]
    grpc_server_key: Option<PathBuf>,
    #[arg(long)]
    grpc_root_cert: Option<PathBuf>,
    /// Log more
    #[arg(long, default_value_t = 0, num_args = 0..=1, default_missing_value = "1")]
    log_verbose: u32,
    /// Not a flag of tritonserver: write the ports to this file once every model is ready
    #[arg(long)]
    ready_file: Option<PathBuf>,
    /// The response cache, `local,size=BYTES`
    #[arg(long, value_name = "CACHE,KEY=VALUE")]
    cache_config: Vec<String>,
    /// The size of the response cache in the older spelling; 0 has none
    #[arg(long, value_name = "BYTES")]
    response_cache_byte_size: Option<u64>,
    #[command(flatten)]
    without_effect: WithoutEffect,
}

/// What tunes parts of Triton that are not here.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Accepted without effect")]
struct WithoutEffect {
    #[arg(long)]
    id: Option<String>,
    #[arg(long)]
    http_thread_count: Option<u32>,
    #[arg(long)]
    grpc_infer_thread_count: Option<u32>,
    #[arg(long)]
    grpc_infer_allocation_pool_size: Option<u32>,
    #[arg(long)]
    buffer_manager_thread_count: Option<u32>,
    #[arg(long)]
    pinned_memory_pool_byte_size: Option<u64>,
    #[arg(long)]
    cuda_memory_pool_byte_size: Vec<String>,
    #[arg(long)]
    min_supported_compute_capability: Option<f64>,
    #[arg(long)]
    backend_directory: Option<PathBuf>,
    #[arg(long)]
    cache_directory: Option<PathBuf>,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    allow_gpu_metrics: Option<bool>,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    allow_cpu_metrics: Option<bool>,
    #[arg(long)]
    metrics_interval_ms: Option<u64>,
    #[arg(long)]
    metrics_config: Vec<String>,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    log_info: Option<bool>,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    log_warning: Option<bool>,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    log_error: Option<bool>,
    #[arg(long)]
    log_format: Option<String>,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    strict_model_config: Option<bool>,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    disable_auto_complete_config: Option<bool>,
}

/// Triton's words for who decides.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum ModelControl {
    None,
    Poll,
    Explicit,
}

impl TritonArgs {
    /// The same for `wharf serve`.
    ///
    /// # Errors
    /// Flags contradict each other, or ask for what this server does not have.
    pub(super) fn translate(self) -> Result<Translation, String> {
        let mut to = Translation::default();
        self.ports(&mut to)?;
        self.models(&mut to);
        self.tls(&mut to)?;
        to.optional("--cache-bytes", self.cache_bytes()?.map(|bytes| bytes.to_string()));
        traces::translate(&self.trace_config, &mut to)?;
        to.value("--drain-timeout", self.exit_timeout_secs.to_string());
        to.optional("--parallel-loads", self.model_load_thread_count.map(|threads| threads.to_string()));
        to.optional("--ready-file", self.ready_file);
        if self.log_verbose > 0 {
            to.flag("--verbose");
        }
        if self.exit_on_error {
            to.flag("--exit-on-error");
        }
        self.without_effect.name(&mut to);
        Ok(to)
    }

    fn ports(&self, to: &mut Translation) -> Result<(), String> {
        let named = [
            ("--http-address", self.http_address),
            ("--grpc-address", self.grpc_address),
            ("--metrics-address", self.metrics_address),
        ];
        let mut given = named.into_iter().filter_map(|(name, address)| Some((name, address?)));
        let first = given.next();
        if let (Some((name, address)), Some((other, different))) =
            (first, given.find(|(_, address)| Some(*address) != first.map(|(_, first)| first)))
        {
            return Err(format!(
                "{name} {address} and {other} {different} differ, expected one address for all ports"
            ));
        }
        let bind = first.map_or(IpAddr::from([0, 0, 0, 0]), |(_, address)| address);
        let port = |is_on: bool, number: u16| if is_on { number.to_string() } else { "off".to_owned() };
        to.value("--bind", bind.to_string());
        to.value("--oip-rest-port", port(self.allow_http, self.http_port));
        to.value("--oip-grpc-port", port(self.allow_grpc, self.grpc_port));
        to.value("--metrics-port", port(self.allow_metrics, self.metrics_port));
        for other in ["--grpc-port", "--rest-port", "--http-port"] {
            to.value(other, "off");
        }
        Ok(())
    }

    fn models(&self, to: &mut Translation) {
        to.value("--repository", &self.model_repository);
        match self.model_control_mode {
            ModelControl::None => to.value("--control", "none"),
            ModelControl::Explicit => to.value("--control", "explicit"),
            ModelControl::Poll => to.value("--poll-interval", self.repository_poll_secs.to_string()),
        }
        for model in &self.load_model {
            to.value("--load", model);
        }
    }

    /// The size of the response cache, where there is to be one.
    fn cache_bytes(&self) -> Result<Option<u64>, String> {
        if !self.cache_config.is_empty() && self.response_cache_byte_size.is_some() {
            return Err(
                "--cache-config and --response-cache-byte-size are both given, expected one".to_owned()
            );
        }
        let mut size = self.response_cache_byte_size;
        for setting in &self.cache_config {
            let problem = || format!("--cache-config is `{setting}`, expected `local,size=BYTES`");
            let value = setting.strip_prefix("local,size=").ok_or_else(problem)?;
            size = Some(value.parse().map_err(|_| problem())?);
        }
        Ok(size.filter(|bytes| *bytes > 0))
    }

    fn tls(&self, to: &mut Translation) -> Result<(), String> {
        let is_on = self.grpc_use_ssl || self.grpc_use_ssl_mutual;
        let (certificate, key) = match (&self.grpc_server_cert, &self.grpc_server_key) {
            (Some(certificate), Some(key)) if is_on => (certificate, key),
            (None, None) if !is_on && self.grpc_root_cert.is_none() => return Ok(()),
            _ if is_on => {
                return Err("--grpc-use-ssl needs --grpc-server-cert and --grpc-server-key".to_owned());
            }
            _ => return Err("certificates are given without --grpc-use-ssl".to_owned()),
        };
        to.value("--tls-cert", certificate);
        to.value("--tls-key", key);
        match (&self.grpc_root_cert, self.grpc_use_ssl_mutual) {
            (Some(root), true) => to.value("--tls-client-ca", root),
            (None, true) => return Err("--grpc-use-ssl-mutual needs --grpc-root-cert".to_owned()),
            (Some(_), false) => {
                return Err("--grpc-root-cert is given without --grpc-use-ssl-mutual".to_owned());
            }
            (None, false) => {}
        }
        to.no_effect(self.allow_http, "--grpc-use-ssl on gRPC alone", "every port speaks TLS");
        Ok(())
    }
}

impl WithoutEffect {
    fn name(&self, to: &mut Translation) {
        let threads = "threads are shared by all connections";
        let gpu = "models run on the processor";
        let config = "a config.pbtxt is read where there is one";
        to.no_effect(self.id.is_some(), "--id", "the server goes by its own name");
        to.no_effect(self.http_thread_count.is_some(), "--http-thread-count", threads);
        to.no_effect(self.grpc_infer_thread_count.is_some(), "--grpc-infer-thread-count", threads);
        to.no_effect(
            self.grpc_infer_allocation_pool_size.is_some(),
            "--grpc-infer-allocation-pool-size",
            "messages are not pooled",
        );
        to.no_effect(self.buffer_manager_thread_count.is_some(), "--buffer-manager-thread-count", threads);
        to.no_effect(self.pinned_memory_pool_byte_size.is_some(), "--pinned-memory-pool-byte-size", gpu);
        to.no_effect(!self.cuda_memory_pool_byte_size.is_empty(), "--cuda-memory-pool-byte-size", gpu);
        to.no_effect(
            self.min_supported_compute_capability.is_some(),
            "--min-supported-compute-capability",
            gpu,
        );
        to.no_effect(self.backend_directory.is_some(), "--backend-directory", "the one back end is built in");
        to.no_effect(self.cache_directory.is_some(), "--cache-directory", "the one cache is built in");
        let metrics = "every metric is there, read when it is scraped";
        to.no_effect(self.allow_gpu_metrics.is_some(), "--allow-gpu-metrics", gpu);
        to.no_effect(self.allow_cpu_metrics.is_some(), "--allow-cpu-metrics", metrics);
        to.no_effect(self.metrics_interval_ms.is_some(), "--metrics-interval-ms", metrics);
        to.no_effect(!self.metrics_config.is_empty(), "--metrics-config", metrics);
        let log = "WHARF_LOG says what is logged, and clients may change that";
        to.no_effect(self.log_info.is_some(), "--log-info", log);
        to.no_effect(self.log_warning.is_some(), "--log-warning", log);
        to.no_effect(self.log_error.is_some(), "--log-error", log);
        to.no_effect(self.log_format.is_some(), "--log-format", log);
        to.no_effect(self.strict_model_config.is_some(), "--strict-model-config", config);
        to.no_effect(self.disable_auto_complete_config.is_some(), "--disable-auto-complete-config", config);
    }
}

#[cfg(test)]
mod tests {
    use super::super::served;
    use crate::cli::{Control, Port};

    #[test]
    fn the_usual_flags_are_understood() {
        let arguments = served(&[
            "tritonserver",
            "--model-repository=/models",
            "--model-control-mode=explicit",
            "--load-model=a",
            "--load-model",
            "b",
            "--http-port=9000",
            "--allow-grpc=false",
            "--exit-on-error=false",
            "--exit-timeout-secs=7",
            "--log-verbose=1",
            "--cache-config=local,size=1048576",
        ])
        .unwrap();
        assert_eq!(arguments.repository.as_deref(), Some(std::path::Path::new("/models")));
        assert_eq!(
            (arguments.control, arguments.load.clone()),
            (Control::Explicit, vec!["a".into(), "b".into()])
        );
        assert_eq!((arguments.oip_rest_port, arguments.oip_grpc_port), (Port(Some(9000)), Port(None)));
        assert_eq!((arguments.grpc_port, arguments.rest_port), (Port(None), Port(None)));
        assert_eq!(arguments.cache_bytes, Some(1 << 20));
        assert_eq!((arguments.drain_timeout, arguments.exit_on_error), (7, false));
        assert_eq!(arguments.observe.metrics_port, Port(Some(8002)));
    }

    #[test]
    fn metrics_have_a_port_or_none() {
        for (flag, expected) in [("--metrics-port=9002", Some(9002)), ("--allow-metrics=false", None)] {
            let flags =
                ["tritonserver", "--model-store=/m", flag, "--allow-gpu-metrics=false", "--log-info=1"];
            assert_eq!(served(&flags).unwrap().observe.metrics_port, Port(expected), "{flag}");
        }
    }

    #[test]
    fn models_are_loaded_once_unless_told_otherwise_and_a_failure_ends_the_server() {
        let arguments = served(&["tritonserver", "--model-store", "/models"]).unwrap();
        assert_eq!((arguments.control, arguments.exit_on_error), (Control::None, true));
        let poll =
            ["tritonserver", "--model-store=/m", "--model-control-mode=poll", "--repository-poll-secs=3"];
        let arguments = served(&poll).unwrap();
        assert_eq!((arguments.control, arguments.poll_interval), (Control::Poll, 3));
    }

    #[test]
    fn what_contradicts_itself_or_is_unknown_is_refused() {
        for (flags, expected) in [
            (&[][..], "--model-repository"),
            (&["--model-store=/m", "--http-address=127.0.0.1", "--grpc-address=::1"], "differ"),
            (&["--model-store=/m", "--http-address=::1", "--metrics-address=127.0.0.1"], "differ"),
            (&["--model-store=/m", "--trace-config=level=TIMESTAMPS"], "expected mode=opentelemetry"),
            (&["--model-store=/m", "--grpc-use-ssl"], "--grpc-server-cert"),
            (
                &["--model-store=/m", "--grpc-server-cert=/c", "--grpc-server-key=/k"],
                "without --grpc-use-ssl",
            ),
            (&["--model-store=/m", "--cache-config=redis,host=h"], "expected `local,size=BYTES`"),
            (
                &["--model-store=/m", "--cache-config=local,size=1", "--response-cache-byte-size=1"],
                "expected one",
            ),
            (&["--model-store=/m", "--rate-limit=execution_count"], "--rate-limit"),
        ] {
            let words = [&["tritonserver"], flags].concat();
            let error = served(&words).unwrap_err();
            assert!(error.contains(expected), "{flags:?}: {error}");
        }
    }
}
