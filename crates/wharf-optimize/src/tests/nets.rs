//! Small nets, and samples that the net itself labels.

use std::sync::Arc;

use wharf_engine::{Engine, LoadOptions, ModelSource, OnnxEngine, Replica};
use wharf_onnx::{Conv2d, GraphBuilder, Model, Value, Window};
use wharf_tensor::{DType, Shape, Tensor, TensorSpec};

use crate::{Evaluation, Samples, Targets};

/// Numbers from -1 to 1, the same for the same seed.
pub(super) fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

pub(super) fn constant(graph: &mut GraphBuilder, name: &str, dims: &[usize], values: Vec<f32>) -> Value {
    graph.initializer(name, &Tensor::from_vec(Shape::new(dims).unwrap(), values).unwrap()).unwrap()
}

pub(super) fn random(graph: &mut GraphBuilder, name: &str, dims: &[usize]) -> Value {
    let seed = name.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    constant(graph, name, dims, noise(seed, dims.iter().product()))
}

/// 16 numbers through 64, 8 and 4 units. Every eighth unit of 8 is a thousand times as large as the others and counts for
/// nothing, so that one scale for all of them leaves nothing of the others.
pub(super) fn perceptron_with_outlier() -> Model {
    let mut graph = GraphBuilder::new("outlier");
    let mut hidden = graph.input(&TensorSpec::new("x", DType::F32, &[-1, 16])).unwrap();
    for (layer, [taken, made]) in [[16, 64], [64, 8], [8, 4]].into_iter().enumerate() {
        let mut weights = noise(layer as u64 + 1, taken * made);
        match layer {
            1 => weights.iter_mut().step_by(8).for_each(|weight| *weight = weight.abs() * 3000.0),
            2 => weights[..4].fill(0.0),
            _ => {}
        }
        let weight = constant(&mut graph, &format!("w{layer}"), &[taken, made], weights);
        let bias = random(&mut graph, &format!("b{layer}"), &[made]);
        hidden = graph.gemm(&hidden, &weight, Some(&bias));
        if layer < 2 {
            hidden = graph.relu(&hidden);
        }
    }
    graph.output(&hidden, &TensorSpec::new("logits", DType::F32, &[-1, 4])).unwrap();
    graph.build().unwrap()
}

/// Pictures of 8 x 8 through a convolution, a pool, a depthwise convolution, a residual block and two linear layers.
pub(super) fn picture_net() -> Model {
    let mut graph = GraphBuilder::new("pictures");
    let plain = Conv2d::new(Window::square(3, 1, 1));
    let x = graph.input(&TensorSpec::new("x", DType::F32, &[-1, 3, 8, 8])).unwrap();
    let [w1, b1] =
        [("w1", &[8, 3, 3, 3][..]), ("b1", &[8])].map(|(name, dims)| random(&mut graph, name, dims));
    let first = graph.conv2d(&x, &w1, Some(&b1), &plain);
    let first = graph.relu(&first);
    let pooled = graph.max_pool2d(&first, &Window::square(2, 2, 0));
    let [w2, b2] =
        [("w2", &[8, 1, 3, 3][..]), ("b2", &[8])].map(|(name, dims)| random(&mut graph, name, dims));
    let depthwise = graph.conv2d(&pooled, &w2, Some(&b2), &Conv2d { groups: 8, ..plain });
    let depthwise = graph.relu(&depthwise);
    let w3 = random(&mut graph, "w3", &[6, 8, 1, 1]);
    let trunk = graph.conv2d(&depthwise, &w3, None, &Conv2d::new(Window::square(1, 1, 0)));
    let w4 = random(&mut graph, "w4", &[6, 6, 3, 3]);
    let branch = graph.conv2d(&trunk, &w4, None, &plain);
    let sum = graph.add(&trunk, &branch);
    let sum = graph.relu(&sum);
    let w5 = random(&mut graph, "w5", &[4, 6, 3, 3]);
    let narrow = graph.conv2d(&sum, &w5, None, &plain);
    let flat = graph.flatten(&narrow, 1);
    let [w6, b6] = [("w6", &[64, 10][..]), ("b6", &[10])].map(|(name, dims)| random(&mut graph, name, dims));
    let hidden = graph.gemm(&flat, &w6, Some(&b6));
    let hidden = graph.relu(&hidden);
    let w7 = random(&mut graph, "w7", &[10, 4]);
    let logits = graph.matmul(&hidden, &w7);
    graph.output(&logits, &TensorSpec::new("logits", DType::F32, &[-1, 4])).unwrap();
    graph.build().unwrap()
}

pub(super) fn samples(dims: &[usize], count: usize, seed: u64) -> Samples {
    let dims = [&[count], dims].concat();
    let values = noise(seed, dims.iter().product());
    let tensor = Tensor::from_vec(Shape::new(&dims).unwrap(), values).unwrap();
    Samples::new(vec![("x".to_owned(), tensor)], (0..count).map(|id| format!("{seed}/{id}")).collect())
        .unwrap()
}

pub(super) fn engine() -> OnnxEngine {
    OnnxEngine::new().unwrap()
}

pub(super) fn load(model: &Model) -> Arc<dyn Replica> {
    engine().load(ModelSource::Bytes(&model.to_bytes()), &LoadOptions::default()).unwrap()
}

/// What the model gives for all samples.
pub(super) fn answers(model: &Model, samples: &Samples) -> Vec<f32> {
    let inputs = samples.rows(0..samples.len()).unwrap();
    load(model).run(&inputs, &["logits"]).unwrap()[0].to_vec::<f32>().unwrap()
}

/// Samples whose classes are the ones that the model gives, so that it is right on all of them.
pub(super) fn evaluation(model: &Model, samples: Samples) -> Evaluation {
    let answers = answers(model, &samples);
    let class = |scores: &[f32]| (0..4).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap() as u32;
    let classes = answers.chunks_exact(4).map(class).collect();
    Evaluation::new(samples, Targets::Classes(classes), "logits").unwrap()
}
