//! Information gain of a column of classes (Quinlan).

use crate::error::{StatsError, check_count, check_length};
use crate::mutual::{counts, discrete_information, entropy, entropy_of_counts};

/// What knowing a feature's class tells about the target's, in bits.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct InformationGain {
    /// Entropy of the target: `−Σ p log2 p`.
    pub target_entropy: f64,
    /// What remains of it is less by this much: `H(Y) − Σ |S_v|/|S| H(Y | v)`.
    pub gain: f64,
    /// Entropy of the feature: the split information.
    pub split: f64,
    /// `gain / split`; 0 where the feature is constant.
    pub ratio: f64,
}

impl InformationGain {
    pub(super) fn from_nats(target_entropy: f64, gain: f64, split: f64) -> Self {
        let [target_entropy, gain, split] =
            [target_entropy, gain, split].map(|nats| nats / std::f64::consts::LN_2);
        Self { target_entropy, gain, split, ratio: if split > 0.0 { gain / split } else { 0.0 } }
    }
}

/// The information gain and the gain ratio of a column of classes. Rows without a value are a class of their
/// own, if the caller gives them one.
///
/// ```
/// use wharf_stats::information_gain;
///
/// // Play tennis: the outlook of fourteen days, and whether there was a game.
/// let outlook = [0, 0, 1, 2, 2, 2, 1, 0, 0, 2, 0, 1, 1, 2];
/// let play = [0, 0, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0];
/// let gain = information_gain(&outlook, &play)?;
/// assert!((gain.gain - 0.246750).abs() < 1e-6 && (gain.ratio - 0.156428).abs() < 1e-6);
/// # Ok::<(), wharf_stats::StatsError>(())
/// ```
///
/// # Errors
/// The columns differ in length or are empty.
pub fn information_gain(feature: &[u32], target: &[u32]) -> Result<InformationGain, StatsError> {
    check_length("target", target.len(), feature.len())?;
    check_count("samples", feature.len(), 1)?;
    let split = entropy_of_counts(counts(feature.iter()).into_values());
    Ok(InformationGain::from_nats(entropy(target), discrete_information(feature, target), split))
}
