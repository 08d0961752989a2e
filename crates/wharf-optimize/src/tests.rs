//! Against what onnxruntime.quantization makes of the same models and samples (`goldens/make_quantise.py`).

mod golden;
mod quantised;
