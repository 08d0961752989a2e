//! The flags of TensorFlow Serving's `tensorflow_model_server`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Parser;

use super::{Translation, switch};

/// Wharf with the flags of tensorflow_model_server; models are ONNX files in the same folders.
#[derive(Parser, Debug)]
#[command(name = "tensorflow_model_server", version, rename_all = "snake_case")]
pub(super) struct TfsArgs {
    /// gRPC port; 0 opens none
    #[arg(long, default_value_t = 8500)]
    port: u16,
    /// REST port; 0 opens none
    #[arg(long, default_value_t = 0)]
    rest_api_port: u16,
    /// Time limit of a REST call
    #[arg(long, default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..))]
    rest_api_timeout_in_ms: u64,
    /// Name of the one model
    #[arg(long, default_value = "default")]
    model_name: String,
    /// Folder of the one model's versions
    #[arg(long, required_unless_present = "model_config_file")]
    model_base_path: Option<PathBuf>,
    /// Text of ModelServerConfig: several models, with policies and labels
    #[arg(long, conflicts_with = "model_base_path")]
    model_config_file: Option<PathBuf>,
    /// Read it again every so many seconds; 0 never
    #[arg(long, default_value_t = 0, requires = "model_config_file")]
    model_config_file_poll_wait_seconds: u64,
    /// Look for new versions every so many seconds; 0 looks once
    #[arg(long, default_value_t = 1)]
    file_system_poll_wait_seconds: u64,
    /// Let labels go to versions that are not available yet
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "false", value_parser = switch)]
    allow_version_labels_for_unavailable_models: bool,
    /// Join requests; here they are joined anyway, at no delay
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "false", value_parser = switch)]
    enable_batching: bool,
    /// Text of BatchingParameters; needs --enable_batching
    #[arg(long)]
    batching_parameters_file: Option<PathBuf>,
    /// Text of MonitoringConfig: metrics for Prometheus on the REST port
    #[arg(long)]
    monitoring_config_file: Option<PathBuf>,
    /// Text of SSLConfig
    #[arg(long)]
    ssl_config_file: Option<PathBuf>,
    /// Run the recorded requests of a version before it is served
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "true", value_parser = switch)]
    enable_model_warmup: bool,
    /// Send tensors as raw bytes over gRPC
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "false", value_parser = switch)]
    enable_serialization_as_tensor_content: bool,
    /// Models that load at the same time; 0 is the default
    #[arg(long, default_value_t = 0)]
    num_load_threads: u16,
    /// Threads within an operator and operators side by side; 0 is the default
    #[arg(long, default_value_t = 0)]
    tensorflow_session_parallelism: u16,
    /// Threads within an operator; 0 is the default
    #[arg(long, default_value_t = 0)]
    tensorflow_intra_op_parallelism: u16,
    /// Operators side by side; 0 is the default
    #[arg(long, default_value_t = 0)]
    tensorflow_inter_op_parallelism: u16,
    /// Socket file for gRPC; "unix:" in front of it is left out
    #[arg(long, default_value = "")]
    grpc_socket_path: String,
    /// Pages of every origin may read replies in a browser
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "false", value_parser = switch)]
    rest_api_enable_cors_support: bool,
    /// Not a flag of tensorflow_model_server: the address to listen on
    #[arg(long, default_value = "0.0.0.0")]
    bind: IpAddr,
    /// Not a flag of tensorflow_model_server: write the ports to this file once every model is ready
    #[arg(long)]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    without_effect: WithoutEffect,
}

/// What tunes parts of TensorFlow that are not here.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Accepted without effect", rename_all = "snake_case")]
struct WithoutEffect {
    #[arg(long)]
    grpc_channel_arguments: Option<String>,
    #[arg(long)]
    grpc_max_threads: Option<u32>,
    #[arg(long)]
    rest_api_num_threads: Option<u32>,
    #[arg(long)]
    num_unload_threads: Option<u32>,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    flush_filesystem_caches: Option<bool>,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    enable_profiler: Option<bool>,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    enable_grpc_healthcheck_service: Option<bool>,
    #[arg(long)]
    max_num_load_retries: Option<i64>,
    #[arg(long)]
    load_retry_interval_micros: Option<i64>,
    #[arg(long)]
    per_process_gpu_memory_fraction: Option<f64>,
    #[arg(long)]
    saved_model_tags: Option<String>,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    prefer_tflite_model: Option<bool>,
}

impl TfsArgs {
    /// The same for `wharf serve`.
    ///
    /// # Errors
    /// Flags contradict each other.
    pub(super) fn translate(self) -> Result<Translation, String> {
        let mut to = Translation::default();
        if self.batching_parameters_file.is_some() && !self.enable_batching {
            return Err("--batching_parameters_file needs --enable_batching".to_owned());
        }
        self.ports(&mut to);
        self.models(&mut to);
        self.threads(&mut to);
        to.optional("--ssl-config-file", self.ssl_config_file);
        to.optional("--batching-parameters-file", self.batching_parameters_file);
        to.optional("--ready-file", self.ready_file);
        if !self.enable_model_warmup {
            to.flag("--no-warm-up");
        }
        if self.enable_serialization_as_tensor_content {
            to.flag("--tensor-content-replies");
        }
        self.without_effect.name(&mut to);
        Ok(to)
    }

    fn ports(&self, to: &mut Translation) {
        let port = |number: u16| if number == 0 { "off".to_owned() } else { number.to_string() };
        to.value("--bind", self.bind.to_string());
        to.value("--grpc-port", port(self.port));
        to.value("--rest-port", port(self.rest_api_port));
        for other in ["--oip-rest-port", "--oip-grpc-port", "--http-port", "--metrics-port"] {
            to.value(other, "off");
        }
        match &self.monitoring_config_file {
            Some(file) => to.value("--monitoring-config-file", file),
            None => to.value("--rest-metrics-path", "off"),
        }
        to.value("--rest-timeout-ms", self.rest_api_timeout_in_ms.to_string());
        let socket = self.grpc_socket_path.trim_start_matches("unix:");
        to.optional("--unix-socket", Some(socket).filter(|socket| !socket.is_empty()));
        if self.rest_api_enable_cors_support {
            to.value("--cors-origin", "*");
        }
    }

    fn models(&self, to: &mut Translation) {
        if let Some(file) = &self.model_config_file {
            to.value("--model-config-file", file);
            let seconds = self.model_config_file_poll_wait_seconds;
            to.value("--model-config-file-poll-wait-seconds", seconds.to_string());
        }
        if let Some(path) = &self.model_base_path {
            let mut model = std::ffi::OsString::from(&self.model_name);
            model.push("=");
            model.push(path);
            to.value("--model", model);
        }
        match self.file_system_poll_wait_seconds {
            0 => to.value("--control", "none"),
            seconds => to.value("--poll-interval", seconds.to_string()),
        }
        if self.allow_version_labels_for_unavailable_models {
            to.flag("--allow-version-labels-for-unavailable-models");
        }
    }

    fn threads(&self, to: &mut Translation) {
        let given = |one: u16, other: u16| [one, other].into_iter().find(|threads| *threads > 0);
        let both = self.tensorflow_session_parallelism;
        let number = |threads: u16| threads.to_string();
        to.optional("--intra-threads", given(self.tensorflow_intra_op_parallelism, both).map(number));
        to.optional("--inter-threads", given(self.tensorflow_inter_op_parallelism, both).map(number));
        to.optional("--parallel-loads", given(self.num_load_threads, 0).map(number));
    }
}

impl WithoutEffect {
    fn name(&self, to: &mut Translation) {
        let tensorflow = "models run in ONNX Runtime";
        let threads = "threads are shared by all connections";
        let retries = "a model that failed is tried again with growing pauses";
        to.no_effect(
            self.grpc_channel_arguments.is_some(),
            "--grpc_channel_arguments",
            "limits have flags of their own",
        );
        to.no_effect(self.grpc_max_threads.is_some(), "--grpc_max_threads", threads);
        to.no_effect(self.rest_api_num_threads.is_some(), "--rest_api_num_threads", threads);
        to.no_effect(
            self.num_unload_threads.is_some(),
            "--num_unload_threads",
            "the last request of a version unloads it",
        );
        to.no_effect(
            self.flush_filesystem_caches.is_some(),
            "--flush_filesystem_caches",
            "the kernel manages its cache",
        );
        to.no_effect(
            self.enable_profiler == Some(true),
            "--enable_profiler",
            "there is no TensorFlow profiler",
        );
        to.no_effect(
            self.enable_grpc_healthcheck_service == Some(false),
            "--enable_grpc_healthcheck_service=false",
            "the health service is always there",
        );
        to.no_effect(self.max_num_load_retries.is_some(), "--max_num_load_retries", retries);
        to.no_effect(self.load_retry_interval_micros.is_some(), "--load_retry_interval_micros", retries);
        to.no_effect(
            self.per_process_gpu_memory_fraction.is_some(),
            "--per_process_gpu_memory_fraction",
            "models run on the processor",
        );
        to.no_effect(self.saved_model_tags.is_some(), "--saved_model_tags", tensorflow);
        to.no_effect(self.prefer_tflite_model == Some(true), "--prefer_tflite_model", tensorflow);
    }
}

#[cfg(test)]
mod tests {
    use super::super::served;
    use super::*;
    use crate::cli::{Control, Port};

    #[test]
    fn the_flags_of_the_container_entry_point_are_understood() {
        let arguments = served(&[
            "tensorflow_model_server",
            "--port=8500",
            "--rest_api_port=8501",
            "--model_name=half_plus_two",
            "--model_base_path=/models/half_plus_two",
        ])
        .unwrap();
        assert_eq!(arguments.bind.to_string(), "0.0.0.0");
        assert_eq!((arguments.grpc_port, arguments.rest_port), (Port(Some(8500)), Port(Some(8501))));
        assert_eq!((arguments.oip_rest_port, arguments.http_port), (Port(None), Port(None)));
        assert_eq!(
            (arguments.observe.metrics_port, arguments.observe.rest_metrics_path.0),
            (Port(None), None)
        );
        assert_eq!(arguments.model, [("half_plus_two".to_owned(), "/models/half_plus_two".into())]);
        assert_eq!((arguments.control, arguments.poll_interval), (Control::Poll, 1));
        assert!(arguments.network.unix_socket.is_none() && arguments.network.cors_origin.is_empty());
    }

    #[test]
    fn rest_is_off_unless_asked_for_and_switches_take_values() {
        let arguments = served(&[
            "wharf",
            "serve",
            "--compat=tfs",
            "--model_config_file=/m.conf",
            "--model_config_file_poll_wait_seconds=5",
            "--file_system_poll_wait_seconds=0",
            "--allow_version_labels_for_unavailable_models=true",
            "--rest_api_timeout_in_ms=1500",
            "--tensorflow_session_parallelism=3",
            "--tensorflow_inter_op_parallelism=2",
            "--enable_model_warmup=false",
            "--enable_batching",
            "--batching_parameters_file=/b.conf",
            "--enable_serialization_as_tensor_content",
            "--grpc_socket_path=unix:/run/tfs.sock",
            "--rest_api_enable_cors_support",
        ])
        .unwrap();
        assert_eq!((arguments.rest_port, arguments.control), (Port(None), Control::None));
        assert_eq!(arguments.model_config_file_poll_wait_seconds, 5);
        assert!(arguments.allow_version_labels_for_unavailable_models);
        assert_eq!((arguments.intra_threads, arguments.inter_threads), (3, 2));
        assert_eq!(arguments.rest_timeout_ms, 1500);
        assert!(arguments.no_warm_up && arguments.tensor_content_replies);
        assert_eq!(arguments.batching_parameters_file, Some("/b.conf".into()));
        assert_eq!(arguments.network.unix_socket, Some("/run/tfs.sock".into()));
        assert_eq!(arguments.network.cors_origin, ["*"]);
    }

    #[test]
    fn what_contradicts_itself_or_is_unknown_is_refused() {
        for (flags, expected) in [
            (&[][..], "--model_base_path"),
            (&["--model_base_path=/m", "--enable_batching=maybe"], "expected true or false"),
            (&["--model_base_path=/m", "--batching_parameters_file=/b"], "needs --enable_batching"),
            (&["--model_base_path=/m", "--platform_config_file=/p"], "--platform_config_file"),
            (&["--model_base_path=/m", "--use_alts_credentials"], "--use_alts_credentials"),
        ] {
            let words = [&["tensorflow_model_server"], flags].concat();
            let error = served(&words).unwrap_err();
            assert!(error.contains(expected), "{flags:?}: {error}");
        }
    }

    #[test]
    fn flags_without_effect_are_named() {
        let words = ["tfs", "--model_base_path=/m", "--prefer_tflite_model", "--grpc_max_threads=4"];
        let translation = TfsArgs::parse_from(words).translate().unwrap();
        assert_eq!(
            translation.without_effect,
            [
                "--grpc_max_threads has no effect: threads are shared by all connections",
                "--prefer_tflite_model has no effect: models run in ONNX Runtime",
            ]
        );
    }
}
