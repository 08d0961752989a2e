//! Which model a message means.

use wharf_infer::{ModelRef, ServiceError, VersionChoice};

use crate::proto::tensorflow::serving::ModelSpec;
use crate::proto::tensorflow::serving::model_spec::VersionChoice as WireChoice;

/// What a request says of its model.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The model and version.
    pub(crate) model: ModelRef,
    /// The signature as it was sent; empty for the default.
    pub(crate) signature: String,
}

impl Target {
    /// The target of a message.
    ///
    /// # Errors
    /// The message names no model.
    pub(crate) fn from_wire(spec: Option<ModelSpec>) -> Result<Self, ServiceError> {
        let spec = spec.ok_or_else(|| ServiceError::invalid_argument("Missing ModelSpec"))?;
        if spec.name.is_empty() {
            return Err(ServiceError::invalid_argument("ModelSpec has no name specified."));
        }
        let version = match spec.version_choice {
            None => VersionChoice::Latest,
            Some(WireChoice::Version(version)) => VersionChoice::Specific(version),
            Some(WireChoice::VersionLabel(label)) if label.is_empty() => VersionChoice::Latest,
            Some(WireChoice::VersionLabel(label)) => VersionChoice::Label(label),
        };
        Ok(Self { model: ModelRef { name: spec.name, version }, signature: spec.signature_name })
    }
}

/// The model that answered, as replies name it.
pub(super) fn answered_by(name: &str, version: u64, signature: &str) -> ModelSpec {
    ModelSpec {
        name: name.to_owned(),
        // Versions are positive and fit: the repository takes no others.
        version_choice: Some(WireChoice::Version(i64::try_from(version).unwrap_or(i64::MAX))),
        signature_name: signature.to_owned(),
    }
}
