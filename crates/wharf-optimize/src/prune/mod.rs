//! Weights taken away: single ones (magnitude), or whole channels (structured).

mod channels;
mod cut;
mod magnitude;
mod spaces;

pub use channels::{PrunedLayer, prune_channels};
pub use magnitude::prune_magnitude;
