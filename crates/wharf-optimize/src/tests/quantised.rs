use std::collections::BTreeMap;

use wharf_engine::OnnxEngine;
use wharf_onnx::Model;
use wharf_tensor::Tensor;

use super::golden::{Case, golden, method};
use crate::{DynamicOptions, Scope, StaticOptions, calibrate, quantise_dynamic, quantise_static};

const NETS: [&str; 2] = ["convolutions", "perceptron"];

/// Every constant and every node is the reference's, bit for bit.
fn assert_same(model: &Model, case: &Case, net: &str) {
    let name = format!("{net}: {}", case.name());
    let found: BTreeMap<&str, Tensor> = model
        .initializers()
        .iter()
        .map(|constant| (constant.name.as_str(), constant.to_tensor().unwrap()))
        .collect();
    let expected: BTreeMap<&str, Tensor> =
        case.initialisers.iter().map(|(name, constant)| (name.as_str(), constant.tensor())).collect();
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{name}");
    for (constant, expected) in &expected {
        assert_eq!(&found[constant], expected, "{name}: `{constant}`");
    }
    let mut nodes: Vec<_> = model
        .nodes()
        .iter()
        .map(|node| (node.op_type.clone(), node.input.clone(), node.output.clone()))
        .collect();
    let mut expected = case.nodes.clone();
    nodes.sort();
    expected.sort();
    assert_eq!(nodes, expected, "{name}");
}

fn static_options(case: &Case) -> StaticOptions {
    StaticOptions {
        activation: case.activation(),
        per_channel: case.per_channel,
        reduce_range: case.reduce_range,
        ..StaticOptions::reference()
    }
}

#[test]
fn ranges_of_values_are_those_of_the_reference() {
    for net in NETS {
        let (_, golden) = golden(net);
        for (name, expected) in &golden.ranges {
            for tensor in expected.keys() {
                let found = method(name).range_of(&golden.all_values(tensor));
                assert_eq!(Some(found), golden.ranges(name).get(tensor), "{net}: {name} of `{tensor}`");
            }
        }
    }
}

#[test]
fn static_models_are_those_of_the_reference() {
    for net in NETS {
        let (model, golden) = golden(net);
        for case in golden.quantised.iter().filter(|case| case.kind == "static") {
            let ranges = golden.ranges(&case.method);
            let quantised = quantise_static(&model, &ranges, &static_options(case)).unwrap();
            assert_same(&quantised, case, net);
        }
    }
}

/// The same through our own engine: calibration runs the graph as the reference does.
#[test]
fn calibration_in_the_engine_gives_the_same_scales() {
    let engine = OnnxEngine::new().unwrap();
    for net in NETS {
        let (model, golden) = golden(net);
        for case in golden.quantised.iter().filter(|case| case.kind == "static" && case.per_channel) {
            let options = static_options(case);
            let method = method(&case.method);
            let ranges = calibrate(&engine, &model, &options.scope, method, &golden.samples(), 2).unwrap();
            assert_same(&quantise_static(&model, &ranges, &options).unwrap(), case, net);
        }
    }
}

#[test]
fn dynamic_models_are_those_of_the_reference() {
    for net in NETS {
        let (model, golden) = golden(net);
        for case in golden.quantised.iter().filter(|case| case.kind == "dynamic") {
            let options = DynamicOptions {
                scope: Scope::of_operators(&crate::DYNAMIC_OPERATORS),
                weight: case.weight(),
                per_channel: case.per_channel,
                reduce_range: case.reduce_range,
            };
            assert_same(&quantise_dynamic(&model, &options).unwrap(), case, net);
        }
    }
}
