//! From values to pixels.

use crate::axis::Axis;
use crate::number::{self, is_drawable};
use crate::ticks::{self, Ticks};

/// The interval of values an axis shows, with its ticks; not yet tied to pixels.
#[derive(Clone, Debug)]
pub(crate) struct Domain {
    pub(crate) low: f64,
    pub(crate) high: f64,
    logarithmic: bool,
    unit: number::Unit,
    pub(crate) ticks: Ticks,
}

impl Domain {
    /// The domain of `axis` over `values`, of which those that cannot be drawn are passed over.
    ///
    /// With `round`, a linear domain is widened to the ticks around the data.
    pub(crate) fn of(axis: &Axis, values: impl Iterator<Item = f64>, wanted: usize, round: bool) -> Self {
        let sound = |low, high| low < high && are_apart(low, high) && shows(axis, low) && shows(axis, high);
        let given = axis.range.filter(|(low, high)| sound(*low, *high));
        let (low, high) = given.unwrap_or_else(|| extent(axis, values));
        if axis.logarithmic {
            let ticks = ticks::logarithmic(low, high, wanted);
            return Self { low, high, logarithmic: true, unit: axis.unit, ticks };
        }
        let round = round && given.is_none();
        let ticks = if round { ticks::linear } else { ticks::linear_inside }(low, high, wanted, axis.whole);
        let (first, last) = (ticks.at.first().copied(), ticks.at.last().copied());
        let (low, high) = match (round, first, last) {
            (true, Some(first), Some(last)) => (first.min(low), last.max(high)),
            _ => (low, high),
        };
        Self { low, high, logarithmic: false, unit: axis.unit, ticks }
    }

    /// The label of the tick at `value`.
    pub(crate) fn label(&self, value: f64) -> String {
        if self.ticks.step > 0.0 {
            number::tick(value, self.ticks.step, self.unit)
        } else {
            number::value(value, self.unit)
        }
    }

    /// The widest label, in pixels at a font size.
    pub(crate) fn label_width(&self, size: f64) -> f64 {
        let widths = self.ticks.at.iter().map(|at| crate::text::width(&self.label(*at), size));
        widths.fold(0.0, f64::max)
    }

    /// Where `value` lies between 0 (low) and 1 (high).
    pub(crate) fn share(&self, value: f64) -> f64 {
        let place = |v: f64| if self.logarithmic { v.ln() } else { v };
        (place(value) - place(self.low)) / (place(self.high) - place(self.low))
    }
}

/// Whether an axis has a place for `value`.
pub(crate) fn shows(axis: &Axis, value: f64) -> bool {
    is_drawable(value) && (!axis.logarithmic || value > 1.0 / number::LARGEST)
}

/// The least and the greatest drawable value, apart from each other.
fn extent(axis: &Axis, values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|value| shows(axis, *value)) {
        (low, high) = (low.min(value), high.max(value));
    }
    if low > high {
        (low, high) = if axis.logarithmic { (1.0, 10.0) } else { (0.0, 1.0) };
    }
    if axis.from_zero && !axis.logarithmic {
        (low, high) = (low.min(0.0), high.max(0.0));
    }
    apart(low, high, axis)
}

/// Widens an interval that is empty or too narrow for its numbers to be told apart.
fn apart(low: f64, high: f64, axis: &Axis) -> (f64, f64) {
    if are_apart(low, high) {
        return (low, high);
    }
    match (low, high) {
        _ if axis.logarithmic => (low / 2.0, high * 2.0),
        _ if axis.whole => (low - 1.0, high + 1.0),
        _ if low.abs().max(high.abs()) <= 1.0 / number::LARGEST => (0.0, 1.0),
        _ => (low - low.abs() * 0.1, high + high.abs() * 0.1),
    }
}

/// Whether numbers between the two can be told apart.
fn are_apart(low: f64, high: f64) -> bool {
    high - low > (1e-9 * low.abs().max(high.abs())).max(0.1 / number::LARGEST)
}

/// A domain laid over pixels.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    pub(crate) domain: Domain,
    from: f64,
    to: f64,
}

impl Scale {
    /// Puts the low end of the domain at pixel `from` and the high end at `to`.
    pub(crate) fn new(domain: Domain, from: f64, to: f64) -> Self {
        Self { domain, from, to }
    }

    /// The pixel of a value.
    pub(crate) fn px(&self, value: f64) -> f64 {
        self.from + self.domain.share(value) * (self.to - self.from)
    }

    /// The ticks: pixel and label.
    pub(crate) fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        self.domain.ticks.at.iter().map(|at| (self.px(*at), self.domain.label(*at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_survive_any_data() {
        let nan = f64::NAN;
        let cases: [(&[f64], (f64, f64)); 9] = [
            (&[], (0.0, 1.0)),
            (&[nan, f64::INFINITY], (0.0, 1.0)),
            (&[0.0], (0.0, 1.0)),
            (&[5e-324], (0.0, 1.0)),
            (&[5.0], (4.5, 5.5)),
            (&[-5.0], (-5.5, -4.5)),
            (&[0.2, nan, 0.8], (0.2, 0.8)),
            (&[1e300, 1.0, 2.0], (1.0, 2.0)),
            (&[1e16, 1e16 + 2.0], (9e15, 1.1e16)),
        ];
        for (values, (low, high)) in cases {
            let domain = Domain::of(&Axis::new(""), values.iter().copied(), 5, false);
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs();
            assert!(near(domain.low, low) && near(domain.high, high), "{values:?}: {domain:?}");
        }
    }

    #[test]
    fn log_scale_spaces_powers_evenly() {
        let axis = Axis::new("").logarithmic();
        let scale = Scale::new(Domain::of(&axis, [1.0, 100.0, -3.0, 0.0].into_iter(), 5, true), 0.0, 200.0);
        assert_eq!((scale.px(1.0), scale.px(10.0), scale.px(100.0)), (0.0, 100.0, 200.0));
    }

    #[test]
    fn a_range_that_is_none_is_passed_over() {
        for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            let domain = Domain::of(&Axis::new("").range(low, high), [3.0, 4.0].into_iter(), 5, false);
            assert_eq!((domain.low, domain.high), (3.0, 4.0));
        }
    }
}
