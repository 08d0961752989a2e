//! One part held out.

use std::collections::BTreeMap;

use super::Fold;
use super::group::places;
use crate::error::{StatsError, check_count, check_finite, check_share};
use crate::random::{Purpose, Stream};

/// Holds out a share of the samples: `ceil(share · samples)`, as scikit-learn rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoldOut {
    /// Between 0 and 1.
    pub share: f64,
    /// Seed of what is drawn.
    pub seed: u64,
}

impl HoldOut {
    /// Holds out samples drawn at random.
    ///
    /// # Errors
    /// `share` is not between 0 and 1, or a part would be empty.
    pub fn split(&self, samples: usize) -> Result<Fold, StatsError> {
        let size = self.size(samples)?;
        fold(self.stream().permutation(samples).into_iter().take(size), samples)
    }

    /// Holds out samples drawn at random so that each class keeps its share to one sample; what rounding
    /// leaves over goes to the classes with the largest remainders, of equals to those with the lower number.
    ///
    /// # Errors
    /// As [`Self::split`].
    pub fn stratified(&self, classes: &[u32]) -> Result<Fold, StatsError> {
        let size = self.size(classes.len())?;
        let mut members = BTreeMap::<u32, Vec<usize>>::new();
        for (row, class) in classes.iter().enumerate() {
            members.entry(*class).or_default().push(row);
        }
        let mut stream = self.stream();
        let mut held_out = Vec::with_capacity(size);
        for (mut rows, share) in members.clone().into_values().zip(shares(&members, size, classes.len())) {
            stream.shuffle(&mut rows);
            held_out.extend(rows.into_iter().take(share));
        }
        fold(held_out.into_iter(), classes.len())
    }

    /// Holds out whole groups in random order until the share is reached, passing over groups that would
    /// exceed it by more than the samples still wanted.
    ///
    /// # Errors
    /// As [`Self::split`]; fewer than two groups.
    pub fn grouped(&self, groups: &[u32]) -> Result<Fold, StatsError> {
        let size = self.size(groups.len())?;
        let (of_sample, sizes) = places(groups);
        check_count("groups", sizes.len(), 2)?;
        let mut is_held_out = vec![false; sizes.len()];
        let (mut left, mut groups_left) = (size, sizes.len());
        for group in self.stream().permutation(sizes.len()) {
            let suits = sizes[group] <= left.saturating_mul(2) && left > 0 && groups_left > 1;
            if suits {
                is_held_out[group] = true;
                left = left.saturating_sub(sizes[group]);
                groups_left -= 1;
            }
        }
        if left == size {
            // Every group is too large: the smallest exceeds the share least.
            let smallest = (0..sizes.len()).min_by_key(|group| sizes[*group]).unwrap_or(0);
            is_held_out[smallest] = true;
        }
        fold((0..groups.len()).filter(|sample| is_held_out[of_sample[*sample]]), groups.len())
    }

    /// Holds out the latest samples. Samples of one time stay together, so that more than the share may be
    /// held out.
    ///
    /// # Errors
    /// As [`Self::split`]; a time that is not finite.
    pub fn by_time(&self, times: &[f64]) -> Result<Fold, StatsError> {
        let size = self.size(times.len())?;
        check_finite("time", times)?;
        let mut sorted = times.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let first = sorted[times.len() - size];
        fold((0..times.len()).filter(|sample| times[*sample] >= first), times.len())
    }

    fn stream(&self) -> Stream {
        Stream::new(self.seed, Purpose::HoldOut, 0)
    }

    fn size(&self, samples: usize) -> Result<usize, StatsError> {
        check_share("share held out", self.share)?;
        check_count("samples", samples, 2)?;
        Ok((self.share * samples as f64).ceil() as usize)
    }
}

/// How many of each class are held out.
fn shares(members: &BTreeMap<u32, Vec<usize>>, size: usize, samples: usize) -> Vec<usize> {
    let exact = |rows: &Vec<usize>| rows.len() as u128 * size as u128;
    let mut shares: Vec<usize> =
        members.values().map(|rows| (exact(rows) / samples as u128) as usize).collect();
    let remainders: Vec<u128> = members.values().map(|rows| exact(rows) % samples as u128).collect();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|class| std::cmp::Reverse(remainders[*class]));
    let left = size - shares.iter().sum::<usize>();
    order.into_iter().take(left).for_each(|class| shares[class] += 1);
    shares
}

/// The fold that tests on `held_out`.
fn fold(held_out: impl Iterator<Item = usize>, samples: usize) -> Result<Fold, StatsError> {
    let mut is_held_out = vec![false; samples];
    held_out.for_each(|sample| is_held_out[sample] = true);
    let (test, train): (Vec<usize>, Vec<usize>) = (0..samples).partition(|sample| is_held_out[*sample]);
    check_count("samples in the part to fit on", train.len(), 1)?;
    check_count("samples in the part held out", test.len(), 1)?;
    Ok(Fold { train, test })
}
