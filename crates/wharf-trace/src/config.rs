//! What a tracer is built from.

use std::fmt;

/// What a tracer is built from.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TraceConfig {
    /// Where the collector is; `/v1/traces` is added where there is no path.
    pub endpoint: String,
    /// The share of requests to trace of those whose caller has not decided; 0 to 1.
    pub sample: f64,
    /// Spans that may wait for being sent; more are dropped and counted.
    pub max_waiting: usize,
    /// What the collector is told that the spans are from.
    pub service: String,
}

/// A tracer that cannot be started.
#[derive(Debug)]
pub struct TraceError {
    message: String,
    source: Option<std::io::Error>,
}

impl TraceConfig {
    /// With the collector at `endpoint`: callers decide, no others are traced.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), sample: 0.0, max_waiting: 4096, service: "wharf".to_owned() }
    }

    /// With this share of the requests traced whose caller has not decided.
    #[must_use]
    pub fn with_sample(mut self, sample: f64) -> Self {
        self.sample = sample;
        self
    }

    /// With so many spans waiting at most.
    #[must_use]
    pub fn with_max_waiting(mut self, spans: usize) -> Self {
        self.max_waiting = spans;
        self
    }

    /// With this name of the service.
    #[must_use]
    pub fn with_service(mut self, service: impl Into<String>) -> Self {
        self.service = service.into();
        self
    }

    /// Where the spans are sent: OTLP's path, unless the endpoint has one.
    pub(crate) fn url(&self) -> Result<String, TraceError> {
        let endpoint = self.endpoint.as_str();
        let rest = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
        let is_printable = endpoint.bytes().all(|byte| byte.is_ascii_graphic());
        let Some(rest) = rest.filter(|rest| is_printable && !rest.is_empty() && !rest.starts_with('/'))
        else {
            return Err(TraceError::new(format!(
                "collector is `{}`, expected a URL that begins with http:// or https://",
                endpoint.escape_default()
            )));
        };
        Ok(match rest.split_once('/') {
            None | Some((_, "")) => format!("{}/v1/traces", endpoint.trim_end_matches('/')),
            Some(_) => endpoint.to_owned(),
        })
    }

    pub(crate) fn check(&self) -> Result<(), TraceError> {
        if !(0.0..=1.0).contains(&self.sample) {
            return Err(TraceError::new(format!("sample is {}, expected 0 to 1", self.sample)));
        }
        Ok(())
    }
}

impl TraceError {
    pub(crate) fn new(message: String) -> Self {
        Self { message, source: None }
    }

    pub(crate) fn thread(source: std::io::Error) -> Self {
        Self { message: "the thread that sends spans cannot be started".to_owned(), source: Some(source) }
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TraceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_that_of_otlp_unless_one_is_given() {
        for (endpoint, expected) in [
            ("http://localhost:4318", Some("http://localhost:4318/v1/traces")),
            ("http://localhost:4318/", Some("http://localhost:4318/v1/traces")),
            ("https://collector/custom", Some("https://collector/custom")),
            ("localhost:4318", None),
            ("http://", None),
            ("http:///v1", None),
            ("http://a b", None),
            ("ftp://host", None),
        ] {
            assert_eq!(TraceConfig::new(endpoint).url().ok().as_deref(), expected, "{endpoint}");
        }
    }

    #[test]
    fn samples_are_shares() {
        for (sample, is_share) in [(0.0, true), (1.0, true), (-0.1, false), (1.1, false), (f64::NAN, false)] {
            assert_eq!(
                TraceConfig::new("http://h").with_sample(sample).check().is_ok(),
                is_share,
                "{sample}"
            );
        }
    }
}
