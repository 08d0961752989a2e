//! Arithmetic over a whole row of logits, in loops that the compiler turns into vector instructions.

/// Numbers that one step of a loop takes.
const LANES: usize = 16;

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

/// e to the power of `x`, for `x` of at most 0; within 2e-7 of it, relatively. Below -87 it is e^-87, which no sum notices.
#[inline]
pub(crate) fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = if x > -87.0 { x } else { -87.0 };
    let n = (x * std::f32::consts::LOG2_E + 0.5).floor();
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    let exponent = (n as i32).wrapping_add(127) as u32;
    p * f32::from_bits(exponent.wrapping_shl(23))
}

/// The sum of e^((x - `top`) * `scale`) over a row.
pub(crate) fn sum_exp(row: &[f32], top: f32, scale: f32) -> f64 {
    let mut total = 0.0;
    // Blocks keep the sums in single precision short.
    for block in row.chunks(4096) {
        let mut lanes = [0.0f32; LANES];
        let mut chunks = block.chunks_exact(LANES);
        for chunk in &mut chunks {
            for (lane, &value) in lanes.iter_mut().zip(chunk) {
                *lane += weight((value - top) * scale);
            }
        }
        let rest: f32 = chunks.remainder().iter().map(|&value| weight((value - top) * scale)).sum();
        total += lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>() + f64::from(rest);
    }
    total
}

/// [`exp`], but nothing at all for what was ruled out.
#[inline]
pub(crate) fn weight(x: f32) -> f32 {
    let value = exp(x);
    if x > -87.0 { value } else { 0.0 }
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
}
