//! Bundles and the repository that holds them.
//!
//! A [`Bundle`] is one immutable version of a model: a folder with a [`Manifest`] (`wharf.json`), weights, golden
//! inputs and outputs, and a card. A [`Repository`] is a folder of bundles, `<root>/<model>/<version>/`. What lies
//! in a bundle may come from anyone: every size is limited, every name is checked before it becomes a path, and
//! nothing of it is executed.
//!
//! ```
//! use wharf_bundle::{EngineKind, Manifest, Task};
//!
//! let mut manifest = Manifest::new("fashion-mnist", Task::Classification, EngineKind::Onnx);
//! manifest.labels = vec!["shirt".into(), "boot".into()];
//! let text = manifest.to_sealed_json()?;
//! assert_eq!(Manifest::from_json(&text)?, manifest);
//! # Ok::<(), wharf_bundle::BundleError>(())
//! ```

mod bundle;
mod digest;
mod document;
mod encoder;
mod error;
mod foreign;
mod goldens;
mod lineage;
mod manifest;
mod name;
mod publish;
mod repository;
mod signature;
mod slot;
#[cfg(test)]
mod tests;

pub use bundle::{Bundle, CARD_FILE, DRAFT_FILE, adapter_file, adapter_of_file, bare_weights, holds_bundle};
pub use digest::sha256;
pub use document::MAX_MANIFEST_BYTES;
pub use encoder::{Encoder, EncoderKind, Pooling, TOKENIZER_FILE, encoder_weights};
pub use error::{BundleError, BundleErrorKind};
pub use foreign::ForeignModel;
pub use goldens::{GOLDENS_FILE, GoldenCase, Goldens};
pub use lineage::{Lineage, timestamp};
pub use manifest::{Baseline, EngineKind, FileEntry, Limits, MANIFEST_FILE, Manifest, SCHEMA, Spread, Task};
pub use name::{
    MAX_NAME_BYTES, MAX_VERSION, check_file_name, check_model_name, check_version, version_of_folder,
};
pub use publish::{CheckResult, Staging};
pub use repository::Repository;
pub use signature::{
    DEFAULT_SIGNATURE, Method, OutputSource, PooledFinish, Signature, SignatureInput, SignatureOutput,
};
