//! A labelled set of pictures with random access, whatever file format it came from.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use wharf_transform::{PictureShape, PictureView, Pixels, Source};

use crate::DataError;
use crate::store::Store;

/// Pictures, the class of each, and the names of the classes.
#[derive(Debug)]
pub struct Dataset {
    class_names: Vec<String>,
    labels: Vec<u32>,
    store: Store,
}

impl Dataset {
    /// A data set of 8-bit pictures of one size, held in memory one after the other.
    ///
    /// # Errors
    /// The counts do not agree, or a label has no class.
    pub fn from_pixels(
        class_names: Vec<String>,
        labels: Vec<u32>,
        shape: PictureShape,
        pixels: Vec<u8>,
    ) -> Result<Self, DataError> {
        let expected = shape.num_elements().checked_mul(labels.len());
        if expected != Some(pixels.len()) {
            let (bytes, count) = (pixels.len(), labels.len());
            return Err(DataError::malformed(format!(
                "data has {bytes} bytes of pixels, expected {count} pictures of {} bytes",
                shape.num_elements()
            )));
        }
        Self::new(class_names, labels, Store::Pixels { shape, pixels })
    }

    pub(crate) fn new(class_names: Vec<String>, labels: Vec<u32>, store: Store) -> Result<Self, DataError> {
        if labels.is_empty() {
            return Err(DataError::missing("data set has no pictures"));
        }
        let classes = class_names.len();
        if let Some(index) = labels.iter().position(|label| *label as usize >= classes) {
            let label = labels[index];
            return Err(DataError::malformed(format!(
                "picture {index} has class {label}, expected less than {classes}"
            )));
        }
        Ok(Self { class_names, labels, store })
    }

    /// How many pictures there are; never zero.
    pub fn num_pictures(&self) -> usize {
        self.labels.len()
    }

    /// The names of the classes; a label is a place in this list.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The class of each picture.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Whether the pictures are files that have to be decoded.
    pub fn is_encoded(&self) -> bool {
        !matches!(self.store, Store::Pixels { .. })
    }

    /// The size of the pictures, where all have one and it is known without decoding.
    pub fn shape(&self) -> Option<PictureShape> {
        match &self.store {
            Store::Pixels { shape, .. } => Some(*shape),
            _ => None,
        }
    }

    /// What to call picture `index` in a message: its file, or its number.
    pub fn picture_name(&self, index: usize) -> String {
        self.store.name(index).map_or_else(|| format!("#{index}"), str::to_owned)
    }

    /// Picture `index` as stored. Files are read into `buffer`.
    ///
    /// # Errors
    /// There is no such picture, or its file cannot be read.
    pub fn picture<'a>(&'a self, index: usize, buffer: &'a mut Vec<u8>) -> Result<Source<'a>, DataError> {
        if let Store::Pixels { shape, pixels } = &self.store {
            let size = shape.num_elements();
            let start = index.checked_mul(size).ok_or_else(|| self.no_picture(index))?;
            let pixels = pixels.get(start..start + size).ok_or_else(|| self.no_picture(index))?;
            return Ok(Source::Picture(PictureView::new(*shape, Pixels::U8(pixels))?));
        }
        if index >= self.num_pictures() {
            return Err(self.no_picture(index));
        }
        self.store.encoded(index, buffer).map(Source::Encoded)
    }

    fn no_picture(&self, index: usize) -> DataError {
        DataError::setting(format!("there is no picture {index}, data set has {}", self.num_pictures()))
    }

    /// The same pictures with the labels counted in `class_names`, so that a test set agrees with the training
    /// set even where some class has no test picture.
    ///
    /// # Errors
    /// The data set has a class that is not in `class_names`.
    pub fn with_classes(mut self, class_names: &[String]) -> Result<Self, DataError> {
        let places: BTreeMap<&str, u32> = class_names.iter().map(String::as_str).zip(0..).collect();
        let moved = self.class_names.iter().map(|name| {
            places.get(name.as_str()).copied().ok_or_else(|| {
                DataError::setting(format!("class `{name}` is not among the classes of the training data"))
            })
        });
        let moved = moved.collect::<Result<Vec<u32>, DataError>>()?;
        for label in &mut self.labels {
            *label = moved[*label as usize];
        }
        self.class_names = class_names.to_vec();
        Ok(self)
    }

    /// How many pictures each class has.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.class_names.len()];
        for label in &self.labels {
            counts[*label as usize] += 1;
        }
        counts
    }

    /// The SHA-256 over classes, labels and pictures, in hexadecimal: which data a model was trained on. A tar
    /// file and the folder it was made from have the same.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn sha256(&self) -> Result<String, DataError> {
        let mut hasher = Sha256::new();
        hasher.update((self.class_names.len() as u64).to_le_bytes());
        for name in &self.class_names {
            hasher.update((name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
        }
        let mut buffer = Vec::new();
        for (index, label) in self.labels.iter().enumerate() {
            hasher.update(label.to_le_bytes());
            let bytes = match self.picture(index, &mut buffer)? {
                Source::Encoded(bytes) => bytes,
                Source::Picture(picture) => {
                    let shape = picture.shape();
                    for size in [shape.height(), shape.width(), shape.channels()] {
                        hasher.update((size as u64).to_le_bytes());
                    }
                    match picture.pixels() {
                        Pixels::U8(bytes) => bytes,
                        Pixels::F32(_) => &[],
                    }
                }
            };
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
        Ok(crate::hex(&hasher.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn tiny() -> Dataset {
        let shape = PictureShape::new(1, 2, 1).unwrap();
        Dataset::from_pixels(names(&["b", "a"]), vec![1, 0, 1], shape, vec![0, 1, 2, 3, 4, 5]).unwrap()
    }

    #[test]
    fn gives_each_picture_and_refuses_others() {
        let dataset = tiny();
        let mut buffer = Vec::new();
        let Source::Picture(picture) = dataset.picture(1, &mut buffer).unwrap() else { panic!("encoded") };
        assert_eq!(picture.pixels(), Pixels::U8(&[2, 3]));
        for index in [3, usize::MAX] {
            assert!(dataset.picture(index, &mut Vec::new()).is_err());
        }
        assert_eq!(dataset.class_counts(), [1, 2]);
    }

    #[test]
    fn counts_that_disagree_are_errors() {
        let shape = PictureShape::new(1, 2, 1).unwrap();
        for (labels, pixels) in [(vec![0], vec![0; 3]), (vec![2], vec![0; 2]), (vec![], vec![])] {
            assert!(Dataset::from_pixels(names(&["a", "b"]), labels, shape, pixels).is_err());
        }
    }

    #[test]
    fn classes_can_be_counted_in_the_order_of_another_set() {
        let moved = tiny().with_classes(&names(&["a", "b", "c"])).unwrap();
        assert_eq!(moved.labels(), [0, 1, 0]);
        let error = tiny().with_classes(&names(&["a"])).unwrap_err().to_string();
        assert_eq!(error, "class `b` is not among the classes of the training data");
    }

    #[test]
    fn digest_depends_on_everything() {
        let digest = tiny().sha256().unwrap();
        assert_eq!(digest.len(), 64);
        assert_eq!(tiny().sha256().unwrap(), digest);
        let shape = PictureShape::new(2, 1, 1).unwrap();
        let others = [
            Dataset::from_pixels(names(&["b", "c"]), vec![1, 0, 1], shape, vec![0, 1, 2, 3, 4, 5]),
            Dataset::from_pixels(names(&["b", "a"]), vec![1, 1, 1], shape, vec![0, 1, 2, 3, 4, 5]),
            Dataset::from_pixels(names(&["b", "a"]), vec![1, 0, 1], shape, vec![0, 1, 2, 3, 4, 6]),
            Dataset::from_pixels(names(&["b", "a"]), vec![1, 0, 1], shape, vec![0, 1, 2, 3, 4, 5]),
        ];
        for other in others {
            assert_ne!(other.unwrap().sha256().unwrap(), digest);
        }
    }
}
