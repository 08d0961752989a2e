//! Exported networks against the training code, through ONNX Runtime and PyTorch.

mod graph;
mod publish;
mod torch;
mod weights;

use std::path::Path;

use wharf_tensor::{Shape, Tensor};

use crate::network::Network;
use crate::recipe::Recipe;

/// A recipe of these layers (a TOML list), with `settings` before them.
fn recipe(settings: &str, layers: &str) -> Recipe {
    let transform = if settings.contains("transform =") {
        ""
    } else {
        "transform = [{ op = \"to_float\" }, { op = \"normalise\", mean = [0.5, 0.25], std = [0.5, 0.125] }]\n"
    };
    let text = format!("name = \"net\"\n{transform}layers = [{layers}]\n{settings}\n");
    Recipe::parse(&text, Path::new("")).unwrap()
}

/// The recipe's network with parameters and running statistics that are all different and none trivial.
fn network(recipe: &Recipe, shape: [usize; 3]) -> Network {
    let mut network = Network::new(shape, &recipe.layers, 7).unwrap();
    let specs = network.parameter_specs().to_vec();
    for spec in specs.iter().filter(|spec| spec.shape.len() == 1) {
        let center = if spec.name.ends_with("weight") { 1.0 } else { 0.0 };
        for (index, value) in network.parameters[spec.range()].iter_mut().enumerate() {
            *value = center + wave(index) / 4.0;
        }
    }
    let specs = network.buffer_specs().to_vec();
    for spec in specs {
        let center = if spec.name.ends_with("var") { 1.0 } else { 0.0 };
        for (index, value) in network.buffers[spec.range()].iter_mut().enumerate() {
            *value = center + wave(index + 3) / 2.0;
        }
    }
    network
}

/// Between -1 and 1.
fn wave(index: usize) -> f32 {
    ((index * 37 + 11) % 101) as f32 / 50.0 - 1.0
}

/// Pictures `[N, H, W, C]` of 8-bit pixels.
fn pictures(count: usize, [channels, height, width]: [usize; 3]) -> Tensor {
    let shape = Shape::new(&[count, height, width, channels]).unwrap();
    let pixels = (0..shape.num_elements()).map(|index| ((index * 7919 + index / 13) % 256) as u8);
    Tensor::from_vec(shape, pixels.collect()).unwrap()
}

/// `[N, H, W, C]` to `[N, C, H, W]`.
fn planes(tensor: &Tensor) -> Vec<f32> {
    let &[count, height, width, channels] = tensor.shape().dims() else { panic!("not pictures") };
    let values = tensor.to_vec::<f32>().unwrap();
    let area = height * width;
    let place = |index: usize| {
        let (picture, rest) = (index / (channels * area), index % (channels * area));
        (picture * area + rest % area) * channels + rest / area
    };
    (0..count * channels * area).map(|index| values[place(index)]).collect()
}
