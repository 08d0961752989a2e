//! Which path means what.

use wharf_infer::{ErrorCode, ServiceError};

/// What a request is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// How the requests of a model are spread.
    Traffic(String),
    /// Giving all requests of a model to one version.
    Promote(String),
}

impl Route {
    /// The route of a path. It is split before it is decoded, and decoded once: a name cannot bring slashes.
    ///
    /// # Errors
    /// There is none, or the name in it is no text.
    pub(super) fn parse(path: &str) -> Result<Self, ServiceError> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match segments.as_slice() {
            ["admin", "v1", "models", name, "traffic"] if !name.is_empty() => {
                Ok(Self::Traffic(decoded(name)?))
            }
            ["admin", "v1", "models", name, "promote"] if !name.is_empty() => {
                Ok(Self::Promote(decoded(name)?))
            }
            ["admin", "v1", "models", name] => match name.strip_suffix(":promote") {
                Some(name) if !name.is_empty() => Ok(Self::Promote(decoded(name)?)),
                _ => Err(not_found()),
            },
            _ => Err(not_found()),
        }
    }
}

fn decoded(name: &str) -> Result<String, ServiceError> {
    let name = percent_encoding::percent_decode_str(name).decode_utf8();
    Ok(name.map_err(|_| ServiceError::invalid_argument("path is not UTF-8"))?.into_owned())
}

fn not_found() -> ServiceError {
    ServiceError::new(ErrorCode::NotFound, "Not Found")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_routes() {
        let traffic = |name: &str| Ok(Route::Traffic(name.to_owned()));
        let promote = |name: &str| Ok(Route::Promote(name.to_owned()));
        for (path, expected) in [
            ("/admin/v1/models/m/traffic", traffic("m")),
            ("/admin/v1/models/a%2fb/traffic", traffic("a/b")),
            ("/admin/v1/models/m/promote", promote("m")),
            ("/admin/v1/models/m:promote", promote("m")),
            ("/admin/v1/models/m", Err(ErrorCode::NotFound)),
            ("/admin/v1/models/:promote", Err(ErrorCode::NotFound)),
            ("/admin/v1/models//traffic", Err(ErrorCode::NotFound)),
            ("/admin/v1/models/m/traffic/", Err(ErrorCode::NotFound)),
            ("/admin/v2/models/m/traffic", Err(ErrorCode::NotFound)),
            ("/admin/v1/models/%ff/traffic", Err(ErrorCode::InvalidArgument)),
        ] {
            assert_eq!(Route::parse(path).map_err(|error| error.code()), expected, "{path}");
        }
    }
}
