//! The declared layers as a network: shapes, parameters, forward and backward.

mod declaration;
mod forward;
mod parameters;
mod plan;
mod shapes;

pub use declaration::{Layer, LayerKind, Shortcut};
pub use parameters::{BufferSpec, Network, ParameterSpec, StepResult};
pub use plan::LayerProblem;
pub(crate) use plan::{Node, Op};

#[cfg(test)]
mod tests;
