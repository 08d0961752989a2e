//! How columns shall be prepared, as recipes say it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wharf_transform::columns::DatePart;

/// How the columns of a table become features. Every part has a default that suits most tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preparation {
    /// Columns that are no part of the model, such as the target.
    pub ignore: Vec<String>,
    /// Columns of numbers.
    pub numbers: NumberSettings,
    /// Columns of names of things.
    pub categories: CategorySettings,
    /// Columns of running text.
    pub texts: TextSettings,
    /// Columns of dates.
    pub dates: DateSettings,
    /// What is different for single columns, by name.
    pub columns: BTreeMap<String, ColumnSettings>,
}

/// What a missing number becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Impute {
    /// The mean of the others.
    Mean,
    /// The median of the others.
    #[default]
    Median,
    /// The most frequent of the others; the least of several.
    MostFrequent,
    /// This number.
    Constant(f64),
    /// Its row is not trained on (see [`super::rows_to_train_on`]). Serving has to answer, and takes the median.
    DropRows,
    /// It stays missing, for models that know what to do with it.
    Keep,
}

/// Whether a feature says that the value was missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Indicator {
    /// Where a value of the table is missing.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What numbers are scaled to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// They stay as they are.
    None,
    /// Mean 0 and standard deviation 1.
    #[default]
    Standard,
    /// 0 to 1.
    MinMax,
    /// Median 0 and distance of the quartiles 1.
    Robust,
}

/// Columns of numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NumberSettings {
    /// What a missing one becomes.
    pub impute: Impute,
    /// Whether a feature says that it was missing.
    pub indicator: Indicator,
    /// What they are scaled to.
    pub scale: Scaling,
    /// Quantiles, 0 to 1, that numbers beyond are moved to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<[f64; 2]>,
    /// Whether `x` becomes `sign(x) ln(1 + |x|)` before it is scaled.
    pub log: bool,
}

/// How names of things become features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CategoryEncoding {
    /// One-hot up to `max_levels`, hashing beyond.
    #[default]
    Auto,
    /// One-hot: the most frequent `max_levels`, and one feature for all others.
    OneHot,
    /// The place of the level.
    Ordinal,
    /// Hashing.
    Hashing,
}

/// What a level becomes that was not seen, or that is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// A feature of its own where the table has such values, zeros elsewhere.
    #[default]
    Auto,
    /// A feature of its own.
    Feature,
    /// Zeros.
    Zeros,
    /// The most frequent level.
    MostFrequent,
    /// An error.
    Refuse,
}

/// Columns of names of things.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CategorySettings {
    /// How they become features.
    pub encoding: CategoryEncoding,
    /// The most levels that have a feature.
    pub max_levels: usize,
    /// Levels that come less often count as unseen.
    pub min_count: usize,
    /// What a level becomes that was not seen.
    pub unseen: Policy,
    /// What a missing one becomes.
    pub missing: Policy,
    /// Hashing has `2^bits` buckets.
    pub bits: u32,
}

impl Default for CategorySettings {
    fn default() -> Self {
        Self {
            encoding: CategoryEncoding::Auto,
            max_levels: 50,
            min_count: 1,
            unseen: Policy::Auto,
            missing: Policy::Auto,
            bits: 8,
        }
    }
}

/// How running text becomes features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextEncoding {
    /// Weights of known words.
    #[default]
    TfIdf,
    /// Counts of hashed words.
    Hashing,
}

/// Columns of running text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextSettings {
    /// How they become features.
    pub encoding: TextEncoding,
    /// The most words that have a feature: those that come most often.
    pub max_terms: usize,
    /// Words that come in fewer texts have none.
    pub min_documents: usize,
    /// Whether capitals count as small letters.
    pub lower_case: bool,
    /// Hashing has `2^bits` buckets.
    pub bits: u32,
}

impl Default for TextSettings {
    fn default() -> Self {
        Self { encoding: TextEncoding::TfIdf, max_terms: 2000, min_documents: 2, lower_case: true, bits: 10 }
    }
}

/// Columns of dates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DateSettings {
    /// The parts that become features. Those that are the same in every row are left out.
    pub parts: Vec<DatePart>,
    /// Whether month, day, weekday and hour become sine and cosine.
    pub cyclic: bool,
}

impl Default for DateSettings {
    fn default() -> Self {
        use DatePart::{Day, Days, Hour, Month, Weekday, Year};
        Self { parts: vec![Year, Month, Day, Weekday, Hour, Days], cyclic: false }
    }
}

/// What a column is prepared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A number.
    Number,
    /// Names of things, as [`CategorySettings`] says.
    Category,
    /// A feature for each level.
    OneHot,
    /// The place of the level.
    Ordinal,
    /// True or false.
    Boolean,
    /// A date.
    Date,
    /// Hashed as a whole.
    Hashing,
    /// Running text, as [`TextSettings`] says.
    Text,
    /// Taken, and becomes nothing.
    Drop,
}

/// What is different for one column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnSettings {
    /// What it is prepared as; by its type where absent.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// As in [`NumberSettings`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impute: Option<Impute>,
    /// As in [`NumberSettings`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indicator: Option<Indicator>,
    /// As in [`NumberSettings`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scaling>,
    /// As in [`NumberSettings`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<[f64; 2]>,
    /// As in [`NumberSettings`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<bool>,
    /// The levels in the order of their places, for one-hot and ordinal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<Vec<String>>,
}

impl NumberSettings {
    /// These settings with what is different for a column.
    pub(super) fn with(&self, column: &ColumnSettings) -> Self {
        Self {
            impute: column.impute.unwrap_or(self.impute),
            indicator: column.indicator.unwrap_or(self.indicator),
            scale: column.scale.unwrap_or(self.scale),
            clip: column.clip.or(self.clip),
            log: column.log.unwrap_or(self.log),
        }
    }
}

impl Indicator {
    pub(super) fn applies(self, has_missing: bool) -> bool {
        match self {
            Indicator::Auto => has_missing,
            Indicator::Always => true,
            Indicator::Never => false,
        }
    }
}
