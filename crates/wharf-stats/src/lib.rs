//! Statistics of training over plain slices: what is worth selecting, how to split, how good it is, how sure
//! that is.

mod error;
mod folds;
#[cfg(test)]
mod goldens;
mod mutual;
mod random;
pub mod special;
mod sum;

pub use error::{StatsError, StatsErrorKind};
pub use folds::{Fold, FoldWarning, Folds, HoldOut, KFold, TimeSeriesSplit};
pub use mutual::{Column, MutualInformation, MutualScore, discrete_information, entropy};
