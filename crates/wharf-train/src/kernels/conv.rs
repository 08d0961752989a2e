//! Two-dimensional convolution with padding, stride and groups.
//!
//! The padded picture is split into `stride x stride` phases, each a stack of planes in which the
//! convolution has stride 1. With rows kept at the padded pitch, each kernel position is one offset into the
//! planes, so the inner loops run over whole planes without regard to rows; the surplus columns at each row's
//! end are computed and dropped.

use rayon::prelude::*;

use super::tile::{self, Strided, aligned, blocks};

/// Sizes of one convolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConvGeometry {
    /// Channels, height and width of the input.
    pub(crate) input: [usize; 3],
    /// Channels, height and width of the output.
    pub(crate) output: [usize; 3],
    /// Height and width of the kernel.
    pub(crate) kernel: [usize; 2],
    /// Distance between windows.
    pub(crate) stride: usize,
    /// Zeros added at each edge.
    pub(crate) padding: usize,
    /// Independent groups of channels.
    pub(crate) groups: usize,
}

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

impl ConvGeometry {
    fn input_len(&self) -> usize {
        self.input.iter().product()
    }

    fn output_len(&self) -> usize {
        self.output.iter().product()
    }

    fn phases(&self) -> usize {
        self.stride * self.stride
    }

    fn pitch(&self) -> usize {
        (self.input[2] + 2 * self.padding).div_ceil(self.stride)
    }

    fn rows(&self) -> usize {
        (self.input[1] + 2 * self.padding).div_ceil(self.stride)
    }

    /// Floats of one packed plane.
    fn plane(&self) -> usize {
        self.rows() * self.pitch()
    }

    /// Positions that the loops compute per output plane.
    fn positions(&self) -> usize {
        aligned(self.output[1] * self.pitch())
    }

    /// The furthest that a kernel position reaches into a plane.
    fn reach(&self) -> usize {
        (self.kernel[0] - 1) / self.stride * self.pitch() + (self.kernel[1] - 1) / self.stride
    }

    /// Floats of one packed picture, with room for loops that run past its end.
    fn packed_len(&self) -> usize {
        self.input[0] * self.phases() * self.plane() + self.reach() + self.positions()
    }

    /// Floats of one plane of the packed output gradient: zeros, the gradient at the input's pitch, zeros.
    fn gradient_plane(&self) -> usize {
        self.reach() + self.positions().max(aligned(self.plane()))
    }

    /// Phase and offset of a kernel position.
    fn tap(&self, row: usize, column: usize) -> (usize, usize) {
        let phase = row % self.stride * self.stride + column % self.stride;
        (phase, row / self.stride * self.pitch() + column / self.stride)
    }

    fn kernel_positions(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.kernel[0]).flat_map(|row| (0..self.kernel[1]).map(move |column| (row, column)))
    }

    /// Offsets into a packed picture of the taps of `group`, in the order of the weights.
    fn forward_taps(&self, group: usize) -> Vec<usize> {
        let channels = self.input[0] / self.groups;
        let first = group * channels;
        let mut taps = Vec::new();
        for channel in first..first + channels {
            taps.extend(self.kernel_positions().map(|(row, column)| {
                let (phase, offset) = self.tap(row, column);
                (channel * self.phases() + phase) * self.plane() + offset
            }));
        }
        taps
    }

    /// Copies a picture into its padded phases. What padding covers is left as it is, zero.
    fn pack(&self, picture: &[f32], packed: &mut [f32]) {
        let [_, height, width] = self.input;
        let (stride, padding, pitch) = (self.stride, self.padding, self.pitch());
        for (channel, plane) in picture.chunks_exact(height * width).enumerate() {
            let first = channel * self.phases() * self.plane();
            for (y, row) in plane.chunks_exact(width).enumerate() {
                let (py, qy) = ((y + padding) % stride, (y + padding) / stride);
                let target = first + py * stride * self.plane() + qy * pitch;
                if stride == 1 {
                    packed[target + padding..][..width].copy_from_slice(row);
                    continue;
                }
                for (x, &value) in row.iter().enumerate() {
                    let (px, qx) = ((x + padding) % stride, (x + padding) / stride);
                    packed[target + px * self.plane() + qx] = value;
                }
            }
        }
    }

    /// The reverse of [`Self::pack`] on planes a `plane_stride` apart.
    fn unpack(&self, packed: &[f32], plane_stride: usize, picture: &mut [f32]) {
        let [_, height, width] = self.input;
        let (stride, padding, pitch) = (self.stride, self.padding, self.pitch());
        for (channel, plane) in picture.chunks_exact_mut(height * width).enumerate() {
            let first = channel * self.phases() * plane_stride;
            for (y, row) in plane.chunks_exact_mut(width).enumerate() {
                let (py, qy) = ((y + padding) % stride, (y + padding) / stride);
                let source = first + py * stride * plane_stride + qy * pitch;
                if stride == 1 {
                    row.copy_from_slice(&packed[source + padding..][..width]);
                    continue;
                }
                for (x, value) in row.iter_mut().enumerate() {
                    let (px, qx) = ((x + padding) % stride, (x + padding) / stride);
                    *value = packed[source + px * plane_stride + qx];
                }
            }
        }
    }

    /// Spreads an output gradient to the input's pitch behind `reach` zeros.
    fn pack_gradient(&self, gradient: &[f32], packed: &mut [f32]) {
        let [_, height, width] = self.output;
        let (pitch, reach) = (self.pitch(), self.reach());
        let planes =
            gradient.chunks_exact(height * width).zip(packed.chunks_exact_mut(self.gradient_plane()));
        for (source, target) in planes {
            for (y, row) in source.chunks_exact(width).enumerate() {
                target[reach + y * pitch..][..width].copy_from_slice(row);
            }
        }
    }

    /// Weights in the order the forward loop reads them: per group and block of outputs, `[tap, output]`.
    fn pack_weights(&self, weight: &[f32]) -> Vec<Block> {
        let outputs = self.output[0] / self.groups;
        let taps_len = weight.len() / self.output[0];
        let mut packed = Vec::new();
        for group in 0..self.groups {
            for (first, size) in blocks(outputs) {
                let first = group * outputs + first;
                let rows = &weight[first * taps_len..(first + size) * taps_len];
                let values = (0..taps_len).flat_map(|tap| (0..size).map(move |o| rows[o * taps_len + tap]));
                packed.push(Block { group, first, size, phase: 0, weights: values.collect() });
            }
        }
        packed
    }

    /// Weights in the order the input gradient reads them: per group, phase and block of inputs, `[tap, input]`.
    fn pack_weights_backward(&self, weight: &[f32]) -> Vec<Block> {
        let (inputs, outputs) = (self.input[0] / self.groups, self.output[0] / self.groups);
        let area = self.kernel[0] * self.kernel[1];
        let mut packed = Vec::new();
        for group in 0..self.groups {
            for phase in 0..self.phases() {
                let positions: Vec<usize> = (self.kernel_positions().enumerate())
                    .filter(|(_, (row, column))| self.tap(*row, *column).0 == phase)
                    .map(|(position, _)| position)
                    .collect();
                for (first, size) in blocks(inputs) {
                    let mut weights = Vec::with_capacity(outputs * positions.len() * size);
                    for output in group * outputs..(group + 1) * outputs {
                        for position in &positions {
                            let at = |input| weight[(output * inputs + input) * area + position];
                            weights.extend((first..first + size).map(at));
                        }
                    }
                    packed.push(Block { group, first: group * inputs + first, size, phase, weights });
                }
            }
        }
        packed
    }

    /// Offsets into a packed gradient, in the order of [`Self::pack_weights_backward`].
    fn backward_taps(&self, group: usize, phase: usize) -> Vec<usize> {
        let outputs = self.output[0] / self.groups;
        let mut taps = Vec::new();
        for output in group * outputs..(group + 1) * outputs {
            for (row, column) in self.kernel_positions() {
                let (tap_phase, offset) = self.tap(row, column);
                if tap_phase == phase {
                    taps.push(output * self.gradient_plane() + self.reach() - offset);
                }
            }
        }
        taps
    }
}

/// Planes computed together, and their weights.
struct Block {
    group: usize,
    first: usize,
    size: usize,
    phase: usize,
    weights: Vec<f32>,
}

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
#[path = "conv_tests.rs"]
mod tests;
