//! How one column becomes features, as data.

use serde::{Deserialize, Serialize};

/// How a column becomes features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Encoding {
    /// It is taken and becomes nothing.
    Dropped,
    /// One number.
    Number(NumberEncoding),
    /// A feature for each level, of which one is 1.
    OneHot(OneHotEncoding),
    /// The place of the level.
    Ordinal(OrdinalEncoding),
    /// 0 or 1.
    Boolean(BooleanEncoding),
    /// Parts of a date.
    Date(DateEncoding),
    /// Counts of hashed values or words.
    Hashing(HashingEncoding),
    /// Weights of known words.
    TfIdf(TfIdfEncoding),
}

/// `(log(clip(impute(x))) - centre) * scale`, each part where it is set, and a second feature that says whether
/// `x` was missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberEncoding {
    /// What a missing number becomes. Where absent it stays NaN, for models that know what to do with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impute: Option<f64>,
    /// Whether a feature `NAME is missing` follows, 1 where the number was missing.
    #[serde(default)]
    pub indicator: bool,
    /// The range that smaller and greater numbers are moved to the ends of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<[f64; 2]>,
    /// Whether `x` becomes `sign(x) ln(1 + |x|)`.
    #[serde(default)]
    pub log: bool,
    /// What is subtracted.
    #[serde(default)]
    pub centre: f64,
    /// What the difference is multiplied by.
    #[serde(default = "one")]
    pub scale: f64,
}

impl Default for NumberEncoding {
    /// The number as it is.
    fn default() -> Self {
        Self { impute: None, indicator: false, clip: None, log: false, centre: 0.0, scale: 1.0 }
    }
}

/// What is done with a text that is no level, or that is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// A feature of its own is 1.
    Feature,
    /// All features are 0.
    #[default]
    Zeros,
    /// It counts as the level at this place, usually the most frequent one.
    Level(u32),
    /// It is an error.
    Refuse,
}

/// A feature for each level, then `NAME is other` and `NAME is missing` where asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneHotEncoding {
    /// The texts that have a feature. Numbers are compared by their shortest text.
    pub levels: Vec<String>,
    /// What a text becomes that is none of them.
    #[serde(default)]
    pub unseen: Otherwise,
    /// What a missing one becomes.
    #[serde(default)]
    pub missing: Otherwise,
}

/// One feature: the place of the level, from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdinalEncoding {
    /// The texts, in order.
    pub levels: Vec<String>,
    /// What a text becomes that is none of them.
    pub unseen: f32,
    /// What a missing one becomes.
    pub missing: f32,
}

/// One feature, 0 or 1, and one that says whether it was missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BooleanEncoding {
    /// What a missing value becomes.
    pub missing: f32,
    /// Whether a feature `NAME is missing` follows.
    #[serde(default)]
    pub indicator: bool,
}

/// Features of a moment in UTC, and one that says whether it was missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateEncoding {
    /// The features, in order.
    pub features: Vec<DateFeature>,
    /// The moment that stands for a missing one, in seconds since 1970.
    pub impute: f64,
    /// Whether a feature `NAME is missing` follows.
    #[serde(default)]
    pub indicator: bool,
}

/// One feature of a moment: `(part - centre) * scale`, or sine or cosine of the part as an angle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateFeature {
    /// Which part.
    pub part: DatePart,
    /// In which form.
    #[serde(default)]
    pub form: DateForm,
    /// What is subtracted from its value.
    #[serde(default)]
    pub centre: f64,
    /// What the difference is multiplied by.
    #[serde(default = "one")]
    pub scale: f64,
}

/// A part of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    /// The year, for instance 2024.
    Year,
    /// The month, 1 to 12.
    Month,
    /// The day of the month, 1 to 31.
    Day,
    /// The day of the week, Monday 0 to Sunday 6.
    Weekday,
    /// The hour with its fraction, 0 to 24.
    Hour,
    /// Days since 1970 with their fraction.
    Days,
}

/// How a part of a moment is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateForm {
    /// As its number.
    #[default]
    Value,
    /// As the sine of its place in the year, month, week or day; of parts that come round.
    Sin,
    /// As the cosine of the same.
    Cos,
}

/// What is hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HashUnit {
    /// The text as a whole.
    #[default]
    Value,
    /// Each of its words, as [`super::for_each_word`] finds them.
    Words,
}

/// Counts by bucket, as [`super::bucket`] says. A missing text gives zeros.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashingEncoding {
    /// There are `2^bits` buckets; 1 to 19.
    pub bits: u32,
    /// What is hashed.
    #[serde(default)]
    pub unit: HashUnit,
    /// Whether capitals count as small letters.
    #[serde(default)]
    pub lower_case: bool,
}

/// `count * idf` for each term, scaled to length 1. A missing text gives zeros.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TfIdfEncoding {
    /// The words that have a feature.
    pub terms: Vec<String>,
    /// The weight of each.
    pub idf: Vec<f64>,
    /// Whether capitals count as small letters.
    #[serde(default)]
    pub lower_case: bool,
}

fn one() -> f64 {
    1.0
}

impl Encoding {
    /// How many features it gives.
    pub fn features(&self) -> usize {
        match self {
            Encoding::Dropped => 0,
            Encoding::Number(number) => 1 + usize::from(number.indicator),
            Encoding::OneHot(one_hot) => {
                let own = [one_hot.unseen, one_hot.missing].map(|o| usize::from(o == Otherwise::Feature));
                one_hot.levels.len() + own[0] + own[1]
            }
            Encoding::Ordinal(_) => 1,
            Encoding::Boolean(boolean) => 1 + usize::from(boolean.indicator),
            Encoding::Date(date) => date.features.len() + usize::from(date.indicator),
            Encoding::Hashing(hashing) => 1_usize.checked_shl(hashing.bits).unwrap_or(usize::MAX),
            Encoding::TfIdf(tf_idf) => tf_idf.terms.len(),
        }
    }
}
