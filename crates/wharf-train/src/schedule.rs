//! The learning rate over the steps of a run.

use serde::Serialize;

/// How the learning rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ScheduleConfig {
    /// Steps over which the rate first rises evenly to its full value.
    pub warm_up_steps: u64,
    /// What happens then.
    #[serde(flatten)]
    pub decay: Decay,
}

/// How the learning rate falls.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decay {
    /// Not at all.
    Constant,
    /// By `factor` after every `every_epochs` epochs.
    Step {
        /// Epochs between two falls.
        every_epochs: u32,
        /// What the rate is multiplied by.
        factor: f64,
    },
    /// Along half a cosine to `final_factor` of the rate at the last step.
    Cosine {
        /// What is left at the end.
        final_factor: f64,
    },
}

/// Where in a run a step stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    /// Steps done before this one.
    pub(crate) step: u64,
    /// Steps of the whole run.
    pub(crate) total: u64,
    /// Epochs done before this one.
    pub(crate) epoch: u32,
}

impl ScheduleConfig {
    /// What the learning rate is multiplied by.
    pub(crate) fn factor(&self, place: Place) -> f64 {
        if place.step < self.warm_up_steps {
            return (place.step + 1) as f64 / self.warm_up_steps as f64;
        }
        match self.decay {
            Decay::Constant => 1.0,
            Decay::Step { every_epochs, factor } => factor.powf(f64::from(place.epoch / every_epochs.max(1))),
            Decay::Cosine { final_factor } => {
                let length = place.total.saturating_sub(self.warm_up_steps).max(1);
                let progress = (place.step - self.warm_up_steps) as f64 / length as f64;
                final_factor + (1.0 - final_factor) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(warm_up_steps: u64, decay: Decay) -> Vec<f64> {
        let schedule = ScheduleConfig { warm_up_steps, decay };
        (0..8).map(|step| schedule.factor(Place { step, total: 8, epoch: step as u32 / 2 })).collect()
    }

    #[test]
    fn each_kind_follows_its_curve() {
        assert_eq!(factors(0, Decay::Constant), [1.0; 8]);
        let step = Decay::Step { every_epochs: 2, factor: 0.5 };
        assert_eq!(factors(0, step), [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5]);
        let cosine = factors(0, Decay::Cosine { final_factor: 0.0 });
        assert!((cosine[0] - 1.0).abs() < 1e-12 && (cosine[4] - 0.5).abs() < 1e-12 && cosine[7] < 0.05);
        assert_eq!(factors(4, Decay::Constant)[..5], [0.25, 0.5, 0.75, 1.0, 1.0]);
        assert_eq!(factors(4, Decay::Cosine { final_factor: 0.0 })[4], 1.0);
    }
}
