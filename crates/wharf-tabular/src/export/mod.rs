//! From the chosen model to a bundle.

mod card;
mod goldens;
mod publish;
mod signature;

pub use publish::publish;
