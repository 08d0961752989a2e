use wharf_onnx::{GraphEditor, Model};
use wharf_tensor::Tensor;

use super::nets::{answers, picture_net, samples};
use crate::{PrunedLayer, prune_channels, prune_magnitude};

fn set(editor: &mut GraphEditor, name: &str, change: impl Fn(usize, &mut f32)) {
    let tensor = editor.initializer(name).unwrap().to_tensor().unwrap();
    let mut values = tensor.to_vec::<f32>().unwrap();
    values.iter_mut().enumerate().for_each(|(index, value)| change(index, value));
    editor.set_initializer(name, &Tensor::from_vec(tensor.shape().clone(), values).unwrap()).unwrap();
}

/// The net with every second channel of the layers that can be pruned giving zero.
fn half_dead() -> Model {
    let mut editor = GraphEditor::new(picture_net());
    for (weight, per_channel) in [("w1", 27), ("b1", 1), ("b2", 1), ("w5", 54), ("b6", 1)] {
        set(&mut editor, weight, |index, value| {
            if index / per_channel % 2 == 1 {
                *value = 0.0;
            }
        });
    }
    set(&mut editor, "w6", |index, value| {
        if index % 2 == 1 {
            *value = 0.0;
        }
    });
    editor.finish().unwrap()
}

#[test]
fn channels_that_give_nothing_go_without_a_change() {
    let (model, samples) = (half_dead(), samples(&[3, 8, 8], 5, 3));
    let (pruned, layers) = prune_channels(&model, 0.5).unwrap();
    let layer = |layer: &str, before, after| PrunedLayer { layer: layer.to_owned(), before, after };
    assert_eq!(
        layers,
        [
            layer("conv", 8, 4),
            // Added to each other.
            layer("conv_2", 6, 6),
            layer("conv_3", 6, 6),
            layer("conv_4", 4, 2),
            layer("gemm", 10, 5),
            // The answers.
            layer("matmul", 4, 4),
        ]
    );
    let (expected, actual) = (answers(&model, &samples), answers(&pruned, &samples));
    let worst =
        expected.iter().zip(&actual).map(|(a, b)| (a - b).abs() / (1.0 + a.abs())).fold(0.0, f32::max);
    assert!(worst < 1e-5, "{worst}");
    assert!(pruned.to_bytes().len() < model.to_bytes().len() * 3 / 4);
}

#[test]
fn the_share_that_is_asked_for_goes() {
    let model = picture_net();
    assert_eq!(prune_channels(&model, 0.0).unwrap().0.to_bytes(), model.to_bytes());
    let (least, layers) = prune_channels(&model, 0.99).unwrap();
    assert!(layers.iter().filter(|layer| layer.after < layer.before).all(|layer| layer.after == 1));
    assert_eq!(answers(&least, &samples(&[3, 8, 8], 2, 3)).len(), 8);
    for share in [-0.1, 1.0, f64::NAN] {
        assert!(prune_channels(&model, share).is_err(), "{share}");
    }
}

#[test]
fn magnitude_pruning_zeroes_a_share_of_each_layer() {
    let pruned = prune_magnitude(&picture_net(), 0.5).unwrap();
    for name in ["w1", "w2", "w3", "w6"] {
        let found = pruned.initializers().iter().find(|constant| constant.name == name).unwrap();
        let values = found.to_tensor().unwrap().to_vec::<f32>().unwrap();
        assert_eq!(values.iter().filter(|&&value| value == 0.0).count(), values.len() / 2, "{name}");
    }
    assert!(prune_magnitude(&picture_net(), 1.5).is_err());
}
