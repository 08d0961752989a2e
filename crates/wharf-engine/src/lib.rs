//! What executes weights: the [`Engine`] trait, and [`OnnxEngine`], which is ONNX Runtime behind it.
//!
//! An engine loads a model into a [`Replica`]; a replica runs on any number of threads at once and shares one
//! copy of the weights among them. Tensors go in without a copy where they are aligned and come out without one.
//! Everything is checked before the runtime sees it, so that a wrong request is an error that names the input,
//! and no message for callers carries a path or a pointer of the runtime.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use wharf_engine::{Engine, LoadOptions, ModelSource, OnnxEngine};
//! use wharf_tensor::{Shape, Tensor};
//!
//! let engine = OnnxEngine::new()?;
//! let model = engine.load(ModelSource::File(Path::new("model.onnx")), &LoadOptions::default())?;
//! let image = Tensor::from_vec(Shape::new(&[1, 2])?, vec![0.0_f32, 1.0])?;
//! let outputs = model.run(&[("image", image)], &["probabilities"])?;
//! println!("{:?}", outputs[0].to_vec::<f32>()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Over that lies [`LoadedModel`]: a bundle with its signatures, transforms and labels, called in the names that
//! clients use, and [`replay_goldens`], which decides whether a bundle may be published.
//!
//! An [`IsolatingEngine`] runs models in processes of their own where [`LoadOptions::isolation`] asks for it.
//!
//! No tokio here: the trainer and the command line use it from plain threads.

mod check;
mod engine;
mod error;
mod model;
mod onnx;
mod process;
mod service;
mod stop;

pub use check::check_inputs;
pub use engine::{Engine, Isolation, LoadOptions, ModelSource, Replica};
pub use error::{EngineError, EngineErrorKind};
pub use model::{
    GOLDEN_TOLERANCE, LoadedEncoder, LoadedModel, PAIR_INPUT, ReplayReport, TEXT_INPUT, TEXT_SIGNATURE,
    TOKENS_SIGNATURE, agree, replay_goldens, signature_of_graph,
};
pub use onnx::{OnnxConfig, OnnxEngine};
pub use process::{IsolatingEngine, RestartPace, WorkerCommand, WorkerProcess, serve_worker};
pub use stop::{StopHook, StopSignal};
