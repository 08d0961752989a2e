//! Static quantisation: a pair of `QuantizeLinear` and `DequantizeLinear` on every activation of quantised nodes, and
//! integers for their weights and biases. ONNX Runtime makes operators on integers of it when it loads the graph.
//!
//! Which tensors get which parameters follows onnxruntime.quantization (`quantize_static`, format QDQ), and so do the
//! names: `x_scale`, `x_zero_point`, `w_quantized`.

mod bias;
mod insert;
mod mark;

use wharf_onnx::{GraphEditor, Model};

use super::{Grid, IntType, Scope};
use crate::OptimizeError;
use crate::calibrate::Ranges;
use mark::Marks;

/// How a model is quantised statically.
#[derive(Clone, Debug)]
pub struct StaticOptions {
    /// Which nodes.
    pub scope: Scope,
    /// The integers of activations; asymmetric.
    pub activation: IntType,
    /// Whether weights have a scale for each output channel.
    pub per_channel: bool,
    /// Whether weights leave one bit unused, for processors whose products of bytes saturate (x86 without VNNI).
    pub reduce_range: bool,
    /// Whether a result of weights that no quantised node takes stays float, so that the model's answers are not rounded
    /// to 256 levels. The reference quantises those as well.
    pub float_results: bool,
}

impl StaticOptions {
    /// The defaults of the reference: int8 activations, one scale for each weight, all operators it knows.
    pub fn reference() -> Self {
        Self {
            scope: Scope::of_operators(&super::STATIC_OPERATORS),
            activation: IntType::I8,
            per_channel: false,
            reduce_range: false,
            float_results: false,
        }
    }

    /// What serves best: uint8 activations, a scale for each channel, answers in float. Weights leave one bit unused,
    /// because a model may be moved to a processor on which sums of products would saturate: without VNNI, full weights
    /// took a small net from 28 dB of signal above noise down to 6.
    pub fn serving(model: &Model) -> Self {
        Self {
            scope: Scope::serving(model),
            activation: IntType::U8,
            per_channel: true,
            reduce_range: true,
            float_results: true,
        }
    }

    fn weight_grid(&self) -> Grid {
        Grid { int: IntType::I8, symmetric: true, reduced: self.reduce_range }
    }

    fn activation_grid(&self) -> Grid {
        Grid { int: self.activation, symmetric: false, reduced: false }
    }
}

/// Quantises `model` with the `ranges` that its activations took in calibration.
///
/// A `Relu` or `Clip` behind a quantised node goes: the bounds of the integers do its work.
///
/// # Errors
/// The model is quantised already or of an operator set too old, a weight is not finite, or the graph cannot be changed.
pub fn quantise_static(
    model: &Model,
    ranges: &Ranges,
    options: &StaticOptions,
) -> Result<Model, OptimizeError> {
    refuse_quantised(model)?;
    let mut editor = GraphEditor::new(model.clone());
    let least = if options.per_channel { super::opset::CHANNELS } else { super::opset::QUANTISE };
    super::opset::raise(&mut editor, model.opset(), least)?;
    let ranges = adjusted(&editor, ranges, &options.scope);
    let marks = Marks::of_graph(&mut editor, &ranges, options);
    let weights = marks.fit_constants(&editor, &ranges, options)?;
    let parameters = insert::insert(&mut editor, &marks, &weights, &ranges, options)?;
    bias::quantise_biases(&mut editor, &marks, &parameters)?;
    editor.set_producer("wharf", env!("CARGO_PKG_VERSION"));
    Ok(editor.finish()?)
}

pub(super) fn refuse_quantised(model: &Model) -> Result<(), OptimizeError> {
    let operators = ["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"];
    match model.nodes().iter().find(|node| operators.contains(&node.op_type.as_str())) {
        Some(node) => {
            let (name, operator) = (super::scope::node_name(node), &node.op_type);
            Err(OptimizeError::model(format!(
                "the model is quantised already: node `{name}` is a `{operator}`, expected a model in float"
            )))
        }
        None => Ok(()),
    }
}

/// The ranges with those in front of a `Relu` or `Clip` replaced by those behind it, and those of `Softmax` by 0 to 1.
fn adjusted(editor: &GraphEditor, ranges: &Ranges, scope: &Scope) -> Ranges {
    let mut ranges = ranges.clone();
    for node in editor.graph().node.iter().filter(|node| scope.holds(node)) {
        let (Some(input), Some(output)) = (node.input.first(), node.output.first()) else { continue };
        match node.op_type.as_str() {
            "Clip" | "Relu" if editor.num_uses(input) == 1 => {
                if let (Some(_), Some(range)) = (ranges.get(input), ranges.get(output)) {
                    ranges.0.insert(input.clone(), range);
                }
            }
            "Softmax" => {
                ranges.0.insert(output.clone(), (0.0, 1.0));
            }
            _ => {}
        }
    }
    ranges
}
