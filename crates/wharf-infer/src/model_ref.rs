//! Which model a request means.

use std::fmt;

/// Which version of a model is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum VersionChoice {
    /// The newest that is available.
    #[default]
    Latest,
    /// Just this one. Wires carry a signed number; one that no repository can hold is simply not found.
    Specific(i64),
    /// The one that carries this label.
    Label(String),
}

/// A model by name and version choice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelRef {
    /// The name under which it is served.
    pub name: String,
    /// The version that is meant.
    pub version: VersionChoice,
}

impl ModelRef {
    /// The newest version of `name`.
    pub fn latest(name: impl Into<String>) -> Self {
        Self { name: name.into(), version: VersionChoice::Latest }
    }

    /// One version of `name`.
    pub fn specific(name: impl Into<String>, version: i64) -> Self {
        Self { name: name.into(), version: VersionChoice::Specific(version) }
    }

    /// The labelled version of `name`.
    pub fn labelled(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self { name: name.into(), version: VersionChoice::Label(label.into()) }
    }
}

/// The form in which TensorFlow Serving names a servable in its errors: `Latest(m)`, `Specific(m, 5)`.
impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            VersionChoice::Latest => write!(f, "Latest({})", self.name),
            VersionChoice::Specific(version) => write!(f, "Specific({}, {version})", self.name),
            VersionChoice::Label(label) => write!(f, "Label({}, {label})", self.name),
        }
    }
}
