//! Minimising a smooth function by L-BFGS (Nocedal and Wright, "Numerical Optimization", algorithm 7.4).

use std::collections::VecDeque;

use crate::LearnError;

/// How many steps the curvature is remembered from.
const MEMORY: usize = 10;
/// Armijo's condition.
const DECREASE: f64 = 1e-4;
/// The curvature condition of Wolfe.
const CURVATURE: f64 = 0.9;
/// How often a step is tried.
const MAX_TRIALS: usize = 40;

/// When minimising ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) max_iterations: usize,
    /// The largest entry of the gradient at the minimum.
    pub(super) tolerance: f64,
}

/// A step and how the gradient changed with it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    inner: f64,
}

/// A place with its value and gradient.
struct Point {
    place: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// The place near which `function` is least; it writes the gradient and gives the value. Ends after
/// `max_iterations`, when the gradient is small, or when rounding hides every further step.
pub(super) fn minimise(
    start: Vec<f64>,
    limits: Limits,
    mut function: impl FnMut(&[f64], &mut [f64]) -> Result<f64, LearnError>,
) -> Result<Vec<f64>, LearnError> {
    let mut gradient = vec![0.0; start.len()];
    let value = function(&start, &mut gradient)?;
    let mut point = Point { place: start, value, gradient };
    let mut pairs: VecDeque<Pair> = VecDeque::new();
    for _ in 0..limits.max_iterations {
        if point.gradient.iter().all(|entry| entry.abs() <= limits.tolerance) {
            break;
        }
        let mut direction = descent(&point.gradient, &pairs);
        if inner(&direction, &point.gradient) >= 0.0 {
            pairs.clear();
            direction = descent(&point.gradient, &pairs);
        }
        let first = if pairs.is_empty() { 1.0 / norm(&point.gradient).max(1.0) } else { 1.0 };
        let Some(next) = line_search(&point, &direction, first, &mut function)? else {
            if pairs.is_empty() {
                break;
            }
            pairs.clear();
            continue;
        };
        remember(&mut pairs, &point, &next);
        point = next;
    }
    Ok(point.place)
}

/// The direction `-H g` by the two loops over the remembered pairs.
fn descent(gradient: &[f64], pairs: &VecDeque<Pair>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|entry| -entry).collect();
    let mut factors = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let factor = inner(&pair.step, &direction) / pair.inner;
        add_scaled(&mut direction, -factor, &pair.change);
        factors.push(factor);
    }
    if let Some(last) = pairs.back() {
        let scale = last.inner / inner(&last.change, &last.change);
        direction.iter_mut().for_each(|entry| *entry *= scale);
    }
    for (pair, factor) in pairs.iter().zip(factors.into_iter().rev()) {
        let correction = factor - inner(&pair.change, &direction) / pair.inner;
        add_scaled(&mut direction, correction, &pair.step);
    }
    direction
}

/// A step that fulfils both conditions of Wolfe, by doubling and then halving the range that holds one.
fn line_search(
    from: &Point,
    direction: &[f64],
    first: f64,
    function: &mut impl FnMut(&[f64], &mut [f64]) -> Result<f64, LearnError>,
) -> Result<Option<Point>, LearnError> {
    let slope = inner(&from.gradient, direction);
    let (mut low, mut high, mut length) = (0.0, f64::INFINITY, first);
    for _ in 0..MAX_TRIALS {
        let mut place = from.place.clone();
        add_scaled(&mut place, length, direction);
        let mut gradient = vec![0.0; place.len()];
        let value = function(&place, &mut gradient)?;
        // Near the minimum rounding hides the decrease, but not the slope.
        let slack = f64::EPSILON * from.value.abs();
        let bound = from.value + DECREASE * length * slope + slack;
        if value.is_nan() || value > bound {
            high = length;
        } else if inner(&gradient, direction) < CURVATURE * slope {
            low = length;
        } else {
            return Ok(Some(Point { place, value, gradient }));
        }
        length = if high.is_finite() { f64::midpoint(low, high) } else { 2.0 * length };
    }
    Ok(None)
}

fn remember(pairs: &mut VecDeque<Pair>, from: &Point, to: &Point) {
    let difference = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>();
    let (step, change) = (difference(&to.place, &from.place), difference(&to.gradient, &from.gradient));
    let product = inner(&step, &change);
    if product <= f64::EPSILON * norm(&step) * norm(&change) {
        return;
    }
    if pairs.len() == MEMORY {
        pairs.pop_front();
    }
    pairs.push_back(Pair { step, change, inner: product });
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    inner(a, a).sqrt()
}

fn add_scaled(to: &mut [f64], factor: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += factor * what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_minimum_of_rosenbrocks_valley() {
        let limits = Limits { max_iterations: 200, tolerance: 1e-10 };
        let found = minimise(vec![-1.2, 1.0], limits, |x, gradient| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            gradient[0] = -2.0 * a - 400.0 * x[0] * b;
            gradient[1] = 200.0 * b;
            Ok(a * a + 100.0 * b * b)
        });
        let found = found.unwrap();
        assert!(found.iter().all(|entry| (entry - 1.0).abs() < 1e-9), "{found:?}");
    }

    #[test]
    fn passes_on_what_went_wrong() {
        let limits = Limits { max_iterations: 10, tolerance: 0.0 };
        assert!(minimise(vec![0.0], limits, |_, _| Err(LearnError::stopped())).is_err());
    }
}
