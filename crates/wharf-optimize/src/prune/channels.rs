//! Structured pruning: whole output channels of convolutions and units of linear layers go, and with them what takes them.

use serde::{Deserialize, Serialize};
use wharf_onnx::{GraphEditor, Model};

use super::cut::{cut, magnitudes};
use super::spaces::{Space, Spaces};
use crate::OptimizeError;
use crate::quantise::weights::float_constant;

/// What became of the channels of one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrunedLayer {
    /// The name of the node.
    pub layer: String,
    /// How many channels it made.
    pub before: usize,
    /// How many it makes now; as many where something takes them that has to have all.
    pub after: usize,
}

/// Takes the share `share` of the channels of every layer away whose channels only layers take, through activations,
/// pools, batch normalisations, depthwise convolutions and `Flatten`. Those go whose weights have the least L1 norm; of
/// equals, the later ones. At least one is left.
///
/// Channels that are added to another layer's (residual connections), that are outputs of the model, or that go through an
/// operator that is not known here are left alone.
///
/// # Errors
/// `share` is not within 0 to 1, or a constant is malformed.
pub fn prune_channels(model: &Model, share: f64) -> Result<(Model, Vec<PrunedLayer>), OptimizeError> {
    if !(0.0..1.0).contains(&share) {
        return Err(OptimizeError::request(format!("the share to prune is {share}, expected 0 to below 1")));
    }
    let mut editor = GraphEditor::new(model.clone());
    let mut layers = Vec::new();
    for space in Spaces::of_model(model).spaces {
        let mut layer =
            PrunedLayer { layer: space.layer.clone(), before: space.channels, after: space.channels };
        if !space.is_frozen {
            let kept = kept(&editor, &space, share)?;
            layer.after = kept.len();
            if kept.len() < space.channels {
                apply(&mut editor, &space, &kept)?;
            }
        }
        layers.push(layer);
    }
    // Shapes in between are not those of before.
    editor.graph_mut().value_info.clear();
    Ok((editor.finish()?, layers))
}

/// The channels that stay, in order.
fn kept(editor: &GraphEditor, space: &Space, share: f64) -> Result<Vec<usize>, OptimizeError> {
    let mut worth = vec![0.0; space.channels];
    for slice in space.slices.iter().filter(|slice| slice.is_source) {
        if let Some((values, dims)) = float_constant(editor, &slice.constant)? {
            let magnitudes = magnitudes(&values, &dims, slice.axis);
            worth.iter_mut().zip(magnitudes).for_each(|(worth, magnitude)| *worth += magnitude);
        }
    }
    let mut order: Vec<usize> = (0..space.channels).collect();
    order.sort_by(|&a, &b| worth[b].total_cmp(&worth[a]).then(a.cmp(&b)));
    let gone = (space.channels as f64 * share).round() as usize;
    order.truncate(space.channels.saturating_sub(gone).max(1));
    order.sort_unstable();
    Ok(order)
}

fn apply(editor: &mut GraphEditor, space: &Space, kept: &[usize]) -> Result<(), OptimizeError> {
    for slice in &space.slices {
        if let Some((values, dims)) = float_constant(editor, &slice.constant)? {
            let smaller = cut(&values, &dims, slice.axis, space.channels, kept)?;
            editor.set_initializer(&slice.constant, &smaller)?;
        }
    }
    let nodes = editor.graph_mut().node.iter_mut();
    for node in
        nodes.filter(|node| node.output.first().is_some_and(|output| space.depthwise.contains(output)))
    {
        for attribute in node.attribute.iter_mut().filter(|attribute| attribute.name == "group") {
            attribute.i = i64::try_from(kept.len()).ok();
        }
    }
    Ok(())
}
