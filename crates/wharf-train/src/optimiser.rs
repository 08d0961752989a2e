//! Optimisers on flat vectors, with PyTorch's arithmetic.

use serde::Serialize;

/// How parameters follow their gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum OptimiserConfig {
    /// Stochastic gradient descent with dampening 0.
    Sgd {
        /// The learning rate before the schedule.
        rate: f64,
        /// Share of the velocity that is kept.
        momentum: f64,
        /// Whether to look ahead.
        nesterov: bool,
        /// Factor of the parameters that is added to the gradient.
        weight_decay: f64,
    },
    /// Adam; weight decay is added to the gradient.
    Adam(AdamConfig),
    /// Adam with weight decay apart from the gradient.
    Adamw(AdamConfig),
}

/// Settings of Adam and AdamW.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AdamConfig {
    /// The learning rate before the schedule.
    pub rate: f64,
    /// Decay of the two running moments.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Weight decay.
    pub weight_decay: f64,
}

impl OptimiserConfig {
    /// The learning rate before the schedule.
    pub fn rate(&self) -> f64 {
        match self {
            Self::Sgd { rate, .. } => *rate,
            Self::Adam(config) | Self::Adamw(config) => config.rate,
        }
    }

    /// How many vectors of state there are.
    fn slots(&self) -> usize {
        match self {
            Self::Sgd { momentum, .. } => usize::from(*momentum != 0.0),
            Self::Adam(_) | Self::Adamw(_) => 2,
        }
    }
}

/// An optimiser and its state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Optimiser {
    config: OptimiserConfig,
    pub(crate) steps: u64,
    pub(crate) slots: Vec<Vec<f32>>,
}

impl Optimiser {
    pub(crate) fn new(config: OptimiserConfig, parameters: usize) -> Self {
        Self { config, steps: 0, slots: vec![vec![0.0; parameters]; config.slots()] }
    }

    /// One step along `gradient` at learning rate `rate`.
    pub(crate) fn step(&mut self, rate: f64, parameters: &mut [f32], gradient: &[f32]) {
        self.steps += 1;
        match self.config {
            OptimiserConfig::Sgd { momentum, nesterov, weight_decay, .. } => {
                let factors = [rate, momentum, weight_decay].map(|factor| factor as f32);
                match self.slots.first_mut() {
                    Some(velocity) => sgd_momentum(parameters, gradient, velocity, factors, nesterov),
                    None => sgd(parameters, gradient, factors),
                }
            }
            OptimiserConfig::Adam(config) => self.adam(rate, config, parameters, gradient),
            OptimiserConfig::Adamw(config) => {
                let keep = (1.0 - rate * config.weight_decay) as f32;
                parameters.iter_mut().for_each(|parameter| *parameter *= keep);
                self.adam(rate, AdamConfig { weight_decay: 0.0, ..config }, parameters, gradient);
            }
        }
    }

    fn adam(&mut self, rate: f64, config: AdamConfig, parameters: &mut [f32], gradient: &[f32]) {
        let [first, second] = self.slots.as_mut_slice() else { return };
        let corrections = config.betas.map(|beta| 1.0 - beta.powf(self.steps as f64));
        let step_size = (rate / corrections[0]) as f32;
        let root_correction = corrections[1].sqrt() as f32;
        let beta2 = config.betas[1] as f32;
        let [gain1, gain2] = config.betas.map(|beta| (1.0 - beta) as f32);
        let (epsilon, decay) = (config.epsilon as f32, config.weight_decay as f32);
        let moments = first.iter_mut().zip(second.iter_mut());
        for ((parameter, &gradient), (first, second)) in parameters.iter_mut().zip(gradient).zip(moments) {
            let gradient = gradient + decay * *parameter;
            // PyTorch blends the first moment as a linear interpolation.
            *first += gain1 * (gradient - *first);
            *second = beta2 * *second + gain2 * gradient * gradient;
            *parameter -= step_size * (*first / (second.sqrt() / root_correction + epsilon));
        }
    }
}

fn sgd(parameters: &mut [f32], gradient: &[f32], [rate, _, decay]: [f32; 3]) {
    for (parameter, &gradient) in parameters.iter_mut().zip(gradient) {
        *parameter -= rate * (gradient + decay * *parameter);
    }
}

fn sgd_momentum(
    parameters: &mut [f32],
    gradient: &[f32],
    velocity: &mut [f32],
    [rate, momentum, decay]: [f32; 3],
    nesterov: bool,
) {
    for ((parameter, &gradient), velocity) in parameters.iter_mut().zip(gradient).zip(velocity) {
        let gradient = gradient + decay * *parameter;
        *velocity = momentum * *velocity + gradient;
        *parameter -= rate * if nesterov { gradient + momentum * *velocity } else { *velocity };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(config: OptimiserConfig, steps: usize) -> f32 {
        let (mut optimiser, mut parameters) = (Optimiser::new(config, 1), [1.0]);
        for _ in 0..steps {
            let gradient = [2.0 * parameters[0]];
            optimiser.step(config.rate(), &mut parameters, &gradient);
        }
        parameters[0]
    }

    #[test]
    fn sgd_follows_the_formulae() {
        let sgd = |momentum, nesterov, weight_decay| OptimiserConfig::Sgd {
            rate: 0.1,
            momentum,
            nesterov,
            weight_decay,
        };
        assert!((run(sgd(0.0, false, 0.0), 2) - 0.64).abs() < 1e-6);
        // v = 2, p = 0.8; v = 1 + 1.6 = 2.6, p = 0.54
        assert!((run(sgd(0.5, false, 0.0), 2) - 0.54).abs() < 1e-6);
        // v = 2, p = 1 - 0.1 * (2 + 1) = 0.7
        assert!((run(sgd(0.5, true, 0.0), 1) - 0.7).abs() < 1e-6);
        assert!((run(sgd(0.0, false, 0.5), 1) - 0.75).abs() < 1e-6);
    }

    #[test]
    fn adam_starts_with_steps_of_the_learning_rate() {
        let adam = AdamConfig { rate: 0.1, betas: [0.9, 0.999], epsilon: 1e-8, weight_decay: 0.0 };
        assert!((run(OptimiserConfig::Adam(adam), 1) - 0.9).abs() < 1e-6);
        let decayed = AdamConfig { weight_decay: 0.5, ..adam };
        assert!((run(OptimiserConfig::Adamw(decayed), 1) - 0.85).abs() < 1e-6);
    }
}
