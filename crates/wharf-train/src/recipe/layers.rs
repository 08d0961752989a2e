//! The layers of a recipe.

use crate::network::{Layer, LayerKind, Shortcut};
use wharf_runs::Section;

const OPS: [&str; 12] = [
    "conv",
    "max_pool",
    "avg_pool",
    "global_avg_pool",
    "global_max_pool",
    "batch_norm",
    "linear",
    "dropout",
    "relu",
    "gelu",
    "flatten",
    "residual",
];
const AT_LEAST_ONE: &str = "a whole number of at least 1";

/// Reads the list at `key`.
pub(super) fn layers(parent: &Section<'_>, key: &'static str) -> Vec<Layer> {
    parent.tables(key).into_iter().map(layer).collect()
}

fn layer(section: Section<'_>) -> Layer {
    let name = section.optional::<String>("name");
    if name.as_deref().is_some_and(|name| name.is_empty() || name.contains('/')) {
        section.report("name", "expected a name without `/`");
    }
    if section.required::<String>("op").is_none() {
        return Layer { name, kind: LayerKind::Relu };
    }
    let kind = kind(&section, section.choice("op", &OPS));
    section.finish();
    Layer { name, kind }
}

fn kind(section: &Section<'_>, op: &str) -> LayerKind {
    match op {
        "max_pool" => {
            let (kernel, stride, padding) = window(section);
            LayerKind::MaxPool { kernel, stride, padding }
        }
        "avg_pool" => {
            let (kernel, stride, padding) = window(section);
            LayerKind::AvgPool { kernel, stride, padding }
        }
        "global_avg_pool" => LayerKind::GlobalAvgPool,
        "global_max_pool" => LayerKind::GlobalMaxPool,
        "batch_norm" => LayerKind::BatchNorm {
            epsilon: section.checked("epsilon", 1e-5, |value| *value > 0.0, "a number above 0") as f32,
            momentum: section.checked("momentum", 0.1, |value| (0.0..=1.0).contains(value), "0 to 1") as f32,
        },
        "linear" => LayerKind::Linear {
            in_features: section.optional("in_features"),
            out_features: section.required("out_features").unwrap_or(1),
            bias: section.or("bias", true),
        },
        "dropout" => {
            let is_share = |value: &f64| (0.0..1.0).contains(value);
            let expected = "a number from 0 up to but not including 1";
            LayerKind::Dropout { probability: section.checked("probability", 0.5, is_share, expected) as f32 }
        }
        "relu" => LayerKind::Relu,
        "gelu" => LayerKind::Gelu,
        "flatten" => LayerKind::Flatten,
        "residual" => residual(section),
        _ => conv(section),
    }
}

fn window(section: &Section<'_>) -> ([usize; 2], usize, usize) {
    let kernel: [usize; 2] = section.required("kernel").unwrap_or([1, 1]);
    let stride = section.checked("stride", kernel[0].max(1), |stride| *stride > 0, AT_LEAST_ONE);
    (kernel, stride, section.or("padding", 0))
}

fn conv(section: &Section<'_>) -> LayerKind {
    LayerKind::Conv {
        in_channels: section.optional("in_channels"),
        out_channels: section.required("out_channels").unwrap_or(1),
        kernel: section.required("kernel").unwrap_or([1, 1]),
        stride: section.checked("stride", 1, |stride| *stride > 0, AT_LEAST_ONE),
        padding: section.or("padding", 0),
        groups: section.checked("groups", 1, |groups| *groups > 0, AT_LEAST_ONE),
        bias: section.or("bias", true),
    }
}

fn residual(section: &Section<'_>) -> LayerKind {
    let inner = layers(section, "layers");
    if inner.is_empty() {
        section.report("layers", "expected at least one layer");
    }
    let shortcut = match section.choice("shortcut", &["identity", "projection", "projection_norm"]) {
        "projection" => Shortcut::Projection,
        "projection_norm" => Shortcut::ProjectionNorm,
        _ => Shortcut::Identity,
    };
    LayerKind::Residual { layers: inner, shortcut }
}
