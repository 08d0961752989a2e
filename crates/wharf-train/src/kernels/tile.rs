//! The two loops that all heavy layers come down to, blocked so that the compiler keeps sums in registers.
//!
//! A plane is a run of floats; a tap is an offset into a buffer of planes. A convolution, its input gradient
//! and a linear layer are sums of scaled taps ([`scale_and_add`]); every weight gradient is a table of dot
//! products ([`dot_products`]). Sums run in an order that depends on shapes alone, never on threads.

/// Floats that one pass of the main loop computes per output plane.
const TILE: usize = if cfg!(target_feature = "avx512f") { 32 } else { 16 };
/// Independent partial sums of a dot product.
const LANES: usize = 16;

/// Output planes computed together; more would not fit the registers.
pub(crate) const MAX_BLOCK: usize = 6;
/// Plane lengths are multiples of this.
pub(crate) const ALIGN: usize = 16;

/// `length` rounded up to whole vectors.
pub(crate) fn aligned(length: usize) -> usize {
    length.next_multiple_of(ALIGN)
}

/// Splits `count` planes into blocks of at most [`MAX_BLOCK`], as (first, size).
pub(crate) fn blocks(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).step_by(MAX_BLOCK).map(move |first| (first, MAX_BLOCK.min(count - first)))
}

#[inline(always)]
fn fma(factor: f32, value: f32, sum: f32) -> f32 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
        factor.mul_add(value, sum)
    } else {
        factor * value + sum
    }
}

/// `out[o][p] = start[o] + sum over t of weights[t][o] * source[taps[t] + p]` for `p < length`.
///
/// # Shapes
/// `weights` is `[taps, block]` flat, `out` is `[block, length]` flat, `start` is `[block]`; `length` is a
/// multiple of [`ALIGN`] and `source` reaches `length` past every tap.
pub(crate) fn scale_and_add(
    source: &[f32],
    taps: &[usize],
    weights: &[f32],
    start: &[f32],
    length: usize,
    out: &mut [f32],
) {
    match start.len() {
        1 => scale_and_add_block::<1>(source, taps, weights, start, length, out),
        2 => scale_and_add_block::<2>(source, taps, weights, start, length, out),
        3 => scale_and_add_block::<3>(source, taps, weights, start, length, out),
        4 => scale_and_add_block::<4>(source, taps, weights, start, length, out),
        5 => scale_and_add_block::<5>(source, taps, weights, start, length, out),
        _ => scale_and_add_block::<MAX_BLOCK>(source, taps, weights, start, length, out),
    }
}

fn scale_and_add_block<const B: usize>(
    source: &[f32],
    taps: &[usize],
    weights: &[f32],
    start: &[f32],
    length: usize,
    out: &mut [f32],
) {
    let weights = weights.as_chunks::<B>().0;
    let start = start.as_chunks::<B>().0[0];
    let mut position = 0;
    while position + TILE <= length {
        add_tile::<B, TILE>(source, taps, weights, &start, position, length, out);
        position += TILE;
    }
    while position < length {
        add_tile::<B, ALIGN>(source, taps, weights, &start, position, length, out);
        position += ALIGN;
    }
}

#[inline(always)]
fn add_tile<const B: usize, const T: usize>(
    source: &[f32],
    taps: &[usize],
    weights: &[[f32; B]],
    start: &[f32; B],
    position: usize,
    length: usize,
    out: &mut [f32],
) {
    let mut sums = [[0.0_f32; T]; B];
    for (sum, &value) in sums.iter_mut().zip(start) {
        *sum = [value; T];
    }
    let source = &source[position..];
    for (&tap, factors) in taps.iter().zip(weights) {
        let values = &source[tap..].as_chunks::<T>().0[0];
        for (sum, &factor) in sums.iter_mut().zip(factors) {
            for (total, &value) in sum.iter_mut().zip(values) {
                *total = fma(factor, value, *total);
            }
        }
    }
    for (sum, plane) in sums.iter().zip(out.chunks_exact_mut(length)) {
        plane[position..position + T].copy_from_slice(sum);
    }
}

/// Where the operands of [`dot_products`] lie: `count` pictures, a `stride` apart in each buffer.
#[derive(Clone, Copy)]
pub(crate) struct Strided<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
}

/// `out[o * row + t] += sum over pictures and p < length of planes[o][p] * source[taps[t] + p]`.
///
/// `plane_offsets` gives the block's planes inside one picture's `planes`.
pub(crate) fn dot_products(
    planes: Strided<'_>,
    plane_offsets: &[usize],
    source: Strided<'_>,
    taps: &[usize],
    length: usize,
    out: &mut [f32],
    row: usize,
) {
    match plane_offsets.len() {
        1 => dot_block::<1>(planes, plane_offsets, source, taps, length, out, row),
        2 => dot_block::<2>(planes, plane_offsets, source, taps, length, out, row),
        3 => dot_block::<3>(planes, plane_offsets, source, taps, length, out, row),
        4 => dot_block::<4>(planes, plane_offsets, source, taps, length, out, row),
        5 => dot_block::<5>(planes, plane_offsets, source, taps, length, out, row),
        _ => dot_block::<MAX_BLOCK>(planes, plane_offsets, source, taps, length, out, row),
    }
}

fn dot_block<const B: usize>(
    planes: Strided<'_>,
    plane_offsets: &[usize],
    source: Strided<'_>,
    taps: &[usize],
    length: usize,
    out: &mut [f32],
    row: usize,
) {
    let plane_offsets = plane_offsets.as_chunks::<B>().0[0];
    for (index, &tap) in taps.iter().enumerate() {
        let sums = dot_tap::<B>(planes, &plane_offsets, source, tap, length);
        for (plane, lanes) in sums.iter().enumerate() {
            out[plane * row + index] += sum_lanes(lanes);
        }
    }
}

/// One tap against all planes of the block. Taking more taps at once makes the compiler give up on registers
/// (measured: 6 GFLOP/s for four taps, 60 for one).
#[inline(always)]
fn dot_tap<const B: usize>(
    planes: Strided<'_>,
    plane_offsets: &[usize; B],
    source: Strided<'_>,
    tap: usize,
    length: usize,
) -> [[f32; LANES]; B] {
    let mut sums = [[0.0_f32; LANES]; B];
    let pictures = planes.values.chunks_exact(planes.stride).zip(source.values.chunks_exact(source.stride));
    for (picture_planes, picture_source) in pictures {
        let rows: [&[[f32; LANES]]; B] =
            std::array::from_fn(|plane| picture_planes[plane_offsets[plane]..][..length].as_chunks().0);
        let column: &[[f32; LANES]] = picture_source[tap..][..length].as_chunks().0;
        for (position, values) in column.iter().enumerate() {
            let values = *values;
            for plane in 0..B {
                let factors = &rows[plane][position];
                for lane in 0..LANES {
                    sums[plane][lane] = fma(factors[lane], values[lane], sums[plane][lane]);
                }
            }
        }
    }
    sums
}

/// Sums in the fixed order of a halving tree.
fn sum_lanes(lanes: &[f32; LANES]) -> f32 {
    let mut lanes = *lanes;
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(length: usize, step: f32) -> Vec<f32> {
        (0..length).map(|index| ((index * 7 % 31) as f32 - 15.0) * step).collect()
    }

    #[test]
    fn scaled_taps_match_the_formula_for_every_block_size() {
        let (source, taps, length) = (ramp(200, 0.1), [0, 3, 50, 17], 48);
        for block in 1..=MAX_BLOCK {
            let (weights, start) = (ramp(taps.len() * block, 0.3), ramp(block, 1.0));
            let mut out = vec![f32::NAN; block * length];
            scale_and_add(&source, &taps, &weights, &start, length, &mut out);
            for (o, plane) in out.chunks(length).enumerate() {
                for (p, &value) in plane.iter().enumerate() {
                    let terms =
                        taps.iter().enumerate().map(|(t, tap)| weights[t * block + o] * source[tap + p]);
                    let expected = start[o] + terms.sum::<f32>();
                    assert!((value - expected).abs() < 1e-4, "block {block}: {value} != {expected}");
                }
            }
        }
    }

    #[test]
    fn dot_products_match_the_formula_for_every_block_size() {
        let (planes, source, taps, length) = (ramp(2 * 300, 0.1), ramp(2 * 90, 0.2), [0, 5, 9, 30, 2], 32);
        for block in 1..=MAX_BLOCK {
            let offsets: Vec<usize> = (0..block).map(|plane| plane * 40).collect();
            let mut out = vec![1.0; block * 8];
            let (planes, source) =
                (Strided { values: &planes, stride: 300 }, Strided { values: &source, stride: 90 });
            dot_products(planes, &offsets, source, &taps, length, &mut out, 8);
            for (o, offset) in offsets.iter().enumerate() {
                for (t, tap) in taps.iter().enumerate() {
                    let terms = (0..2).flat_map(|picture| {
                        (0..length).map(move |p| (picture * 300 + offset + p, picture * 90 + tap + p))
                    });
                    let expected = 1.0 + terms.map(|(a, b)| planes.values[a] * source.values[b]).sum::<f32>();
                    let value = out[o * 8 + t];
                    assert!((value - expected).abs() < 1e-3, "block {block}: {value} != {expected}");
                }
            }
        }
    }
}
