//! Which path means what. Paths are matched without regard to case; names and labels are percent-decoded once.

use http::Method;
use wharf_infer::{ModelRef, ServiceError, VersionChoice};

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// The states of a model's versions.
    Status(ModelRef),
    /// The signatures of a model.
    Metadata(ModelRef),
    /// A call of a model.
    Call(ModelRef, Verb),
}

/// The calls there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Predict,
    Classify,
    Regress,
}

impl Route {
    /// The route of a request; `None` where the path belongs to no interface at all.
    pub(super) fn parse(method: &Method, path: &str) -> Option<Result<Self, ServiceError>> {
        strip(path, "/v1/")?;
        let malformed = || {
            let shown: String = path.chars().take(256).collect();
            ServiceError::invalid_argument(format!("Malformed request: {method} {shown}"))
        };
        let rest = strip(path, "/v1/models");
        let parsed = match (rest, method) {
            (Some(rest), &Method::GET) => parse_get(rest),
            (Some(rest), &Method::POST) => parse_post(rest),
            _ => None,
        };
        Some(parsed.unwrap_or_else(|| Err(malformed())))
    }
}

/// `None` where the path has another form.
type Parsed = Option<Result<Route, ServiceError>>;

/// `(/NAME)?(/versions/N|/labels/L)?(/metadata)?`
fn parse_get(rest: &str) -> Parsed {
    let is_metadata_at = |tail: &str| tail.eq_ignore_ascii_case("/metadata");
    let with_tail = |name: &str, rest: &str| {
        let (version, tail) = take_version(rest);
        if !tail.is_empty() && !is_metadata_at(tail) {
            return None;
        }
        Some(model(name, version).map(|model| match tail {
            "" => Route::Status(model),
            _ => Route::Metadata(model),
        }))
    };
    if let Some((name, tail)) = take_segment(rest)
        && let Some(route) = with_tail(name, tail)
    {
        return Some(route);
    }
    let nameless = with_tail("", rest)?;
    Some(nameless.and(Err(ServiceError::invalid_argument("Missing model name in request."))))
}

/// `/NAME(/versions/N|/labels/L)?:VERB`
fn parse_post(rest: &str) -> Parsed {
    let (name, rest) = take_segment(rest)?;
    let (version, rest) = take_version(rest);
    let verb = match rest.strip_prefix(':')?.to_ascii_lowercase().as_str() {
        "predict" => Verb::Predict,
        "classify" => Verb::Classify,
        "regress" => Verb::Regress,
        _ => return None,
    };
    Some(model(name, version).map(|model| Route::Call(model, verb)))
}

/// How a path chooses a version.
enum PathVersion<'a> {
    Latest,
    Number(&'a str),
    Label(&'a str),
}

fn take_version(rest: &str) -> (PathVersion<'_>, &str) {
    if let Some((number, tail)) = strip(rest, "/versions").and_then(take_segment)
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        return (PathVersion::Number(number), tail);
    }
    match strip(rest, "/labels").and_then(take_segment) {
        Some((label, tail)) => (PathVersion::Label(label), tail),
        None => (PathVersion::Latest, rest),
    }
}

fn model(name: &str, version: PathVersion<'_>) -> Result<ModelRef, ServiceError> {
    let version = match version {
        PathVersion::Latest => VersionChoice::Latest,
        PathVersion::Label(label) => VersionChoice::Label(decoded(label)?),
        PathVersion::Number(number) => VersionChoice::Specific(number.parse().map_err(|_| {
            let shown: String = number.chars().take(64).collect();
            ServiceError::invalid_argument(format!("Failed to convert version: {shown} to numeric."))
        })?),
    };
    Ok(ModelRef { name: decoded(name)?, version })
}

/// A slash and what follows it, up to the next slash or colon.
fn take_segment(rest: &str) -> Option<(&str, &str)> {
    let rest = rest.strip_prefix('/')?;
    let end = rest.find(['/', ':']).unwrap_or(rest.len());
    (end > 0).then(|| rest.split_at(end))
}

/// What follows `prefix`, whatever its case.
fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn decoded(name: &str) -> Result<String, ServiceError> {
    let bytes = percent_encoding::percent_decode_str(name);
    let text = bytes.decode_utf8().map_err(|_| ServiceError::invalid_argument("path is not UTF-8"))?;
    Ok(text.into_owned())
}
