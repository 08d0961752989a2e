//! Which features are kept. Scores are taken from the rows that a model is fitted to, and from no others.

use wharf_learn::Matrix;
use wharf_stats::{
    Column, MutualInformation, best_threshold, chi_squared, f_classification, f_regression, select_above,
    select_best,
};

use crate::TabularError;
use crate::recipe::{FeatureScore, Keep, Selection};
use crate::target::Learned;

/// The score of every feature of `features`; NaN where one cannot be scored, such as a negative one by chi-squared.
///
/// # Errors
/// The score is for classes and the target is numbers.
pub(crate) fn scores(
    score: FeatureScore,
    features: &Matrix,
    learned: &Learned,
    seed: u64,
) -> Result<Vec<f64>, TabularError> {
    let columns = columns(features);
    match (score, learned) {
        (FeatureScore::MutualInformation, _) => mutual_information(&columns, learned, seed),
        (FeatureScore::AnovaF, Learned::Classes { indices, .. }) => {
            Ok(each(&columns, |column| f_classification(column, indices).map(|test| test.statistic)))
        }
        (FeatureScore::AnovaF, Learned::Numbers(numbers)) => {
            Ok(each(&columns, |column| f_regression(column, numbers).map(|test| test.statistic)))
        }
        (FeatureScore::ChiSquared, Learned::Classes { indices, .. }) => {
            Ok(each(&columns, |column| chi_squared(column, indices).map(|test| test.statistic)))
        }
        (FeatureScore::InformationGain | FeatureScore::GainRatio, Learned::Classes { indices, .. }) => {
            Ok(each(&columns, |column| {
                let best = best_threshold(column, indices)?.map(|best| best.gain);
                let pick = |gain: wharf_stats::InformationGain| match score {
                    FeatureScore::GainRatio => gain.ratio,
                    _ => gain.gain,
                };
                Ok(best.map_or(0.0, pick))
            }))
        }
        (_, Learned::Numbers(_)) => Err(TabularError::setting(
            "selection.score",
            "is for classes; for numbers expected `mutual_information` or `anova_f`",
        )),
    }
}

/// The places of the features that are kept, ascending; at least one. `share` says how many where the recipe leaves
/// it to cross-validation.
pub(crate) fn kept(selection: &Selection, share: Option<f64>, scores: &[f64]) -> Vec<usize> {
    let kept = match selection.keep {
        Keep::Count(count) => select_best(scores, count),
        Keep::Threshold(threshold) => select_above(scores, threshold),
        Keep::Best => {
            let count = (share.unwrap_or(1.0) * scores.len() as f64).round() as usize;
            select_best(scores, count.max(1))
        }
    };
    if kept.is_empty() { select_best(scores, 1) } else { kept }
}

/// The features at `places` alone.
pub(crate) fn restrict(features: &Matrix, places: &[usize]) -> Result<Matrix, TabularError> {
    let row = |row: usize| {
        let row = features.row(row);
        places.iter().map(move |place| row[*place])
    };
    let values = (0..features.rows()).flat_map(row).collect();
    Matrix::new(values, places.len()).map_err(TabularError::read)
}

/// The columns of a matrix. Estimates of information need numbers: what is missing counts as the mean of the others.
fn columns(features: &Matrix) -> Vec<Vec<f64>> {
    let column = |place: usize| {
        let mut values: Vec<f64> = features
            .values()
            .iter()
            .skip(place)
            .step_by(features.columns())
            .map(|value| f64::from(*value))
            .collect();
        let known = values.iter().filter(|value| !value.is_nan());
        let (sum, count) = known.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
        let mean = if count > 0 { sum / count as f64 } else { 0.0 };
        values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = mean);
        values
    };
    (0..features.columns()).map(column).collect()
}

fn each(
    columns: &[Vec<f64>],
    score: impl Fn(&[f64]) -> Result<f64, wharf_stats::StatsError> + Sync,
) -> Vec<f64> {
    use rayon::prelude::*;
    columns.par_iter().map(|column| score(column).unwrap_or(f64::NAN)).collect()
}

/// Features of few values, such as those of categories, are classes; the others have distances.
fn mutual_information(columns: &[Vec<f64>], learned: &Learned, seed: u64) -> Result<Vec<f64>, TabularError> {
    let classes: Vec<Option<Vec<u32>>> = columns.iter().map(|column| as_classes(column)).collect();
    let features: Vec<Column<'_>> = columns
        .iter()
        .zip(&classes)
        .map(|(column, classes)| match classes {
            Some(classes) => Column::Discrete(classes),
            None => Column::Continuous(column),
        })
        .collect();
    let target = match learned {
        Learned::Classes { indices, .. } => Column::Discrete(indices),
        Learned::Numbers(numbers) => Column::Continuous(numbers),
    };
    let estimate = MutualInformation { seed, ..MutualInformation::default() };
    let scores = estimate.scores(&features, target).map_err(TabularError::read)?;
    Ok(scores.into_iter().map(|score| score.nats).collect())
}

/// A feature of two values is no measure of anything.
fn as_classes(column: &[f64]) -> Option<Vec<u32>> {
    let first = *column.first()?;
    let other = column.iter().copied().find(|value| *value != first);
    let is_two = column.iter().all(|value| *value == first || Some(*value) == other);
    is_two.then(|| column.iter().map(|value| u32::from(*value != first)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second feature tells the class, the first is noise, the third is missing now and then.
    fn sample() -> (Matrix, Learned) {
        let indices: Vec<u32> = (0..60).map(|row| row % 2).collect();
        let row = |row: u32| {
            let noise = (row * 37 % 61) as f32;
            let telling = (row % 2) as f32 * 100.0 + (row * 13 % 17) as f32;
            [noise, telling, if row.is_multiple_of(7) { f32::NAN } else { (row * 5 % 11) as f32 }]
        };
        let values = (0..60).flat_map(row).collect();
        (Matrix::new(values, 3).unwrap(), Learned::Classes { indices, labels: vec!["a".into(), "b".into()] })
    }

    #[test]
    fn every_score_finds_the_feature_that_tells() {
        let (features, learned) = sample();
        for score in [
            FeatureScore::MutualInformation,
            FeatureScore::InformationGain,
            FeatureScore::GainRatio,
            FeatureScore::ChiSquared,
            FeatureScore::AnovaF,
        ] {
            let scores = scores(score, &features, &learned, 1).unwrap();
            let selection = Selection { score, keep: Keep::Count(1) };
            assert_eq!(kept(&selection, None, &scores), [1], "{score:?}: {scores:?}");
        }
    }

    #[test]
    fn numbers_have_scores_of_their_own() {
        let (features, _) = sample();
        let learned = Learned::Numbers((0..60).map(|row| f64::from(row % 2)).collect());
        let scores_of = |score| scores(score, &features, &learned, 1);
        assert_eq!(select_best(&scores_of(FeatureScore::AnovaF).unwrap(), 1), [1]);
        assert!(scores_of(FeatureScore::ChiSquared).unwrap_err().to_string().contains("is for classes"));
    }

    #[test]
    fn at_least_one_feature_is_kept() {
        let selection = Selection { score: FeatureScore::AnovaF, keep: Keep::Threshold(9.0) };
        assert_eq!(kept(&selection, None, &[1.0, 3.0, 2.0]), [1]);
        let best = Selection { keep: Keep::Best, ..selection };
        assert_eq!(kept(&best, Some(0.01), &[1.0, 3.0, 2.0]), [1]);
        assert_eq!(kept(&best, Some(0.7), &[1.0, 3.0, 2.0]), [1, 2]);
    }

    #[test]
    fn a_matrix_is_restricted_to_some_features() {
        let matrix = Matrix::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3).unwrap();
        assert_eq!(restrict(&matrix, &[0, 2]).unwrap().values(), [1.0, 3.0, 4.0, 6.0]);
    }
}
