//! Models in formats of other servers, which are told apart so that whoever has one is told what to do.

use std::path::Path;

/// Files, or folders, that a version of another server holds, and what they are.
const FORMATS: [(&str, &str); 9] = [
    ("saved_model.pb", SAVED_MODEL),
    ("saved_model.pbtxt", SAVED_MODEL),
    ("model.savedmodel", SAVED_MODEL),
    ("model.graphdef", "a TensorFlow graph"),
    ("model.tflite", "a TensorFlow Lite model"),
    ("model.plan", "a TensorRT engine"),
    ("model.pt", "a TorchScript model"),
    ("model.xml", "an OpenVINO model"),
    ("model.py", "a Python model"),
];
const SAVED_MODEL: &str = "a TensorFlow SavedModel";

/// A model that this build does not load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignModel {
    /// The file that gives it away.
    pub file: &'static str,
    /// What it is, with its article.
    pub what: &'static str,
}

impl ForeignModel {
    /// The foreign model in a folder, if any.
    pub fn find(folder: &Path) -> Option<Self> {
        let (file, what) = FORMATS.into_iter().find(|(file, _)| folder.join(file).exists())?;
        Some(Self { file, what })
    }

    /// How to make of it what is loaded.
    pub(crate) fn cure(self) -> &'static str {
        match self.what {
            SAVED_MODEL => {
                ", which `python -m tf2onnx.convert --saved-model FOLDER --output model.onnx` makes of it"
            }
            _ => ", exported by the framework that it comes from",
        }
    }
}
