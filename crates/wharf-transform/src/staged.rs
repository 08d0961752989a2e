//! A step together with when it runs.

use serde::de::Error as _;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::Step;
use crate::names::unknown_name;
use crate::step::step_from_map;

/// When a step of a recipe runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// On training pictures only.
    Train,
    /// In training, evaluation and serving.
    Always,
}

impl When {
    /// What holds where a recipe does not say: random steps are for training only.
    pub fn default_for(step: &Step) -> Self {
        if step.is_random() { When::Train } else { When::Always }
    }

    fn name(self) -> &'static str {
        match self {
            When::Train => "train",
            When::Always => "always",
        }
    }
}

/// A step and when it runs: `{ op = "random_rotation", degrees = 10, when = "train" }`, where `when` may be
/// left out.
#[derive(Clone, Debug, PartialEq)]
pub struct StagedStep {
    /// What is done.
    pub step: Step,
    /// And when.
    pub when: When,
}

impl From<Step> for StagedStep {
    fn from(step: Step) -> Self {
        Self { when: When::default_for(&step), step }
    }
}

impl Serialize for StagedStep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let step = serde_json::to_value(&self.step).map_err(serde::ser::Error::custom)?;
        let fields = step.as_object().ok_or_else(|| serde::ser::Error::custom("a step is not a map"))?;
        let mut map = serializer.serialize_map(Some(fields.len() + 1))?;
        for (key, value) in fields {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry("when", self.when.name())?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for StagedStep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = Map::deserialize(deserializer)?;
        let when = match map.remove("when") {
            None => None,
            Some(Value::String(name)) => Some(parse_when(&name).map_err(D::Error::custom)?),
            Some(_) => return Err(D::Error::custom("`when` is not a string")),
        };
        let step = step_from_map(map, &["when"]).map_err(D::Error::custom)?;
        Ok(Self { when: when.unwrap_or_else(|| When::default_for(&step)), step })
    }
}

fn parse_when(name: &str) -> Result<When, String> {
    [When::Train, When::Always]
        .into_iter()
        .find(|when| when.name() == name)
        .ok_or_else(|| unknown_name("value of `when`", name, &["train", "always"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn random_steps_are_for_training_unless_said() {
        for (value, expected) in [
            (json!({"op": "random_rotation", "degrees": 10}), When::Train),
            (json!({"op": "random_rotation", "degrees": 10, "when": "always"}), When::Always),
            (json!({"op": "to_float"}), When::Always),
            (json!({"op": "grayscale", "when": "train"}), When::Train),
        ] {
            let staged: StagedStep = serde_json::from_value(value).unwrap();
            assert_eq!(staged.when, expected);
            let text = serde_json::to_string(&staged).unwrap();
            assert_eq!(serde_json::from_str::<StagedStep>(&text).unwrap(), staged);
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (value, expected) in [
            (json!({"op": "rgb", "when": "trian"}), "unknown value of `when` `trian`, did you mean `train`?"),
            (json!({"op": "rgb", "wen": "train"}), "op `rgb`: unknown key `wen`, did you mean `when`?"),
            (json!({"op": "rgb", "when": 1}), "`when` is not a string"),
        ] {
            assert_eq!(serde_json::from_value::<StagedStep>(value).unwrap_err().to_string(), expected);
        }
    }
}
