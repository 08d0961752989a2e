//! How pictures, gradients and weights are laid out for the loops.

use super::super::tile::{aligned, blocks};

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

/// Planes computed together, and their weights.
pub(super) struct Block {
    pub(super) group: usize,
    pub(super) first: usize,
    pub(super) size: usize,
    pub(super) phase: usize,
    pub(super) weights: Vec<f32>,
}

impl ConvGeometry {
    pub(super) fn input_len(&self) -> usize {
        self.input.iter().product()
    }

    pub(super) fn output_len(&self) -> usize {
        self.output.iter().product()
    }

    pub(super) fn phases(&self) -> usize {
        self.stride * self.stride
    }

    pub(super) fn pitch(&self) -> usize {
        (self.input[2] + 2 * self.padding).div_ceil(self.stride)
    }

    pub(super) fn rows(&self) -> usize {
        (self.input[1] + 2 * self.padding).div_ceil(self.stride)
    }

    /// Floats of one packed plane.
    pub(super) fn plane(&self) -> usize {
        self.rows() * self.pitch()
    }

    /// Positions that the loops compute per output plane.
    pub(super) fn positions(&self) -> usize {
        aligned(self.output[1] * self.pitch())
    }

    /// The furthest that a kernel position reaches into a plane.
    pub(super) fn reach(&self) -> usize {
        (self.kernel[0] - 1) / self.stride * self.pitch() + (self.kernel[1] - 1) / self.stride
    }

    /// Floats of one packed picture, with room for loops that run past its end.
    pub(super) fn packed_len(&self) -> usize {
        self.input[0] * self.phases() * self.plane() + self.reach() + self.positions()
    }

    /// Floats of one plane of the packed output gradient: zeros, the gradient at the input's pitch, zeros.
    pub(super) fn gradient_plane(&self) -> usize {
        self.reach() + self.positions().max(aligned(self.plane()))
    }

    /// Phase and offset of a kernel position.
    pub(super) fn tap(&self, row: usize, column: usize) -> (usize, usize) {
        let phase = row % self.stride * self.stride + column % self.stride;
        (phase, row / self.stride * self.pitch() + column / self.stride)
    }

    pub(super) fn kernel_positions(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.kernel[0]).flat_map(|row| (0..self.kernel[1]).map(move |column| (row, column)))
    }

    /// Offsets into a packed picture of the taps of `group`, in the order of the weights.
    pub(super) fn forward_taps(&self, group: usize) -> Vec<usize> {
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
    pub(super) fn pack(&self, picture: &[f32], packed: &mut [f32]) {
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
    pub(super) fn unpack(&self, packed: &[f32], plane_stride: usize, picture: &mut [f32]) {
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
    pub(super) fn pack_gradient(&self, gradient: &[f32], packed: &mut [f32]) {
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
    pub(super) fn pack_weights(&self, weight: &[f32]) -> Vec<Block> {
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
    pub(super) fn pack_weights_backward(&self, weight: &[f32]) -> Vec<Block> {
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
    pub(super) fn backward_taps(&self, group: usize, phase: usize) -> Vec<usize> {
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
