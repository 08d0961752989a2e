//! The learning rate over the steps of a run.

mod one_cycle;
mod plateau;

use serde::Serialize;

pub use one_cycle::OneCycle;
pub use plateau::Plateau;
pub(crate) use plateau::PlateauState;

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
    /// It rises to its full value and falls to almost nothing, over all steps.
    OneCycle(OneCycle),
    /// It falls when the evaluation loss no longer does.
    Plateau(Plateau),
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
    /// What the rate has fallen to on plateaus of the evaluation loss; 1 where there was none.
    pub(crate) plateau: f64,
}

impl Place {
    /// A step of a run that has seen no plateau.
    pub(crate) fn new(step: u64, total: u64, epoch: u32) -> Self {
        Self { step, total, epoch, plateau: 1.0 }
    }
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
            Decay::OneCycle(cycle) => cycle.factor(place.step, place.total),
            Decay::Plateau(_) => place.plateau,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(warm_up_steps: u64, decay: Decay) -> Vec<f64> {
        let schedule = ScheduleConfig { warm_up_steps, decay };
        (0..8).map(|step| schedule.factor(Place::new(step, 8, step as u32 / 2))).collect()
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

    #[test]
    fn one_cycle_and_plateau_are_pytorchs() {
        let goldens: serde_json::Value =
            serde_json::from_str(include_str!("../goldens/losses.json")).unwrap();
        let numbers = |value: &serde_json::Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        for case in goldens["one_cycle"].as_array().unwrap() {
            let number = |key: &str| case[key].as_f64().unwrap();
            let decay = Decay::OneCycle(OneCycle {
                rise: number("rise"),
                start_divisor: number("start_divisor"),
                final_divisor: number("final_divisor"),
                is_cosine: case["is_cosine"].as_bool().unwrap(),
            });
            let (schedule, total) = (ScheduleConfig { warm_up_steps: 0, decay }, number("total") as u64);
            for (step, expected) in (0..).zip(numbers(&case["factors"])) {
                let factor = schedule.factor(Place::new(step, total, 0));
                assert!((factor - expected).abs() < 1e-12, "{case}: step {step} {factor} {expected}");
            }
        }
        for case in goldens["plateau"].as_array().unwrap() {
            let number = |key: &str| case[key].as_f64().unwrap();
            let plateau = Plateau {
                factor: number("factor"),
                patience: number("patience") as u32,
                threshold: number("threshold"),
                cooldown: number("cooldown") as u32,
                final_factor: number("final_factor"),
            };
            let schedule = ScheduleConfig { warm_up_steps: 0, decay: Decay::Plateau(plateau) };
            let mut state = PlateauState::default();
            for (loss, expected) in numbers(&case["losses"]).into_iter().zip(numbers(&case["factors"])) {
                state.note(&plateau, loss);
                let place = Place { plateau: state.factor(), ..Place::new(0, 1, 0) };
                assert!((schedule.factor(place) - expected).abs() < 1e-12, "{case}");
            }
        }
    }

    #[test]
    fn short_cycles_stay_within_their_bounds() {
        let cycle = OneCycle { rise: 0.3, start_divisor: 25.0, final_divisor: 1e4, is_cosine: true };
        for total in 0..6 {
            for step in 0..8 {
                let factor = cycle.factor(step, total);
                assert!((0.0..=1.0).contains(&factor), "step {step} of {total}: {factor}");
            }
        }
    }
}
