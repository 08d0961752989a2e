//! The rate falls when the evaluation loss no longer does, as PyTorch's `ReduceLROnPlateau` without its `eps`.

use serde::{Deserialize, Serialize};

/// When and by how much the rate falls.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Plateau {
    /// What the rate is multiplied by.
    pub factor: f64,
    /// Epochs without a lower evaluation loss that are borne.
    pub patience: u32,
    /// By which share of the lowest loss a loss must be lower to count.
    pub threshold: f64,
    /// Epochs after a fall that are not counted.
    pub cooldown: u32,
    /// The factor is never below this.
    pub final_factor: f64,
}

/// What is known of the losses so far. Numbers are kept as bits, so that a checkpoint gives back exactly these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlateauState {
    best_bits: Option<u64>,
    factor_bits: Option<u64>,
    bad_epochs: u32,
    cooldown: u32,
}

impl PlateauState {
    /// What the rate is multiplied by.
    pub(crate) fn factor(&self) -> f64 {
        self.factor_bits.map_or(1.0, f64::from_bits)
    }

    /// Takes in the evaluation loss of an epoch.
    pub(crate) fn note(&mut self, plateau: &Plateau, loss: f64) {
        let best = self.best_bits.map_or(f64::INFINITY, f64::from_bits);
        if loss < best * (1.0 - plateau.threshold) {
            (self.best_bits, self.bad_epochs) = (Some(loss.to_bits()), 0);
        } else {
            self.bad_epochs += 1;
        }
        if self.cooldown > 0 {
            (self.cooldown, self.bad_epochs) = (self.cooldown - 1, 0);
        }
        if self.bad_epochs > plateau.patience {
            let lower = (self.factor() * plateau.factor).max(plateau.final_factor);
            *self = Self {
                factor_bits: Some(lower.to_bits()),
                bad_epochs: 0,
                cooldown: plateau.cooldown,
                ..*self
            };
        }
    }
}
