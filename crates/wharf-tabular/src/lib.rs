//! From a table to a bundle.
//!
//! A [`TableRecipe`] says what to predict from which columns, and among which models to choose. [`train`] reads the
//! table, holds rows out, compares the models by cross-validation (every step that is fitted, such as scaling or the
//! choice of features, is fitted within the fold), fits the best to all rows that are not held out, and evaluates it on
//! those that are. [`publish`] makes a bundle of the outcome: a graph behind a signature that takes the raw columns.
//!
//! Trials are kept in a journal that survives crashes; a run that was stopped or killed and then resumed proposes what
//! it would have proposed. The same recipe, table and seed make the same trials, as far as time allows.

mod choice;
mod data;
mod details;
mod error;
mod evaluation;
mod event;
mod export;
mod folds;
mod graph_samples;
mod leaderboard;
mod measure;
mod metric;
mod options;
mod prepared;
mod recipe;
mod report;
mod search;
mod selection;
mod session;
mod target;
mod trial;

pub use details::TableDetails;
pub use error::{TabularError, TabularErrorKind};
pub use evaluation::TableEvaluation;
pub use event::{TableEvent, TableObserver};
pub use export::publish;
pub use graph_samples::{GraphSamples, GraphTargets, graph_samples};
pub use leaderboard::{Leader, leaderboard};
pub use metric::Metric;
pub use options::{Chosen, TableOptions, TableOutcome};
pub use recipe::{
    Candidate, FeatureScore, Keep, MissingTarget, SearchKind, SearchSettings, Selection, TableData,
    TableRecipe, TableTask, Validation, automatic, parse_duration,
};
pub use session::train;
pub use trial::Trial;
