//! One vector for a row, made of those of its tokens, and what is done with it then.

use wharf_bundle::{PooledFinish, Pooling};

/// The least length by which a vector is divided, and the fewest tokens: as torch has it.
const LEAST: f32 = 1e-12;

/// The dimensions of the vectors of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolShape {
    /// Texts.
    pub rows: usize,
    /// Tokens of each, padding included.
    pub tokens: usize,
    /// Numbers in a vector.
    pub size: usize,
}

/// One vector for each row; `None` where the numbers of elements do not fit together. A row without tokens gives zeros.
///
/// # Shapes
/// `vectors` is `[rows, tokens, size]`, or `[rows, size]` with [`Pooling::None`]; `mask` is `[rows, tokens]`, zero for padding;
/// the result is `[rows, size]`.
pub fn pool(vectors: &[f32], mask: &[i64], shape: PoolShape, pooling: Pooling) -> Option<Vec<f32>> {
    let PoolShape { rows, tokens, size } = shape;
    let is_pooled = pooling == Pooling::None;
    let row_len = if is_pooled { size } else { tokens.checked_mul(size)? };
    let fits = vectors.len() == rows.checked_mul(row_len)? && mask.len() == rows.checked_mul(tokens)?;
    if !fits {
        return None;
    }
    if is_pooled {
        return Some(vectors.to_vec());
    }
    let mut pooled = vec![0.0; rows.checked_mul(size)?];
    if size == 0 || tokens == 0 {
        return Some(pooled);
    }
    let all = pooled.chunks_exact_mut(size).zip(vectors.chunks_exact(row_len)).zip(mask.chunks_exact(tokens));
    for ((into, vectors), mask) in all {
        let tokens =
            vectors.chunks_exact(size).zip(mask).filter(|(_, mask)| **mask != 0).map(|(vector, _)| vector);
        pool_row(into, tokens, pooling);
    }
    Some(pooled)
}

fn pool_row<'a>(into: &mut [f32], mut tokens: impl DoubleEndedIterator<Item = &'a [f32]>, pooling: Pooling) {
    match pooling {
        Pooling::Cls => copy(into, tokens.next()),
        Pooling::Last => copy(into, tokens.next_back()),
        Pooling::Max => {
            copy(into, tokens.next());
            tokens.for_each(|vector| each(into, vector, f32::max));
        }
        Pooling::MeanSqrtLen => {
            let count = sum(into, tokens);
            into.iter_mut().for_each(|number| *number /= count.sqrt().max(LEAST));
        }
        _ => {
            let count = sum(into, tokens);
            into.iter_mut().for_each(|number| *number /= count.max(LEAST));
        }
    }
}

fn copy(into: &mut [f32], vector: Option<&[f32]>) {
    if let Some(vector) = vector {
        into.copy_from_slice(vector);
    }
}

fn sum<'a>(into: &mut [f32], tokens: impl Iterator<Item = &'a [f32]>) -> f32 {
    let mut count = 0.0;
    for vector in tokens {
        each(into, vector, |one, other| one + other);
        count += 1.0;
    }
    count
}

fn each(into: &mut [f32], vector: &[f32], of: impl Fn(f32, f32) -> f32) {
    into.iter_mut().zip(vector).for_each(|(number, other)| *number = of(*number, *other));
}

/// Does with vectors of `size` numbers what is to be done with those that have been pooled. One of zeros stays as it is.
pub fn finish(vectors: &mut [f32], size: usize, finish: PooledFinish) {
    match finish {
        PooledFinish::UnitLength => vectors.chunks_mut(size.max(1)).for_each(to_unit_length),
        PooledFinish::Logistic => {
            vectors.iter_mut().for_each(|number| *number = 1.0 / (1.0 + (-*number).exp()))
        }
        _ => {}
    }
}

fn to_unit_length(vector: &mut [f32]) {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt().max(LEAST);
    vector.iter_mut().for_each(|number| *number /= length);
}
