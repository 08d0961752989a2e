//! Finds the runtime's library.

use std::env;
use std::path::{Path, PathBuf};

use crate::{EngineError, EngineErrorKind};

/// The variable that names the library.
const VARIABLE: &str = "ORT_DYLIB_PATH";

#[cfg(target_os = "macos")]
const FILE_NAME: &str = "libonnxruntime.dylib";
#[cfg(target_os = "windows")]
const FILE_NAME: &str = "onnxruntime.dll";
#[cfg(not(any(target_os = "macos", target_os = "windows")))]
const FILE_NAME: &str = "libonnxruntime.so";

/// Where `make deps` puts it, from the root of the project.
const DEPS_FOLDER: &str = "deps/onnxruntime/lib";

/// What the search depends on, so that a test can set it.
pub(super) struct Surroundings {
    variable: Option<PathBuf>,
    executable: Option<PathBuf>,
    current_dir: Option<PathBuf>,
}

impl Surroundings {
    pub(super) fn of_process() -> Self {
        Self {
            variable: env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from),
            executable: env::current_exe().ok(),
            current_dir: env::current_dir().ok(),
        }
    }

    /// The library's path.
    ///
    /// # Errors
    /// It is in none of the places; the message lists them. A variable that is set is the only place.
    pub(super) fn find(&self) -> Result<PathBuf, EngineError> {
        let places = self.places();
        places.iter().find(|place| place.is_file()).cloned().ok_or_else(|| missing(&places))
    }

    fn places(&self) -> Vec<PathBuf> {
        if let Some(path) = &self.variable {
            return vec![path.clone()];
        }
        let folder = self.executable.as_deref().and_then(Path::parent);
        let mut places = Vec::new();
        if let Some(folder) = folder {
            places.push(folder.join(FILE_NAME));
            places.push(folder.join("../lib").join(FILE_NAME));
        }
        for start in [folder, self.current_dir.as_deref()].into_iter().flatten() {
            let above = start.ancestors().map(|folder| folder.join(DEPS_FOLDER).join(FILE_NAME));
            places.extend(above.filter(|place| !places.contains(place)).collect::<Vec<_>>());
        }
        places
    }
}

fn missing(places: &[PathBuf]) -> EngineError {
    let list: Vec<String> = places.iter().map(|place| format!("\n  {}", place.display())).collect();
    let message = format!(
        "ONNX Runtime is missing: run `make deps`, or set `{VARIABLE}` to a {FILE_NAME} of version 1.{} or newer; looked for{}",
        ort::MINOR_VERSION,
        list.concat()
    );
    EngineError::new(EngineErrorKind::LibraryMissing, message)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn put(root: &Path, path: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }

    #[test]
    fn nearest_place_wins() {
        let root = tempfile::tempdir().unwrap();
        let surroundings = Surroundings {
            variable: None,
            executable: Some(root.path().join("project/target/release/wharf")),
            current_dir: Some(root.path().join("elsewhere/inside")),
        };
        assert_eq!(surroundings.find().unwrap_err().kind(), EngineErrorKind::LibraryMissing);
        // From the farthest to the nearest: each that appears takes over.
        for place in [
            "elsewhere/deps/onnxruntime/lib",
            "project/deps/onnxruntime/lib",
            "project/target/lib",
            "project/target/release",
        ] {
            put(root.path(), &format!("{place}/{FILE_NAME}"));
            put(root.path(), "project/target/release/wharf");
            let found = surroundings.find().unwrap().canonicalize().unwrap();
            let expected = root.path().join(place).join(FILE_NAME).canonicalize().unwrap();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn variable_is_the_only_place_where_it_is_set() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), FILE_NAME);
        let surroundings = Surroundings {
            variable: Some(root.path().join("absent.so")),
            executable: Some(root.path().join("wharf")),
            current_dir: None,
        };
        let message = surroundings.find().unwrap_err().to_string();
        assert!(message.contains("absent.so") && message.contains("make deps"), "{message}");
        assert_eq!(message.lines().count(), 2, "one place was looked at: {message}");
    }
}
