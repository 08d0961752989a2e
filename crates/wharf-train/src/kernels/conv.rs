//! Two-dimensional convolution with padding, stride and groups.
//!
//! The padded picture is split into `stride x stride` phases, each a stack of planes in which the
//! convolution has stride 1. With rows kept at the padded pitch, each kernel position is one offset into the
//! planes, so the inner loops run over whole planes without regard to rows; the surplus columns at each row's
//! end are computed and dropped.

use rayon::prelude::*;

mod geometry;

use geometry::Block;
pub(crate) use geometry::ConvGeometry;

use super::tile::{self, Strided, aligned, blocks};

/// What the backward pass is asked for, and gives.
#[derive(Default)]
pub(crate) struct ConvGradients {
    pub(crate) input: Vec<f32>,
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// Partial weight sums are kept for this many runs of pictures, whatever the number of threads.
const RUNS: usize = 8;
/// Packed pictures that the weight gradient walks at a time should stay in the second-level cache.
const WALK_FLOATS: usize = 96 * 1024;

/// The convolution of a batch.
///
/// # Shapes
/// `input` `[N, C, H, W]`, `weight` `[O, C / groups, kh, kw]`, `bias` `[O]`; gives `[N, O, oh, ow]`.
pub(crate) fn forward(geometry: &ConvGeometry, input: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let (input_len, output_len) = (geometry.input_len(), geometry.output_len());
    let pictures = input.len() / input_len;
    let mut output = vec![0.0; pictures * output_len];
    let packed_weights = geometry.pack_weights(weight);
    let taps: Vec<Vec<usize>> = (0..geometry.groups).map(|group| geometry.forward_taps(group)).collect();
    let run = pictures.div_ceil(2 * RUNS).max(1);
    output.par_chunks_mut(run * output_len).zip(input.par_chunks(run * input_len)).for_each(
        |(output, input)| {
            let mut packed = vec![0.0; geometry.packed_len()];
            let mut sums = vec![0.0; tile::MAX_BLOCK * geometry.positions()];
            for (output, input) in output.chunks_exact_mut(output_len).zip(input.chunks_exact(input_len)) {
                geometry.pack(input, &mut packed);
                for block in &packed_weights {
                    convolve_block(geometry, block, &taps[block.group], &packed, bias, &mut sums, output);
                }
            }
        },
    );
    output
}

fn convolve_block(
    geometry: &ConvGeometry,
    block: &Block,
    taps: &[usize],
    packed: &[f32],
    bias: &[f32],
    sums: &mut [f32],
    output: &mut [f32],
) {
    let [_, height, width] = geometry.output;
    let (positions, pitch) = (geometry.positions(), geometry.pitch());
    let start = &bias[block.first..block.first + block.size];
    tile::scale_and_add(packed, taps, &block.weights, start, positions, sums);
    let planes = output[block.first * height * width..].chunks_exact_mut(height * width);
    for (plane, sums) in planes.zip(sums.chunks_exact(positions)).take(block.size) {
        for (row, sums) in plane.chunks_exact_mut(width).zip(sums.chunks_exact(pitch)) {
            row.copy_from_slice(&sums[..width]);
        }
    }
}

/// Gradients with respect to the weights and bias, and to the input where `wants_input`.
pub(crate) fn backward(
    geometry: &ConvGeometry,
    input: &[f32],
    weight: &[f32],
    gradient: &[f32],
    wants_input: bool,
) -> ConvGradients {
    let (input_len, output_len) = (geometry.input_len(), geometry.output_len());
    let pictures = input.len() / input_len;
    let run = pictures.div_ceil(RUNS).max(1);
    let backward = wants_input.then(|| InputBackward::new(geometry, weight));
    let mut input_gradient = vec![0.0; if wants_input { input.len() } else { 0 }];
    let mut targets: Vec<&mut [f32]> = if wants_input {
        input_gradient.chunks_mut(run * input_len).collect()
    } else {
        (0..pictures.div_ceil(run)).map(|_| Default::default()).collect()
    };
    let partial: Vec<(Vec<f32>, Vec<f32>)> = targets
        .par_iter_mut()
        .zip(input.par_chunks(run * input_len).zip(gradient.par_chunks(run * output_len)))
        .map(|(target, (input, gradient))| {
            backward_run(geometry, weight.len(), input, gradient, backward.as_ref(), target)
        })
        .collect();
    let mut gradients = ConvGradients {
        input: input_gradient,
        weight: vec![0.0; weight.len()],
        bias: vec![0.0; geometry.output[0]],
    };
    for (weight, bias) in &partial {
        add(&mut gradients.weight, weight);
        add(&mut gradients.bias, bias);
    }
    gradients
}

fn add(totals: &mut [f32], values: &[f32]) {
    for (total, value) in totals.iter_mut().zip(values) {
        *total += value;
    }
}

/// Weights and taps of the input gradient.
struct InputBackward {
    blocks: Vec<Block>,
    taps: Vec<Vec<usize>>,
}

impl InputBackward {
    fn new(geometry: &ConvGeometry, weight: &[f32]) -> Self {
        let pairs =
            (0..geometry.groups).flat_map(|group| (0..geometry.phases()).map(move |phase| (group, phase)));
        Self {
            blocks: geometry.pack_weights_backward(weight),
            taps: pairs.map(|(group, phase)| geometry.backward_taps(group, phase)).collect(),
        }
    }

    fn picture(&self, geometry: &ConvGeometry, gradient: &[f32], sums: &mut [f32], target: &mut [f32]) {
        let (plane_stride, phases) = (aligned(geometry.plane()), geometry.phases());
        let zeros = [0.0; tile::MAX_BLOCK];
        let mut block_sums = vec![0.0; tile::MAX_BLOCK * plane_stride];
        for block in &self.blocks {
            let taps = &self.taps[block.group * phases + block.phase];
            let start = &zeros[..block.size];
            tile::scale_and_add(gradient, taps, &block.weights, start, plane_stride, &mut block_sums);
            for (index, sums_plane) in block_sums.chunks_exact(plane_stride).take(block.size).enumerate() {
                let plane = (block.first + index) * phases + block.phase;
                sums[plane * plane_stride..][..plane_stride].copy_from_slice(sums_plane);
            }
        }
        geometry.unpack(sums, plane_stride, target);
    }
}

/// Weight and bias sums over a run of pictures; writes their input gradients.
fn backward_run(
    geometry: &ConvGeometry,
    weight_len: usize,
    input: &[f32],
    gradient: &[f32],
    backward: Option<&InputBackward>,
    target: &mut [f32],
) -> (Vec<f32>, Vec<f32>) {
    let (input_len, output_len) = (geometry.input_len(), geometry.output_len());
    let packed_len = geometry.packed_len();
    let gradient_len = geometry.output[0] * geometry.gradient_plane();
    let pictures = input.len() / input_len;
    let walk = (WALK_FLOATS / (packed_len + gradient_len)).clamp(1, pictures.max(1));
    let mut packed = vec![0.0; walk * packed_len];
    let mut packed_gradient = vec![0.0; walk * gradient_len];
    let mut planes = vec![0.0; geometry.input[0] * geometry.phases() * aligned(geometry.plane())];
    let (mut weights, mut bias) = (vec![0.0; weight_len], vec![0.0; geometry.output[0]]);
    for start in (0..pictures).step_by(walk) {
        let count = walk.min(pictures - start);
        for index in 0..count {
            let picture = start + index;
            geometry.pack(&input[picture * input_len..][..input_len], &mut packed[index * packed_len..]);
            let gradient = &gradient[picture * output_len..][..output_len];
            let spread = &mut packed_gradient[index * gradient_len..][..gradient_len];
            geometry.pack_gradient(gradient, spread);
            add_plane_sums(gradient, &mut bias);
            if let Some(backward) = backward {
                let target = &mut target[picture * input_len..][..input_len];
                backward.picture(geometry, spread, &mut planes, target);
            }
        }
        let source = Strided { values: &packed[..count * packed_len], stride: packed_len };
        let spread = Strided { values: &packed_gradient[..count * gradient_len], stride: gradient_len };
        add_weight_gradient(geometry, source, spread, &mut weights);
    }
    (weights, bias)
}

fn add_plane_sums(gradient: &[f32], bias: &mut [f32]) {
    let area = gradient.len() / bias.len();
    for (total, plane) in bias.iter_mut().zip(gradient.chunks_exact(area)) {
        *total += plane.iter().sum::<f32>();
    }
}

fn add_weight_gradient(
    geometry: &ConvGeometry,
    source: Strided<'_>,
    gradient: Strided<'_>,
    weights: &mut [f32],
) {
    let outputs = geometry.output[0] / geometry.groups;
    let row = weights.len() / geometry.output[0];
    for group in 0..geometry.groups {
        let taps = geometry.forward_taps(group);
        for (first, size) in blocks(outputs) {
            let first = group * outputs + first;
            let offsets: Vec<usize> = (first..first + size)
                .map(|output| output * geometry.gradient_plane() + geometry.reach())
                .collect();
            let target = &mut weights[first * row..(first + size) * row];
            tile::dot_products(gradient, &offsets, source, &taps, geometry.positions(), target, row);
        }
    }
}

#[cfg(test)]
mod tests;
