//! Where models come from.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use std::sync::Arc;

use wharf_bundle::{
    Bundle, BundleError, EngineKind, ForeignModel, MANIFEST_FILE, Repository, TOKENIZER_FILE, bare_weights,
    check_model_name, holds_bundle, version_of_folder,
};
use wharf_engine::Engine;

use crate::settings::triton::{self, TritonConfig};

/// A place that holds models.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelLocation {
    /// A folder of bundles, `<root>/<model>/<version>/`. Models that appear there later are found by the next
    /// refresh.
    Repository(PathBuf),
    /// One model: a bundle, a lone `model.onnx`, or a folder of numbered versions of either.
    Model {
        /// The name under which it is served; by default the manifest's, or that of the file or folder.
        name: Option<String>,
        /// Where it is.
        path: PathBuf,
    },
}

/// Every version that was found, by model.
pub(crate) type Found = BTreeMap<String, BTreeMap<u64, BundlePlace>>;

/// Where one version of a model is, and what it looked like there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BundlePlace {
    path: PathBuf,
    /// Whether `path` is a repository that holds it under the model's name, rather than the bundle itself.
    is_repository: bool,
    /// Changes with the files; see [`stamp_of`].
    pub(crate) stamp: u64,
    /// What is said of the model beside its versions.
    pub(crate) configured: Option<Configured>,
}

/// A model's folder with a `config.pbtxt`, and what that says, or what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Configured {
    pub(crate) folder: PathBuf,
    pub(crate) config: Result<Arc<TritonConfig>, String>,
}

impl Configured {
    fn read(folder: &Path, name: &str) -> Option<Self> {
        let config = triton::read(folder, name).transpose()?;
        Some(Self { folder: folder.to_owned(), config: config.map(Arc::new) })
    }

    /// The folder and what its file says, where that is any good.
    pub(crate) fn parts(&self) -> Option<(&Path, &TritonConfig)> {
        Some((&self.folder, self.config.as_ref().ok()?))
    }

    /// What the weights of a version are called.
    fn weights(&self) -> &str {
        self.config.as_ref().map_or(EngineKind::Onnx.weights_file(), |config| &config.weights)
    }

    /// Whether a version is a language model, whose file may have any name as long as the configuration gives none.
    fn holds_language_model(&self, version: &Path) -> bool {
        let weights = bare_weights(version).filter(|_| self.weights() == EngineKind::Onnx.weights_file());
        weights.is_some_and(|weights| EngineKind::of_file(&weights) == Some(EngineKind::Llama))
    }

    /// Whether a version may be a folder without weights: an ensemble has none, and of a file that cannot be read nobody
    /// knows, but everybody shall hear what is wrong with it.
    fn may_lack_weights(&self) -> bool {
        self.config.as_ref().map_or(true, |config| config.ensemble.is_some())
    }

    /// The numbered folders that hold the weights. Those with leading zeros are none to Triton. An ensemble without any is
    /// its first version.
    fn versions(&self) -> BTreeMap<u64, BundlePlace> {
        let place = |entry: fs::DirEntry| {
            let name = entry.file_name();
            let version =
                version_of_folder(name.to_str()?).filter(|version| *name == *version.to_string())?;
            let folder = entry.path();
            let path = match folder.join(MANIFEST_FILE).exists() {
                true => folder,
                false => [folder.join(self.weights()), folder.clone()]
                    .into_iter()
                    .find(|path| {
                        path.is_file()
                            || self.holds_language_model(path)
                            || ForeignModel::find(path).is_some()
                    })
                    .or_else(|| (self.may_lack_weights() && folder.is_dir()).then_some(folder))?,
            };
            Some((version, BundlePlace::alone(&path, Some(self.clone()))))
        };
        let mut versions: BTreeMap<u64, BundlePlace> =
            fs::read_dir(&self.folder).into_iter().flatten().flatten().filter_map(place).collect();
        if versions.is_empty() && self.may_lack_weights() {
            versions.insert(1, BundlePlace::alone(&self.folder, Some(self.clone())));
        }
        versions
    }
}

impl BundlePlace {
    fn in_repository(root: &Path, name: &str, version: u64) -> Self {
        let stamp = stamp_of(&root.join(name).join(version.to_string()), None);
        Self { path: root.to_owned(), is_repository: true, stamp, configured: None }
    }

    fn alone(path: &Path, configured: Option<Configured>) -> Self {
        let config = configured.as_ref().map(|configured| configured.folder.join(triton::FILE));
        let stamp = stamp_of(path, config);
        Self { path: path.to_owned(), is_repository: false, stamp, configured }
    }

    /// What is said of it where it is an ensemble.
    pub(crate) fn ensemble(&self) -> Option<&Arc<TritonConfig>> {
        let config = self.configured.as_ref()?.config.as_ref().ok()?;
        Some(config).filter(|config| config.ensemble.is_some())
    }

    /// The models that it needs.
    pub(crate) fn members(&self) -> impl Iterator<Item = &str> {
        let steps = self.ensemble().and_then(|config| config.ensemble.as_deref());
        steps.unwrap_or_default().iter().map(|step| step.model.as_str())
    }

    /// Whether its weights are those of a language model. Blocks.
    pub(crate) fn is_language_model(&self, name: &str, version: u64) -> bool {
        let encoder = || self.open(name, version).is_ok_and(|bundle| matches!(bundle.encoder(), Ok(Some(_))));
        let weights = match self.is_repository {
            true => bare_weights(&self.path.join(name).join(version.to_string())),
            false => bare_weights(&self.path).or_else(|| Some(self.path.to_str()?.to_owned())),
        };
        weights.is_some_and(|weights| EngineKind::of_file(&weights) == Some(EngineKind::Llama)) || encoder()
    }

    /// The memory that it will take: what its files take, or more where the engine says so; 0 where they cannot be looked
    /// at. Blocks.
    pub(crate) fn needed_bytes(&self, engine: &dyn Engine, name: &str, version: u64) -> u64 {
        let (files, weights) = match self.path.is_file() {
            true => (size_of(&self.path), Some(self.path.clone())),
            false => {
                let Ok(bundle) = self.open(name, version) else { return 0 };
                let files = fs::read_dir(bundle.folder()).into_iter().flatten().flatten();
                let beside = files.map(|entry| size_of(&entry.path())).sum::<u64>();
                let weights = bundle.weights_path().ok();
                let deeper = weights.as_deref().filter(|path| path.parent() != Some(bundle.folder()));
                (beside + deeper.map_or(0, size_of), weights)
            }
        };
        weights.and_then(|weights| engine.memory_bytes(&weights)).map_or(files, |needed| needed.max(files))
    }

    /// Opens it under the name and version by which it is to be served.
    pub(crate) fn open(&self, name: &str, version: u64) -> Result<Bundle, BundleError> {
        match self.is_repository {
            true => Repository::open(&self.path)?.bundle(name, version),
            false => Bundle::open(&self.path)?.served_as(name, version),
        }
    }
}

fn size_of(file: &Path) -> u64 {
    fs::metadata(file).ok().filter(fs::Metadata::is_file).map_or(0, |metadata| metadata.len())
}

/// A number that another number takes the place of when somebody replaces the manifest, the weights or the
/// configuration: a hash of their lengths and times. 0 where there is none.
fn stamp_of(bundle: &Path, config: Option<PathBuf>) -> u64 {
    let names = [MANIFEST_FILE, TOKENIZER_FILE].map(|name| Some(name.to_owned()));
    let names = names.into_iter().chain([bare_weights(bundle)]).flatten();
    let files = names.map(|name| bundle.join(name)).chain([bundle.to_owned()]).chain(config);
    let files: Vec<_> =
        files.filter_map(|path| fs::metadata(path).ok()).filter(fs::Metadata::is_file).collect();
    if files.is_empty() {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    for file in files {
        (file.len(), file.modified().ok()).hash(&mut hasher);
    }
    hasher.finish()
}

impl ModelLocation {
    /// A folder of bundles.
    pub fn repository(root: impl Into<PathBuf>) -> Self {
        Self::Repository(root.into())
    }

    /// One model under its own name.
    pub fn model(path: impl Into<PathBuf>) -> Self {
        Self::Model { name: None, path: path.into() }
    }

    /// One model under another name.
    pub fn named_model(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self::Model { name: Some(name.into()), path: path.into() }
    }

    /// The folder that holds it, and that others of its kind may lie in.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        match self {
            ModelLocation::Repository(root) => Some(root.clone()),
            ModelLocation::Model { path, .. } => path.parent().map(Path::to_owned),
        }
    }

    /// Lists what is there. Blocks.
    pub(crate) fn find(&self) -> Result<Found, BundleError> {
        match self {
            ModelLocation::Repository(root) => find_in_repository(root),
            ModelLocation::Model { name, path } => find_model(name.as_deref(), path),
        }
    }
}

fn find_in_repository(root: &Path) -> Result<Found, BundleError> {
    let repository = Repository::open(root)?;
    let mut found = configured_models(root);
    for name in repository.models()? {
        if found.contains_key(&name) {
            continue;
        }
        let versions = repository.versions(&name)?.into_iter();
        let placed =
            versions.map(|version| (version, BundlePlace::in_repository(root, &name, version))).collect();
        found.insert(name, placed);
    }
    for (name, versions) in foreign_models(root) {
        let known = found.entry(name).or_default();
        for (version, place) in versions {
            known.entry(version).or_insert(place);
        }
    }
    Ok(found)
}

/// Versions in formats of other servers: they do not load, and their status says why.
fn foreign_models(root: &Path) -> Found {
    let model = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok().filter(|name| check_model_name(name).is_ok())?;
        let versions = versions_that(&entry.path(), |folder| {
            !holds_bundle(folder) && ForeignModel::find(folder).is_some()
        });
        (!versions.is_empty()).then_some((name, versions))
    };
    fs::read_dir(root).into_iter().flatten().flatten().filter_map(model).collect()
}

/// The models of a repository that have a configuration.
fn configured_models(root: &Path) -> Found {
    let model = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok().filter(|name| check_model_name(name).is_ok())?;
        let versions = Configured::read(&entry.path(), &name)?.versions();
        (!versions.is_empty()).then_some((name, versions))
    };
    fs::read_dir(root).into_iter().flatten().flatten().filter_map(model).collect()
}

fn find_model(name: Option<&str>, path: &Path) -> Result<Found, BundleError> {
    let folder_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let served_as = name.map_or(folder_name, str::to_owned);
    let numbered = match Configured::read(path, &served_as) {
        Some(configured) => configured.versions(),
        None => numbered_versions(path),
    };
    if numbered.is_empty() {
        let bundle = Bundle::open(path)?;
        let name = name.unwrap_or(&bundle.manifest().name);
        check_model_name(name)?;
        let place = BundlePlace::alone(path, None);
        return Ok(Found::from([(name.to_owned(), BTreeMap::from([(bundle.manifest().version, place)]))]));
    }
    check_model_name(&served_as)?;
    Ok(Found::from([(served_as, numbered)]))
}

/// The numbered folders with a bundle in a folder that is not a bundle itself.
fn numbered_versions(folder: &Path) -> BTreeMap<u64, BundlePlace> {
    if !folder.is_dir() || holds_bundle(folder) {
        return BTreeMap::new();
    }
    versions_that(folder, |version| holds_bundle(version) || ForeignModel::find(version).is_some())
}

/// The numbered folders in `folder` that are wanted.
fn versions_that(folder: &Path, is_wanted: impl Fn(&Path) -> bool) -> BTreeMap<u64, BundlePlace> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let version = |entry: fs::DirEntry| {
        let version = version_of_folder(entry.file_name().to_str()?)?;
        is_wanted(&entry.path()).then(|| (version, BundlePlace::alone(&entry.path(), None)))
    };
    entries.filter_map(version).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }

    fn names_and_versions(found: &Found) -> Vec<(&str, Vec<u64>)> {
        found.iter().map(|(name, versions)| (name.as_str(), versions.keys().copied().collect())).collect()
    }

    #[test]
    fn one_model_may_be_a_file_a_folder_or_versions() {
        let root = tempfile::tempdir().unwrap();
        touch(&root.path().join("lone.onnx"));
        touch(&root.path().join("folder/model.onnx"));
        for version in ["00000123", "2", "not-a-version", ".staging"] {
            touch(&root.path().join("versions").join(version).join("model.onnx"));
        }
        for (path, name, expected) in [
            ("lone.onnx", None, ("lone", vec![1])),
            ("lone.onnx", Some("m"), ("m", vec![1])),
            ("folder", None, ("folder", vec![1])),
            ("versions", None, ("versions", vec![2, 123])),
            ("versions", Some("m"), ("m", vec![2, 123])),
        ] {
            let found = find_model(name, &root.path().join(path)).unwrap();
            assert_eq!(names_and_versions(&found), [expected], "{path}");
        }
    }

    #[test]
    fn models_of_other_servers_are_found_and_say_what_they_are() {
        let root = tempfile::tempdir().unwrap();
        for file in ["a/1/saved_model.pb", "b/1/model.onnx", "b/2/model.plan", "c/3/nothing", "d/1/model.pt"]
        {
            touch(&root.path().join(file));
        }
        touch(&root.path().join("d/config.pbtxt"));
        let found = find_in_repository(root.path()).unwrap();
        assert_eq!(names_and_versions(&found), [("a", vec![1]), ("b", vec![1, 2]), ("d", vec![1])]);
        for (name, version, expected) in [
            (
                "a",
                1,
                "`saved_model.pb` is a TensorFlow SavedModel, expected `model.onnx`, which `python -m tf2onnx",
            ),
            ("b", 2, "`model.plan` is a TensorRT engine, expected `model.onnx`, exported by"),
            ("d", 1, "`model.pt` is a TorchScript model"),
        ] {
            let error = found[name][&version].open(name, version).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        assert!(found["b"][&1].open("b", 1).is_ok());
        let lone = find_model(None, &root.path().join("a")).unwrap();
        assert_eq!(names_and_versions(&lone), [("a", vec![1])]);
        let error = find_model(None, &root.path().join("a/1")).unwrap_err().to_string();
        assert!(error.contains("SavedModel"), "{error}");
    }

    #[test]
    fn missing_places_and_bad_names_are_errors() {
        let root = tempfile::tempdir().unwrap();
        touch(&root.path().join("lone.onnx"));
        assert!(ModelLocation::model(root.path().join("absent")).find().is_err());
        assert!(ModelLocation::repository(root.path().join("absent")).find().is_err());
        assert!(ModelLocation::named_model("../m", root.path().join("lone.onnx")).find().is_err());
    }
}
