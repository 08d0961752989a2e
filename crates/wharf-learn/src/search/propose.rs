//! Where to look next.

use std::cmp::Ordering;

use wharf_transform::CounterRng;

use super::parzen::{Categories, Parzen};
use super::space::{Assignment, Dimension, Space};
use super::{SearchSettings, Strategy};

/// Keeps these random numbers apart from every other use of the same seed.
const DOMAIN: u64 = u64::from_be_bytes(*b"  search");
/// The part of the trials that counts as good, and the most of them.
const GOOD_PART: f64 = 0.2;
const MOST_GOOD: usize = 25;
/// How many candidates are drawn where good trials are dense.
const CANDIDATES: usize = 24;

/// What is known of a configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation<'a> {
    pub(super) parameters: &'a Assignment,
    pub(super) rung: usize,
    pub(super) loss: f64,
}

/// Whether all there is has been proposed.
pub(super) fn proposals_end(settings: &SearchSettings, configurations: u64) -> bool {
    let Some(proposed) = configurations.checked_sub(settings.first.len() as u64) else { return false };
    match settings.strategy {
        Strategy::Grid { values } => proposed >= settings.space.grid_size(values),
        Strategy::Random | Strategy::Tpe { .. } => false,
    }
}

/// The parameters of the configuration with this number.
pub(super) fn propose(
    settings: &SearchSettings,
    configuration: u64,
    observations: &[Observation<'_>],
) -> Assignment {
    let first = settings.first.len() as u64;
    if let Some(parameters) = usize::try_from(configuration).ok().and_then(|place| settings.first.get(place))
    {
        return parameters.clone();
    }
    let mut rng = CounterRng::new(&[settings.seed, DOMAIN, configuration]);
    match settings.strategy {
        Strategy::Grid { values } => settings.space.grid_point(values, configuration - first),
        Strategy::Tpe { startup } if observations.len() >= startup.max(2) => {
            by_densities(&settings.space, observations, &mut rng)
        }
        Strategy::Random | Strategy::Tpe { .. } => settings.space.sample(&mut rng),
    }
}

/// For each setting on its own the candidate at which good trials are densest compared to the others.
fn by_densities(space: &Space, observations: &[Observation<'_>], rng: &mut CounterRng) -> Assignment {
    let mut ordered = observations.to_vec();
    ordered.sort_by(better_first);
    let good = ((ordered.len() as f64 * GOOD_PART).ceil() as usize).clamp(1, MOST_GOOD);
    let (good, bad) = ordered.split_at(good.min(ordered.len() - 1));
    let value = |name: &str, dimension: &Dimension| match dimension {
        Dimension::Choice(values) => {
            let places = |observations: &[Observation<'_>]| -> Vec<usize> {
                let place =
                    |o: &Observation<'_>| values.iter().position(|v| Some(v) == o.parameters.get(name));
                observations.iter().filter_map(place).collect()
            };
            let densities = [good, bad].map(|part| Categories::new(&places(part), values.len()));
            let draws = (0..CANDIDATES).map(|_| densities[0].draw(rng)).collect::<Vec<usize>>();
            let score = |&place: &usize| densities[0].probability(place) / densities[1].probability(place);
            values[best_of(draws, score)].clone()
        }
        _ => {
            let [low, high] = dimension.bounds().unwrap_or([0.0, 1.0]);
            let places = |observations: &[Observation<'_>]| -> Vec<f64> {
                let place = |o: &Observation<'_>| {
                    o.parameters.get(name).and_then(|value| dimension.coordinate(value))
                };
                observations.iter().filter_map(place).collect()
            };
            let densities = [good, bad].map(|part| Parzen::new(&places(part), low, high));
            let draws = (0..CANDIDATES).map(|_| densities[0].draw(rng)).collect::<Vec<f64>>();
            let score = |&place: &f64| densities[0].log_density(place) - densities[1].log_density(place);
            dimension.value_at(best_of(draws, score))
        }
    };
    let mut value = value;
    space.dimensions().map(|(name, dimension)| (name.to_owned(), value(name, dimension))).collect()
}

/// What was promoted further is better, because that is why it was; then the lower loss.
fn better_first(a: &Observation<'_>, b: &Observation<'_>) -> Ordering {
    b.rung.cmp(&a.rung).then(a.loss.total_cmp(&b.loss))
}

/// The candidate with the largest score, the first of equals.
fn best_of<T: Copy>(candidates: Vec<T>, score: impl Fn(&T) -> f64) -> T {
    let mut best = (candidates[0], f64::NEG_INFINITY);
    for candidate in candidates {
        let score = score(&candidate);
        if score > best.1 {
            best = (candidate, score);
        }
    }
    best.0
}
