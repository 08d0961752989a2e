//! Grids of shaded cells.

mod confusion;
mod grid;
mod heatmap;
mod key;
mod labels;

pub use confusion::ConfusionMatrix;
pub use heatmap::Heatmap;

#[cfg(test)]
mod tests;
