//! Pictures that the network took for something else.

/// A picture with the class it bears and the one it was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// Height, width and channels (1 or 3).
    pub shape: [usize; 3],
    /// The picture, row by row, channels last.
    pub samples: Vec<u8>,
    /// The class it bears.
    pub truth: String,
    /// The class the network gave it.
    pub prediction: String,
    /// The probability that the network gave to `prediction`.
    pub probability: f32,
}

impl Mistake {
    /// The picture of an input of the network: plane by plane, normalised in whatever way.
    ///
    /// Its darkest value becomes black and its brightest white, for all channels together.
    pub fn from_planes(
        shape: [usize; 3],
        planes: &[f32],
        truth: &str,
        prediction: &str,
        probability: f32,
    ) -> Self {
        let (low, high) =
            planes.iter().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
        let range = if high > low { high - low } else { 1.0 };
        // The cast saturates, and takes NaN to 0.
        let sample = |value: &f32| ((value - low) / range * 255.0).round() as u8;
        let plane = planes.len() / shape[2].max(1);
        let pixels = (0..plane).flat_map(|pixel| planes.iter().skip(pixel).step_by(plane));
        let (truth, prediction) = (truth.to_owned(), prediction.to_owned());
        Self { shape, samples: pixels.map(sample).collect(), truth, prediction, probability }
    }
}

/// Keeps those mistakes of which the network was surest.
#[derive(Clone, Debug)]
pub struct SurestMistakes {
    limit: usize,
    kept: Vec<Mistake>,
}

impl SurestMistakes {
    /// Keeps up to `limit` mistakes.
    pub fn new(limit: usize) -> Self {
        Self { limit, kept: Vec::new() }
    }

    /// Whether a mistake with this probability would be kept; if not, its picture need not be made.
    pub fn wants(&self, probability: f32) -> bool {
        let least = self.kept.last().map_or(f32::NEG_INFINITY, |mistake| mistake.probability);
        self.limit > 0 && !probability.is_nan() && (self.kept.len() < self.limit || probability > least)
    }

    /// Adds a mistake if it is among the surest; of equals the first stays.
    pub fn add(&mut self, mistake: Mistake) {
        if !self.wants(mistake.probability) {
            return;
        }
        let place = self.kept.partition_point(|kept| kept.probability >= mistake.probability);
        self.kept.insert(place, mistake);
        self.kept.truncate(self.limit);
    }

    /// The mistakes kept, the surest first.
    pub fn into_vec(self) -> Vec<Mistake> {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_become_pixels_over_the_whole_range() {
        let planes = [-1.0, 0.0, 1.0, 0.5, f32::NAN, -1.0];
        let mistake = Mistake::from_planes([1, 2, 3], &planes, "cat", "dog", 0.5);
        assert_eq!(mistake.samples, [0, 255, 0, 128, 191, 0]);
        let flat = Mistake::from_planes([1, 2, 1], &[0.25, 0.25], "cat", "dog", 0.5);
        assert_eq!(flat.samples, [0, 0]);
        assert_eq!(Mistake::from_planes([0, 0, 0], &[], "", "", 0.5).samples, [0; 0]);
    }

    #[test]
    fn surest_mistakes_stay_in_order() {
        let mut surest = SurestMistakes::new(3);
        for (index, probability) in [0.5, 0.9, f32::NAN, 0.7, 0.9, 0.6].into_iter().enumerate() {
            surest.add(Mistake::from_planes([0, 0, 1], &[], &index.to_string(), "", probability));
        }
        assert!(!surest.wants(0.7) && surest.wants(0.71));
        let kept: Vec<_> = surest.into_vec().into_iter().map(|mistake| mistake.truth).collect();
        assert_eq!(kept, ["1", "4", "3"]);
        assert!(!SurestMistakes::new(0).wants(1.0));
    }
}
