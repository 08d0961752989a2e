//! k nearest neighbours: the samples that are closest vote.

mod export;
mod search;
#[cfg(test)]
mod tests;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::check::at_least;
use crate::{FitOptions, LearnError, Matrix, Prediction, Target};

/// Distances that differ by less than this part may come in another order elsewhere.
const CLEAR: f32 = 1e-3;

/// What a neighbour's vote counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Votes {
    /// All the same.
    #[default]
    Uniform,
    /// The inverse of the distance; where neighbours are at distance 0, they alone count.
    Distance,
}

/// k nearest neighbours by Euclidean distance; of equally close samples the first count. Features should have
/// comparable scales.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NearestNeighbours {
    /// How many neighbours vote.
    pub k: usize,
    /// What a neighbour's vote counts.
    pub votes: Votes,
}

impl Default for NearestNeighbours {
    fn default() -> Self {
        Self { k: 15, votes: Votes::default() }
    }
}

/// The samples of a fit, kept for comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    k: usize,
    votes: Votes,
    /// The mean of each column, which is taken off so that distances keep their digits.
    means: Vec<f32>,
    /// Centred, column after column.
    columns: Vec<Vec<f32>>,
    /// The squared length of each centred sample.
    squares: Vec<f32>,
    /// The weight of each sample in a vote.
    weights: Vec<f32>,
    answers: Answers,
}

/// What the samples answer.
#[derive(Clone, Debug, PartialEq)]
enum Answers {
    Classes { indices: Vec<u32>, count: usize },
    Numbers(Vec<f64>),
}

impl NearestNeighbours {
    /// Keeps the samples whose weight is above zero; the weight multiplies the vote.
    ///
    /// # Errors
    /// A value is missing, or there are fewer samples than neighbours.
    pub fn fit(
        &self,
        features: &Matrix,
        target: &Target,
        options: &FitOptions<'_>,
    ) -> Result<Neighbours, LearnError> {
        at_least("k", self.k, 1)?;
        options.check(features, target)?;
        features.require_complete("nearest neighbours")?;
        let kept: Vec<usize> = (0..features.rows()).filter(|&row| options.weight(row) > 0.0).collect();
        if kept.len() < self.k {
            let message =
                format!("there are {} samples, expected at least `k`, which is {}", kept.len(), self.k);
            return Err(LearnError::data(message));
        }
        let means = column_means(features, &kept);
        let centred =
            |column: usize| kept.iter().map(|&row| features.row(row)[column] - means[column]).collect();
        let columns: Vec<Vec<f32>> = (0..features.columns()).map(centred).collect();
        let mut squares = vec![0.0_f32; kept.len()];
        for column in &columns {
            squares.iter_mut().zip(column).for_each(|(sum, value)| *sum += value * value);
        }
        let weights = kept.iter().map(|&row| options.weight(row) as f32).collect();
        let answers = match target.select(&kept) {
            Target::Classes { indices, count } => Answers::Classes { indices, count },
            Target::Numbers(values) => Answers::Numbers(values),
        };
        Ok(Neighbours { k: self.k, votes: self.votes, means, columns, squares, weights, answers })
    }
}

impl Neighbours {
    /// How many features go in.
    pub fn features(&self) -> usize {
        self.columns.len()
    }

    /// A prediction per row.
    ///
    /// # Errors
    /// The number of columns is another than in the fit, or a value is missing.
    pub fn predict(&self, features: &Matrix) -> Result<Prediction, LearnError> {
        features.require_columns(self.columns.len())?;
        features.require_complete("nearest neighbours")?;
        let votes = (0..features.rows()).into_par_iter().map(|row| self.votes(features.row(row)));
        Ok(match &self.answers {
            Answers::Classes { indices, count } => {
                let share = |votes: Vec<(usize, f64)>| {
                    let mut shares = vec![0.0; *count];
                    votes.into_iter().for_each(|(sample, vote)| shares[indices[sample] as usize] += vote);
                    shares
                };
                Prediction::Probabilities { values: votes.flat_map_iter(share).collect(), classes: *count }
            }
            Answers::Numbers(values) => {
                let mean = |votes: Vec<(usize, f64)>| {
                    votes.into_iter().map(|(sample, vote)| vote * values[sample]).sum::<f64>()
                };
                Prediction::Numbers(votes.map(mean).collect())
            }
        })
    }

    /// Whether it is clear which samples are the nearest to a row: not where the last of them and the first that is none
    /// are so close to equally far that the order of a sum decides, which is another one in a graph.
    ///
    /// # Errors
    /// The number of columns is another than in the fit, or a value is missing.
    pub fn are_decided(&self, features: &Matrix) -> Result<Vec<bool>, LearnError> {
        features.require_columns(self.columns.len())?;
        features.require_complete("nearest neighbours")?;
        Ok((0..features.rows()).into_par_iter().map(|row| self.is_decided(features.row(row))).collect())
    }

    fn is_decided(&self, row: &[f32]) -> bool {
        if self.squares.len() <= self.k {
            return true;
        }
        let centred = self.centred(row);
        let nearest = search::nearest(&self.columns, &self.squares, &centred, self.k + 1);
        let mut distances: Vec<f32> = nearest.iter().map(|&sample| self.distance(sample, &centred)).collect();
        distances.sort_unstable_by(f32::total_cmp);
        let [.., last, next] = distances.as_slice() else { return true };
        // A square of centred numbers loses half of their digits near zero.
        next - last > CLEAR * (next + 1.0)
    }

    fn centred(&self, row: &[f32]) -> Vec<f32> {
        row.iter().zip(&self.means).map(|(value, mean)| value - mean).collect()
    }

    /// The neighbours of a sample and what each one's vote counts, as parts of one.
    fn votes(&self, row: &[f32]) -> Vec<(usize, f64)> {
        let centred = self.centred(row);
        let nearest = search::nearest(&self.columns, &self.squares, &centred, self.k);
        let distances: Vec<f32> = nearest.iter().map(|&sample| self.distance(sample, &centred)).collect();
        let exact = distances.contains(&0.0);
        let vote = |(&sample, &distance): (&usize, &f32)| {
            let closeness = match self.votes {
                Votes::Uniform => 1.0,
                Votes::Distance if exact => f64::from(distance == 0.0),
                Votes::Distance => 1.0 / f64::from(distance),
            };
            (sample, closeness * f64::from(self.weights[sample]))
        };
        let mut votes: Vec<(usize, f64)> = nearest.iter().zip(&distances).map(vote).collect();
        let total: f64 = votes.iter().map(|(_, vote)| vote).sum();
        votes.iter_mut().for_each(|(_, vote)| *vote /= total);
        votes
    }

    /// The distance by differences, which is exact for samples that are close.
    fn distance(&self, sample: usize, centred: &[f32]) -> f32 {
        let square = |(column, value): (&Vec<f32>, &f32)| (column[sample] - value).powi(2);
        self.columns.iter().zip(centred).map(square).sum::<f32>().sqrt()
    }
}

fn column_means(features: &Matrix, rows: &[usize]) -> Vec<f32> {
    let mut sums = vec![0.0_f64; features.columns()];
    for &row in rows {
        sums.iter_mut().zip(features.row(row)).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    sums.into_iter().map(|sum| (sum / rows.len() as f64) as f32).collect()
}
