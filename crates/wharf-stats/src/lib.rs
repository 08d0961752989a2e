//! Statistics of training over plain slices: what is worth selecting, how to split, how good it is, how sure
//! that is.

mod error;
mod folds;
#[cfg(test)]
mod goldens;
mod metrics;
mod mutual;
mod quantile;
mod random;
mod scores;
pub mod special;
mod sum;

pub use error::{StatsError, StatsErrorKind};
pub use folds::{Fold, FoldWarning, Folds, HoldOut, KFold, TimeSeriesSplit};
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
