//! What a configuration says of sequences, held against the graph.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use wharf_bundle::{DEFAULT_SIGNATURE, Signature};
use wharf_engine::LoadedModel;
use wharf_infer::NamedTensor;
use wharf_tensor::{Dim, Shape, Tensor, TensorSpec};

use super::{Control, SequenceModel, State};
use crate::sequence::Slots;
use crate::settings::triton::{Content, Data, TensorConfig, check_tensors};
use crate::settings::{ControlKind, SequenceBatching, SequenceControl, SequenceState, TritonConfig};

/// The folder beside the configuration that files with states are in.
const FOLDER: &str = "initial_state";

impl SequenceModel {
    /// What `batching` of `config` means for a model, with files from the `folder` of the configuration. Blocks.
    ///
    /// # Errors
    /// An input or an output is not there or is another, or a file is no state; in words for whoever wrote it.
    pub(crate) fn bind(
        batching: &SequenceBatching,
        (folder, config): (&Path, &TritonConfig),
        model: &LoadedModel,
        instances: Option<usize>,
    ) -> Result<Self, String> {
        let signature = model.signatures().get(DEFAULT_SIGNATURE);
        let signature =
            signature.ok_or_else(|| format!("the model has no signature `{DEFAULT_SIGNATURE}`"))?;
        let has_batch = config.max_batch_size > 0;
        let controls = batching.controls.iter().map(|control| bind_control(control, signature, has_batch));
        let controls = controls.collect::<Result<Vec<_>, _>>()?;
        check_states(&batching.states, signature, has_batch)?;
        let initial = batching.states.iter().map(|state| {
            let tensor = initial(state, folder, has_batch)?;
            Ok(NamedTensor::new(state.input.as_str(), tensor))
        });
        let is_declared = |name: &str| config.outputs.iter().any(|output| output.name == name);
        let state = |state: &SequenceState| State {
            input: state.input.clone(),
            output: state.output.clone(),
            is_public: is_declared(&state.output),
        };
        let mut bound = Self {
            signatures: Arc::default(),
            controls,
            initial: initial.collect::<Result<_, String>>()?,
            states: batching.states.iter().map(state).collect(),
            slots: batching.candidates(instances.unwrap_or(1)).map(Slots::new),
            max_idle: batching.max_idle,
            has_batch,
        };
        bound.signatures =
            Arc::new(BTreeMap::from([(DEFAULT_SIGNATURE.to_owned(), bound.public(signature))]));
        Ok(bound)
    }

    /// The signature as clients see it.
    fn public(&self, signature: &Signature) -> Signature {
        let mut public = signature.clone();
        let own = |name: &str| {
            let controls = self.controls.iter().map(|control| control.input.as_str());
            controls.chain(self.states.iter().map(|state| state.input.as_str())).any(|input| input == name)
        };
        public.inputs.retain(|input| !own(&input.spec.name));
        public.outputs.retain(|output| {
            self.states.iter().all(|state| state.is_public || state.output != output.spec.name)
        });
        public
    }
}

fn bind_control(
    control: &SequenceControl,
    signature: &Signature,
    has_batch: bool,
) -> Result<Control, String> {
    let name = &control.input;
    let spec = signature.inputs.iter().map(|input| &input.spec).find(|spec| spec.name == *name);
    let spec =
        spec.ok_or_else(|| format!("control input `{name}` is not there, expected {}", inputs(signature)))?;
    let dtype = match &control.says {
        ControlKind::Flag(_, values) => values.dtype(),
        ControlKind::Id(dtype) => *dtype,
    };
    if spec.dtype != dtype {
        let text = format!("control input `{name}` is declared as {dtype}, the model has {}", spec.dtype);
        return Err(text);
    }
    let dims = spec.shape.dims();
    let fits = dims.iter().all(|dim| matches!(dim, Dim::Dynamic | Dim::Fixed(1)));
    let is_open = !has_batch || dims.first() == Some(&Dim::Dynamic);
    if !fits || !is_open || dims.len() > 1 + usize::from(has_batch) {
        let expected = if has_batch { "[-1] or [-1, 1]" } else { "[1]" };
        return Err(format!(
            "control input `{name}` has shape {} in the model, expected {expected}",
            spec.shape
        ));
    }
    let shape = Shape::new(&vec![1; dims.len()]).map_err(|error| error.to_string())?;
    Ok(Control { input: name.clone(), shape, says: control.says.clone() })
}

fn inputs(signature: &Signature) -> String {
    let names = signature.inputs.iter().map(|input| format!("`{}`", input.spec.name));
    names.collect::<Vec<_>>().join(", ")
}

fn check_states(states: &[SequenceState], signature: &Signature, has_batch: bool) -> Result<(), String> {
    let tensor = |name: &String, state: &SequenceState| TensorConfig {
        name: name.clone(),
        dtype: state.dtype,
        dims: state.dims.clone(),
        allow_ragged_batch: false,
        label_filename: String::new(),
    };
    let inputs: Vec<_> = states.iter().map(|state| tensor(&state.input, state)).collect();
    let outputs: Vec<_> = states.iter().map(|state| tensor(&state.output, state)).collect();
    check_tensors((&inputs, &outputs), signature, has_batch)
        .map_err(|problem| format!("state: {problem}"))?;
    // A transform or labels make something else of it than the graph is to be given back.
    let is_plain = |state: &&SequenceState| {
        let input = signature.inputs.iter().find(|input| input.spec.name == state.input);
        let output = signature.outputs.iter().find(|output| output.spec.name == state.output);
        let same = |one: &TensorSpec, other: &TensorSpec| one.shape.rank() == other.shape.rank();
        let has_columns = signature.columns.is_some();
        !has_columns
            && input
                .zip(output)
                .is_some_and(|(input, output)| same(&input.spec, &output.spec) && input.transform.is_empty())
    };
    match states.iter().find(|state| !is_plain(state)) {
        None => Ok(()),
        Some(state) => Err(format!(
            "output `{}` cannot be given back as input `{}`: they have other dimensions, or a transform is between",
            state.output, state.input
        )),
    }
}

/// What the first request of a sequence is given.
fn initial(state: &SequenceState, folder: &Path, has_batch: bool) -> Result<Tensor, String> {
    let mut dims: Vec<i64> = match &state.initial {
        Some(initial) => initial.dims.clone(),
        None => state.dims.iter().map(|dim| if *dim == -1 { 1 } else { *dim }).collect(),
    };
    if has_batch {
        dims.insert(0, 1);
    }
    let file = state.initial.as_ref().and_then(|initial| initial.file.clone());
    let content = Content {
        dtype: state.dtype,
        shape: Shape::from_i64(&dims).map_err(|error| format!("state `{}`: {error}", state.input))?,
        data: file.map_or(Data::Zero, Data::File),
    };
    too_large(&content, &state.input)?;
    let tensor = content.tensor(folder, FOLDER);
    tensor.map_err(|error| format!("initial state of `{}`: {}", state.input, error.message()))
}

/// The most bytes of a state.
const MAX_BYTES: usize = 64 << 20;

fn too_large(content: &Content, state: &str) -> Result<(), String> {
    let elements = content.shape.num_elements();
    let bytes = content
        .shape
        .size_bytes(content.dtype)
        .unwrap_or_else(|| elements.saturating_mul(size_of::<Bytes>()));
    match bytes > MAX_BYTES {
        true => Err(format!("state `{state}` has {bytes} bytes, expected at most {MAX_BYTES}")),
        false => Ok(()),
    }
}
