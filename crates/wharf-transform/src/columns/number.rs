//! Numbers and truth values as features.

use super::sheet::{Sheet, narrow};
use super::{BooleanEncoding, MISSING_BOOLEAN, NumberEncoding};

impl NumberEncoding {
    /// What `value` becomes; NaN stays NaN where nothing stands for a missing number.
    pub fn apply(&self, value: f64) -> f64 {
        let value = match self.impute {
            Some(impute) if value.is_nan() => impute,
            _ => value,
        };
        let value = match self.clip {
            Some([low, _]) if value < low => low,
            Some([_, high]) if value > high => high,
            _ => value,
        };
        let value = if self.log { value.signum() * value.abs().ln_1p() } else { value };
        (value - self.centre) * self.scale
    }

    pub(super) fn encode(&self, values: &[f64], sheet: &mut Sheet<'_>) {
        for (row, value) in values.iter().enumerate() {
            sheet.set(row, 0, narrow(self.apply(*value)));
            if self.indicator && value.is_nan() {
                sheet.set(row, 1, 1.0);
            }
        }
    }
}

impl BooleanEncoding {
    pub(super) fn encode(&self, values: &[u8], sheet: &mut Sheet<'_>) {
        for (row, value) in values.iter().enumerate() {
            if *value == MISSING_BOOLEAN {
                sheet.set(row, 0, self.missing);
                sheet.set(row, 1, 1.0);
            } else {
                sheet.set(row, 0, f32::from(*value));
            }
        }
    }
}
