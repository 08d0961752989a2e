//! The configuration files of the servers that this one takes the place of.

mod batching;
mod batching_file;
mod model_server;
mod policy;
mod sequence_batching;
pub(crate) mod triton;

pub use batching::{BatchingParameters, BatchingSettings, DynamicBatching, QueuePolicy};
pub use batching_file::read_batching_parameters;
pub use model_server::{MODEL_SERVER_CONFIG, read_model_server_config};
pub use sequence_batching::{
    ControlKind, FlagValues, InitialState, SequenceBatching, SequenceControl, SequenceFlag, SequenceState,
    SequenceStrategy,
};
pub use triton::{EnsembleStep, TensorMapping, TritonConfig};
