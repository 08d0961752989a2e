//! A picture to ask about, and what a model says of it.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use bytes::Bytes;

/// The largest picture file that is read; the servers' transforms refuse larger ones anyway.
const MAX_PICTURE_BYTES: u64 = 20 << 20;

/// An encoded picture.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    /// Where it came from.
    pub(crate) path: PathBuf,
    /// The file as it is.
    pub(crate) encoded: Bytes,
}

impl Picture {
    /// Reads a picture file; whether it is one is for the model's transform to say.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let size = path.metadata().with_context(|| format!("cannot read `{}`", path.display()))?.len();
        ensure!(
            size <= MAX_PICTURE_BYTES,
            "`{}` has {size} bytes, expected at most {MAX_PICTURE_BYTES}",
            path.display()
        );
        let encoded = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        Ok(Self { path: path.to_owned(), encoded: encoded.into() })
    }
}

/// Classes with their probabilities, the most probable first.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The label and the probability of each class.
    pub(crate) classes: Vec<(String, f32)>,
}

impl Answer {
    /// Sorts `classes`; equal probabilities keep the model's order, and NaN comes last.
    pub(crate) fn new(mut classes: Vec<(String, f32)>) -> Self {
        let key = |score: f32| if score.is_nan() { f32::NEG_INFINITY } else { score };
        classes.sort_by(|(_, left), (_, right)| key(*right).total_cmp(&key(*left)));
        Self { classes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_probable_class_comes_first_and_nan_last() {
        let classes = vec![("a".into(), 0.1), ("b".into(), f32::NAN), ("c".into(), 0.6), ("d".into(), 0.6)];
        let order: Vec<String> = Answer::new(classes).classes.into_iter().map(|(label, _)| label).collect();
        assert_eq!(order, ["c", "d", "a", "b"]);
    }
}
