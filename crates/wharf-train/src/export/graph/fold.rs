//! Batch normalisation as part of the layer before it: with fixed moments it is a factor and a summand for each
//! channel, which the weights can take in.

/// A batch normalisation in use: one number per channel each.
pub(super) struct Norm<'a> {
    pub(super) scale: &'a [f32],
    pub(super) shift: &'a [f32],
    pub(super) mean: &'a [f32],
    pub(super) variance: &'a [f32],
    pub(super) epsilon: f32,
}

/// Weight and bias that do what the layer and then `norm` do. Computed in double precision, since the rounding
/// happens once and stays.
///
/// # Shapes
/// `weight` `[out, ...]` flat, `bias` `[out]`; gives the same.
pub(super) fn folded(weight: &[f32], bias: Option<&[f32]>, norm: &Norm<'_>) -> (Vec<f32>, Vec<f32>) {
    let channels = norm.scale.len();
    let width = weight.len() / channels.max(1);
    let (mut weights, mut biases) = (Vec::with_capacity(weight.len()), Vec::with_capacity(channels));
    for channel in 0..channels {
        let deviation = (f64::from(norm.variance[channel]) + f64::from(norm.epsilon)).sqrt();
        let factor = f64::from(norm.scale[channel]) / deviation;
        let row = &weight[channel * width..(channel + 1) * width];
        weights.extend(row.iter().map(|value| (f64::from(*value) * factor) as f32));
        let bias = bias.map_or(0.0, |bias| f64::from(bias[channel]));
        let centred = bias - f64::from(norm.mean[channel]);
        biases.push((centred * factor + f64::from(norm.shift[channel])) as f32);
    }
    (weights, biases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalisation_becomes_factor_and_summand() {
        let norm = Norm {
            scale: &[2.0, 1.0],
            shift: &[0.5, 0.0],
            mean: &[1.0, 0.0],
            variance: &[3.0, 0.0],
            epsilon: 1.0,
        };
        let (weight, bias) = folded(&[1.0, 2.0, 3.0, 4.0], Some(&[1.0, 7.0]), &norm);
        assert_eq!((weight, bias), (vec![1.0, 2.0, 3.0, 4.0], vec![0.5, 7.0]));
        let (_, bias) = folded(&[1.0, 2.0], None, &norm);
        assert_eq!(bias, [-0.5, 0.0]);
    }
}
