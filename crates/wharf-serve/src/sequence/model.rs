//! What a model is told of sequences: the inputs that the server fills in, and the outputs that it keeps.

mod bind;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wharf_bundle::Signature;
use wharf_infer::{InferResponse, NamedTensor, SequenceId, SequencePart, ServiceError};
use wharf_tensor::{DType, Shape, Tensor};

use super::Slots;
use super::turn::{States, size_of};
use crate::settings::{ControlKind, FlagValues, SequenceFlag};

/// The longest text that may name a sequence, in bytes; Triton's limit.
const MAX_ID: usize = 128;

/// What a version of a model is told of sequences.
pub(crate) struct SequenceModel {
    /// The ways to call it as clients see them: without the inputs that the server fills in, and the outputs that only
    /// it reads.
    pub(crate) signatures: Arc<BTreeMap<String, Signature>>,
    controls: Vec<Control>,
    states: Vec<State>,
    /// What a sequence begins with, in the order of `states`.
    initial: States,
    /// Sequences that may be under way at once, where that is limited.
    pub(crate) slots: Option<Slots>,
    /// After how long without a request a sequence ends.
    pub(crate) max_idle: Duration,
    /// Whether the first dimension is that of the batch.
    has_batch: bool,
}

/// An input that the server fills in.
struct Control {
    input: String,
    /// One element.
    shape: Shape,
    says: ControlKind,
}

/// An output that becomes an input.
struct State {
    input: String,
    output: String,
    /// Whether clients may have the output as well.
    is_public: bool,
}

impl SequenceModel {
    /// The bytes of the state with which a sequence begins.
    pub(crate) fn bytes_at_start(&self) -> usize {
        size_of(&self.initial)
    }

    /// What a sequence begins with.
    pub(crate) fn initial(&self) -> States {
        Arc::clone(&self.initial)
    }

    /// The sequence that a request to the model `name` belongs to.
    ///
    /// # Errors
    /// It names none, or by something that the model cannot be told.
    pub(crate) fn id(&self, name: &str, part: Option<&SequencePart>) -> Result<SequenceId, ServiceError> {
        let id = part.and_then(|part| part.id.clone()).filter(SequenceId::is_set).ok_or_else(|| {
            let text = format!(
                "inference request to model '{name}' must specify a non-zero or non-empty correlation ID"
            );
            ServiceError::invalid_argument(text)
        })?;
        if let SequenceId::Text(text) = &id
            && text.len() > MAX_ID
        {
            let text = format!("string correlation ID cannot be longer than {MAX_ID} characters");
            return Err(ServiceError::invalid_argument(text));
        }
        self.check_id(name, &id)?;
        Ok(id)
    }

    /// A model that is told ids is told them in one type.
    fn check_id(&self, name: &str, id: &SequenceId) -> Result<(), ServiceError> {
        for control in &self.controls {
            let ControlKind::Id(expected) = control.says else { continue };
            let is_text = matches!(id, SequenceId::Text(_));
            if is_text != (expected == DType::String) {
                let (input, sent) = (&control.input, if is_text { "BYTES" } else { "UINT64" });
                return Err(ServiceError::invalid_argument(format!(
                    "sequence batching control '{input}' data-type is '{sent}', but model '{name}' expects '{}'",
                    wire_name(expected)
                )));
            }
        }
        Ok(())
    }

    /// Whether a request names only what is a client's to name, and has one row.
    ///
    /// # Errors
    /// What of that is not so.
    pub(crate) fn check(
        &self,
        name: &str,
        inputs: &[NamedTensor],
        outputs: &[String],
    ) -> Result<(), ServiceError> {
        let is_input = |input: &str| {
            let controls = self.controls.iter().map(|control| &control.input);
            controls.chain(self.states.iter().map(|state| &state.input)).any(|own| own == input)
        };
        if let Some(input) = inputs.iter().find(|input| is_input(&input.name)) {
            let text = format!("unexpected inference input '{}' for model '{name}'", input.name);
            return Err(ServiceError::invalid_argument(text));
        }
        let is_kept =
            |output: &str| self.states.iter().any(|state| !state.is_public && state.output == output);
        if let Some(output) = outputs.iter().find(|output| is_kept(output)) {
            let text = format!("unexpected inference output '{output}' for model '{name}'");
            return Err(ServiceError::invalid_argument(text));
        }
        if self.has_batch && inputs.iter().any(|input| input.tensor.rows().is_some_and(|rows| rows != 1)) {
            let text = format!(
                "inference request to model '{name}' must specify batch-size 1 due to requirements of sequence batcher"
            );
            return Err(ServiceError::invalid_argument(text));
        }
        Ok(())
    }

    /// The inputs that the server adds.
    pub(crate) fn inputs(
        &self,
        id: &SequenceId,
        part: &SequencePart,
        states: &States,
    ) -> Result<Vec<NamedTensor>, ServiceError> {
        let control = |control: &Control| {
            let shape = control.shape.clone();
            let tensor = match control.says {
                ControlKind::Flag(flag, values) => flag_tensor(shape, values, is_so(flag, part))?,
                ControlKind::Id(dtype) => id_tensor(shape, dtype, id)?,
            };
            Ok(NamedTensor::new(control.input.as_str(), tensor))
        };
        let mut inputs = self.controls.iter().map(control).collect::<Result<Vec<_>, ServiceError>>()?;
        inputs.extend(states.iter().cloned());
        Ok(inputs)
    }

    /// The outputs that a run has to give where a client wants `wanted`; none stands for all that are a client's.
    pub(crate) fn outputs(&self, signature: &str, wanted: &[String]) -> Vec<String> {
        let mut outputs = match wanted {
            [] => {
                let all = self.signatures.get(signature).into_iter().flat_map(|signature| &signature.outputs);
                all.map(|output| output.spec.name.clone()).collect()
            }
            wanted => wanted.to_vec(),
        };
        for state in &self.states {
            if !outputs.contains(&state.output) {
                outputs.push(state.output.clone());
            }
        }
        outputs
    }

    /// Takes the new state out of what a run gave for such a request.
    ///
    /// # Errors
    /// It gave none.
    pub(crate) fn take_states(
        &self,
        response: &mut InferResponse,
        wanted: &[String],
    ) -> Result<States, ServiceError> {
        let state = |state: &State| {
            let found = response.outputs.iter().find(|output| output.name == state.output);
            let tensor = found.map(|found| found.tensor.clone()).ok_or_else(|| {
                ServiceError::internal("the engine failed", format!("output `{}` is missing", state.output))
            })?;
            Ok(NamedTensor::new(state.input.as_str(), tensor))
        };
        let states: States = self.states.iter().map(state).collect::<Result<_, ServiceError>>()?;
        let is_wanted = |output: &NamedTensor| match wanted {
            [] => self.states.iter().all(|state| state.is_public || state.output != output.name),
            wanted => wanted.contains(&output.name),
        };
        response.outputs.retain(is_wanted);
        Ok(states)
    }

    /// Whether an output is kept from run to run.
    pub(crate) fn keeps(&self, output: &str) -> bool {
        self.states.iter().any(|state| state.output == output)
    }
}

/// What the protocol calls the types that ids may have.
fn wire_name(dtype: DType) -> &'static str {
    match dtype {
        DType::String => "BYTES",
        DType::I64 => "INT64",
        DType::U32 => "UINT32",
        DType::I32 => "INT32",
        _ => "UINT64",
    }
}

fn is_so(flag: SequenceFlag, part: &SequencePart) -> bool {
    match flag {
        SequenceFlag::Start => part.starts,
        SequenceFlag::End => part.ends,
        SequenceFlag::Ready => true,
    }
}

fn flag_tensor(shape: Shape, values: FlagValues, is_so: bool) -> Result<Tensor, ServiceError> {
    let which = usize::from(is_so);
    Ok(match values {
        FlagValues::Int32(values) => Tensor::from_vec(shape, vec![values[which]])?,
        FlagValues::Fp32(values) => Tensor::from_vec(shape, vec![values[which]])?,
        FlagValues::Bool(values) => Tensor::from_bools(shape, vec![values[which]])?,
    })
}

/// Of a number that is longer than the type, the low bits.
fn id_tensor(shape: Shape, dtype: DType, id: &SequenceId) -> Result<Tensor, ServiceError> {
    Ok(match id {
        SequenceId::Text(text) => Tensor::from_strings(shape, vec![Bytes::copy_from_slice(text.as_bytes())])?,
        SequenceId::Number(number) => {
            let bytes = number.to_le_bytes();
            let size = dtype.size_bytes().unwrap_or(bytes.len()).min(bytes.len());
            Tensor::from_bytes(dtype, shape, Bytes::copy_from_slice(&bytes[..size]))?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Shape {
        Shape::new(&[1, 1]).unwrap()
    }

    #[test]
    fn ids_are_told_in_the_type_of_the_model() {
        let number = SequenceId::Number(0xffff_ffff_8000_0007);
        let tensor = |dtype| id_tensor(one(), dtype, &number).unwrap();
        assert_eq!(tensor(DType::U64).to_vec::<u64>().unwrap(), [0xffff_ffff_8000_0007]);
        assert_eq!(tensor(DType::I64).to_vec::<i64>().unwrap(), [-0x7fff_fff9]);
        assert_eq!(tensor(DType::U32).to_vec::<u32>().unwrap(), [0x8000_0007]);
        assert_eq!(tensor(DType::I32).to_vec::<i32>().unwrap(), [-0x7fff_fff9]);
        let text = id_tensor(one(), DType::String, &SequenceId::Text("caf\u{e9}".into())).unwrap();
        assert_eq!(text.strings().unwrap(), ["caf\u{e9}".as_bytes()]);
    }

    #[test]
    fn flags_are_told_as_the_model_writes_them() {
        let part = SequencePart { id: None, starts: true, ends: false };
        let said =
            [SequenceFlag::Start, SequenceFlag::End, SequenceFlag::Ready].map(|flag| is_so(flag, &part));
        assert_eq!(said, [true, false, true]);
        for (values, is_set, expected) in [
            (FlagValues::Int32([-1, 7]), true, 7_i32.to_le_bytes().to_vec()),
            (FlagValues::Int32([-1, 7]), false, (-1_i32).to_le_bytes().to_vec()),
            (FlagValues::Fp32([0.0, 0.5]), true, 0.5_f32.to_le_bytes().to_vec()),
            (FlagValues::Bool([true, false]), true, vec![0]),
        ] {
            let tensor = flag_tensor(one(), values, is_set).unwrap();
            assert_eq!((tensor.dtype(), &tensor.bytes().unwrap()[..]), (values.dtype(), &expected[..]));
        }
    }
}
