//! The settings of a recipe for tables.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use wharf_table::CsvOptions;

/// Where the table is and what is learned from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableData {
    /// A CSV or Parquet file.
    pub path: PathBuf,
    /// A second file that the result is evaluated on; a part of the first is held out where there is none.
    pub evaluation: Option<PathBuf>,
    /// The column to predict.
    pub target: String,
    /// Whether classes or numbers are predicted; seen from the target where absent.
    pub task: Option<TableTask>,
    /// Columns that are left out.
    pub drop: Vec<String>,
    /// Whether rows that occur twice are left out.
    pub drop_duplicates: bool,
    /// What is done with rows without a target.
    pub missing_target: MissingTarget,
    /// What the rows with the same value in this column have in common, such as a person: they are never parted.
    pub group: Option<String>,
    /// The column by which rows are ordered in time: what is evaluated on comes after what is learned from.
    pub time: Option<String>,
    /// Columns whose type is not to be inferred, what divides cells, what stands for missing values, and how many
    /// rows are read; of CSV files.
    pub csv: CsvOptions,
}

/// What is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableTask {
    /// One of several classes.
    Classification,
    /// A number.
    Regression,
}

/// What is done with rows without a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingTarget {
    /// The first one ends the run.
    Fail,
    /// They are left out.
    Drop,
}

/// How the trials are compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// Into how many parts the training rows are cut, each of which is left out once; 1 leaves out one part once.
    pub folds: usize,
    /// How often that is done, each time with other parts.
    pub repeats: usize,
    /// The part of all rows that no trial sees, above 0 and below 1; the result is evaluated on it.
    pub holdout: f64,
}

/// How columns are scored before some of the features are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureScore {
    /// Mutual information with the target, in nats.
    MutualInformation,
    /// Information gain of the best cut, in bits.
    InformationGain,
    /// Information gain by that of the cut itself.
    GainRatio,
    /// Chi-squared of features that are not negative.
    ChiSquared,
    /// F of the analysis of variance, or of the correlation.
    AnovaF,
}

/// Which features are kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// So many of the best.
    Count(usize),
    /// Those that score at least this.
    Threshold(f64),
    /// As many as do best in cross-validation.
    Best,
}

/// The choice of features.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Selection {
    /// How they are scored.
    pub score: FeatureScore,
    /// Which are kept.
    pub keep: Keep,
}

/// How settings are proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchKind {
    /// By a model of what did well (tree-structured Parzen estimators).
    Tpe,
    /// At random.
    Random,
    /// All combinations of a grid.
    Grid,
}

/// How the search goes on, and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SearchSettings {
    /// How settings are proposed.
    pub kind: SearchKind,
    /// So many trials at most.
    pub trials: usize,
    /// No trial begins once so much time has passed, and what still runs then is given up.
    pub budget: Option<Duration>,
    /// Whether trials that do badly on a part of the rows are given up.
    pub halving: bool,
}
