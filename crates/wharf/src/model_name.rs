//! `NAME` or `NAME/VERSION`, as typed.

use std::str::FromStr;

use anyhow::{Context, bail};
use wharf_bundle::{check_model_name, check_version};

/// A model, and perhaps one version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelName {
    /// The model.
    pub(crate) name: String,
    /// The version; the newest where absent.
    pub(crate) version: Option<u64>,
}

impl FromStr for ModelName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, version) = match text.split_once('/') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        check_model_name(name)?;
        let version = version.map(parse_version).transpose()?;
        Ok(Self { name: name.to_owned(), version })
    }
}

fn parse_version(text: &str) -> anyhow::Result<u64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!("version `{text}` is not a positive number");
    }
    let version =
        text.parse().with_context(|| format!("version `{text}` is not a positive 64-bit number"))?;
    check_version(version)?;
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_with_and_without_version() {
        let parsed: ModelName = "seed/12".parse().unwrap();
        assert_eq!(parsed, ModelName { name: "seed".into(), version: Some(12) });
        assert_eq!("seed".parse::<ModelName>().unwrap().version, None);
    }

    #[test]
    fn bad_names_and_versions_are_refused() {
        for text in ["", "../x", "a/", "a/0", "a/-1", "a/+1", "a/1/2", "a/99999999999999999999", "a/x"] {
            assert!(text.parse::<ModelName>().is_err(), "{text}");
        }
    }
}
