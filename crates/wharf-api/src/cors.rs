//! Which pages of other origins may read replies in a browser.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::{Method, Request, Response, StatusCode};
use tonic::body::Body;

use crate::rest::reply;

/// What a page must see of a reply with raw tensors, and when to come again.
const EXPOSED: HeaderValue = HeaderValue::from_static("inference-header-content-length, retry-after");
/// For how many seconds a browser need not ask again.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The origins whose pages may read replies: none, unless somebody decides otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Cors(Arc<[String]>);

impl Cors {
    /// Pages of these origins; `*` is every origin.
    pub(crate) fn new(origins: &[String]) -> Self {
        Self(origins.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect())
    }

    /// The origin of a request, where it may read the reply.
    pub(crate) fn origin_of(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        let origin = headers.get(ORIGIN)?;
        let text = origin.to_str().ok()?.to_ascii_lowercase();
        self.0.iter().any(|allowed| allowed == "*" || *allowed == text).then(|| origin.clone())
    }

    /// The answer to a browser that asks before it sends; `None` where it does not ask.
    pub(crate) fn preflight<B>(request: &Request<B>, origin: &HeaderValue) -> Option<Response<Body>> {
        let headers = request.headers();
        if request.method() != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let mut response = reply(StatusCode::OK, "text/plain", Bytes::new());
        Self::allow(&mut response, origin.clone());
        let answer = response.headers_mut();
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        if let Some(wanted) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        Some(response)
    }

    /// Lets pages of `origin` read the reply. Nothing here goes by cookies, so they are not let through.
    pub(crate) fn allow(response: &mut Response<Body>, origin: HeaderValue) {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origins: &[&str], origin: &str) -> bool {
        let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_str(origin).unwrap());
        Cors::new(&origins).origin_of(&headers).is_some()
    }

    #[test]
    fn an_origin_is_allowed_whole_or_not_at_all() {
        let one = ["https://A.example/"];
        assert!(allowed(&one, "https://a.example") && allowed(&["*"], "https://b.example"));
        for other in [
            "http://a.example",
            "https://a.example:8443",
            "https://a.example.evil",
            "https://evil.a.example",
            "null",
        ] {
            assert!(!allowed(&one, other), "{other}");
        }
        assert!(!allowed(&[], "https://a.example"));
    }

    #[test]
    fn browsers_that_ask_first_hear_what_they_may_send() {
        let origin = HeaderValue::from_static("https://a.example");
        let request = |method: Method, asks: bool| {
            let request = Request::builder().method(method).header(ORIGIN, &origin);
            let asking = |request: http::request::Builder| {
                request
                    .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
                    .header(ACCESS_CONTROL_REQUEST_HEADERS, "content-type")
            };
            if asks { asking(request) } else { request }.body(()).unwrap()
        };
        let response = Cors::preflight(&request(Method::OPTIONS, true), &origin).unwrap();
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], origin);
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "content-type");
        for other in [request(Method::OPTIONS, false), request(Method::POST, true)] {
            assert!(Cors::preflight(&other, &origin).is_none());
        }
    }
}
