//! What a model says of its inputs and outputs.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{DType, Shape};

/// One dimension of a [`ShapePattern`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dim {
    /// Any size; `-1` on wires and in manifests.
    Dynamic,
    /// Just this size.
    Fixed(usize),
}

/// The shapes that an input accepts: a rank, with each dimension fixed or dynamic.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ShapePattern(Vec<Dim>);

impl ShapePattern {
    /// A pattern of these dimensions.
    pub fn new(dims: impl Into<Vec<Dim>>) -> Self {
        Self(dims.into())
    }

    /// A pattern from wire form, where a negative number is a dynamic dimension.
    pub fn from_i64(dims: &[i64]) -> Self {
        Self(dims.iter().map(|&dim| usize::try_from(dim).map_or(Dim::Dynamic, Dim::Fixed)).collect())
    }

    /// The dimensions, outermost first.
    pub fn dims(&self) -> &[Dim] {
        &self.0
    }

    /// How many dimensions there are.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The wire form: `-1` for dynamic.
    pub fn to_i64(&self) -> Vec<i64> {
        let wire = |dim: &Dim| match dim {
            Dim::Dynamic => -1,
            Dim::Fixed(size) => *size as i64,
        };
        self.0.iter().map(wire).collect()
    }

    /// Whether `shape` has this rank and agrees in every fixed dimension.
    pub fn matches(&self, shape: &Shape) -> bool {
        let agrees = |(dim, &size): (&Dim, &usize)| *dim == Dim::Dynamic || *dim == Dim::Fixed(size);
        self.rank() == shape.rank() && self.0.iter().zip(shape.dims()).all(agrees)
    }
}

/// `[*, 3, 224, 224]`, as messages show it.
impl fmt::Display for ShapePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, dim) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            match dim {
                Dim::Dynamic => f.write_str("*")?,
                Dim::Fixed(size) => write!(f, "{size}")?,
            }
        }
        f.write_str("]")
    }
}

impl Serialize for ShapePattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_i64().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ShapePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let dims = Vec::<i64>::deserialize(deserializer)?;
        match dims.iter().find(|&&dim| dim < -1) {
            Some(dim) => Err(serde::de::Error::custom(format!("dimension {dim} is neither -1 nor a size"))),
            None => Ok(Self::from_i64(&dims)),
        }
    }
}

/// The name, element type and shapes of one input or output.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorSpec {
    /// The name that clients use.
    pub name: String,
    /// The element type.
    pub dtype: DType,
    /// The shapes that are accepted or produced.
    pub shape: ShapePattern,
}

impl TensorSpec {
    /// A spec from wire form, where a negative number is a dynamic dimension.
    pub fn new(name: impl Into<String>, dtype: DType, dims: &[i64]) -> Self {
        Self { name: name.into(), dtype, shape: ShapePattern::from_i64(dims) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dynamic_dims_match_any_size_but_not_any_rank() {
        let pattern = ShapePattern::from_i64(&[-1, 3]);
        for (dims, expected) in [
            (vec![7, 3], true),
            (vec![0, 3], true),
            (vec![7, 4], false),
            (vec![3], false),
            (vec![1, 7, 3], false),
        ] {
            assert_eq!(pattern.matches(&Shape::new(&dims).unwrap()), expected, "{dims:?}");
        }
        assert_eq!(pattern.to_string(), "[*, 3]");
    }

    #[test]
    fn manifest_form_round_trips_and_refuses_nonsense() {
        let spec = TensorSpec::new("image", DType::U8, &[-1, 32, 32, 3]);
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(json, r#"{"name":"image","dtype":"uint8","shape":[-1,32,32,3]}"#);
        assert_eq!(serde_json::from_str::<TensorSpec>(&json).unwrap(), spec);
        assert!(serde_json::from_str::<ShapePattern>("[-2]").is_err());
    }
}
