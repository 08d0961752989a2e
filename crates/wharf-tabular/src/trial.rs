//! A trial: one model with one choice of settings, measured on every fold.

use serde::{Deserialize, Serialize};

/// What the journal keeps of a trial; one line each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Its number, from 1.
    pub number: u64,
    /// Which of the recipe's candidates it is, from 0.
    pub candidate: usize,
    /// The model, as recipes name it.
    pub kind: String,
    /// The settings that the search chose, by name.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// The part of the rows that it was fitted to; trials of less than all are there to be halved.
    pub resource: f64,
    /// How it did on each fold, in the unit of the metric; none where it failed.
    pub scores: Vec<f64>,
    /// Seconds that it took.
    pub seconds: f64,
    /// Why it came to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Trial {
    /// The mean over the folds; `None` where it failed.
    pub fn mean(&self) -> Option<f64> {
        let count = self.scores.len() as f64;
        (self.failure.is_none() && count > 0.0).then(|| self.scores.iter().sum::<f64>() / count)
    }

    /// The settings as one line.
    pub fn settings_line(&self) -> String {
        let each = self.settings.iter().map(|(name, value)| format!("{name} {}", short(value)));
        each.collect::<Vec<_>>().join(", ")
    }
}

/// Numbers to four digits, texts without quotes.
fn short(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            format!("{number:.3e}")
                .parse::<f64>()
                .map_or_else(|_| number.to_string(), |short| short.to_string())
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_says_what_it_was_in_one_line() {
        let settings =
            serde_json::json!({"learning_rate": 0.123_456_78, "trees": 100, "weights": "distance"});
        let trial = Trial {
            number: 1,
            candidate: 0,
            kind: "k".into(),
            settings: settings.as_object().unwrap().clone(),
            resource: 1.0,
            scores: vec![0.5, 1.0],
            seconds: 1.0,
            failure: None,
        };
        assert_eq!(trial.settings_line(), "learning_rate 0.1235, trees 100, weights distance");
        assert_eq!(trial.mean(), Some(0.75));
        assert_eq!(Trial { failure: Some("x".into()), ..trial }.mean(), None);
    }
}
