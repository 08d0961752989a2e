//! Linear layers, computed on transposed pictures so that the loops run over the batch.

use rayon::prelude::*;

use super::tile::{self, MAX_BLOCK, Strided, aligned};

/// Gradients of a linear layer.
pub(crate) struct LinearGradients {
    pub(crate) input: Vec<f32>,
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// Sizes of a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinearGeometry {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

/// `input x weight^T + bias`.
///
/// # Shapes
/// `input` `[N, inputs]`, `weight` `[outputs, inputs]`, `bias` `[outputs]`; gives `[N, outputs]`.
pub(crate) fn forward(geometry: LinearGeometry, input: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let LinearGeometry { inputs, outputs } = geometry;
    let batch = input.len() / inputs;
    let (source, pitch) = (transpose(input, inputs), aligned(batch));
    let taps: Vec<usize> = (0..inputs).map(|index| index * pitch).collect();
    let mut sums = vec![0.0; outputs * pitch];
    sums.par_chunks_mut(MAX_BLOCK * pitch).enumerate().for_each(|(block, sums)| {
        let (first, size) = (block * MAX_BLOCK, sums.len() / pitch);
        let rows = &weight[first * inputs..(first + size) * inputs];
        let packed: Vec<f32> =
            (0..inputs).flat_map(|input| (0..size).map(move |o| rows[o * inputs + input])).collect();
        tile::scale_and_add(&source, &taps, &packed, &bias[first..first + size], pitch, sums);
    });
    transpose_back(&sums, pitch, batch)
}

/// Gradients with respect to weights and bias, and to the input where `wants_input`.
pub(crate) fn backward(
    geometry: LinearGeometry,
    input: &[f32],
    weight: &[f32],
    gradient: &[f32],
    wants_input: bool,
) -> LinearGradients {
    let LinearGeometry { inputs, outputs } = geometry;
    let batch = input.len() / inputs;
    let pitch = aligned(batch);
    let (source, spread) = (transpose(input, inputs), transpose(gradient, outputs));
    let weight_gradient = weight_gradient(geometry, &source, &spread, pitch);
    let bias = spread.chunks_exact(pitch).map(|row| row.iter().sum()).collect();
    let input =
        if wants_input { input_gradient(geometry, weight, &spread, pitch, batch) } else { Vec::new() };
    LinearGradients { input, weight: weight_gradient, bias }
}

fn weight_gradient(geometry: LinearGeometry, source: &[f32], spread: &[f32], pitch: usize) -> Vec<f32> {
    let LinearGeometry { inputs, outputs } = geometry;
    let taps: Vec<usize> = (0..inputs).map(|index| index * pitch).collect();
    let mut weights = vec![0.0; outputs * inputs];
    weights.par_chunks_mut(MAX_BLOCK * inputs).enumerate().for_each(|(block, target)| {
        let first = block * MAX_BLOCK;
        let offsets: Vec<usize> = (first..first + target.len() / inputs).map(|o| o * pitch).collect();
        let spread = Strided { values: spread, stride: spread.len() };
        let source = Strided { values: source, stride: source.len() };
        tile::dot_products(spread, &offsets, source, &taps, pitch, target, inputs);
    });
    weights
}

fn input_gradient(
    geometry: LinearGeometry,
    weight: &[f32],
    spread: &[f32],
    pitch: usize,
    batch: usize,
) -> Vec<f32> {
    let LinearGeometry { inputs, outputs } = geometry;
    let taps: Vec<usize> = (0..outputs).map(|index| index * pitch).collect();
    let mut sums = vec![0.0; inputs * pitch];
    sums.par_chunks_mut(MAX_BLOCK * pitch).enumerate().for_each(|(block, sums)| {
        let (first, size) = (block * MAX_BLOCK, sums.len() / pitch);
        let packed: Vec<f32> =
            (0..outputs).flat_map(|output| &weight[output * inputs + first..][..size]).copied().collect();
        tile::scale_and_add(spread, &taps, &packed, &[0.0; MAX_BLOCK][..size], pitch, sums);
    });
    transpose_back(&sums, pitch, batch)
}

/// `[N, width]` to `[width, aligned(N)]`, zeros at the rows' ends.
fn transpose(rows: &[f32], width: usize) -> Vec<f32> {
    let pitch = aligned(rows.len() / width);
    let mut columns = vec![0.0; width * pitch];
    for (n, row) in rows.chunks_exact(width).enumerate() {
        for (column, &value) in columns.chunks_exact_mut(pitch).zip(row) {
            column[n] = value;
        }
    }
    columns
}

/// `[width, pitch]` to `[batch, width]`.
fn transpose_back(columns: &[f32], pitch: usize, batch: usize) -> Vec<f32> {
    let width = columns.len() / pitch;
    let mut rows = vec![0.0; batch * width];
    for (n, row) in rows.chunks_exact_mut(width).enumerate() {
        for (value, column) in row.iter_mut().zip(columns.chunks_exact(pitch)) {
            *value = column[n];
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_layer_matches_the_formula() {
        let geometry = LinearGeometry { inputs: 2, outputs: 3 };
        let (weight, bias) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.5, 0.0, -0.5]);
        let input = [1.0, -1.0, 2.0, 0.5];
        assert_eq!(forward(geometry, &input, &weight, &bias), [-0.5, -1.0, -1.5, 3.5, 8.0, 12.5]);
        let gradients = backward(geometry, &input, &weight, &[1.0, 0.0, 0.0, 0.0, 1.0, 2.0], true);
        assert_eq!(gradients.input, [1.0, 2.0, 13.0, 16.0]);
        assert_eq!(gradients.weight, [1.0, -1.0, 2.0, 0.5, 4.0, 1.0]);
        assert_eq!(gradients.bias, [1.0, 1.0, 2.0]);
    }
}
