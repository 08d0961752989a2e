//! What is searched.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wharf_transform::CounterRng;

use crate::{Estimator, LearnError};

/// Values of settings by name.
pub type Assignment = BTreeMap<String, Value>;

/// How many digits proposed numbers have: enough to tell them apart, short enough to be read.
const DIGITS: usize = 6;

/// The values that a setting may take, as a recipe has them: `{ choice = ["a", "b"] }`,
/// `{ integer = [1, 100], log = true }`, `{ float = [0.0, 1.0] }`; both ends belong to the range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub enum Dimension {
    /// One of these.
    Choice(Vec<Value>),
    /// A whole number.
    Integer {
        /// The least.
        low: i64,
        /// The largest.
        high: i64,
        /// Whether ratios count rather than differences.
        log: bool,
    },
    /// A number.
    Float {
        /// The least.
        low: f64,
        /// The largest.
        high: f64,
        /// Whether ratios count rather than differences.
        log: bool,
    },
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    #[serde(skip_serializing_if = "Option::is_none")]
    choice: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    integer: Option<[i64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    float: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    log: bool,
}

impl TryFrom<Raw> for Dimension {
    type Error = LearnError;

    fn try_from(raw: Raw) -> Result<Self, LearnError> {
        match (raw.choice, raw.integer, raw.float) {
            (Some(values), None, None) if raw.log => {
                let message =
                    format!("a choice of {} values has `log`, expected it of numbers", values.len());
                Err(LearnError::setting(message))
            }
            (Some(values), None, None) => Self::choice(values),
            (None, Some([low, high]), None) => Self::integer(low, high, raw.log),
            (None, None, Some([low, high])) => Self::float(low, high, raw.log),
            _ => Err(LearnError::setting("expected one of `choice`, `integer` and `float`")),
        }
    }
}

impl From<Dimension> for Raw {
    fn from(dimension: Dimension) -> Self {
        match dimension {
            Dimension::Choice(values) => Self { choice: Some(values), ..Self::default() },
            Dimension::Integer { low, high, log } => {
                Self { integer: Some([low, high]), log, ..Self::default() }
            }
            Dimension::Float { low, high, log } => Self { float: Some([low, high]), log, ..Self::default() },
        }
    }
}

impl Dimension {
    /// One of these values.
    ///
    /// # Errors
    /// There are none.
    pub fn choice(values: Vec<Value>) -> Result<Self, LearnError> {
        if values.is_empty() {
            return Err(LearnError::setting("a choice has no values, expected at least one"));
        }
        Ok(Self::Choice(values))
    }

    /// A whole number from `low` to `high`.
    ///
    /// # Errors
    /// The range is empty, too wide, or `log` is asked of numbers that are not positive.
    pub fn integer(low: i64, high: i64, log: bool) -> Result<Self, LearnError> {
        const WIDEST: i64 = 1 << 52;
        check_range(low as f64, high as f64, log)?;
        if low < -WIDEST || high > WIDEST {
            let message = format!("range of integers is {low} to {high}, expected within {WIDEST}");
            return Err(LearnError::setting(message));
        }
        Ok(Self::Integer { low, high, log })
    }

    /// A number from `low` to `high`.
    ///
    /// # Errors
    /// The range is empty, an end is no number, or `log` is asked of numbers that are not positive.
    pub fn float(low: f64, high: f64, log: bool) -> Result<Self, LearnError> {
        check_range(low, high, log)?;
        Ok(Self::Float { low, high, log })
    }

    /// The range in which differences count: logarithms where ratios do; integers have half a step more on both
    /// sides. `None` for a choice.
    pub(super) fn bounds(&self) -> Option<[f64; 2]> {
        let (low, high, log) = match *self {
            Self::Choice(_) => return None,
            Self::Integer { low, high, log } => (low as f64 - 0.5, high as f64 + 0.5, log),
            Self::Float { low, high, log } => (low, high, log),
        };
        Some(if log { [low.ln(), high.ln()] } else { [low, high] })
    }

    /// The place of a value within the bounds.
    pub(super) fn coordinate(&self, value: &Value) -> Option<f64> {
        let log = match self {
            Self::Choice(_) => return None,
            Self::Integer { log, .. } | Self::Float { log, .. } => *log,
        };
        let [low, high] = self.bounds()?;
        let value = value.as_f64()?;
        Some((if log { value.ln() } else { value }).clamp(low, high))
    }

    /// The value at a place within the bounds.
    pub(super) fn value_at(&self, coordinate: f64) -> Value {
        match *self {
            Self::Choice(ref values) => values.first().cloned().unwrap_or(Value::Null),
            Self::Integer { low, high, log } => {
                let value = if log { coordinate.exp() } else { coordinate };
                Value::from((value.round() as i64).clamp(low, high))
            }
            Self::Float { low, high, log } => {
                let value = if log { coordinate.exp() } else { coordinate };
                Value::from(rounded(value, DIGITS).clamp(low, high))
            }
        }
    }

    fn sample(&self, rng: &mut CounterRng) -> Value {
        match (self, self.bounds()) {
            (Self::Choice(values), _) => values[rng.below(values.len() as u64) as usize].clone(),
            (_, Some([low, high])) => self.value_at(rng.uniform_in(low, high)),
            (_, None) => Value::Null,
        }
    }

    /// At most `count` values evenly over the range, or all choices.
    fn grid(&self, count: usize) -> Vec<Value> {
        let (low, high) = match *self {
            Self::Choice(ref values) => return values.clone(),
            Self::Integer { low, high, .. } => (low as f64, high as f64),
            Self::Float { low, high, .. } => (low, high),
        };
        let log = matches!(self, Self::Integer { log: true, .. } | Self::Float { log: true, .. });
        let [low, high] = if log { [low.ln(), high.ln()] } else { [low, high] };
        let step = (high - low) / (count - 1) as f64;
        let mut values: Vec<Value> = (0..count).map(|i| self.value_at(low + step * i as f64)).collect();
        values.dedup();
        values
    }
}

/// Settings by name and the values they may take, in the order of names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Space {
    dimensions: BTreeMap<String, Dimension>,
}

impl Space {
    /// A space without settings; it has one point.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more setting, or another range for it.
    pub fn with(mut self, name: impl Into<String>, dimension: Dimension) -> Self {
        self.dimensions.insert(name.into(), dimension);
        self
    }

    /// The settings in order.
    pub fn dimensions(&self) -> impl Iterator<Item = (&str, &Dimension)> {
        self.dimensions.iter().map(|(name, dimension)| (name.as_str(), dimension))
    }

    /// A point evenly at random.
    pub(super) fn sample(&self, rng: &mut CounterRng) -> Assignment {
        self.dimensions.iter().map(|(name, dimension)| (name.clone(), dimension.sample(rng))).collect()
    }

    /// How many points the grid has; at least one.
    pub(super) fn grid_size(&self, values: usize) -> u64 {
        let sizes = self.dimensions.values().map(|dimension| dimension.grid(values).len() as u64);
        sizes.fold(1, u64::saturating_mul)
    }

    /// The point of the grid with this number; the last setting changes fastest.
    pub(super) fn grid_point(&self, values: usize, mut number: u64) -> Assignment {
        let mut point = Assignment::new();
        for (name, dimension) in self.dimensions.iter().rev() {
            let grid = dimension.grid(values);
            let count = grid.len() as u64;
            point.insert(name.clone(), grid[(number % count) as usize].clone());
            number /= count;
        }
        point
    }
}

impl Estimator {
    /// The estimator with some settings changed.
    ///
    /// # Errors
    /// There is no such setting, or a value is none for it.
    pub fn with_parameters(&self, parameters: &Assignment) -> Result<Self, LearnError> {
        let fail = |error: serde_json::Error| {
            LearnError::setting(format!("settings of `{}`: {error}", self.kind())).with_source(error)
        };
        let mut value = serde_json::to_value(self).map_err(fail)?;
        if let Value::Object(settings) = &mut value {
            for (name, parameter) in parameters {
                if name == "kind" {
                    return Err(LearnError::setting("`kind` is no setting that can be searched"));
                }
                settings.insert(name.clone(), parameter.clone());
            }
        }
        serde_json::from_value(value).map_err(fail)
    }
}

/// The number to so many digits, which the shortest decimal has then; so it is the same after writing and reading.
pub(super) fn rounded(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
}

fn check_range(low: f64, high: f64, log: bool) -> Result<(), LearnError> {
    if !low.is_finite() || !high.is_finite() || low >= high {
        return Err(LearnError::setting(format!(
            "range is {low} to {high}, expected a number below another"
        )));
    }
    if log && low <= 0.0 {
        return Err(LearnError::setting(format!("range with `log` begins at {low}, expected it above 0")));
    }
    Ok(())
}
