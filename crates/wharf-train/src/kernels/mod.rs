//! The arithmetic of the layers on plain slices: forward and backward, parallel over pictures.
//!
//! Burn's generic convolution backward costs three to four times what PyTorch takes on a CPU, so the layers
//! are computed here and Burn keeps the tape. Work is cut by shape, never by thread count, and partial sums
//! are added in a fixed order: the same bits come out on any number of threads.

pub(crate) mod activation;
pub(crate) mod conv;
pub(crate) mod linear;
pub(crate) mod loss;
pub(crate) mod norm;
pub(crate) mod pool;
mod tile;
