//! Against what onnxruntime.quantization makes of the same models and samples (`goldens/make_quantise.py`), and whole
//! searches over small nets.

mod golden;
mod nets;
mod pruned;
mod published;
mod quantised;
mod searched;
mod smaller;
