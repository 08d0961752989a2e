//! How good predictions are. Each figure is scikit-learn's of the same name, to rounding.

mod classes;
mod multi_label;
mod probability;
mod ranking;
mod regression;
mod roc;

pub use classes::{Averages, ClassReport, ClassScore, accuracy};
pub use multi_label::{MultiLabelReport, multi_label};
pub use probability::{brier, brier_multi_class, log_loss};
pub use ranking::{mean_ndcg, ndcg};
pub(crate) use regression::{check as check_numbers, determination};
pub use regression::{
    mean_absolute_error, mean_absolute_percentage_error, mean_squared_error, r_squared,
    root_mean_squared_error,
};
pub(crate) use roc::Ranking;
pub use roc::{average_precision, roc_auc, roc_auc_one_vs_rest};

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests;
