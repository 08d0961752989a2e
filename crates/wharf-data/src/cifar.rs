//! The CIFAR-10 files of its authors: the binary version and the Python version.

use std::path::Path;

use bytes::Bytes;
use wharf_pickle::{CIFAR_GLOBALS, Limits, Pickle, PickleError, numpy_array};
use wharf_transform::PictureShape;

use crate::classes::Part;
use crate::members::read_members;
use crate::{DataError, Dataset};

const SIDE: usize = 32;
const CHANNELS: usize = 3;
const PLANE: usize = SIDE * SIDE;
const PICTURE: usize = PLANE * CHANNELS;
/// A batch has 31 million bytes.
const MAX_FILE_BYTES: usize = 64 << 20;

/// The pictures of some batches, channels last, and their labels.
#[derive(Default)]
struct Batches {
    pixels: Vec<u8>,
    labels: Vec<u32>,
}

impl Batches {
    /// Adds a picture that is stored plane by plane.
    fn push(&mut self, label: u32, planes: &[u8]) {
        self.labels.push(label);
        let start = self.pixels.len();
        self.pixels.resize(start + PICTURE, 0);
        let (pixels, _) = self.pixels[start..].as_chunks_mut::<CHANNELS>();
        for (channel, plane) in planes.chunks_exact(PLANE).take(CHANNELS).enumerate() {
            for (pixel, value) in pixels.iter_mut().zip(plane) {
                pixel[channel] = *value;
            }
        }
    }

    fn into_dataset(self, class_names: Vec<String>) -> Result<Dataset, DataError> {
        let shape = PictureShape::new(SIDE, SIDE, CHANNELS)?;
        Dataset::from_pixels(class_names, self.labels, shape, self.pixels)
    }
}

/// The numbers of the batches that make up `part`; 0 is the test batch.
fn batch_numbers(part: Part) -> &'static [usize] {
    match part {
        Part::Train => &[1, 2, 3, 4, 5],
        Part::Test => &[0],
        Part::All => &[1, 2, 3, 4, 5, 0],
    }
}

fn batch_name(number: usize, extension: &str) -> String {
    if number == 0 { format!("test_batch{extension}") } else { format!("data_batch_{number}{extension}") }
}

/// Reads `data_batch_1.bin` and so on with `batches.meta.txt`, from a folder or straight from
/// `cifar-10-binary.tar.gz`.
///
/// # Errors
/// A file is missing or damaged.
pub fn read_cifar10_binary(path: &Path, part: Part) -> Result<Dataset, DataError> {
    let files = read_files(path, "cifar-10-batches-bin", part, ".bin", "batches.meta.txt")?;
    let mut batches = Batches::default();
    for (name, content) in &files.batches {
        read_binary(content, &mut batches)
            .map_err(|what| DataError::malformed(format!("`{name}` {what}")).in_file(path))?;
    }
    let names = String::from_utf8(files.meta).map_err(|error| {
        DataError::malformed("`batches.meta.txt` is not UTF-8").with_source(error).in_file(path)
    })?;
    let class_names =
        names.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    batches.into_dataset(class_names).map_err(|error| error.in_file(path))
}

/// Records of a label and three planes.
fn read_binary(content: &[u8], batches: &mut Batches) -> Result<(), String> {
    let (records, rest) = content.as_chunks::<{ PICTURE + 1 }>();
    if records.is_empty() || !rest.is_empty() {
        let (size, record) = (content.len(), PICTURE + 1);
        return Err(format!("has {size} bytes, expected a multiple of {record}"));
    }
    for [label, planes @ ..] in records {
        batches.push(u32::from(*label), planes);
    }
    Ok(())
}

/// Reads the pickles `data_batch_1` and so on with `batches.meta`, from a folder or straight from
/// `cifar-10-python.tar.gz`. They are read, not run: a pickle that needs more than the data is an error.
///
/// # Errors
/// A file is missing, damaged, or names anything that is not on the list.
pub fn read_cifar10_python(path: &Path, part: Part) -> Result<Dataset, DataError> {
    let files = read_files(path, "cifar-10-batches-py", part, "", "batches.meta")?;
    let mut batches = Batches::default();
    let wrong = |name: &str, error: PickleError| {
        DataError::malformed(format!("`{name}`: {error}")).with_source(error).in_file(path)
    };
    for (name, content) in files.batches {
        let (labels, planes) = read_pickle(content).map_err(|error| wrong(&name, error))?;
        add_batch(&labels, &planes, &mut batches)
            .map_err(|what| DataError::malformed(format!("`{name}` {what}")).in_file(path))?;
    }
    let class_names = read_names(files.meta).map_err(|error| wrong("batches.meta", error))?;
    batches.into_dataset(class_names).map_err(|error| error.in_file(path))
}

fn read_pickle(content: Vec<u8>) -> Result<(Vec<i64>, Bytes), PickleError> {
    let pickle = Pickle::parse(&Bytes::from(content), CIFAR_GLOBALS, &Limits::default())?;
    let labels = pickle.root().field("labels")?.ints()?;
    Ok((labels, numpy_array(pickle.root().field("data")?)?.bytes))
}

fn read_names(content: Vec<u8>) -> Result<Vec<String>, PickleError> {
    let pickle = Pickle::parse(&Bytes::from(content), CIFAR_GLOBALS, &Limits::default())?;
    pickle.root().field("label_names")?.items()?.map(|name| Ok(name.text()?.to_owned())).collect()
}

fn add_batch(labels: &[i64], planes: &[u8], batches: &mut Batches) -> Result<(), String> {
    if labels.is_empty() || labels.len().checked_mul(PICTURE) != Some(planes.len()) {
        let (count, bytes) = (labels.len(), planes.len());
        return Err(format!(
            "has {count} labels and {bytes} bytes of pixels, expected {PICTURE} for each label"
        ));
    }
    for (label, planes) in labels.iter().zip(planes.chunks_exact(PICTURE)) {
        let label = u32::try_from(*label).map_err(|_| format!("has label {label}, expected a class"))?;
        batches.push(label, planes);
    }
    Ok(())
}

struct Files {
    batches: Vec<(String, Vec<u8>)>,
    meta: Vec<u8>,
}

fn read_files(path: &Path, inner: &str, part: Part, extension: &str, meta: &str) -> Result<Files, DataError> {
    let batches: Vec<String> =
        batch_numbers(part).iter().map(|number| batch_name(*number, extension)).collect();
    let names: Vec<&str> = batches.iter().map(String::as_str).chain([meta]).collect();
    let mut contents = read_members(path, inner, &names, MAX_FILE_BYTES)?;
    let meta = contents.pop().unwrap_or_default();
    Ok(Files { batches: batches.into_iter().zip(contents).collect(), meta })
}

#[cfg(test)]
mod tests;
