//! Batch normalisations put into the convolutions before them.

use wharf_onnx::proto::NodeProto;
use wharf_onnx::{GraphEditor, Model};
use wharf_tensor::{Shape, Tensor};

use crate::OptimizeError;
use crate::quantise::scope::is_own;
use crate::quantise::weights::float_constant;

/// Puts every `BatchNormalization` whose input only it takes, and which a `Conv` with constants makes, into that `Conv`:
/// `w' = w g`, `b' = (b - mean) g + bias` with `g = scale / sqrt(variance + epsilon)`, computed in float64. The model
/// computes the same, and static quantisation finds convolutions that it can make integers of.
///
/// # Errors
/// A constant is malformed, or the graph cannot be changed.
pub fn fold_batch_norms(model: &Model) -> Result<Model, OptimizeError> {
    let mut editor = GraphEditor::new(model.clone());
    let norms = model.nodes().iter().filter(|node| is_own(node) && node.op_type == "BatchNormalization");
    for norm in norms {
        let Some(conv) = convolution_before(&editor, norm) else { continue };
        let Some(fold) = Fold::of(&editor, &conv, norm)? else { continue };
        fold.apply(&mut editor, &conv, norm)?;
    }
    Ok(editor.finish()?)
}

/// The convolution that makes what `norm` takes, if nobody else takes it and no other node shares its constants.
fn convolution_before(editor: &GraphEditor, norm: &NodeProto) -> Option<NodeProto> {
    let (input, output) = (norm.input.first()?, norm.output.first()?);
    let conv = editor.producer(input).filter(|node| is_own(node) && node.op_type == "Conv")?;
    let has_own_constants = conv.input.iter().skip(1).all(|name| editor.num_uses(name) == 1);
    let is_alone = editor.num_uses(input) == 1 && !editor.is_output(input);
    let is_inference = norm.output.len() == 1 && !output.is_empty();
    (has_own_constants && is_alone && is_inference).then(|| conv.clone())
}

/// What a normalisation does to each channel.
struct Fold {
    weight: Tensor,
    bias: Tensor,
}

impl Fold {
    fn of(editor: &GraphEditor, conv: &NodeProto, norm: &NodeProto) -> Result<Option<Self>, OptimizeError> {
        let Some((weight, dims)) = float_constant(editor, &conv.input[1])? else { return Ok(None) };
        let channels = dims.first().copied().unwrap_or(0);
        let mut parts = Vec::new();
        for name in norm.input.iter().skip(1) {
            match float_constant(editor, name)? {
                Some((values, dims)) if dims == [channels] => parts.push(values),
                _ => return Ok(None),
            }
        }
        let before = match conv.input.get(2).filter(|name| !name.is_empty()) {
            Some(name) => float_constant(editor, name)?.map(|(values, _)| values),
            None => Some(vec![0.0; channels]),
        };
        let ([scale, bias, mean, variance], Some(before)) = (parts.as_slice(), before) else {
            return Ok(None);
        };
        let epsilon = norm.attribute.iter().find(|found| found.name == "epsilon").and_then(|found| found.f);
        let epsilon = f64::from(epsilon.unwrap_or(1e-5));
        let gain =
            |channel: usize| f64::from(scale[channel]) / (f64::from(variance[channel]) + epsilon).sqrt();
        let inner = weight.len().checked_div(channels).unwrap_or(1).max(1);
        let scaled =
            weight.iter().enumerate().map(|(index, &value)| (f64::from(value) * gain(index / inner)) as f32);
        let shifted = (0..channels).map(|channel| {
            let centred = f64::from(before[channel]) - f64::from(mean[channel]);
            (centred * gain(channel) + f64::from(bias[channel])) as f32
        });
        let weight = Tensor::from_vec(Shape::new(&dims)?, scaled.collect())?;
        Ok(Some(Self { weight, bias: Tensor::from_vec(Shape::new(&[channels])?, shifted.collect())? }))
    }

    fn apply(
        self,
        editor: &mut GraphEditor,
        conv: &NodeProto,
        norm: &NodeProto,
    ) -> Result<(), OptimizeError> {
        let (from, to) = (&norm.input[0], &norm.output[0]);
        let bias = match conv.input.get(2).filter(|name| !name.is_empty()) {
            Some(name) => name.clone(),
            None => format!("{to}_bias"),
        };
        editor.set_initializer(&conv.input[1], &self.weight)?;
        editor.set_initializer(&bias, &self.bias)?;
        editor.remove_nodes(|node| node.op_type == "BatchNormalization" && node.output.first() == Some(to));
        for node in editor.graph_mut().node.iter_mut().filter(|node| node.output.first() == Some(from)) {
            node.input.truncate(2);
            node.input.push(bias.clone());
        }
        editor.replace_output(from, to);
        Ok(())
    }
}
