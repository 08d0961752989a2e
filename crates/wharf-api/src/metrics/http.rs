//! Requests of language models by path and status, under the names that vLLM's dashboards know. What a model does with them
//! is counted by the model.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Method, StatusCode};
use wharf_metrics::{Family, Kind, Sample};

/// Paths that are counted under their own names.
const PATHS: [&str; 25] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/rerank",
    "/rerank",
    "/tokenize",
    "/detokenize",
    "/tokenizer_info",
    "/v1/responses",
    "/v1/files",
    "/v1/batches",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/api/chat",
    "/api/generate",
    "/api/embed",
    "/api/embeddings",
    "/api/show",
    "/api/tags",
    "/api/ps",
    "/api/version",
    "/api/pull",
    "/api/copy",
    "/api/delete",
    "/api/create",
];
/// Those with names of clients in them.
const PARENTS: [(&str, &str); 4] = [
    ("/v1/models/", "/v1/models/{model}"),
    ("/v1/responses/", "/v1/responses/{response_id}"),
    ("/v1/files/", "/v1/files/{file_id}"),
    ("/v1/batches/", "/v1/batches/{batch_id}"),
];
const METHODS: [&str; 5] = ["GET", "POST", "DELETE", "HEAD", "OPTIONS"];
/// What any client can make up shares one label.
const OTHER: &str = "other";

type Key = (&'static str, &'static str, u16);

/// How often what was asked and how it was answered.
#[derive(Debug, Default)]
pub(crate) struct HttpMetrics(Mutex<BTreeMap<Key, u64>>);

impl HttpMetrics {
    /// One more request. A stream counts by the status that it begins with.
    pub(crate) fn count(&self, method: &Method, path: &str, status: StatusCode) {
        let known = METHODS.into_iter().find(|known| *known == method.as_str());
        let key = (handler(path), known.unwrap_or(OTHER), status.as_u16());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
    }

    /// A collector of the counts.
    pub(crate) fn collector(self: &Arc<Self>) -> impl Fn(&mut Vec<Family>) + Send + Sync + use<> {
        let metrics = Arc::clone(self);
        move |families| {
            let help = "Requests of language models by path, method and status.";
            let mut family = Family::new("http_requests_total", Kind::Counter).with_help(help);
            for ((handler, method, status), count) in
                metrics.0.lock().unwrap_or_else(PoisonError::into_inner).iter()
            {
                let sample = Sample::number(*count as f64).with_label("handler", *handler);
                family.push(sample.with_label("method", *method).with_label("status", status.to_string()));
            }
            families.push(family);
        }
    }
}

/// The label of a path: there are only so many.
fn handler(path: &str) -> &'static str {
    let exact = PATHS.into_iter().find(|known| *known == path);
    let below = || PARENTS.into_iter().find(|(parent, _)| path.starts_with(parent)).map(|(_, name)| name);
    exact.or_else(below).unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_path_method_and_status() {
        let metrics = Arc::new(HttpMetrics::default());
        for (method, path, status) in [
            (Method::POST, "/v1/chat/completions", StatusCode::OK),
            (Method::POST, "/v1/chat/completions", StatusCode::OK),
            (Method::POST, "/v1/chat/completions", StatusCode::BAD_REQUEST),
            (Method::GET, "/v1/models/secret", StatusCode::NOT_FOUND),
            (Method::from_bytes(b"EVIL").unwrap(), "/api/evil", StatusCode::NOT_FOUND),
        ] {
            metrics.count(&method, path, status);
        }
        let mut families = Vec::new();
        metrics.collector()(&mut families);
        let text = wharf_metrics::text::encode(&families);
        for line in [
            "http_requests_total{handler=\"/v1/chat/completions\",method=\"POST\",status=\"200\"} 2",
            "http_requests_total{handler=\"/v1/chat/completions\",method=\"POST\",status=\"400\"} 1",
            "http_requests_total{handler=\"/v1/models/{model}\",method=\"GET\",status=\"404\"} 1",
            "http_requests_total{handler=\"other\",method=\"other\",status=\"404\"} 1",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
