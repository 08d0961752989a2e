//! A fitted program: for each raw column, how it becomes features.

use serde::{Deserialize, Serialize};
use wharf_tensor::{DType, Dim, ShapePattern, TensorSpec};

use super::Encoding;

/// The most features that a program may give, before selection.
pub const MAX_FEATURES: usize = 1_000_000;

/// The most raw columns that a program may take.
pub const MAX_COLUMNS: usize = 65_536;

/// How the raw columns of a table become the features of a model.
///
/// The features are those of the columns in the order given; `selected` keeps some of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnProgram {
    /// The raw columns, in the order of their features.
    pub columns: Vec<ProgramColumn>,
    /// Texts that stand for a missing value, beside the empty one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The features that are kept, by their place among all of them, in ascending order; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected: Option<Vec<u32>>,
}

/// One raw column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramColumn {
    /// Its name.
    pub name: String,
    /// What its values are in the table that the program was fitted to.
    pub takes: Takes,
    /// How it becomes features.
    pub encoding: Encoding,
}

/// What the values of a raw column are. A program takes any tensor that can be read so; this says which one a
/// signature should ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Takes {
    /// Numbers; NaN is missing.
    Number,
    /// Texts; the empty one is missing.
    Text,
    /// Truth values.
    Boolean,
    /// Dates as ISO 8601 text, or as seconds since 1970 in UTC.
    Date,
}

impl Takes {
    /// The element type that a signature should ask for. Truth values are texts, since a tensor of truth
    /// values cannot say that one is missing; a client that sends `bool` where it may is understood as well.
    pub fn dtype(self) -> DType {
        match self {
            Takes::Number => DType::F64,
            Takes::Text | Takes::Boolean | Takes::Date => DType::String,
        }
    }
}

impl ColumnProgram {
    /// One input for each column, `[rows]`, as a signature should ask for them.
    pub fn inputs(&self) -> Vec<TensorSpec> {
        let spec = |column: &ProgramColumn| TensorSpec {
            name: column.name.clone(),
            dtype: column.takes.dtype(),
            shape: ShapePattern::new([Dim::Dynamic]),
        };
        self.columns.iter().map(spec).collect()
    }

    /// How many features there are before selection.
    pub fn all_features(&self) -> usize {
        self.columns.iter().map(|column| column.encoding.features()).fold(0, usize::saturating_add)
    }

    /// How many features come out.
    pub fn features(&self) -> usize {
        self.selected.as_ref().map_or_else(|| self.all_features(), Vec::len)
    }

    /// The column that each feature that comes out is made of, by its place in `columns`.
    pub fn feature_columns(&self) -> Vec<usize> {
        let columns = self.columns.iter().enumerate();
        let all = columns.flat_map(|(index, column)| std::iter::repeat_n(index, column.encoding.features()));
        self.keep_selected(all.collect())
    }

    /// The names of the features that come out: `age`, `sex=f`, `age is missing`.
    pub fn feature_names(&self) -> Vec<String> {
        let mut all = Vec::new();
        for column in &self.columns {
            column.push_feature_names(&mut all);
        }
        self.keep_selected(all)
    }

    /// Keeps, of the features that come out now, those at `places`. Places out of range are left out; order and
    /// repetition do not matter.
    pub fn select(&mut self, places: &[usize]) {
        let now: Vec<u32> = self.keep_selected((0..self.all_features() as u32).collect());
        let mut kept: Vec<u32> = places.iter().filter_map(|place| now.get(*place).copied()).collect();
        kept.sort_unstable();
        kept.dedup();
        self.selected = Some(kept);
    }

    fn keep_selected<T: Clone>(&self, all: Vec<T>) -> Vec<T> {
        match &self.selected {
            None => all,
            Some(selected) => selected.iter().filter_map(|place| all.get(*place as usize).cloned()).collect(),
        }
    }
}
