//! One bundle, opened.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::digest::sha256_of_file;
use crate::document::MAX_MANIFEST_BYTES;
use crate::encoder::read_folder;
use crate::{
    BundleError, Encoder, EngineKind, ForeignModel, MANIFEST_FILE, Manifest, TOKENIZER_FILE, Task,
    check_model_name, check_version, encoder_weights,
};

/// The file name of the model card.
pub const CARD_FILE: &str = "card.md";

const MAX_CARD_BYTES: u64 = 16 << 20;

/// The tokenizers of the largest vocabularies have 20 MB.
const MAX_TOKENIZER_BYTES: u64 = 256 << 20;

/// One immutable version of a model, opened: its manifest has been read and checked, and its files are there
/// with the sizes that the manifest says. [`Bundle::verify`] also compares the digests.
#[derive(Clone, Debug)]
pub struct Bundle {
    manifest: Manifest,
    /// Canonical, so that a file is inside exactly when its canonical path begins with this.
    folder: PathBuf,
    weights: String,
    has_manifest: bool,
}

impl Bundle {
    /// Opens a folder with a manifest, a folder with weights alone (see [`bare_weights`]), or a lone `.onnx` or `.gguf`
    /// file. Without a manifest the bundle is named after the file or folder, has version 1 and no signatures: the
    /// engine reads them from the graph.
    ///
    /// # Errors
    /// There is no bundle at `path`, its manifest is malformed, or a file of it is missing, has another size
    /// or lies outside the folder.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let path = path.canonicalize().map_err(BundleError::io("open", path))?;
        if path.is_file() {
            return Self::open_lone_file(&path);
        }
        match fs::symlink_metadata(path.join(MANIFEST_FILE)) {
            Ok(_) => Self::open_with_manifest(path),
            Err(_) => {
                let weights =
                    bare_weights(&path).unwrap_or_else(|| EngineKind::Onnx.weights_file().to_owned());
                Self::open_bare(path, weights)
            }
        }
    }

    /// The same bundle under the name and version by which it is to be served.
    ///
    /// # Errors
    /// The name or the version does not fit the grammar.
    pub fn served_as(mut self, name: &str, version: u64) -> Result<Self, BundleError> {
        check_model_name(name)?;
        check_version(version)?;
        name.clone_into(&mut self.manifest.name);
        self.manifest.version = version;
        Ok(self)
    }

    /// What the bundle is and holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether the bundle came with a manifest; without one the signatures are in the graph.
    pub fn has_manifest(&self) -> bool {
        self.has_manifest
    }

    /// Where the bundle is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file with the weights.
    ///
    /// # Errors
    /// It has gone, or has become something other than a regular file inside the bundle.
    pub fn weights_path(&self) -> Result<PathBuf, BundleError> {
        regular_file(&self.folder, &self.weights)
    }

    /// Reads a file that the manifest lists.
    ///
    /// # Errors
    /// The manifest does not list it, it is longer than `limit_bytes`, or it cannot be read.
    pub fn read_file(&self, name: &str, limit_bytes: u64) -> Result<Vec<u8>, BundleError> {
        if self.manifest.file(name).is_none() {
            return Err(BundleError::file(name, "is not listed in the manifest"));
        }
        read_within(&regular_file(&self.folder, name)?, name, limit_bytes)
    }

    /// The model card, where there is one.
    ///
    /// # Errors
    /// The card cannot be read.
    pub fn card(&self) -> Result<Option<Vec<u8>>, BundleError> {
        let listed = self.manifest.file(CARD_FILE).is_some();
        listed.then(|| self.read_file(CARD_FILE, MAX_CARD_BYTES)).transpose()
    }

    /// How it is asked with text, where it is an encoder: as its manifest says, or, without one, the files that others
    /// put beside `model.onnx` and `tokenizer.json`.
    ///
    /// # Errors
    /// One of those files is malformed, or asks for what is not done here.
    pub fn encoder(&self) -> Result<Option<Encoder>, BundleError> {
        if self.has_manifest {
            return Ok(self.manifest.encoder.clone());
        }
        match encoder_weights(&self.folder).filter(|weights| *weights == self.weights) {
            Some(_) => read_folder(&self.folder),
            None => Ok(None),
        }
    }

    /// An encoder's [`TOKENIZER_FILE`].
    ///
    /// # Errors
    /// It is missing, too long, or cannot be read.
    pub fn tokenizer(&self) -> Result<Vec<u8>, BundleError> {
        if self.has_manifest && self.manifest.file(TOKENIZER_FILE).is_none() {
            return Err(BundleError::file(TOKENIZER_FILE, "is not listed in the manifest"));
        }
        read_within(&regular_file(&self.folder, TOKENIZER_FILE)?, TOKENIZER_FILE, MAX_TOKENIZER_BYTES)
    }

    /// Compares every listed file with its digest, and says how many there were: none without a manifest.
    ///
    /// # Errors
    /// A file has changed, or cannot be read.
    pub fn verify(&self) -> Result<usize, BundleError> {
        for entry in &self.manifest.files {
            let path = regular_file(&self.folder, &entry.path)?;
            let mut file = File::open(&path).map_err(BundleError::io("open", &path))?;
            let (size, digest) = sha256_of_file(&mut file).map_err(BundleError::io("read", &path))?;
            if size != entry.size_bytes {
                return Err(BundleError::digest(&entry.path, "size", entry.size_bytes, size));
            }
            if digest != entry.sha256 {
                return Err(BundleError::digest(&entry.path, "sha256", &entry.sha256, digest));
            }
        }
        Ok(self.manifest.files.len())
    }

    fn open_with_manifest(folder: PathBuf) -> Result<Self, BundleError> {
        let path = regular_file(&folder, MANIFEST_FILE)?;
        let manifest = Manifest::from_json(&read_within(&path, MANIFEST_FILE, MAX_MANIFEST_BYTES as u64)?)?;
        for entry in &manifest.files {
            let path = regular_file(&folder, &entry.path)?;
            let size = fs::metadata(&path).map_err(BundleError::io("open", &path))?.len();
            if size != entry.size_bytes {
                return Err(BundleError::digest(&entry.path, "size", entry.size_bytes, size));
            }
        }
        let weights = manifest.engine.weights_file().to_owned();
        if manifest.file(&weights).is_none() {
            return Err(BundleError::manifest(format!("it does not list `{weights}`")));
        }
        Ok(Self { manifest, folder, weights, has_manifest: true })
    }

    fn open_lone_file(path: &Path) -> Result<Self, BundleError> {
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if EngineKind::of_file(&name).is_none() {
            let problem = "is no model, expected a folder, an `.onnx` or a `.gguf` file";
            return Err(BundleError::file(&name, problem));
        }
        let mut bundle = Self::open_bare(folder, name)?;
        bundle.manifest.name = name_from(path.file_stem().map(|stem| stem.to_string_lossy()).as_deref());
        Ok(bundle)
    }

    fn open_bare(folder: PathBuf, weights: String) -> Result<Self, BundleError> {
        if fs::symlink_metadata(folder.join(&weights)).is_err() {
            if let Some(found) = ForeignModel::find(&folder) {
                return Err(BundleError::format(found));
            }
            return Err(BundleError::not_found(format!("bundle in `{}`", folder.display())));
        }
        regular_file(&folder, &weights)?;
        let name = name_from(folder.file_name().map(|name| name.to_string_lossy()).as_deref());
        let engine = EngineKind::of_file(&weights).unwrap_or_default();
        let manifest = Manifest::new(name, Task::Other, engine);
        Ok(Self { manifest, folder, weights, has_manifest: false })
    }
}

/// The file name of a small model that guesses for a large one, beside its weights.
pub const DRAFT_FILE: &str = "draft.gguf";

const ADAPTER_ENDING: &str = ".lora.gguf";

/// The file name of an adapter, beside the weights that it adapts.
pub fn adapter_file(adapter: &str) -> String {
    format!("{adapter}{ADAPTER_ENDING}")
}

/// The adapter that a file of this name holds.
pub fn adapter_of_file(name: &str) -> Option<&str> {
    name.strip_suffix(ADAPTER_ENDING).filter(|adapter| !adapter.is_empty())
}

/// The weights in a folder without a manifest: a file with an engine's own name for them, `onnx/model.onnx` of an encoder,
/// or else the only `.gguf` file that is neither draft nor adapter, because those carry names that tell of their contents.
pub fn bare_weights(folder: &Path) -> Option<String> {
    let names = EngineKind::ALL.map(EngineKind::weights_file);
    if let Some(name) = names.into_iter().find(|name| fs::symlink_metadata(folder.join(name)).is_ok()) {
        return Some(name.to_owned());
    }
    if let Some(weights) = encoder_weights(folder) {
        return Some(weights.to_owned());
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let is_model = |name: &String| {
        let is_beside = name == DRAFT_FILE || adapter_of_file(name).is_some();
        !is_beside && EngineKind::of_file(name) == Some(EngineKind::Llama)
    };
    let mut lone = named.filter(is_model);
    let first = lone.next()?;
    lone.next().is_none().then_some(first)
}

/// Whether a folder holds a bundle, with a manifest or without.
pub fn holds_bundle(folder: &Path) -> bool {
    folder.join(MANIFEST_FILE).exists() || bare_weights(folder).is_some()
}

/// A model name made of what a file or folder is called.
fn name_from(stem: Option<&str>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String =
        stem.unwrap_or_default().chars().map(|c| if plain(c) { c } else { '-' }).take(120).collect();
    if check_model_name(&name).is_ok() { name } else { format!("model{name}") }
}

/// The canonical path of a regular file inside the canonical `folder`. Checked before it is opened, because
/// opening a pipe would wait for ever.
pub(crate) fn regular_file(folder: &Path, name: &str) -> Result<PathBuf, BundleError> {
    let path = folder.join(name);
    let canonical = match path.canonicalize() {
        Ok(canonical) => canonical,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(BundleError::file(name, "is missing"));
        }
        Err(error) => return Err(BundleError::io("open", &path)(error)),
    };
    if !canonical.starts_with(folder) {
        return Err(BundleError::file(name, "leads out of the bundle"));
    }
    let metadata = fs::metadata(&canonical).map_err(BundleError::io("open", &canonical))?;
    if metadata.is_file() { Ok(canonical) } else { Err(BundleError::file(name, "is no regular file")) }
}

pub(crate) fn read_within(path: &Path, name: &str, limit_bytes: u64) -> Result<Vec<u8>, BundleError> {
    let file = File::open(path).map_err(BundleError::io("open", path))?;
    let mut bytes = Vec::new();
    file.take(limit_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(BundleError::io("read", path))?;
    if bytes.len() as u64 > limit_bytes {
        return Err(BundleError::file(name, "is longer than allowed"));
    }
    Ok(bytes)
}
