//! Unstructured pruning: the smallest weights of each layer become zero.

use wharf_onnx::{GraphEditor, Model};
use wharf_tensor::{Shape, Tensor};

use crate::OptimizeError;
use crate::quantise::scope::{WEIGHTED, is_own};
use crate::quantise::weights::float_constant;

/// Sets the share `share` of the weights of each `Conv`, `Gemm` and `MatMul` to zero, those of least magnitude; of
/// equals, the later ones go first.
///
/// The file stays as large and the model as slow, because zeros are stored and multiplied like other numbers; what is
/// gained is that it compresses better on its way to other machines.
///
/// # Errors
/// `share` is not within 0 to 1, or a weight is malformed.
pub fn prune_magnitude(model: &Model, share: f64) -> Result<Model, OptimizeError> {
    if !(0.0..=1.0).contains(&share) {
        return Err(OptimizeError::request(format!("the share to prune is {share}, expected 0 to 1")));
    }
    let mut editor = GraphEditor::new(model.clone());
    for node in model.nodes().iter().filter(|node| is_own(node) && WEIGHTED.contains(&node.op_type.as_str()))
    {
        let Some(name) = node.input.get(1) else { continue };
        if let Some((mut values, dims)) = float_constant(&editor, name)? {
            zero_least(&mut values, share);
            editor.set_initializer(name, &Tensor::from_vec(Shape::new(&dims)?, values)?)?;
        }
    }
    Ok(editor.finish()?)
}

fn zero_least(values: &mut [f32], share: f64) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].abs().total_cmp(&values[b].abs()).then(b.cmp(&a)));
    let count = (values.len() as f64 * share).round() as usize;
    order.into_iter().take(count).for_each(|index| values[index] = 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_magnitudes_go() {
        for (share, expected) in [
            (0.0, [0.5, -0.1, 3.0, -2.0]),
            (0.5, [0.0, 0.0, 3.0, -2.0]),
            (0.75, [0.0, 0.0, 3.0, 0.0]),
            (1.0, [0.0; 4]),
        ] {
            let mut values = [0.5, -0.1, 3.0, -2.0];
            zero_least(&mut values, share);
            assert_eq!(values, expected, "{share}");
        }
    }
}
