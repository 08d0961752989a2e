//! Which path means what.

use http::Method;
use wharf_infer::{ErrorCode, ServiceError};

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    ServerMetadata,
    Live,
    Ready,
    /// KServe's list of the models that answer.
    Models,
    Model(Target, ModelRoute),
    /// What was counted of every model.
    Statistics,
    /// How much is logged.
    Logs,
    ChangeLogs,
    /// Which requests are traced: of one model, or of all.
    Traces(String),
    ChangeTraces(String),
    Index,
    Load(String),
    Unload(String),
    /// The regions of shared memory: of one name, or all.
    MemoryStatus(String),
    MemoryRegister(String),
    MemoryUnregister(String),
}

/// A model and a version as the path names them; no version means the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) version: String,
}

/// What is asked of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ModelRoute {
    Metadata,
    Ready,
    Config,
    Statistics,
    Infer,
    /// Text from text; in parts as they are made, where it says so.
    Generate {
        is_stream: bool,
    },
}

/// Why there is no route.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoRoute {
    /// The path means nothing.
    Unknown,
    /// It does, though not by this method.
    OtherMethod,
    /// It is of an extension that this server does not do.
    Unsupported(&'static str),
    /// A name in it is no text.
    Malformed,
}

impl From<NoRoute> for ServiceError {
    fn from(why: NoRoute) -> Self {
        match why {
            NoRoute::Unknown => ServiceError::new(ErrorCode::NotFound, "Not Found"),
            NoRoute::OtherMethod => ServiceError::new(ErrorCode::Unimplemented, "Method Not Allowed"),
            NoRoute::Unsupported(what) => super::super::grpc::unimplemented(what),
            NoRoute::Malformed => ServiceError::invalid_argument("path is not UTF-8"),
        }
    }
}

impl Route {
    /// The route of a request. The path is split before it is decoded, and decoded once: a name cannot bring slashes.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn parse(method: &Method, path: &str) -> Result<Self, NoRoute> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let (route, wanted) = match segments.as_slice() {
            ["v2"] | ["v2", ""] => (Route::ServerMetadata, Method::GET),
            ["v2", "health", "live"] => (Route::Live, Method::GET),
            ["v2", "health", "ready"] => (Route::Ready, Method::GET),
            ["v2", "models"] => (Route::Models, Method::GET),
            ["v2", "models", "stats"] => (Route::Statistics, Method::GET),
            ["v2", "models", name, "trace", "setting"] if *method == Method::POST => {
                (Route::ChangeTraces(decoded(name)?), Method::POST)
            }
            ["v2", "models", name, "trace", "setting"] => (Route::Traces(decoded(name)?), Method::GET),
            ["v2", "models", name, "versions", version, rest @ ..] => model(name, version, rest)?,
            ["v2", "models", name, rest @ ..] => model(name, "", rest)?,
            ["v2", "repository", rest @ ..] => repository(rest)?,
            ["v2", "systemsharedmemory", rest @ ..] => memory(rest)?,
            ["v2", "cudasharedmemory", ..] => return Err(NoRoute::Unsupported("CUDA shared memory")),
            ["v2", "logging"] if *method == Method::POST => (Route::ChangeLogs, Method::POST),
            ["v2", "logging"] => (Route::Logs, Method::GET),
            ["v2", "trace", "setting"] if *method == Method::POST => {
                (Route::ChangeTraces(String::new()), Method::POST)
            }
            ["v2", "trace", "setting"] => (Route::Traces(String::new()), Method::GET),
            _ => return Err(NoRoute::Unknown),
        };
        if *method == wanted { Ok(route) } else { Err(NoRoute::OtherMethod) }
    }
}

fn model(name: &str, version: &str, rest: &[&str]) -> Result<(Route, Method), NoRoute> {
    let (route, method) = match rest {
        [] => (ModelRoute::Metadata, Method::GET),
        ["ready"] => (ModelRoute::Ready, Method::GET),
        ["config"] => (ModelRoute::Config, Method::GET),
        ["infer"] => (ModelRoute::Infer, Method::POST),
        ["stats"] => (ModelRoute::Statistics, Method::GET),
        ["generate"] => (ModelRoute::Generate { is_stream: false }, Method::POST),
        ["generate_stream"] => (ModelRoute::Generate { is_stream: true }, Method::POST),
        _ => return Err(NoRoute::Unknown),
    };
    let name = decoded(name)?;
    if name.is_empty() {
        return Err(NoRoute::Unknown);
    }
    Ok((Route::Model(Target { name, version: version.to_owned() }, route), method))
}

fn repository(rest: &[&str]) -> Result<(Route, Method), NoRoute> {
    let route = match rest {
        ["index"] => Route::Index,
        ["models", name, "load"] => Route::Load(decoded(name)?),
        ["models", name, "unload"] => Route::Unload(decoded(name)?),
        [_, "index"] | [_, "models", _, "load" | "unload"] => {
            return Err(NoRoute::Unsupported("named repositories"));
        }
        _ => return Err(NoRoute::Unknown),
    };
    Ok((route, Method::POST))
}

fn memory(rest: &[&str]) -> Result<(Route, Method), NoRoute> {
    Ok(match rest {
        ["status"] => (Route::MemoryStatus(String::new()), Method::GET),
        ["region", name, "status"] => (Route::MemoryStatus(decoded(name)?), Method::GET),
        ["region", name, "register"] => (Route::MemoryRegister(decoded(name)?), Method::POST),
        ["unregister"] => (Route::MemoryUnregister(String::new()), Method::POST),
        ["region", name, "unregister"] => (Route::MemoryUnregister(decoded(name)?), Method::POST),
        _ => return Err(NoRoute::Unknown),
    })
}

fn decoded(name: &str) -> Result<String, NoRoute> {
    let text = percent_encoding::percent_decode_str(name).decode_utf8();
    text.map(|text| text.into_owned()).map_err(|_| NoRoute::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, version: &str, route: ModelRoute) -> Route {
        Route::Model(Target { name: name.to_owned(), version: version.to_owned() }, route)
    }

    #[test]
    fn paths_lead_to_routes() {
        for (method, path, expected) in [
            (Method::GET, "/v2", Ok(Route::ServerMetadata)),
            (Method::GET, "/v2/health/live", Ok(Route::Live)),
            (Method::GET, "/v2/health/ready", Ok(Route::Ready)),
            (Method::POST, "/v2/health/ready", Err(NoRoute::OtherMethod)),
            (Method::GET, "/v2/models/m", Ok(model("m", "", ModelRoute::Metadata))),
            (Method::GET, "/v2/models/a%2fb/versions/3/ready", Ok(model("a/b", "3", ModelRoute::Ready))),
            (Method::POST, "/v2/models/m/infer", Ok(model("m", "", ModelRoute::Infer))),
            (Method::GET, "/v2/models/m/infer", Err(NoRoute::OtherMethod)),
            (Method::GET, "/v2/models/stats", Ok(Route::Statistics)),
            (Method::GET, "/v2/models/m/stats", Ok(model("m", "", ModelRoute::Statistics))),
            (Method::GET, "/v2/models/m/versions/3/stats", Ok(model("m", "3", ModelRoute::Statistics))),
            (Method::POST, "/v2/models/m/stats", Err(NoRoute::OtherMethod)),
            (Method::GET, "/v2/models//ready", Err(NoRoute::Unknown)),
            (Method::GET, "/v2/models/m/versions", Err(NoRoute::Unknown)),
            (Method::GET, "/v2/models/%ff", Err(NoRoute::Malformed)),
            (Method::POST, "/v2/repository/index", Ok(Route::Index)),
            (Method::POST, "/v2/repository/models/m/load", Ok(Route::Load("m".into()))),
            (Method::POST, "/v2/repository/r/models/m/load", Err(NoRoute::Unsupported("named repositories"))),
            (Method::GET, "/v2/systemsharedmemory/status", Ok(Route::MemoryStatus(String::new()))),
            (Method::POST, "/v2/systemsharedmemory/region/r/register", Ok(Route::MemoryRegister("r".into()))),
            (Method::GET, "/v2/cudasharedmemory/status", Err(NoRoute::Unsupported("CUDA shared memory"))),
            (Method::GET, "/v2/logging", Ok(Route::Logs)),
            (Method::POST, "/v2/logging", Ok(Route::ChangeLogs)),
            (Method::DELETE, "/v2/logging", Err(NoRoute::OtherMethod)),
            (Method::GET, "/v2/trace/setting", Ok(Route::Traces(String::new()))),
            (Method::POST, "/v2/models/m/trace/setting", Ok(Route::ChangeTraces("m".into()))),
            (Method::PUT, "/v2/trace/setting", Err(NoRoute::OtherMethod)),
            (Method::GET, "/v3", Err(NoRoute::Unknown)),
            (Method::GET, "/", Err(NoRoute::Unknown)),
            (Method::GET, "*", Err(NoRoute::Unknown)),
        ] {
            assert_eq!(Route::parse(&method, path), expected, "{method} {path}");
        }
    }
}
