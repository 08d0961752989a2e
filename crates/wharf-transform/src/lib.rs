//! Typed transforms of pictures and of columns of tables: one implementation runs in training, evaluation and
//! serving. Columns are in [`columns`]; the rest is for pictures.
//!
//! A recipe or manifest lists [`Step`]s; a [`Pipeline`] is a list whose settings and order are checked. Serving
//! runs it on a batch with [`Pipeline::apply_tensor`]; training runs a [`Program`] on one picture after the
//! other, straight into the batch. Random steps draw from a [`CounterRng`] keyed by seed, epoch and sample, so
//! that any number of threads gives the same pictures. Geometry agrees with Pillow and torchvision pixel for
//! pixel, resize within one level.
//!
//! ```
//! use wharf_transform::{Layout, Mode, PictureShape, PictureView, Pipeline, Pixels, SampleKey, Scratch, Source, Step};
//!
//! let pipeline = Pipeline::new(vec![
//!     Step::RandomHorizontalFlip { probability: 0.5 }.into(),
//!     Step::RandomRotation { degrees: 10.0 }.into(),
//!     Step::ToFloat.into(),
//!     Step::Normalise { mean: vec![0.5], std: vec![0.5] }.into(),
//! ])?;
//! let picture = PictureView::new(PictureShape::new(32, 32, 3)?, Pixels::U8(&[128; 3072]))?;
//! let mut row = vec![0.0; 3072];
//! let key = SampleKey { seed: 1, epoch: 0, sample: 42 };
//! let program = pipeline.program(Mode::Train);
//! program.run_into(Source::Picture(picture), key, &mut Scratch::default(), Layout::Chw, &mut row)?;
//! # Ok::<(), wharf_transform::TransformError>(())
//! ```

mod apply;
mod check;
mod colour;
pub mod columns;
mod decode;
mod error;
mod geometry;
#[cfg(test)]
mod goldens;
mod names;
mod output;
mod philox;
mod picture;
mod pipeline;
mod program;
mod resize;
mod rng;
mod rotate;
mod scratch;
mod serve;
mod shapes;
mod staged;
mod step;

pub use error::{TransformError, TransformErrorKind};
pub use names::{nearest, unknown_name};
pub use output::Layout;
pub use picture::{MAX_ENCODED_BYTES, MAX_PIXELS, PictureShape, PictureView, Pixels, Source};
pub use pipeline::{Kind, Mode, Pipeline};
pub use program::{Program, SampleKey};
pub use rng::CounterRng;
pub use scratch::Scratch;
pub use serve::MAX_BATCH_BYTES;
pub use staged::{StagedStep, When};
pub use step::Step;
