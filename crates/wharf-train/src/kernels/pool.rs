//! Maximum and average pooling.

use rayon::prelude::*;

/// Sizes of a pooling layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolGeometry {
    /// Channels, height and width of the input.
    pub(crate) input: [usize; 3],
    /// Height and width of the output.
    pub(crate) output: [usize; 2],
    /// Height and width of the window.
    pub(crate) kernel: [usize; 2],
    /// Distance between windows.
    pub(crate) stride: [usize; 2],
    /// Cells added at each edge.
    pub(crate) padding: usize,
}

impl PoolGeometry {
    fn input_area(&self) -> usize {
        self.input[1] * self.input[2]
    }

    fn output_area(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// The rows and columns of the input under output cell `(y, x)`.
    fn window(&self, y: usize, x: usize) -> [std::ops::Range<usize>; 2] {
        [0, 1].map(|axis| {
            let start = [y, x][axis] * self.stride[axis];
            let end = (start + self.kernel[axis]).saturating_sub(self.padding).min(self.input[axis + 1]);
            start.saturating_sub(self.padding)..end
        })
    }

    fn is_two_by_two(&self) -> bool {
        self.kernel == [2, 2] && self.stride == [2, 2] && self.padding == 0
    }
}

/// Planes that one task handles.
const PLANES: usize = 32;

/// The maximum of each window, and where in its input plane it was; the first of equals, as in PyTorch.
///
/// # Shapes
/// `[N, C, H, W]` to `[N, C, oh, ow]`.
pub(crate) fn max_forward(geometry: &PoolGeometry, input: &[f32]) -> (Vec<f32>, Vec<u32>) {
    let (input_area, output_area) = (geometry.input_area(), geometry.output_area());
    let planes = input.len() / input_area;
    let (mut output, mut indices) = (vec![0.0; planes * output_area], vec![0; planes * output_area]);
    output
        .par_chunks_mut(PLANES * output_area)
        .zip(indices.par_chunks_mut(PLANES * output_area))
        .zip(input.par_chunks(PLANES * input_area))
        .for_each(|((output, indices), input)| {
            let targets = output.chunks_exact_mut(output_area).zip(indices.chunks_exact_mut(output_area));
            for ((output, indices), input) in targets.zip(input.chunks_exact(input_area)) {
                if geometry.is_two_by_two() {
                    max_two_by_two(geometry, input, output, indices);
                } else {
                    max_plane(geometry, input, output, indices);
                }
            }
        });
    (output, indices)
}

fn max_two_by_two(geometry: &PoolGeometry, input: &[f32], output: &mut [f32], indices: &mut [u32]) {
    let (width, columns) = (geometry.input[2], geometry.output[1]);
    let targets = output.chunks_exact_mut(columns).zip(indices.chunks_exact_mut(columns));
    for (y, (output, indices)) in targets.enumerate() {
        let (upper, lower) = input[2 * y * width..][..2 * width].split_at(width);
        let (upper, lower) = (upper.as_chunks::<2>().0, lower.as_chunks::<2>().0);
        let (below, mut first) = (width as u32, (2 * y * width) as u32);
        // Selections instead of branches: which cell wins is as good as random. Places stay within a plane.
        for ((output, index), (upper, lower)) in output.iter_mut().zip(indices).zip(upper.iter().zip(lower)) {
            let (top, top_place) = larger((upper[0], first), (upper[1], first.wrapping_add(1)));
            let left_below = first.wrapping_add(below);
            let (bottom, bottom_place) =
                larger((lower[0], left_below), (lower[1], left_below.wrapping_add(1)));
            (*output, *index) = larger((top, top_place), (bottom, bottom_place));
            first = first.wrapping_add(2);
        }
    }
}

/// The larger of two values with its place, the first of equals.
#[inline(always)]
fn larger(first: (f32, u32), second: (f32, u32)) -> (f32, u32) {
    let second_wins = wins(second.0, first.0);
    (if second_wins { second.0 } else { first.0 }, if second_wins { second.1 } else { first.1 })
}

/// Whether `value` takes the place of `best`; NaN does, and keeps it.
#[inline(always)]
fn wins(value: f32, best: f32) -> bool {
    value > best || value.is_nan()
}

fn max_plane(geometry: &PoolGeometry, input: &[f32], output: &mut [f32], indices: &mut [u32]) {
    for (cell, (output, index)) in output.iter_mut().zip(indices).enumerate() {
        let [rows, columns] = geometry.window(cell / geometry.output[1], cell % geometry.output[1]);
        let mut best = rows.start * geometry.input[2] + columns.start;
        for y in rows {
            for x in columns.clone() {
                let at = y * geometry.input[2] + x;
                if wins(input[at], input[best]) {
                    best = at;
                }
            }
        }
        *output = input[best];
        *index = best as u32;
    }
}

/// Hands each window's gradient to the cell that was its maximum.
pub(crate) fn max_backward(geometry: &PoolGeometry, indices: &[u32], gradient: &[f32]) -> Vec<f32> {
    let (input_area, output_area) = (geometry.input_area(), geometry.output_area());
    let mut input = vec![0.0; gradient.len() / output_area * input_area];
    let sources = gradient.par_chunks(PLANES * output_area).zip(indices.par_chunks(PLANES * output_area));
    input.par_chunks_mut(PLANES * input_area).zip(sources).for_each(|(input, (gradient, indices))| {
        let sources = gradient.chunks_exact(output_area).zip(indices.chunks_exact(output_area));
        for (input, (gradient, indices)) in input.chunks_exact_mut(input_area).zip(sources) {
            for (&gradient, &index) in gradient.iter().zip(indices) {
                input[index as usize] += gradient;
            }
        }
    });
    input
}

/// The mean of each window; cells of the padding count as zeros, as in PyTorch.
pub(crate) fn average_forward(geometry: &PoolGeometry, input: &[f32]) -> Vec<f32> {
    let (input_area, output_area) = (geometry.input_area(), geometry.output_area());
    let scale = 1.0 / (geometry.kernel[0] * geometry.kernel[1]) as f32;
    let mut output = vec![0.0; input.len() / input_area * output_area];
    output.par_chunks_mut(output_area).zip(input.par_chunks(input_area)).for_each(|(output, input)| {
        for (cell, output) in output.iter_mut().enumerate() {
            let [rows, columns] = geometry.window(cell / geometry.output[1], cell % geometry.output[1]);
            let sum: f32 =
                rows.map(|y| input[y * geometry.input[2]..][columns.clone()].iter().sum::<f32>()).sum();
            *output = sum * scale;
        }
    });
    output
}

/// Spreads each window's gradient over its cells.
pub(crate) fn average_backward(geometry: &PoolGeometry, gradient: &[f32]) -> Vec<f32> {
    let (input_area, output_area) = (geometry.input_area(), geometry.output_area());
    let scale = 1.0 / (geometry.kernel[0] * geometry.kernel[1]) as f32;
    let mut input = vec![0.0; gradient.len() / output_area * input_area];
    input.par_chunks_mut(input_area).zip(gradient.par_chunks(output_area)).for_each(|(input, gradient)| {
        for (cell, gradient) in gradient.iter().enumerate() {
            let [rows, columns] = geometry.window(cell / geometry.output[1], cell % geometry.output[1]);
            for y in rows {
                for value in &mut input[y * geometry.input[2]..][columns.clone()] {
                    *value += gradient * scale;
                }
            }
        }
    });
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(kernel: usize, stride: usize, padding: usize, output: usize) -> PoolGeometry {
        PoolGeometry {
            input: [1, 4, 4],
            output: [output; 2],
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding,
        }
    }

    #[test]
    fn fast_and_general_maximum_agree() {
        let input: Vec<f32> = (0..32).map(|index| (index * 5 % 7) as f32).collect();
        let geometry = geometry(2, 2, 0, 2);
        let (output, indices) = max_forward(&geometry, &input);
        for plane in 0..2 {
            let (mut expected, mut at) = ([0.0; 4], [0; 4]);
            max_plane(&geometry, &input[plane * 16..][..16], &mut expected, &mut at);
            assert_eq!((&output[plane * 4..][..4], &indices[plane * 4..][..4]), (&expected[..], &at[..]));
        }
    }

    #[test]
    fn overlapping_windows_add_their_gradients() {
        let mut input = [0.0; 16];
        input[5] = 1.0;
        let geometry = geometry(3, 1, 1, 4);
        let (output, indices) = max_forward(&geometry, &input);
        assert_eq!(output.iter().sum::<f32>(), 9.0);
        assert_eq!(max_backward(&geometry, &indices, &[1.0; 16])[5], 9.0);
    }

    #[test]
    fn average_counts_padding() {
        let geometry = geometry(3, 1, 1, 4);
        let output = average_forward(&geometry, &[9.0; 16]);
        assert_eq!((output[0], output[1], output[5]), (4.0, 6.0, 9.0));
        let gradient = average_backward(&geometry, &[9.0; 16]);
        assert_eq!((gradient[0], gradient[1], gradient[5]), (4.0, 6.0, 9.0));
    }

    #[test]
    fn nan_is_not_hidden_by_pooling() {
        for place in [0, 1, 4, 5] {
            let mut input = [1.0; 16];
            input[place] = f32::NAN;
            for geometry in [geometry(2, 2, 0, 2), geometry(3, 1, 1, 4)] {
                assert!(max_forward(&geometry, &input).0[0].is_nan(), "at {place}");
            }
        }
    }
}
