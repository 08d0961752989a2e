//! IDX files, the format of MNIST and Fashion-MNIST: a magic number, big-endian sizes, bytes.

use std::io::Read;
use std::path::Path;

use wharf_transform::PictureShape;

use crate::{DataError, Dataset, gzip};

const LABELS_MAGIC: u32 = 0x0000_0801;
const IMAGES_MAGIC: u32 = 0x0000_0803;
/// The most bytes of pixels; Fashion-MNIST has 47 million.
const MAX_BYTES: u64 = 8 << 30;

/// The classes of Fashion-MNIST, in the order of its labels.
pub const FASHION_MNIST_CLASSES: [&str; 10] = [
    "t-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
];

/// Reads pictures and labels, packed with gzip or not. Without `class_names` the classes are called by their
/// numbers.
///
/// # Errors
/// A file cannot be read, is not IDX of bytes, is shorter or longer than it says, or the two disagree.
pub fn read_idx(
    images: &Path,
    labels: &Path,
    class_names: Option<Vec<String>>,
) -> Result<Dataset, DataError> {
    let (sizes, pixels) = read_file(images, IMAGES_MAGIC, 3)?;
    let (_, labels_read) = read_file(labels, LABELS_MAGIC, 1)?;
    let (count, shape) = picture_sizes(&sizes).map_err(|error| error.in_file(images))?;
    if labels_read.len() != count {
        let found = labels_read.len();
        return Err(
            DataError::malformed(format!("file has {found} labels, expected {count}")).in_file(labels)
        );
    }
    let labels: Vec<u32> = labels_read.into_iter().map(u32::from).collect();
    let class_names = class_names.unwrap_or_else(|| {
        let classes = labels.iter().max().map_or(0, |label| label + 1);
        (0..classes).map(|class| class.to_string()).collect()
    });
    Dataset::from_pixels(class_names, labels, shape, pixels).map_err(|error| error.in_file(images))
}

fn picture_sizes(sizes: &[usize]) -> Result<(usize, PictureShape), DataError> {
    let &[count, height, width] = sizes else {
        return Err(DataError::malformed("file has no pictures"));
    };
    let shape = PictureShape::new(height, width, 1)
        .map_err(|error| DataError::malformed(error.to_string()).with_source(error))?;
    Ok((count, shape))
}

fn read_file(path: &Path, magic: u32, rank: usize) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    parse(gzip::open(path)?, magic, rank).map_err(|error| error.in_file(path))
}

/// Sizes and bytes of an IDX file of unsigned bytes.
fn parse(mut file: impl Read, magic: u32, rank: usize) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    let found = read_u32(&mut file)?;
    if found != magic {
        return Err(DataError::malformed(format!("file starts with {found:#010x}, expected {magic:#010x}")));
    }
    let sizes = (0..rank).map(|_| read_u32(&mut file)).collect::<Result<Vec<u32>, _>>()?;
    let size = sizes.iter().try_fold(1_u64, |product, size| product.checked_mul(u64::from(*size)));
    let size = size.filter(|size| *size <= MAX_BYTES).ok_or_else(|| {
        DataError::too_large(format!("file claims sizes {sizes:?}, expected {MAX_BYTES} bytes at most"))
    })?;
    // The buffer grows with what is there, not with what the header claims.
    let mut bytes = Vec::new();
    file.take(size + 1).read_to_end(&mut bytes).map_err(damaged)?;
    if bytes.len() as u64 != size {
        let (found, more) = (bytes.len(), if bytes.len() as u64 > size { " or more" } else { "" });
        return Err(DataError::malformed(format!("file has {found}{more} bytes of data, expected {size}")));
    }
    Ok((sizes.iter().map(|size| *size as usize).collect(), bytes))
}

fn read_u32(file: &mut impl Read) -> Result<u32, DataError> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes).map_err(damaged)?;
    Ok(u32::from_be_bytes(bytes))
}

fn damaged(error: std::io::Error) -> DataError {
    DataError::malformed(format!("file is damaged or cut off: {error}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn images(count: u32, height: u32, width: u32, bytes: usize) -> Vec<u8> {
        let mut file: Vec<u8> =
            [IMAGES_MAGIC, count, height, width].iter().flat_map(|size| size.to_be_bytes()).collect();
        file.extend((0..bytes).map(|byte| byte as u8));
        file
    }

    fn labels(labels: &[u8]) -> Vec<u8> {
        [&LABELS_MAGIC.to_be_bytes()[..], &(labels.len() as u32).to_be_bytes(), labels].concat()
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(images: &[u8], labels: &[u8]) -> Result<Dataset, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["images", "labels"].map(|name| folder.path().join(name));
        std::fs::write(&paths[0], images).unwrap();
        std::fs::write(&paths[1], labels).unwrap();
        read_idx(&paths[0], &paths[1], None)
    }

    #[test]
    fn reads_plain_and_packed_files() {
        let (images, labels) = (images(3, 2, 2, 12), labels(&[0, 2, 1]));
        for (images, labels) in [(images.clone(), labels.clone()), (packed(&images), packed(&labels))] {
            let dataset = read(&images, &labels).unwrap();
            assert_eq!(dataset.labels(), [0, 2, 1]);
            assert_eq!(dataset.class_names(), ["0", "1", "2"]);
            assert_eq!(dataset.shape().unwrap().height(), 2);
        }
    }

    #[test]
    fn every_cut_is_an_error() {
        let (images, labels) = (images(25, 2, 2, 100), labels(&[1; 25]));
        for (images, labels) in [(images.clone(), labels.clone()), (packed(&images), packed(&labels))] {
            for percent in 0..100 {
                assert!(read(&images[..images.len() * percent / 100], &labels).is_err(), "{percent}");
                assert!(read(&images, &labels[..labels.len() * percent / 100]).is_err(), "{percent}");
            }
        }
    }

    #[test]
    fn files_that_lie_are_errors() {
        let good = labels(&[0, 1]);
        for (bad, expected) in [
            (images(2, 1, 1, 3), "has 3 or more bytes of data, expected 2"),
            (images(u32::MAX, 1, 1, 3), "has 3 bytes of data, expected 4294967295"),
            (images(u32::MAX, u32::MAX, u32::MAX, 3), "claims sizes"),
            (images(2, 0, 5, 0), "picture is 0x5x1"),
            (images(3, 1, 1, 3), "has 2 labels, expected 3"),
            (images(0, 1, 1, 0), "has 2 labels, expected 0"),
            (labels(&[0, 1]), "starts with 0x00000801, expected 0x00000803"),
        ] {
            let error = read(&bad, &good).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(read(&images(0, 1, 1, 0), &labels(&[])).is_err());
    }
}
