//! How `wharf serve` can be watched.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wharf_api::TFS_METRICS_PATH;

use super::serve::{Port, parse_port};

#[derive(Args, Debug)]
pub(crate) struct ObserveArgs {
    /// Port of metrics (Prometheus) and probes
    #[arg(long, default_value = "8002", value_parser = parse_port)]
    pub(crate) metrics_port: Port,
    /// Path of the metrics on the TensorFlow Serving REST port; `off` serves them on their own port alone
    #[arg(long, value_name = "PATH", default_value = TFS_METRICS_PATH, value_parser = parse_metrics_path)]
    pub(crate) rest_metrics_path: MetricsPath,
    /// The path as TensorFlow Serving's MonitoringConfig has it, as text, instead of --rest-metrics-path
    #[arg(long, value_name = "FILE", conflicts_with = "rest_metrics_path")]
    pub(crate) monitoring_config_file: Option<PathBuf>,
    /// Send traces to this OpenTelemetry collector, by OTLP over HTTP: `http://localhost:4318`
    #[arg(long, value_name = "URL", env = "WHARF_OTLP_ENDPOINT")]
    pub(crate) otlp_endpoint: Option<String>,
    /// Share of requests to trace, 0 to 1, of those that bring no `traceparent`: of the others the caller decides
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "otlp_endpoint")]
    pub(crate) trace_sample: f64,
    /// Write requests with their inputs to this file, a JSON object on each line; `wharf bench load --replay` and
    /// --warm-up-log read it
    #[arg(long, value_name = "FILE.jsonl")]
    pub(crate) request_log: Option<PathBuf>,
    /// What a line is: `lines` for objects that are small and exact, `cloudevents` for events as KServe's logger sends them
    #[arg(long, value_enum, default_value_t = RequestLogFormat::Lines, requires = "request_log")]
    pub(crate) request_log_format: RequestLogFormat,
    /// Share of requests to write, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, requires = "request_log")]
    pub(crate) request_log_sample: f64,
    /// Cut the file off at so many MiB; four older ones are kept beside it
    #[arg(long, value_name = "MIB", default_value_t = 256, requires = "request_log", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub(crate) request_log_max_mib: u64,
}

/// What the lines of a request log look like.
#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub(crate) enum RequestLogFormat {
    Lines,
    #[value(name = "cloudevents")]
    CloudEvents,
}

/// A path, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetricsPath(pub(crate) Option<String>);

/// A path on the REST port that hides none of the protocol's.
fn parse_metrics_path(text: &str) -> Result<MetricsPath, String> {
    if text == "off" {
        return Ok(MetricsPath(None));
    }
    let is_path = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?');
    if !is_path || text.starts_with("/v1/") {
        return Err("expected `off`, or a path that begins with `/` and not with `/v1/`".to_owned());
    }
    Ok(MetricsPath(Some(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_paths_hide_none_of_the_protocol() {
        assert_eq!(parse_metrics_path("off"), Ok(MetricsPath(None)));
        assert_eq!(parse_metrics_path("/m"), Ok(MetricsPath(Some("/m".to_owned()))));
        for refused in ["", "m", "/v1/models", "/a b", "/a?b", "/\u{e9}"] {
            assert!(parse_metrics_path(refused).is_err(), "{refused}");
        }
    }
}
