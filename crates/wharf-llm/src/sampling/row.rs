//! Arithmetic over a whole row of logits, in loops that the compiler turns into vector instructions.

/// Numbers that one step of a loop takes.
const LANES: usize = 16;
/// Numbers that are added up in single precision.
const BLOCK: usize = 1024;

/// The largest number of a row; minus infinity for a row without numbers. NaN is passed over.
pub(crate) fn maximum(row: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let mut chunks = row.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes.iter().chain(chunks.remainder()).fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a })
}

/// The first place of the largest number, as llama.cpp resolves ties; `None` for a row without finite numbers.
pub(crate) fn first_maximum(row: &[f32]) -> Option<usize> {
    let largest = maximum(row);
    if largest == f32::NEG_INFINITY {
        return None;
    }
    row.iter().position(|&value| value == largest)
}

/// e to the power of `x`, for `x` of at most 0; within 3e-7 of it, relatively. Below -87 it is e^-87, which no sum notices.
#[inline]
pub(crate) fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Added to a small number it leaves the nearest integer in the lowest bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    let x = if x > -87.0 { x } else { -87.0 };
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    // Multiplies by 2 to the power of n.
    f32::from_bits(p.to_bits().wrapping_add(rounded.to_bits() << 23))
}

/// The sum of e^((x - `top`) * `scale`) over a row.
pub(crate) fn sum_exp(row: &[f32], top: f32, scale: f32) -> f64 {
    let mut weights = [0.0f32; BLOCK];
    let mut total = 0.0;
    // Two loops rather than one, each of which becomes vector instructions; blocks keep sums in single precision short.
    for block in row.chunks(BLOCK) {
        for (to, &value) in weights.iter_mut().zip(block) {
            *to = weight((value - top) * scale);
        }
        let mut lanes = [0.0f32; LANES];
        let mut chunks = weights[..block.len()].chunks_exact(LANES);
        for chunk in &mut chunks {
            for (lane, &weight) in lanes.iter_mut().zip(chunk) {
                *lane += weight;
            }
        }
        total += lanes.iter().chain(chunks.remainder()).map(|&lane| f64::from(lane)).sum::<f64>();
    }
    total
}

/// [`exp`], but nothing at all for what was ruled out.
#[inline]
pub(crate) fn weight(x: f32) -> f32 {
    let value = exp(x);
    if x > -87.0 { value } else { 0.0 }
}

/// Bins of [`enough_for`] to a factor of e.
const BINS_PER_E: f32 = 8.0;
/// Bins in all: beyond e^-32 nothing is told apart.
const BINS: usize = 256;

/// How many of the largest numbers of a row make up `mass`, or a few more: by sorting them into bins by how far each is
/// from the top.
pub(crate) fn enough_for(row: &[f32], top: f32, scale: f32, mass: f64) -> usize {
    let mut bins = [(0usize, 0.0f64); BINS];
    let mut weights = [0.0f32; BLOCK];
    for block in row.chunks(BLOCK) {
        for (to, &value) in weights.iter_mut().zip(block) {
            *to = weight((value - top) * scale);
        }
        for (&weight, &value) in weights.iter().zip(block) {
            let bin = ((top - value) * scale * BINS_PER_E) as usize;
            let (count, sum) = &mut bins[bin.min(BINS - 1)];
            *count += 1;
            *sum += f64::from(weight);
        }
    }
    let (mut found, mut number) = (0.0, 0);
    for (count, sum) in bins {
        number += count;
        found += sum;
        if found >= mass {
            return number;
        }
    }
    row.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_within_single_precision() {
        for step in 0..8_700 {
            let x = -(step as f32) * 0.01;
            let expected = f64::from(x).exp();
            let difference = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(difference < 3e-7, "e^{x} is off by {difference}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(weight(f32::NEG_INFINITY), 0.0);
    }

    #[test]
    fn the_first_of_equal_maxima_wins() {
        let mut row = vec![0.0f32; 100];
        row[37] = 2.0;
        row[38] = 2.0;
        row[99] = 2.0;
        assert_eq!(first_maximum(&row), Some(37));
        row[99] = f32::NAN;
        row[98] = 3.0;
        assert_eq!(first_maximum(&row), Some(98));
        assert_eq!(first_maximum(&[f32::NEG_INFINITY, f32::NAN]), None);
    }

    #[test]
    fn sums_are_those_of_double_precision() {
        let row: Vec<f32> = (0..10_007).map(|i| ((i * 7919) % 1000) as f32 * 0.02).collect();
        let top = maximum(&row);
        let expected: f64 = row.iter().map(|&x| (f64::from(x - top) * 0.5).exp()).sum();
        let got = sum_exp(&row, top, 0.5);
        assert!((got - expected).abs() / expected < 1e-6, "{got} for {expected}");
    }

    #[test]
    fn enough_is_enough_and_little_more() {
        let row: Vec<f32> = (0..5000u64).map(|i| ((i * 7919) % 4999) as f32 * -0.002).collect();
        let top = maximum(&row);
        let mut sorted = row.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        for share in [0.1, 0.5, 0.9, 0.99] {
            let mass = share * sum_exp(&row, top, 1.0);
            let count = enough_for(&row, top, 1.0, mass);
            assert!(sum_exp(&sorted[..count], top, 1.0) >= mass, "{share}");
            let needed = (1..).find(|&n| sum_exp(&sorted[..n], top, 1.0) >= mass).unwrap();
            assert!(count <= needed * 3 / 2 + 100, "{count} for {needed}");
        }
    }
}
