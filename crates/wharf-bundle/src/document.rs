//! The manifest as text: reading within limits, writing with a seal.
//!
//! The seal is a digest of the document over itself: `manifest_sha256` holds the digest of the text in which
//! these 64 digits are zeros. A change of any byte of the document shows, as it does in every other file.

use serde::Deserialize;

use crate::{BundleError, Manifest, SCHEMA, sha256};

/// The longest manifest that is read.
pub const MAX_MANIFEST_BYTES: usize = 8 << 20;

const BLANK_SEAL: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The one field that every schema has.
#[derive(Deserialize)]
struct SchemaOnly {
    schema: u64,
}

impl Manifest {
    /// Reads a manifest and checks it, its seal included.
    ///
    /// # Errors
    /// The document is too long, no JSON of this schema, nested too deeply, contradicts itself, or does not
    /// match its seal.
    pub fn from_json(text: &[u8]) -> Result<Self, BundleError> {
        if text.len() > MAX_MANIFEST_BYTES {
            let problem = format!("it has {} bytes, expected at most {MAX_MANIFEST_BYTES}", text.len());
            return Err(BundleError::manifest(problem));
        }
        let SchemaOnly { schema } = serde_json::from_slice(text).map_err(BundleError::json)?;
        if schema != u64::from(SCHEMA) {
            return Err(BundleError::schema(schema));
        }
        let manifest: Self = serde_json::from_slice(text).map_err(BundleError::json)?;
        manifest.check()?;
        manifest.check_seal(text)?;
        Ok(manifest)
    }

    /// Checks the manifest, seals it and writes it as indented JSON.
    ///
    /// # Errors
    /// The manifest contradicts itself.
    pub fn to_sealed_json(&mut self) -> Result<Vec<u8>, BundleError> {
        self.check()?;
        self.manifest_sha256 = Some(BLANK_SEAL.to_owned());
        let mut blank = serde_json::to_string_pretty(self).map_err(BundleError::json)?;
        blank.push('\n');
        let seal = sha256(blank.as_bytes());
        let text = replace_seal(&blank, BLANK_SEAL, &seal);
        self.manifest_sha256 = Some(seal);
        Ok(text.into_bytes())
    }

    fn check_seal(&self, text: &[u8]) -> Result<(), BundleError> {
        let Some(seal) = &self.manifest_sha256 else { return Ok(()) };
        let text = std::str::from_utf8(text).map_err(|error| BundleError::manifest(error.to_string()))?;
        let actual = sha256(replace_seal(text, seal, BLANK_SEAL).as_bytes());
        if actual == *seal {
            return Ok(());
        }
        Err(BundleError::digest(crate::MANIFEST_FILE, "sha256", seal, actual))
    }
}

/// Replaces the seal where it stands: the last occurrence, because the seal is the manifest's last field.
fn replace_seal(text: &str, seal: &str, replacement: &str) -> String {
    match text.rfind(seal).filter(|_| seal.len() == replacement.len()) {
        Some(at) => [&text[..at], replacement, &text[at + seal.len()..]].concat(),
        None => text.to_owned(),
    }
}
