//! A folder of bundles, `<root>/<model>/<version>/`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::bundle::holds_bundle;
use crate::name::version_of_folder;
use crate::{Bundle, BundleError, check_model_name, check_version};

/// A folder of bundles, `<root>/<model>/<version>/`. Cheap to clone; it holds no state but the path, so that
/// any number of processes may use one repository at once.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Canonical.
    root: PathBuf,
}

impl Repository {
    /// A repository that exists.
    ///
    /// # Errors
    /// `root` is no folder.
    pub fn open(root: &Path) -> Result<Self, BundleError> {
        let root = root.canonicalize().map_err(BundleError::io("open the repository", root))?;
        fs::read_dir(&root).map_err(BundleError::io("open the repository", &root))?;
        Ok(Self { root })
    }

    /// A repository that is made where it does not exist.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn create(root: &Path) -> Result<Self, BundleError> {
        fs::create_dir_all(root).map_err(BundleError::io("make the repository", root))?;
        Self::open(root)
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The models that have a version, sorted. One that cannot be read does not hide the others: it is left
    /// out here, and [`Repository::versions`] says why.
    ///
    /// # Errors
    /// The repository's own folder cannot be read.
    pub fn models(&self) -> Result<Vec<String>, BundleError> {
        let mut models = Vec::new();
        for name in entries(&self.root)?.into_iter().filter_map(|name| name.into_string().ok()) {
            if self.versions(&name).is_ok_and(|versions| !versions.is_empty()) {
                models.push(name);
            }
        }
        models.sort();
        Ok(models)
    }

    /// The versions of a model, ascending; none where the model does not exist. A numbered folder counts when
    /// it holds a manifest or the weights.
    ///
    /// # Errors
    /// The name does not fit, or the folder cannot be read.
    pub fn versions(&self, model: &str) -> Result<Vec<u64>, BundleError> {
        let folders = self.version_folders(model)?;
        let mut versions: Vec<u64> =
            folders.iter().filter(|(_, path)| holds_bundle(path)).map(|(version, _)| *version).collect();
        versions.sort_unstable();
        versions.dedup();
        Ok(versions)
    }

    /// Opens one version of a model.
    ///
    /// # Errors
    /// There is no such version, or it does not open; see [`Bundle::open`]. A bundle whose manifest gives
    /// another name or version than its place in the repository is refused: it was put there by hand.
    pub fn bundle(&self, model: &str, version: u64) -> Result<Bundle, BundleError> {
        check_version(version)?;
        let folder = self.find(model, version)?;
        let bundle = Bundle::open(&folder)?;
        if !bundle.folder().starts_with(&self.root) {
            return Err(BundleError::file(&format!("{model}/{version}"), "leads out of the repository"));
        }
        if !bundle.has_manifest() {
            return bundle.served_as(model, version);
        }
        let manifest = bundle.manifest();
        if manifest.name != model || manifest.version != version {
            let problem = format!(
                "it names version {} of `{}`, expected version {version} of `{model}`",
                manifest.version, manifest.name
            );
            return Err(BundleError::manifest(problem));
        }
        Ok(bundle)
    }

    /// Every folder of the model that is numbered, whatever it holds.
    pub(crate) fn version_folders(&self, model: &str) -> Result<Vec<(u64, PathBuf)>, BundleError> {
        check_model_name(model)?;
        let folder = self.root.join(model);
        let numbered = |name: OsString| Some((version_of_folder(name.to_str()?)?, folder.join(&name)));
        Ok(entries(&folder)?.into_iter().filter_map(numbered).collect())
    }

    /// The folder of a version that holds a bundle; the plain number before its zero-padded forms.
    pub(crate) fn find(&self, model: &str, version: u64) -> Result<PathBuf, BundleError> {
        let mut folders = self.version_folders(model)?;
        folders.retain(|(number, path)| *number == version && holds_bundle(path));
        let shortest = folders.into_iter().map(|(_, path)| path).min_by_key(|path| path.as_os_str().len());
        shortest.ok_or_else(|| BundleError::not_found(format!("version {version} of `{model}`")))
    }
}

/// The names in a folder; none where it does not exist or is no folder.
fn entries(folder: &Path) -> Result<Vec<OsString>, BundleError> {
    let reader = match fs::read_dir(folder) {
        Ok(reader) => reader,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(BundleError::io("list", folder)(error)),
    };
    let names = reader.map(|entry| entry.map(|entry| entry.file_name()));
    names.collect::<io::Result<_>>().map_err(BundleError::io("list", folder))
}
