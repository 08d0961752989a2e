//! Opens a data set by its path, whatever its format.

use std::path::{Path, PathBuf};

use crate::classes::Part;
use crate::idx::FASHION_MNIST_CLASSES;
use crate::{DataError, Dataset, read_cifar10_binary, read_cifar10_python, read_folder, read_idx, read_tar};

/// How a data set is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataFormat {
    /// `train-images-idx3-ubyte` and so on, packed or not.
    Idx,
    /// A folder of class folders, below `train` and `test` or not.
    Folder,
    /// A tar file of class folders, packed or not.
    Tar,
    /// `data_batch_1.bin` and so on, or their archive.
    Cifar10Binary,
    /// `data_batch_1` and so on, or their archive.
    Cifar10Python,
}

impl DataFormat {
    /// Every format with its name in recipes.
    pub const ALL: [(&'static str, DataFormat); 5] = [
        ("idx", DataFormat::Idx),
        ("folder", DataFormat::Folder),
        ("tar", DataFormat::Tar),
        ("cifar10-binary", DataFormat::Cifar10Binary),
        ("cifar10-python", DataFormat::Cifar10Python),
    ];
}

/// What the path does not tell.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The format; found out where it is `None`.
    pub format: Option<DataFormat>,
    /// The names of the classes of IDX files. Where it is `None`, a path with `fashion` in it has the names of
    /// Fashion-MNIST, and other files have numbers.
    pub class_names: Option<Vec<String>>,
}

/// Opens one part of the data set at `path`: a folder with the files of one of the formats, or an archive.
///
/// # Errors
/// There is nothing of that part, or it cannot be read.
pub fn open_dataset(path: &Path, part: Part, options: &OpenOptions) -> Result<Dataset, DataError> {
    let (format, path) = match options.format {
        Some(format) => (format, place(format, path, part)),
        None => detect(path, part)?,
    };
    match format {
        DataFormat::Idx => open_idx(&path, part, options),
        DataFormat::Folder => open_folder(&path, part),
        DataFormat::Tar => read_tar(&path, part),
        DataFormat::Cifar10Binary => read_cifar10_binary(&path, part),
        DataFormat::Cifar10Python => read_cifar10_python(&path, part),
    }
}

/// Where the files of `format` are, if `path` is the folder around them.
fn place(format: DataFormat, path: &Path, part: Part) -> PathBuf {
    let inner = match format {
        DataFormat::Tar => tar_of(path, part),
        DataFormat::Cifar10Binary => existing(path, &["cifar-10-binary.tar.gz"]),
        DataFormat::Cifar10Python => existing(path, &["cifar-10-python.tar.gz"]),
        DataFormat::Idx | DataFormat::Folder => None,
    };
    let unpacked = path.join("cifar-10-batches-bin").is_dir() || path.join("cifar-10-batches-py").is_dir();
    inner.filter(|_| !unpacked).unwrap_or_else(|| path.to_path_buf())
}

fn detect(path: &Path, part: Part) -> Result<(DataFormat, PathBuf), DataError> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    if path.is_file() {
        let is_tar = [".tar", ".tar.gz", ".tgz"].iter().any(|end| name.ends_with(end));
        let format = match is_tar {
            true if name.starts_with("cifar-10-binary") => DataFormat::Cifar10Binary,
            true if name.starts_with("cifar-10-python") => DataFormat::Cifar10Python,
            true => DataFormat::Tar,
            false => {
                return Err(DataError::missing("file is no archive; name its folder instead").in_file(path));
            }
        };
        return Ok((format, path.to_path_buf()));
    }
    if !path.is_dir() {
        return Err(DataError::missing("there is no such file or folder").in_file(path));
    }
    let format = detect_in_folder(path, part);
    Ok((format, place(format, path, part)))
}

fn detect_in_folder(path: &Path, part: Part) -> DataFormat {
    let has = |names: &[&str]| existing(path, names).is_some();
    if IDX_NAMES.iter().any(|(images, _)| has(&[images, &format!("{images}.gz")])) {
        DataFormat::Idx
    } else if has(&["data_batch_1.bin", "cifar-10-batches-bin", "cifar-10-binary.tar.gz"]) {
        DataFormat::Cifar10Binary
    } else if has(&["data_batch_1", "cifar-10-batches-py", "cifar-10-python.tar.gz"]) {
        DataFormat::Cifar10Python
    } else if tar_of(path, part).is_some() {
        DataFormat::Tar
    } else {
        DataFormat::Folder
    }
}

/// The first of `names` that is in `folder`.
fn existing(folder: &Path, names: &[&str]) -> Option<PathBuf> {
    names.iter().map(|name| folder.join(name)).find(|path| path.exists())
}

fn tar_of(folder: &Path, part: Part) -> Option<PathBuf> {
    let part = part.name()?;
    existing(folder, &[&format!("{part}.tar"), &format!("{part}.tar.gz"), &format!("{part}.tgz")])
}

/// Pictures and labels of training and test.
const IDX_NAMES: [(&str, &str); 2] = [
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
];

fn open_idx(path: &Path, part: Part, options: &OpenOptions) -> Result<Dataset, DataError> {
    let (images, labels) = match part {
        Part::Train => IDX_NAMES[0],
        Part::Test => IDX_NAMES[1],
        Part::All => {
            return Err(DataError::setting("IDX files are read by part, train or test").in_file(path));
        }
    };
    let find = |name: &str| {
        existing(path, &[name, &format!("{name}.gz")])
            .ok_or_else(|| DataError::missing(format!("found no file `{name}` or `{name}.gz`")).in_file(path))
    };
    let is_fashion = path.to_string_lossy().to_lowercase().contains("fashion");
    let class_names = options.class_names.clone().or_else(|| {
        is_fashion.then(|| FASHION_MNIST_CLASSES.iter().map(|name| (*name).to_owned()).collect())
    });
    read_idx(&find(images)?, &find(labels)?, class_names)
}

fn open_folder(path: &Path, part: Part) -> Result<Dataset, DataError> {
    let inner = part.name().map(|name| path.join(name)).filter(|inner| inner.is_dir());
    let has_parts = path.join("train").is_dir() || path.join("test").is_dir();
    match (inner, part) {
        (Some(inner), _) => read_folder(&inner),
        (None, Part::All) if !has_parts => read_folder(path),
        (None, Part::Train) if !has_parts => read_folder(path),
        (None, Part::All) => {
            Err(DataError::setting("folder has the parts `train` and `test`, name one").in_file(path))
        }
        (None, part) => {
            let name = part.name().unwrap_or_default();
            Err(DataError::missing(format!("found no folder `{name}`")).in_file(path))
        }
    }
}

#[cfg(test)]
mod tests;
