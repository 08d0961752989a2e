//! Columns as features, fitted to the rows that a model is fitted to and to no others.

use wharf_learn::{Estimator, Matrix};
use wharf_stats::Fold;
use wharf_table::prepare::{Impute, Indicator, NumberSettings, Scaling, rows_to_train_on};
use wharf_table::{Preparation, Table};
use wharf_transform::columns::{ColumnEncoder, ColumnProgram};

use crate::TabularError;
use crate::data::Sample;
use crate::recipe::Selection;
use crate::selection;
use crate::target::Learned;

/// What a model wants of its features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    /// Numbers as they are; what is missing stays missing.
    Raw,
    /// Numbers of one scale; what is missing is made up for.
    Scaled,
}

impl Family {
    /// What `estimator` wants.
    pub(crate) fn of(estimator: &Estimator) -> Self {
        if estimator.wants_scaling() || !estimator.takes_missing() { Self::Scaled } else { Self::Raw }
    }

    /// The recipe's preparation for such models. Where the recipe says nothing about numbers, the model decides.
    fn preparation(self, recipe: &Preparation) -> Preparation {
        let mut preparation = recipe.clone();
        if preparation.numbers == NumberSettings::default() {
            match self {
                Self::Raw => {
                    preparation.numbers.scale = Scaling::None;
                    preparation.numbers.impute = Impute::Keep;
                    preparation.numbers.indicator = Indicator::Never;
                }
                Self::Scaled => {}
            }
        }
        preparation
    }
}

/// A program fitted to some rows, with what it makes of them.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    /// From columns to features.
    pub(crate) program: ColumnProgram,
    encoder: ColumnEncoder,
    /// The features of the rows that it was fitted to.
    pub(crate) features: Matrix,
    /// What they are to predict.
    pub(crate) learned: Learned,
    /// What was noticed.
    pub(crate) warnings: Vec<String>,
}

impl Prepared {
    /// Fits the program to `sample`.
    ///
    /// # Errors
    /// The preparation does not fit the columns, or nothing is left.
    pub(crate) fn fit(sample: &Sample, recipe: &Preparation, family: Family) -> Result<Self, TabularError> {
        let preparation = family.preparation(recipe);
        let rows = rows_to_train_on(&sample.table, &preparation).map_err(TabularError::read)?;
        let is_whole = rows.len() == sample.rows();
        let sample = if is_whole { sample.clone() } else { sample.select(&rows)? };
        let fitted = wharf_table::fit(&sample.table, &preparation).map_err(TabularError::read)?;
        let encoder = fitted.encoder().map_err(TabularError::read)?;
        let warnings = fitted.warnings.iter().map(ToString::to_string).collect();
        let features = features(&sample.table, &encoder)?;
        Ok(Self { features, learned: sample.learned, encoder, program: fitted.program, warnings })
    }

    /// The features of other rows.
    ///
    /// # Errors
    /// A column holds what the program does not take.
    pub(crate) fn encode(&self, table: &Table) -> Result<Matrix, TabularError> {
        features(table, &self.encoder)
    }
}

fn features(table: &Table, encoder: &ColumnEncoder) -> Result<Matrix, TabularError> {
    let values = table.encode(encoder).map_err(TabularError::read)?;
    Matrix::new(values, encoder.feature_names().len()).map_err(TabularError::read)
}

/// A fold, ready to fit to and to measure on.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    /// Features to fit to.
    pub(crate) train: Matrix,
    /// What they are to predict.
    pub(crate) train_learned: Learned,
    /// Features to measure on.
    pub(crate) test: Matrix,
    /// What they are to predict.
    pub(crate) test_learned: Learned,
    /// What each feature scores on the rows to fit to, where features are chosen.
    pub(crate) scores: Option<Vec<f64>>,
}

impl Encoded {
    /// Fits program and scores to the fold's training rows.
    pub(crate) fn new(
        sample: &Sample,
        fold: &Fold,
        recipe: &Preparation,
        family: Family,
        selection: Option<&Selection>,
        seed: u64,
    ) -> Result<Self, TabularError> {
        let prepared = Prepared::fit(&sample.select(&fold.train)?, recipe, family)?;
        let test = sample.select(&fold.test)?;
        let scores = selection
            .map(|selection| selection::scores(selection.score, &prepared.features, &prepared.learned, seed))
            .transpose()?;
        Ok(Self {
            test: prepared.encode(&test.table)?,
            test_learned: test.learned,
            train: prepared.features,
            train_learned: prepared.learned,
            scores,
        })
    }
}
