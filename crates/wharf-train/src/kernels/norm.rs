//! Batch normalisation over the pictures and cells of each channel.

use rayon::prelude::*;

/// What the backward pass and the running statistics need.
#[derive(Clone, Debug, Default)]
pub(crate) struct BatchStatistics {
    /// Mean of each channel.
    pub(crate) mean: Vec<f32>,
    /// Variance of each channel, divided by the number of values.
    pub(crate) variance: Vec<f32>,
    /// Values per channel.
    pub(crate) count: usize,
}

/// Gradients of a batch normalisation.
pub(crate) struct NormGradients {
    pub(crate) input: Vec<f32>,
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// Mean and biased variance of each channel, summed in doubles over pictures in order.
pub(crate) fn statistics(input: &[f32], channels: usize, area: usize) -> BatchStatistics {
    let count = input.len() / channels;
    let moments: Vec<(f32, f32)> = (0..channels)
        .into_par_iter()
        .map(|channel| {
            let planes =
                || input.chunks_exact(channels * area).map(|picture| &picture[channel * area..][..area]);
            let mean = planes().map(sum).sum::<f64>() / count as f64;
            let variance = planes().map(|plane| squares(plane, mean as f32)).sum::<f64>() / count as f64;
            (mean as f32, variance as f32)
        })
        .collect();
    let (mean, variance) = moments.into_iter().unzip();
    BatchStatistics { mean, variance, count }
}

fn sum(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum()
}

fn squares(values: &[f32], mean: f32) -> f64 {
    values.iter().map(|&value| f64::from(value - mean).powi(2)).sum()
}

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias`.
pub(crate) fn normalise(
    input: &[f32],
    area: usize,
    statistics: &BatchStatistics,
    weight: &[f32],
    bias: &[f32],
    epsilon: f32,
) -> Vec<f32> {
    let channels = weight.len();
    let scales: Vec<(f32, f32)> = (0..channels)
        .map(|c| {
            let scale = weight[c] / (statistics.variance[c] + epsilon).sqrt();
            (scale, bias[c] - statistics.mean[c] * scale)
        })
        .collect();
    let mut output = vec![0.0; input.len()];
    let picture = channels * area;
    output.par_chunks_mut(picture).zip(input.par_chunks(picture)).for_each(|(output, input)| {
        let planes = output.chunks_exact_mut(area).zip(input.chunks_exact(area));
        for ((output, input), (scale, shift)) in planes.zip(&scales) {
            for (output, input) in output.iter_mut().zip(input) {
                *output = input * scale + shift;
            }
        }
    });
    output
}

/// Gradients where the statistics came from the batch itself (`from_batch`) or were constants.
pub(crate) fn backward(
    input: &[f32],
    area: usize,
    statistics: &BatchStatistics,
    weight: &[f32],
    gradient: &[f32],
    epsilon: f32,
    from_batch: bool,
) -> NormGradients {
    let channels = weight.len();
    let picture = channels * area;
    let sums: Vec<(f64, f64)> = (0..channels)
        .into_par_iter()
        .map(|c| {
            let mean = statistics.mean[c];
            let inverse = 1.0 / f64::from(statistics.variance[c] + epsilon).sqrt();
            let planes = input.chunks_exact(picture).zip(gradient.chunks_exact(picture));
            let (mut plain, mut scaled) = (0.0, 0.0);
            for (input, gradient) in planes {
                let pairs = input[c * area..][..area].iter().zip(&gradient[c * area..][..area]);
                for (&input, &gradient) in pairs {
                    plain += f64::from(gradient);
                    scaled += f64::from(gradient) * f64::from(input - mean);
                }
            }
            (plain, scaled * inverse)
        })
        .collect();
    let terms: Vec<[f32; 3]> =
        (0..channels).map(|c| input_terms(statistics, c, weight[c], sums[c], epsilon, from_batch)).collect();
    let mut input_gradient = vec![0.0; input.len()];
    input_gradient
        .par_chunks_mut(picture)
        .zip(input.par_chunks(picture).zip(gradient.par_chunks(picture)))
        .for_each(|(target, (input, gradient))| {
            let planes = input.chunks_exact(area).zip(gradient.chunks_exact(area)).zip(&terms);
            for (target, ((input, gradient), [scale, slope, shift])) in
                target.chunks_exact_mut(area).zip(planes)
            {
                for (target, (input, gradient)) in target.iter_mut().zip(input.iter().zip(gradient)) {
                    *target = gradient * scale + input * slope + shift;
                }
            }
        });
    NormGradients {
        input: input_gradient,
        weight: sums.iter().map(|(_, scaled)| *scaled as f32).collect(),
        bias: sums.iter().map(|(plain, _)| *plain as f32).collect(),
    }
}

/// Factors so that `dx = g * scale + x * slope + shift`.
fn input_terms(
    statistics: &BatchStatistics,
    channel: usize,
    weight: f32,
    (plain, scaled): (f64, f64),
    epsilon: f32,
    from_batch: bool,
) -> [f32; 3] {
    let inverse = 1.0 / f64::from(statistics.variance[channel] + epsilon).sqrt();
    let scale = f64::from(weight) * inverse;
    if !from_batch {
        return [scale as f32, 0.0, 0.0];
    }
    // dx = scale * (g - mean(g) - xhat * mean(g * xhat)), with xhat = (x - mean) * inverse
    let count = statistics.count as f64;
    let slope = -scale * inverse * scaled / count;
    let shift = -scale * plain / count - slope * f64::from(statistics.mean[channel]);
    [scale as f32, slope as f32, shift as f32]
}
