//! Where the ticks of an axis stand.

/// The marks of an axis: where, and how far apart (for logarithmic ones: the smallest distance).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ticks {
    pub(crate) at: Vec<f64>,
    pub(crate) step: f64,
}

/// Multiples of 1, 2 or 5 times a power of ten that cover `low..=high`, about `wanted` of them.
///
/// With `whole`, the step is at least 1. The first and the last tick may lie outside the range, by less
/// than a step.
pub(crate) fn linear(low: f64, high: f64, wanted: usize, whole: bool) -> Ticks {
    let step = nice_step((high - low) / wanted.max(1) as f64);
    let step = if whole { step.max(1.0) } else { step };
    // A hair of tolerance, so that 0.3 / 0.1 counts as 3.
    let first = (low / step + 1e-9).floor();
    let last = (high / step - 1e-9).ceil();
    let count = (last - first).clamp(0.0, 1000.0) as usize;
    Ticks { at: (0..=count).map(|index| (first + index as f64) * step).collect(), step }
}

/// The ticks that lie inside the range.
pub(crate) fn linear_inside(low: f64, high: f64, wanted: usize, whole: bool) -> Ticks {
    let mut ticks = linear(low, high, wanted, whole);
    let slack = ticks.step * 1e-6;
    ticks.at.retain(|&at| at >= low - slack && at <= high + slack);
    ticks
}

/// The least of 1, 2, 5 times a power of ten that is not below `raw`.
fn nice_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    let share = raw / power;
    let factor = match share {
        s if s <= 1.0 + 1e-9 => 1.0,
        s if s <= 2.0 + 1e-9 => 2.0,
        s if s <= 5.0 + 1e-9 => 5.0,
        _ => 10.0,
    };
    factor * power
}

/// Powers of ten, or 1, 2, 5 times them where there are few, inside `low..=high`; both are above zero.
pub(crate) fn logarithmic(low: f64, high: f64, wanted: usize) -> Ticks {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let decades = (last - first).max(1) as usize;
    let factors: &[f64] = if decades * 3 <= wanted.max(6) { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let stride = decades.div_ceil(wanted.max(1)).max(1);
    let powers = (first..=last).step_by(stride).map(|power| 10f64.powi(power));
    let at: Vec<f64> = powers
        .flat_map(|power| factors.iter().map(move |factor| factor * power))
        .filter(|at| *at >= low * (1.0 - 1e-9) && *at <= high * (1.0 + 1e-9))
        .collect();
    if at.len() < 2 {
        return linear_inside(low, high, wanted, false);
    }
    Ticks { step: 0.0, at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_one_two_or_five() {
        let cases: [(f64, f64, usize, &[f64]); 8] = [
            (0.0, 1.0, 5, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (0.0, 10.0, 5, &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
            (0.1, 0.3, 2, &[0.1, 0.2, 0.3]),
            (0.36, 0.61, 5, &[0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65]),
            (-3.0, 7.0, 4, &[-5.0, 0.0, 5.0, 10.0]),
            (0.0, 3e-5, 3, &[0.0, 1e-5, 2e-5, 3e-5]),
            (1e9, 3e9, 2, &[1e9, 2e9, 3e9]),
            (99.0, 101.0, 2, &[99.0, 100.0, 101.0]),
        ];
        for (low, high, wanted, expected) in cases {
            let ticks = linear(low, high, wanted, false);
            let near = |(a, b): (&f64, &f64)| (a - b).abs() < ticks.step * 1e-9;
            assert!(
                ticks.at.len() == expected.len() && ticks.at.iter().zip(expected).all(near),
                "{low}..{high}: {ticks:?}"
            );
        }
    }

    #[test]
    fn whole_ticks_are_whole() {
        assert_eq!(linear_inside(1.0, 3.0, 10, true).at, [1.0, 2.0, 3.0]);
        assert_eq!(linear_inside(1.0, 10.0, 5, true).at, [2.0, 4.0, 6.0, 8.0, 10.0]);
    }

    #[test]
    fn log_ticks_are_decades_or_one_two_five() {
        let cases: [(f64, f64, usize, &[f64]); 4] = [
            (1.0, 1000.0, 5, &[1.0, 10.0, 100.0, 1000.0]),
            (1.0, 100.0, 6, &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]),
            (0.5, 4.0, 6, &[0.5, 1.0, 2.0]),
            (1.0, 1e10, 5, &[1.0, 1e2, 1e4, 1e6, 1e8, 1e10]),
        ];
        for (low, high, wanted, expected) in cases {
            assert_eq!(logarithmic(low, high, wanted).at, expected, "{low}..{high}");
        }
        assert_eq!(logarithmic(3.0, 4.0, 5).at.len(), 6, "a narrow range has linear ticks");
    }
}
