//! Classical estimators over tables: their fits, their ONNX graphs, and the search for their settings.
//!
//! An [`Estimator`] (settings, as a recipe has them) is fitted to a [`Matrix`] of features and a [`Target`], and
//! becomes a [`Fitted`], which predicts. The same seed gives the same result on any number of threads.
//!
//! ```
//! use wharf_learn::{Estimator, FitOptions, GradientBoosting, Matrix, Target};
//!
//! let features = Matrix::new((0..200).map(|i| i as f32).collect(), 1)?;
//! let target = Target::classes((0..200).map(|i| u32::from(i >= 100)).collect(), 2)?;
//! let estimator = Estimator::GradientBoosting(GradientBoosting::default());
//! let fitted = estimator.fit(&features, &target, &FitOptions::new(7))?;
//! let classes = fitted.predict(&features)?.classes().unwrap_or_default();
//! assert_eq!((classes[10], classes[190]), (0, 1));
//! # Ok::<(), wharf_learn::LearnError>(())
//! ```
//!
//! [`Fitted::to_onnx`] writes the graph that serves. A [`Search`] proposes settings from a [`Space`] and is told how they
//! went:
//!
//! ```
//! use wharf_learn::{Estimator, Proposal, RidgeRegression, Search, SearchSettings, Strategy};
//!
//! let estimator = Estimator::Ridge(RidgeRegression::default());
//! let settings = SearchSettings {
//!     space: estimator.default_space(),
//!     strategy: Strategy::Tpe { startup: 10 },
//!     first: Vec::new(),
//!     seed: 7,
//!     halving: None,
//! };
//! let mut search = Search::new(settings)?;
//! for _ in 0..20 {
//!     let Proposal::Run(trial) = search.ask() else { break };
//!     let candidate = estimator.with_parameters(&trial.parameters)?;
//!     let loss = if let Estimator::Ridge(ridge) = candidate { (ridge.alpha.ln() - 1.0).abs() } else { 0.0 };
//!     search.tell(trial.id, Some(loss))?;
//! }
//! assert!(search.best().is_some_and(|(_, loss)| loss < 1.0));
//! # Ok::<(), wharf_learn::LearnError>(())
//! ```
//!
//! A [`Journal`] keeps a search in a file, so that it goes on after a crash.

mod bins;
mod boost;
mod check;
mod error;
mod estimator;
mod export;
mod fit;
mod forest;
mod linear;
mod matrix;
mod neighbours;
mod perceptron;
mod prediction;
mod search;
mod target;
mod tree;

pub use boost::{BoostedTrees, GradientBoosting};
pub use error::{LearnError, LearnErrorKind};
pub use estimator::{Estimator, Fitted};
pub use export::{CLASSES_OUTPUT, FEATURES_INPUT, PREDICTION_OUTPUT, PROBABILITIES_OUTPUT};
pub use fit::FitOptions;
pub use forest::{AveragedTrees, Criterion, DecisionTree, FeatureCount, RandomForest};
pub use linear::{LinearModel, LogisticRegression, RidgeRegression};
pub use matrix::Matrix;
pub use neighbours::{NearestNeighbours, Neighbours, Votes};
pub use perceptron::{Perceptron, TrainedPerceptron};
pub use prediction::Prediction;
pub use search::{
    Assignment, Dimension, Halving, Journal, Proposal, Search, SearchSettings, Space, Strategy, Trial,
};
pub use target::Target;
