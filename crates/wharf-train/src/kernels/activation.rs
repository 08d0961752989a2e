//! Element-wise layers.

use std::f32::consts::{FRAC_1_SQRT_2, PI};

use rayon::prelude::*;

/// Elements that one task handles.
const CHUNK: usize = 16 * 1024;

/// `f` of every element.
pub(crate) fn map(values: &[f32], f: impl Fn(f32) -> f32 + Sync) -> Vec<f32> {
    let mut out = vec![0.0; values.len()];
    out.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(out, values)| {
        for (out, &value) in out.iter_mut().zip(values) {
            *out = f(value);
        }
    });
    out
}

/// `f` of every pair of elements.
pub(crate) fn map2(left: &[f32], right: &[f32], f: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
    let mut out = vec![0.0; left.len()];
    let operands = left.par_chunks(CHUNK).zip(right.par_chunks(CHUNK));
    out.par_chunks_mut(CHUNK).zip(operands).for_each(|(out, (left, right))| {
        for (out, (&left, &right)) in out.iter_mut().zip(left.iter().zip(right)) {
            *out = f(left, right);
        }
    });
    out
}

/// `x` where positive, else 0; NaN stays NaN, as in PyTorch.
#[inline]
pub(crate) fn relu(value: f32) -> f32 {
    if value <= 0.0 { 0.0 } else { value }
}

/// The gradient of [`relu`], from its output.
#[inline]
pub(crate) fn relu_gradient(output: f32, gradient: f32) -> f32 {
    if output <= 0.0 { 0.0 } else { gradient }
}

/// `x * normal_cdf(x)`, the exact form.
#[inline]
pub(crate) fn gelu(value: f32) -> f32 {
    0.5 * value * (1.0 + libm::erff(value * FRAC_1_SQRT_2))
}

/// The gradient of [`gelu`], from its input.
#[inline]
pub(crate) fn gelu_gradient(value: f32, gradient: f32) -> f32 {
    let cdf = 0.5 * (1.0 + libm::erff(value * FRAC_1_SQRT_2));
    let density = (-0.5 * value * value).exp() / (2.0 * PI).sqrt();
    gradient * (cdf + value * density)
}
