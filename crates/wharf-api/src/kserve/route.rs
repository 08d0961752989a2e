//! Which path means what.

use wharf_infer::ServiceError;

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Models,
    Model(String),
    Predict(String),
    Explain,
}

impl Route {
    /// The route of a path; `None` where there is none.
    ///
    /// # Errors
    /// The name in it is no text.
    pub(super) fn parse(path: &str) -> Result<Option<Self>, ServiceError> {
        if path == "/v1/models" {
            return Ok(Some(Route::Models));
        }
        let Some(rest) = path.strip_prefix("/v1/models/").filter(|rest| !rest.contains('/')) else {
            return Ok(None);
        };
        let (name, verb) = rest.rsplit_once(':').map_or((rest, None), |(name, verb)| (name, Some(verb)));
        let name = percent_encoding::percent_decode_str(name).decode_utf8();
        let name = name.map_err(|_| ServiceError::invalid_argument("path is not UTF-8"))?.into_owned();
        Ok(match (name.is_empty(), verb) {
            (true, _) => None,
            (false, None) => Some(Route::Model(name)),
            (false, Some("predict")) => Some(Route::Predict(name)),
            (false, Some("explain")) => Some(Route::Explain),
            (false, Some(_)) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_routes() {
        for (path, expected) in [
            ("/v1/models", Some(Route::Models)),
            ("/v1/models/", None),
            ("/v1/models/m", Some(Route::Model("m".into()))),
            ("/v1/models/a%3ab", Some(Route::Model("a:b".into()))),
            ("/v1/models/m:predict", Some(Route::Predict("m".into()))),
            ("/v1/models/m:explain", Some(Route::Explain)),
            ("/v1/models/m:classify", None),
            ("/v1/models/:predict", None),
            ("/v1/models/m/versions/1:predict", None),
            ("/v2", None),
        ] {
            assert_eq!(Route::parse(path).unwrap(), expected, "{path}");
        }
        assert!(Route::parse("/v1/models/%ff").is_err());
    }
}
