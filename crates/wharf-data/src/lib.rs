//! Readers of picture data sets, splits, and the loader that feeds training.
//!
//! A [`Dataset`] is class names, labels and pictures with random access, from IDX files, class folders, tar
//! files or CIFAR batches. [`Pictures`] joins it to a [`wharf_transform::Pipeline`] and keeps decoded pictures
//! in memory where they fit. [`Pictures::epoch`] gives the batches of one epoch, made ahead on all cores; the
//! same seed gives the same bits on any number of threads.
//!
//! ```
//! use std::sync::Arc;
//! use wharf_data::{Dataset, EpochOptions, PictureOptions, Pictures};
//! use wharf_transform::{CounterRng, Mode, PictureShape, Pipeline, Step};
//!
//! let classes = vec!["dark".to_owned(), "bright".to_owned()];
//! let shape = PictureShape::new(1, 1, 1)?;
//! let dataset = Arc::new(Dataset::from_pixels(classes, vec![0, 1, 1], shape, vec![3, 250, 255])?);
//! let pipeline = Pipeline::new(vec![Step::ToFloat.into()])?;
//! let options = PictureOptions::default();
//! let pictures = Arc::new(Pictures::new(Arc::clone(&dataset), &pipeline, Mode::Train, &options)?);
//!
//! let (seed, epoch) = (1, 0);
//! let order = CounterRng::new(&[seed, epoch]).permutation(dataset.num_pictures());
//! for batch in pictures.epoch(order, EpochOptions::new(2, seed, epoch))? {
//!     let batch = batch?;
//!     assert_eq!(batch.pixels().len(), batch.dims().iter().product::<usize>());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod cache;
mod cifar;
mod classes;
mod dataset;
mod error;
pub mod fetch;
mod folder;
mod gzip;
mod idx;
mod loader;
mod members;
mod open;
mod pictures;
mod split;
mod store;
mod tar;
mod tar_set;

pub use batch::Batch;
pub use cifar::{read_cifar10_binary, read_cifar10_python};
pub use classes::Part;
pub use dataset::Dataset;
pub use error::{BadPicture, DataError, DataErrorKind, OnBadPicture};
pub use folder::read_folder;
pub use idx::{FASHION_MNIST_CLASSES, read_idx};
pub use loader::{EpochOptions, Loader};
pub use open::{DataFormat, OpenOptions, open_dataset};
pub use pictures::{PictureOptions, Pictures};
pub use split::{Split, hold_out, hold_out_stratified};
pub use tar_set::read_tar;

/// Lowercase hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}
