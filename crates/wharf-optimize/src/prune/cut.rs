//! Entries of a constant along one dimension.

use wharf_tensor::{Shape, Tensor};

use crate::OptimizeError;

/// The entries `kept`, in their order, of dimension `axis`. Where that dimension is a multiple of `channels`, each channel
/// is a run of entries, as it is after flattening.
pub(super) fn cut(
    values: &[f32],
    dims: &[usize],
    axis: usize,
    channels: usize,
    kept: &[usize],
) -> Result<Tensor, OptimizeError> {
    let run = dims[axis].checked_div(channels).unwrap_or(0);
    let inner: usize = dims[axis + 1..].iter().product::<usize>() * run;
    let outer: usize = dims[..axis].iter().product();
    let mut out = Vec::with_capacity(outer * kept.len() * inner);
    for block in values.chunks_exact((channels * inner).max(1)) {
        kept.iter()
            .for_each(|&channel| out.extend_from_slice(&block[channel * inner..(channel + 1) * inner]));
    }
    let mut dims = dims.to_vec();
    dims[axis] = kept.len() * run;
    Ok(Tensor::from_vec(Shape::new(&dims)?, out)?)
}

/// The sum of the absolute values of each entry of dimension `axis`.
pub(super) fn magnitudes(values: &[f32], dims: &[usize], axis: usize) -> Vec<f64> {
    let inner: usize = dims[axis + 1..].iter().product();
    let mut sums = vec![0.0; dims[axis]];
    for (index, value) in values.iter().enumerate() {
        sums[index / inner.max(1) % dims[axis].max(1)] += f64::from(value.abs());
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_cut_along_any_dimension() {
        let values: Vec<f32> = (0..6).map(|value| value as f32).collect();
        let rows = cut(&values, &[3, 2], 0, 3, &[0, 2]).unwrap();
        assert_eq!(rows.to_vec::<f32>().unwrap(), [0.0, 1.0, 4.0, 5.0]);
        let columns = cut(&values, &[2, 3], 1, 3, &[1]).unwrap();
        assert_eq!((columns.to_vec::<f32>().unwrap(), columns.shape().dims()), (vec![1.0, 4.0], &[2, 1][..]));
    }

    #[test]
    fn flattened_channels_are_runs() {
        let values: Vec<f32> = (0..8).map(|value| value as f32).collect();
        let cut = cut(&values, &[2, 4], 1, 2, &[1]).unwrap();
        assert_eq!(cut.to_vec::<f32>().unwrap(), [2.0, 3.0, 6.0, 7.0]);
    }

    #[test]
    fn magnitudes_are_sums_of_absolute_values() {
        assert_eq!(magnitudes(&[1.0, -2.0, -3.0, 4.0], &[2, 2], 0), [3.0, 7.0]);
        assert_eq!(magnitudes(&[1.0, -2.0, -3.0, 4.0], &[2, 2], 1), [4.0, 6.0]);
    }
}
