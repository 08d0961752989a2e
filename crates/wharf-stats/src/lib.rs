//! Statistics of training over plain slices: which features tell something, how to split samples, how good
//! predictions are, and how sure that is.
//!
//! - Feature scores: [`MutualInformation`], [`information_gain`], [`best_threshold`], [`discretise_mdl`],
//!   [`chi_squared`], [`f_classification`], [`f_regression`], [`PermutationImportance`]; columns are chosen by
//!   [`select_best`], [`select_above`], [`select_percentile`].
//! - Splits: [`KFold`] (plain, stratified, grouped, both, repeated), [`TimeSeriesSplit`], [`HoldOut`].
//! - Metrics: [`ClassReport`], [`log_loss`], [`roc_auc`], [`r_squared`], [`ndcg`], [`multi_label`] and others.
//! - Intervals: [`Bootstrap`], [`wilson`]. Paired tests: [`mc_nemar`], [`delong`], [`Bootstrap::paired`],
//!   [`corrected_resampled_t`].
//!
//! A column is `&[f64]`, or `&[u32]` of classes; a matrix lies row after row. Results agree with scikit-learn
//! 1.9 and SciPy (`goldens/`). What is random is a function of a seed, the same on any number of threads: numbers
//! come from SplitMix64 streams, one for each use.
//!
//! ```
//! use wharf_stats::{Bootstrap, KFold, accuracy};
//!
//! let class = [0, 1, 0, 1, 1, 0, 0, 1, 1, 0];
//! let folds = KFold::new(5).shuffled(1).stratified(&class)?;
//! assert!(folds.folds.iter().all(|fold| fold.test.len() == 2) && folds.warnings.is_empty());
//! let predicted = [0, 1, 0, 1, 0, 0, 0, 1, 1, 1];
//! let interval = Bootstrap::default().accuracy(&class, &predicted)?;
//! assert_eq!((interval.estimate, accuracy(&class, &predicted)?), (0.8, 0.8));
//! assert!(interval.low < 0.7 && interval.high > 0.9);
//! # Ok::<(), wharf_stats::StatsError>(())
//! ```

mod error;
mod folds;
#[cfg(test)]
mod goldens;
mod intervals;
mod metrics;
mod mutual;
mod quantile;
mod random;
mod scores;
pub mod special;
mod sum;

pub use error::{StatsError, StatsErrorKind};
pub use folds::{Fold, FoldWarning, Folds, HoldOut, KFold, TimeSeriesSplit};
pub use intervals::{
    Bootstrap, BootstrapMethod, DeLongTest, Interval, McNemarTest, PairedDifference, ResampledTest,
    corrected_resampled_t, delong, mc_nemar, wilson,
};
pub use metrics::{
    Averages, ClassReport, ClassScore, MultiLabelReport, accuracy, average_precision, brier,
    brier_multi_class, log_loss, mean_absolute_error, mean_absolute_percentage_error, mean_ndcg,
    mean_squared_error, multi_label, ndcg, r_squared, roc_auc, roc_auc_one_vs_rest, root_mean_squared_error,
};
pub use mutual::{Column, MutualInformation, MutualScore, discrete_information, entropy};
pub use quantile::quantile;
pub use scores::{
    BestThreshold, ColumnImportance, InformationGain, PermutationImportance, TestScore, best_threshold,
    chi_squared, discretise_mdl, f_classification, f_regression, information_gain, select_above, select_best,
    select_percentile,
};
