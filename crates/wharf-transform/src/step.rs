//! The steps a transform is made of, as recipes and manifests spell them.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::names::unknown_name;

/// One typed step. In a recipe `{ op = "random_rotation", degrees = 10 }`, in a manifest
/// `{"op": "random_rotation", "degrees": 10.0}`; an unknown `op` or key is an error that names it and the
/// nearest right one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", remote = "Self")]
#[non_exhaustive]
pub enum Step {
    /// Encoded bytes (PNG, JPEG, PGM/PPM, BMP) to 8-bit pixels of one or three channels. EXIF is ignored,
    /// transparency is dropped.
    Decode,
    /// To exactly this size, bilinear with antialiasing, as Pillow and torchvision resize.
    Resize {
        /// Rows afterwards.
        height: usize,
        /// Columns afterwards.
        width: usize,
    },
    /// The shorter side to `size`, the other in proportion (rounded down), as `torchvision.Resize(size)`.
    ResizeShortSide {
        /// Length of the shorter side afterwards.
        size: usize,
    },
    /// The middle part; a smaller picture is padded with zeros first, as torchvision does.
    CentreCrop {
        /// Rows afterwards.
        height: usize,
        /// Columns afterwards.
        width: usize,
    },
    /// A border of one value.
    Pad {
        /// Rows added above.
        #[serde(default)]
        top: usize,
        /// Rows added below.
        #[serde(default)]
        bottom: usize,
        /// Columns added on the left.
        #[serde(default)]
        left: usize,
        /// Columns added on the right.
        #[serde(default)]
        right: usize,
        /// The value of the border, in the unit of the pixels at this place: 0 to 255 before `to_float`.
        #[serde(default)]
        fill: f32,
    },
    /// A part at a random place, after `padding` zeros on every side.
    RandomCrop {
        /// Rows afterwards.
        height: usize,
        /// Columns afterwards.
        width: usize,
        /// Zeros added on each side before.
        #[serde(default)]
        padding: usize,
    },
    /// Mirrors left and right with this probability.
    RandomHorizontalFlip {
        /// Between 0 and 1.
        #[serde(default = "half")]
        probability: f64,
    },
    /// Turns about the centre by an angle drawn evenly from `-degrees..degrees`: nearest neighbour, zeros
    /// outside, same size, as `torchvision.RandomRotation`.
    RandomRotation {
        /// The largest angle, in degrees.
        degrees: f64,
    },
    /// One channel of luma (ITU-R 601-2, as Pillow's mode `L`).
    Grayscale,
    /// Three channels; a single one is repeated.
    Rgb,
    /// 8-bit pixels to `x / 255`.
    ToFloat,
    /// `(x - mean) / std` per channel; a single number goes for all channels.
    Normalise {
        /// What is subtracted.
        mean: Vec<f32>,
        /// What is divided by.
        std: Vec<f32>,
    },
    /// A class number to a vector with one 1.
    OneHot {
        /// Length of the vector.
        classes: usize,
    },
}

fn half() -> f64 {
    0.5
}

/// Every op with its keys; a test holds it against the derived serialisation.
const OPS: [(&str, &[&str]); 13] = [
    ("decode", &[]),
    ("resize", &["height", "width"]),
    ("resize_short_side", &["size"]),
    ("centre_crop", &["height", "width"]),
    ("pad", &["top", "bottom", "left", "right", "fill"]),
    ("random_crop", &["height", "width", "padding"]),
    ("random_horizontal_flip", &["probability"]),
    ("random_rotation", &["degrees"]),
    ("grayscale", &[]),
    ("rgb", &[]),
    ("to_float", &[]),
    ("normalise", &["mean", "std"]),
    ("one_hot", &["classes"]),
];

impl Step {
    /// The name in recipes, manifests and messages.
    pub fn op(&self) -> &'static str {
        match self {
            Step::Decode => "decode",
            Step::Resize { .. } => "resize",
            Step::ResizeShortSide { .. } => "resize_short_side",
            Step::CentreCrop { .. } => "centre_crop",
            Step::Pad { .. } => "pad",
            Step::RandomCrop { .. } => "random_crop",
            Step::RandomHorizontalFlip { .. } => "random_horizontal_flip",
            Step::RandomRotation { .. } => "random_rotation",
            Step::Grayscale => "grayscale",
            Step::Rgb => "rgb",
            Step::ToFloat => "to_float",
            Step::Normalise { .. } => "normalise",
            Step::OneHot { .. } => "one_hot",
        }
    }

    /// Whether the step draws random numbers.
    pub fn is_random(&self) -> bool {
        matches!(
            self,
            Step::RandomCrop { .. } | Step::RandomHorizontalFlip { .. } | Step::RandomRotation { .. }
        )
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Step::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        step_from_map(Map::deserialize(deserializer)?, &[]).map_err(D::Error::custom)
    }
}

/// The step in `map`, after a check of its names. `extra` are keys that belong to the caller: they count as
/// known for the proposal, but must have been taken out already.
pub(crate) fn step_from_map(map: Map<String, Value>, extra: &[&str]) -> Result<Step, String> {
    let op = match map.get("op") {
        Some(Value::String(op)) => op.clone(),
        Some(_) => return Err("`op` is not a string".to_owned()),
        None => return Err("a step has no `op`".to_owned()),
    };
    let Some((_, keys)) = OPS.iter().find(|(name, _)| *name == op) else {
        return Err(unknown_name("op", &op, &OPS.map(|(name, _)| name)));
    };
    if let Some(unknown) = map.keys().find(|key| *key != "op" && !keys.contains(&key.as_str())) {
        let known = [*keys, extra].concat();
        return Err(format!("op `{op}`: {}", unknown_name("key", unknown, &known)));
    }
    Step::deserialize(Value::Object(map)).map_err(|error| format!("op `{op}`: {error}"))
}

#[cfg(test)]
mod tests;
