//! The goldens as they are stored.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use wharf_onnx::{Model, read_model};
use wharf_tensor::{Shape, Tensor};

use crate::{CalibrationMethod, IntType, Ranges, Samples};

#[derive(Deserialize)]
pub(super) struct Golden {
    pub(super) values: BTreeMap<String, Vec<Encoded>>,
    pub(super) ranges: BTreeMap<String, BTreeMap<String, Encoded>>,
    pub(super) quantised: Vec<Case>,
}

#[derive(Deserialize)]
pub(super) struct Encoded {
    dtype: String,
    dims: Vec<usize>,
    data: String,
}

#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) kind: String,
    #[serde(default)]
    pub(super) method: String,
    #[serde(default)]
    activation: String,
    #[serde(default)]
    weight: String,
    pub(super) per_channel: bool,
    pub(super) reduce_range: bool,
    pub(super) initialisers: BTreeMap<String, Encoded>,
    pub(super) nodes: Vec<(String, Vec<String>, Vec<String>)>,
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("goldens").join(name)
}

pub(super) fn golden(name: &str) -> (Model, Golden) {
    let model = read_model(std::fs::read(path(&format!("{name}.onnx"))).unwrap()).unwrap();
    let text = std::fs::read_to_string(path(&format!("{name}.json"))).unwrap();
    (model, serde_json::from_str(&text).unwrap())
}

impl Encoded {
    pub(super) fn tensor(&self) -> Tensor {
        let data = Bytes::from(BASE64_STANDARD.decode(&self.data).unwrap());
        Tensor::from_bytes(self.dtype.parse().unwrap(), Shape::new(&self.dims).unwrap(), data).unwrap()
    }
}

impl Golden {
    /// All values of a tensor on the calibration samples.
    pub(super) fn all_values(&self, tensor: &str) -> Vec<f32> {
        self.values[tensor].iter().flat_map(|batch| batch.tensor().to_vec::<f32>().unwrap()).collect()
    }

    pub(super) fn ranges(&self, method: &str) -> Ranges {
        let range = |(name, bounds): (&String, &Encoded)| {
            let bounds = bounds.tensor().to_vec::<f32>().unwrap();
            (name.clone(), (bounds[0], bounds[1]))
        };
        Ranges(self.ranges[method].iter().map(range).collect())
    }

    pub(super) fn samples(&self) -> Samples {
        let batches: Vec<Tensor> = self.values["x"].iter().map(Encoded::tensor).collect();
        let all = Tensor::concat_rows(&batches.iter().collect::<Vec<_>>()).unwrap();
        let ids = (0..all.rows().unwrap()).map(|id| format!("sample {id}")).collect();
        Samples::new(vec![("x".to_owned(), all)], ids).unwrap()
    }
}

impl Case {
    pub(super) fn activation(&self) -> IntType {
        int(&self.activation)
    }

    pub(super) fn weight(&self) -> IntType {
        int(&self.weight)
    }

    pub(super) fn name(&self) -> String {
        let Self { kind, method, activation, weight, per_channel, reduce_range, .. } = self;
        format!("{kind} {method} {activation}{weight}, per channel {per_channel}, reduced {reduce_range}")
    }
}

fn int(name: &str) -> IntType {
    match name {
        "QInt8" => IntType::I8,
        "QUInt8" => IntType::U8,
        other => panic!("`{other}` is no type of integers"),
    }
}

pub(super) fn method(name: &str) -> CalibrationMethod {
    match name {
        "min_max" => CalibrationMethod::MinMax,
        "percentile" => CalibrationMethod::PERCENTILE,
        "percentile_90" => CalibrationMethod::Percentile { percentile: 90.0, bins: 2048 },
        "entropy" => CalibrationMethod::ENTROPY,
        "entropy_1024" => CalibrationMethod::Entropy { bins: 1024, quantised_bins: 128 },
        other => panic!("`{other}` is no method"),
    }
}
