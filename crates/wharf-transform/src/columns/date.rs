//! Parts of dates as features.

use std::f64::consts::TAU;

use super::sheet::{Sheet, narrow};
use super::{DateEncoding, DateFeature, DateForm, DatePart, Moment};

impl DatePart {
    /// Its value at `moment`, which is `seconds` since 1970.
    fn value(self, moment: &Moment, seconds: f64) -> f64 {
        match self {
            DatePart::Year => moment.year as f64,
            DatePart::Month => f64::from(moment.month),
            DatePart::Day => f64::from(moment.day),
            DatePart::Weekday => f64::from(moment.weekday),
            DatePart::Hour => moment.hour,
            DatePart::Days => seconds / 86_400.0,
        }
    }

    /// The value that it starts with and after how much it comes round; `None` for what goes on for ever.
    pub(super) fn round(self) -> Option<(f64, f64)> {
        match self {
            DatePart::Month => Some((1.0, 12.0)),
            DatePart::Day => Some((1.0, 31.0)),
            DatePart::Weekday => Some((0.0, 7.0)),
            DatePart::Hour => Some((0.0, 24.0)),
            DatePart::Year | DatePart::Days => None,
        }
    }
}

impl DateFeature {
    /// The feature of a moment in seconds since 1970.
    pub fn apply(&self, seconds: f64) -> f64 {
        self.of(&Moment::of(seconds), seconds)
    }

    fn of(&self, moment: &Moment, seconds: f64) -> f64 {
        let value = self.part.value(moment, seconds);
        let (start, length) = self.part.round().unwrap_or((0.0, 1.0));
        let angle = (value - start) / length * TAU;
        let value = match self.form {
            DateForm::Value => value,
            DateForm::Sin => angle.sin(),
            DateForm::Cos => angle.cos(),
        };
        (value - self.centre) * self.scale
    }
}

impl DateEncoding {
    pub(super) fn encode(&self, seconds: &[f64], sheet: &mut Sheet<'_>) {
        for (row, given) in seconds.iter().enumerate() {
            let seconds = if given.is_nan() { self.impute } else { *given };
            let moment = Moment::of(seconds);
            for (place, feature) in self.features.iter().enumerate() {
                sheet.set(row, place, narrow(feature.of(&moment, seconds)));
            }
            if self.indicator && given.is_nan() {
                sheet.set(row, self.features.len(), 1.0);
            }
        }
    }
}
