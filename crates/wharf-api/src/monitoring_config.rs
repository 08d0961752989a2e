//! TensorFlow Serving's `MonitoringConfig`: whether Prometheus may read, and under which path of the REST port.

use wharf_textproto::{TextError, parse};

/// Where TensorFlow Serving has its metrics unless a file says otherwise.
pub const TFS_METRICS_PATH: &str = "/monitoring/prometheus/metrics";

/// The path that a text of `tensorflow.serving.MonitoringConfig` gives the metrics; `None` where it turns them off.
///
/// # Errors
/// The text is not in the format, or has a field that there is not.
pub fn read_monitoring_config(text: &str) -> Result<Option<String>, TextError> {
    let message = parse(text)?;
    let mut fields = message.fields("MonitoringConfig");
    let prometheus = fields.message("prometheus_config")?;
    fields.finish()?;
    let Some(prometheus) = prometheus else { return Ok(None) };
    let mut fields = prometheus.fields("PrometheusConfig");
    let is_on = fields.bool("enable")?.unwrap_or_default();
    let position = fields.position("path");
    let path = fields.string("path")?.filter(|path| !path.is_empty());
    fields.finish()?;
    let path = path.unwrap_or_else(|| TFS_METRICS_PATH.to_owned());
    if !path.starts_with('/') {
        let problem = format!("`path` is `{}`, expected one that begins with `/`", path.escape_default());
        return Err(TextError::new(position, problem));
    }
    Ok(is_on.then_some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_that_of_the_text_where_it_is_on() {
        for (text, expected) in [
            ("", Ok(None)),
            ("prometheus_config {}", Ok(None)),
            ("prometheus_config { enable: true }", Ok(Some(TFS_METRICS_PATH))),
            ("prometheus_config: { enable: true, path: '/m' }", Ok(Some("/m"))),
            ("prometheus_config { enable: false path: '/m' }", Ok(None)),
            ("prometheus_config { enable: true path: 'm' }", Err("expected one that begins with `/`")),
            ("prometheus_config { enabled: true }", Err("enable")),
            ("prometheus { }", Err("prometheus_config")),
        ] {
            let read = read_monitoring_config(text).map_err(|error| error.to_string());
            match (&read, expected) {
                (Ok(path), Ok(expected)) => assert_eq!(path.as_deref(), expected, "{text}"),
                (Err(error), Err(expected)) => assert!(error.contains(expected), "{text}: {error}"),
                _ => panic!("{text}: {read:?}"),
            }
        }
    }
}
