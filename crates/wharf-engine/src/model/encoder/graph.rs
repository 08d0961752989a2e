//! The inputs and outputs of a graph over tokens, by the names that exporters give them.

use wharf_bundle::{Encoder, EncoderKind, Pooling};
use wharf_encode::TokenBatch;
use wharf_tensor::{DType, Dim, Tensor, TensorSpec};

/// Which input a tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Ids,
    Mask,
    Types,
}

const NAMES: [(Part, &str); 3] =
    [(Part::Ids, "input_ids"), (Part::Mask, "attention_mask"), (Part::Types, "token_type_ids")];

/// Outputs that have one vector for each text.
const POOLED: [&str; 1] = ["sentence_embedding"];
/// Outputs that have one for each token.
const OF_TOKENS: [&str; 2] = ["last_hidden_state", "token_embeddings"];
/// Outputs that have a number for each label or each word.
const LOGITS: &str = "logits";

impl Part {
    /// What the input is given.
    pub(super) fn of(self, batch: &TokenBatch) -> Tensor {
        match self {
            Part::Ids => batch.ids.clone(),
            Part::Mask => batch.mask.clone(),
            Part::Types => batch.types.clone(),
        }
    }
}

/// What a graph over tokens takes: ids and a mask, and where a token belongs if it wants to know.
#[derive(Debug)]
pub(super) struct GraphInputs(Vec<(TensorSpec, Part)>);

impl GraphInputs {
    /// The inputs, in the graph's order. The error is in words what it takes instead.
    pub(super) fn of(graph: &[TensorSpec]) -> Result<Self, String> {
        let mut inputs = Vec::new();
        for spec in graph {
            let Some((part, _)) = NAMES.into_iter().find(|(_, name)| *name == spec.name) else {
                return Err(format!(
                    "the graph takes `{}`, expected `input_ids`, `attention_mask` and `token_type_ids`",
                    spec.name
                ));
            };
            if !matches!(spec.dtype, DType::I64 | DType::I32) || spec.shape.rank() != 2 {
                return Err(format!(
                    "the graph takes `{}` as {} {}, expected whole numbers [rows, tokens]",
                    spec.name, spec.dtype, spec.shape
                ));
            }
            inputs.push((spec.clone(), part));
        }
        let has = |part| inputs.iter().any(|(_, found)| *found == part);
        // Without a mask padding would change the answer.
        match NAMES.into_iter().take(2).find(|(part, _)| !has(*part)) {
            Some((_, name)) => Err(format!("the graph takes no `{name}`")),
            None if inputs.iter().any(|(spec, _)| spec.dtype != inputs[0].0.dtype) => {
                Err("the graph's inputs are of different types, expected one".to_owned())
            }
            None => Ok(Self(inputs)),
        }
    }

    pub(super) fn each(&self) -> impl Iterator<Item = (&TensorSpec, Part)> {
        self.0.iter().map(|(spec, part)| (spec, *part))
    }

    pub(super) fn dtype(&self) -> DType {
        self.0.first().map_or(DType::I64, |(spec, _)| spec.dtype)
    }

    /// The only number of tokens that the graph takes, where there is one.
    pub(super) fn fixed_length(&self) -> Option<usize> {
        self.0.iter().find_map(|(spec, _)| match spec.shape.dims().get(1) {
            Some(Dim::Fixed(tokens)) => Some(*tokens),
            _ => None,
        })
    }

    pub(super) fn mask(&self) -> &str {
        let mask = self.0.iter().find(|(_, part)| *part == Part::Mask);
        mask.map_or("attention_mask", |(spec, _)| &spec.name)
    }
}

/// The output with the vectors, and how they are pooled: not at all where the graph has done it.
pub(super) fn output(settings: &Encoder, graph: &[TensorSpec]) -> Result<(TensorSpec, Pooling), String> {
    let spec = match (&settings.output, settings.kind) {
        (Some(name), _) => find(graph, &[name]).ok_or_else(|| format!("the graph gives no `{name}`"))?,
        (None, EncoderKind::Rank) => {
            find(graph, &[LOGITS]).or_else(|| only(graph)).ok_or_else(|| unclear(graph))?
        }
        (None, _) => {
            let usual = find(graph, &POOLED).or_else(|| find(graph, &OF_TOKENS));
            usual.or_else(|| only(graph).filter(|spec| spec.name != LOGITS)).ok_or_else(|| unclear(graph))?
        }
    };
    if spec.dtype != DType::F32 {
        return Err(format!("the graph's output `{}` is {}, expected {}", spec.name, spec.dtype, DType::F32));
    }
    match spec.shape.rank() {
        2 => Ok((spec.clone(), Pooling::None)),
        3 if settings.pooling != Pooling::None => Ok((spec.clone(), settings.pooling)),
        _ => {
            Err(format!("the graph's output `{}` is {}, which `pooling` does not fit", spec.name, spec.shape))
        }
    }
}

fn find<'a>(graph: &'a [TensorSpec], names: &[&str]) -> Option<&'a TensorSpec> {
    names.iter().find_map(|name| graph.iter().find(|spec| spec.name == *name))
}

fn only(graph: &[TensorSpec]) -> Option<&TensorSpec> {
    graph.first().filter(|_| graph.len() == 1)
}

fn unclear(graph: &[TensorSpec]) -> String {
    let names: Vec<_> = graph.iter().map(|spec| format!("`{}`", spec.name)).collect();
    format!("the graph gives {}, of which none is known to hold vectors", names.join(", "))
}
