//! Losses of single outputs against single targets, averaged over all elements, as PyTorch's. Targets may be
//! any numbers: several labels of one row, or values of a regression.

/// Value and gradient of a loss over `[N, K]` outputs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ElementLoss {
    pub(crate) loss: f32,
    pub(crate) gradient: Vec<f32>,
}

/// Binary cross-entropy of the sigmoid of each output; `positive_weights` has one factor per column for
/// targets of 1 (PyTorch's `BCEWithLogitsLoss` with `pos_weight`).
pub(crate) fn binary_cross_entropy(
    outputs: &[f32],
    targets: &[f32],
    positive_weights: &[f32],
) -> ElementLoss {
    let columns = positive_weights.len();
    average(outputs, targets, |place, output, target| {
        let weight = 1.0 + (f64::from(positive_weights[place % columns]) - 1.0) * target;
        // −ln σ(x) and σ(−x), from powers that cannot overflow.
        let power = (-output.abs()).exp();
        let cost = power.ln_1p() + (-output).max(0.0);
        let rest = if output >= 0.0 { power } else { 1.0 } / (1.0 + power);
        ((1.0 - target) * output + weight * cost, 1.0 - target - weight * rest)
    })
}

/// Mean absolute distance; its gradient is 0 where output and target are equal.
pub(crate) fn mean_absolute_error(outputs: &[f32], targets: &[f32]) -> ElementLoss {
    average(outputs, targets, |_, output, target| {
        let difference = output - target;
        (difference.abs(), if difference == 0.0 { 0.0 } else { difference.signum() })
    })
}

/// Half the squared distance up to `delta`, and beyond it the tangent there (PyTorch's `HuberLoss`).
pub(crate) fn huber(outputs: &[f32], targets: &[f32], delta: f64) -> ElementLoss {
    average(outputs, targets, |_, output, target| {
        let difference = output - target;
        if difference.abs() <= delta {
            (0.5 * difference * difference, difference)
        } else {
            (delta * (difference.abs() - 0.5 * delta), delta * difference.signum())
        }
    })
}

/// The mean of what `cost` gives for the place of an element, its output and its target: value and derivative.
fn average(outputs: &[f32], targets: &[f32], cost: impl Fn(usize, f64, f64) -> (f64, f64)) -> ElementLoss {
    let count = outputs.len() as f64;
    let (mut loss, mut gradient) = (0.0, Vec::with_capacity(outputs.len()));
    for (place, (&output, &target)) in outputs.iter().zip(targets).enumerate() {
        let (value, slope) = cost(place, f64::from(output), f64::from(target));
        loss += value;
        gradient.push((slope / count) as f32);
    }
    ElementLoss { loss: (loss / count) as f32, gradient }
}
