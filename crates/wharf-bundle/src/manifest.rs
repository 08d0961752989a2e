//! The manifest, schema 1: everything about a bundle except the weights themselves.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::name::{check_file_name, check_model_name, check_version};
use crate::{BundleError, Encoder, Lineage, OutputSource, Signature};

/// The schema that this build writes, and the only one that it reads.
pub const SCHEMA: u32 = 1;

/// The manifest's file name.
pub const MANIFEST_FILE: &str = "wharf.json";

/// What a bundle is, holds and came from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The layout of this document: [`SCHEMA`].
    pub schema: u32,
    /// The model's name.
    pub name: String,
    /// The version, 1 to 2^63 - 1. Publishing fills it in.
    pub version: u64,
    /// What the model is for.
    pub task: Task,
    /// What executes the weights.
    pub engine: EngineKind,
    /// Every other file of the bundle. Publishing fills it in.
    #[serde(default)]
    pub files: Vec<FileEntry>,
    /// The ways to call the model, by name. Empty: the engine reads them from the graph.
    #[serde(default)]
    pub signatures: BTreeMap<String, Signature>,
    /// The class names, in the order of the class indices; empty where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// How the graph is asked with text, where it is an encoder's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<Encoder>,
    /// What a server must not exceed.
    #[serde(default)]
    pub limits: Limits,
    /// Where the bundle came from.
    #[serde(default)]
    pub lineage: Lineage,
    /// What evaluation measured, by name, for instance `test.accuracy`.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
    /// What the training data looked like, to notice when requests no longer do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// The digest of this document, taken while these 64 digits were zeros. Publishing fills it in; where it is
    /// present, opening checks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_sha256: Option<String>,
}

/// What a model is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Task {
    /// Picks one of the labels.
    Classification,
    /// Gives numbers.
    Regression,
    /// Gives vectors that stand for the input.
    Embedding,
    /// Anything else, or not known.
    #[default]
    Other,
}

/// What executes the weights.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EngineKind {
    /// ONNX Runtime; the weights are `model.onnx`.
    #[default]
    Onnx,
    /// llama.cpp; the weights are `model.gguf`.
    Llama,
}

impl EngineKind {
    /// Every engine.
    pub const ALL: [Self; 2] = [Self::Onnx, Self::Llama];

    /// The engine for weights in a file of this name, by its ending.
    pub fn of_file(name: &str) -> Option<Self> {
        let ending = name.rsplit_once('.')?.1;
        Self::ALL.into_iter().find(|engine| ending.eq_ignore_ascii_case(engine.ending()))
    }

    /// How the names of files with its weights end.
    pub const fn ending(self) -> &'static str {
        match self {
            EngineKind::Onnx => "onnx",
            EngineKind::Llama => "gguf",
        }
    }

    /// The name of the file that holds the weights.
    pub const fn weights_file(self) -> &'static str {
        match self {
            EngineKind::Onnx => "model.onnx",
            EngineKind::Llama => "model.gguf",
        }
    }
}

/// A file of the bundle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// A plain name within the bundle's folder.
    pub path: String,
    /// The length.
    pub size_bytes: u64,
    /// The digest, 64 lowercase hexadecimal digits.
    pub sha256: String,
}

/// What a server must not exceed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The most rows that the graph takes at once; unlimited where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_batch_size: Option<u32>,
}

/// What the training data looked like.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// How many samples were counted.
    pub samples: u64,
    /// The spread of each feature or picture channel, by name.
    #[serde(default)]
    pub features: BTreeMap<String, Spread>,
    /// The share of each class, in label order; empty where there are no classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_shares: Vec<f64>,
}

/// Moments and ends of one feature.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub std: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl Manifest {
    /// A manifest for a model of this name, with everything else empty.
    pub fn new(name: impl Into<String>, task: Task, engine: EngineKind) -> Self {
        Self {
            schema: SCHEMA,
            name: name.into(),
            version: 1,
            task,
            engine,
            files: Vec::new(),
            signatures: BTreeMap::new(),
            labels: Vec::new(),
            encoder: None,
            limits: Limits::default(),
            lineage: Lineage::default(),
            metrics: BTreeMap::new(),
            baseline: None,
            manifest_sha256: None,
        }
    }

    /// The entry of a file.
    pub fn file(&self, path: &str) -> Option<&FileEntry> {
        self.files.iter().find(|entry| entry.path == path)
    }

    /// Checks what the types alone do not say.
    ///
    /// # Errors
    /// A name, version, digest or number out of its range; two files or tensors of one name; a signature that
    /// promises labels where there are none.
    pub fn check(&self) -> Result<(), BundleError> {
        if self.schema != SCHEMA {
            return Err(BundleError::schema(u64::from(self.schema)));
        }
        check_model_name(&self.name)?;
        check_version(self.version)?;
        self.check_files()?;
        self.check_numbers()?;
        self.encoder.iter().try_for_each(Encoder::check)?;
        self.signatures.iter().try_for_each(|(name, signature)| self.check_signature(name, signature))
    }

    fn check_files(&self) -> Result<(), BundleError> {
        let mut seen = BTreeSet::from([MANIFEST_FILE]);
        for file in &self.files {
            check_file_name(&file.path)?;
            if !seen.insert(&file.path) {
                return Err(BundleError::manifest(format!("file `{}` is listed twice", file.path)));
            }
            if !crate::digest::is_sha256(&file.sha256) {
                let message = format!("file `{}` has a digest that is not 64 lowercase digits", file.path);
                return Err(BundleError::manifest(message));
            }
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), BundleError> {
        if let Some((name, value)) = self.metrics.iter().find(|(_, value)| !value.is_finite()) {
            return Err(BundleError::manifest(format!(
                "metric `{name}` is {value}, expected a finite number"
            )));
        }
        if self.limits.max_batch_size == Some(0) {
            return Err(BundleError::manifest("`max_batch_size` is 0, expected at least 1"));
        }
        Ok(())
    }

    fn check_signature(&self, name: &str, signature: &Signature) -> Result<(), BundleError> {
        let fail = |problem: &str| Err(BundleError::manifest(format!("signature `{name}` {problem}")));
        if name.is_empty() || signature.inputs.is_empty() || signature.outputs.is_empty() {
            return fail("lacks a name, inputs or outputs");
        }
        if !are_distinct(signature.inputs.iter().map(|input| input.spec.name.as_str()))
            || !are_distinct(signature.outputs.iter().map(|output| output.spec.name.as_str()))
        {
            return fail("names a tensor twice");
        }
        let wants_labels =
            signature.outputs.iter().any(|output| matches!(output.source, OutputSource::Labels { .. }));
        if wants_labels && self.labels.is_empty() {
            return fail("gives labels, but the manifest has none");
        }
        signature.column_fault().map_or(Ok(()), |problem| fail(&problem))
    }
}

fn are_distinct<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = BTreeSet::new();
    names.all(|name| seen.insert(name))
}
