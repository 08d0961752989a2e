//! Where the model that is measured comes from.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use wharf_bundle::{Bundle, Repository};

use crate::commands::models::bundle_of;
use crate::commands::own_server::Server;
use crate::model_name::ModelName;

/// A published model, or one that lies somewhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// `NAME` or `NAME/VERSION` in a repository.
    Published(PathBuf, ModelName),
    /// A bundle's folder or an `.onnx` file.
    Path(PathBuf),
}

impl Source {
    /// What `model` means: a path if it ends in `.onnx` or begins like one, else a name in `repository`.
    pub(super) fn new(model: &str, repository: &Path) -> anyhow::Result<Self> {
        let is_path = model.ends_with(".onnx") || model.starts_with('/') || model.starts_with('.');
        match is_path {
            true if !Path::new(model).exists() => bail!("`{model}` does not exist"),
            true => Ok(Self::Path(model.into())),
            false => Ok(Self::Published(repository.to_owned(), model.parse()?)),
        }
    }

    /// Opens it.
    pub(super) fn bundle(&self) -> anyhow::Result<Bundle> {
        match self {
            Self::Published(repository, model) => bundle_of(&Repository::open(repository)?, model),
            Self::Path(path) => {
                Bundle::open(path).with_context(|| format!("cannot open `{}`", path.display()))
            }
        }
    }

    /// A server of it on every wire that is measured, on these processors alone.
    pub(super) fn server(&self, cpus: Option<&str>) -> anyhow::Result<Server> {
        let ports = ["--grpc-port", "--rest-port", "--oip-rest-port", "--oip-grpc-port", "--metrics-port"];
        let ports = ports.into_iter().flat_map(|port| [OsString::from(port), "0".into()]);
        Server::start(self.serve_arguments().into_iter().chain(ports), cpus)
    }

    /// The arguments of `wharf serve` that serve it.
    fn serve_arguments(&self) -> Vec<OsString> {
        match self {
            Self::Published(repository, _) => vec!["--repository".into(), repository.into()],
            Self::Path(path) => vec![path.into()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.onnx");
        std::fs::write(&file, b"").unwrap();
        let source = |model: &str| Source::new(model, Path::new("repository"));
        assert_eq!(source(file.to_str().unwrap()).unwrap(), Source::Path(file));
        let name = ModelName { name: "seed".into(), version: Some(2) };
        assert_eq!(source("seed/2").unwrap(), Source::Published("repository".into(), name));
        assert_eq!(source("./missing.onnx").unwrap_err().to_string(), "`./missing.onnx` does not exist");
        assert!(source("seed/two").is_err());
    }
}
