//! A session that any number of threads may run at once.
#![expect(unsafe_code, reason = "the safe wrapper's run wants the session to itself; the runtime does not")]

use std::ffi::CString;
use std::ptr;
use std::sync::Arc;

use ort::memory::MemoryInfo;
use ort::session::{NoSelectedOutputs, RunOptions, Session};
use ort::value::{Outlet, TensorElementType, ValueType};
use ort::{AsPointer, ortsys};
use wharf_tensor::{DType, Tensor, TensorSpec};

use super::failure;
use super::rank::check_input_ranks;
use super::value::{InputValue, OwnedValue, into_tensor};
use crate::check::{check_inputs, check_outputs};
use crate::{EngineError, EngineErrorKind, Replica, StopSignal};

/// One session, its weights once in memory, run by all threads.
pub(super) struct OnnxReplica {
    session: Session,
    cpu: MemoryInfo<'static>,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    input_names: Vec<CString>,
    output_names: Vec<CString>,
}

impl OnnxReplica {
    pub(super) fn new(session: Session) -> Result<Self, EngineError> {
        check_input_ranks(&session)?;
        let inputs = session.inputs().iter().map(|outlet| spec_of("input", outlet));
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        // Outputs that are no tensors, such as the maps of exported tree models, are left out.
        let tensors = session.outputs().iter().filter(|outlet| outlet.dtype().is_tensor());
        let outputs = tensors.map(|outlet| spec_of("output", outlet)).collect::<Result<Vec<_>, _>>()?;
        if outputs.is_empty() {
            return Err(EngineError::model("the model gives no tensors"));
        }
        Ok(Self {
            cpu: MemoryInfo::default(),
            input_names: c_names(&inputs)?,
            output_names: c_names(&outputs)?,
            inputs,
            outputs,
            session,
        })
    }

    /// Calls the runtime. `outputs` are places in `output_names`.
    fn call(
        &self,
        inputs: &[InputValue],
        outputs: &[usize],
        options: Option<&RunOptions<NoSelectedOutputs>>,
    ) -> ort::Result<Vec<Option<OwnedValue>>> {
        let input_names: Vec<_> = self.input_names.iter().map(|name| name.as_ptr()).collect();
        let input_values: Vec<_> = inputs.iter().map(InputValue::as_ptr).collect();
        let output_names: Vec<_> = outputs.iter().map(|&place| self.output_names[place].as_ptr()).collect();
        let mut results = vec![ptr::null_mut(); outputs.len()];
        let mut run = || {
            // SAFETY: `inputs` has one value for each of `input_names` and `results` one place for each of
            // `output_names`; all of them, the session and the options outlive the call. Other threads may be in
            // the same call: the C API promises that one session may be run by many threads (documentation of
            // `OrtApi::Run`), which the CPU provider, the only one that this engine registers, keeps: weights are
            // read only, per-run state is on the run's own frame, the arena and the thread pool lock. A provider
            // that does not keep it (the wrapper's author names CUDA's) must be run under a lock.
            ortsys![
                unsafe Run(
                    self.session.ptr().cast_mut(),
                    options.map_or(ptr::null(), AsPointer::ptr),
                    input_names.as_ptr(),
                    input_values.as_ptr(),
                    input_values.len(),
                    output_names.as_ptr(),
                    output_names.len(),
                    results.as_mut_ptr()
                )?
            ];
            Ok(())
        };
        let outcome: ort::Result<()> = run();
        // SAFETY: each place is null, as it began, or a value that the runtime made for us.
        let values = results.into_iter().map(|value| unsafe { OwnedValue::from_raw(value) }).collect();
        outcome.map(|()| values)
    }

    fn call_until(
        &self,
        inputs: &[InputValue],
        outputs: &[usize],
        stop: &StopSignal,
    ) -> ort::Result<Vec<Option<OwnedValue>>> {
        if !stop.can_stop() {
            return self.call(inputs, outputs, None);
        }
        let options = Arc::new(RunOptions::new()?);
        let terminate = Arc::clone(&options);
        let _hook = stop.on_stop(move || {
            if let Err(error) = terminate.terminate() {
                tracing::warn!(%error, "a run could not be told to stop");
            }
        });
        self.call(inputs, outputs, Some(&options))
    }
}

impl Replica for OnnxReplica {
    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    fn run_until(
        &self,
        inputs: &[(&str, Tensor)],
        outputs: &[&str],
        stop: &StopSignal,
    ) -> Result<Vec<Tensor>, EngineError> {
        let order = check_inputs(&self.inputs, inputs)?;
        let outputs = check_outputs(&self.outputs, outputs)?;
        if stop.is_stopped() {
            return Err(EngineError::stopped());
        }
        let values = order.into_iter().map(|place| InputValue::new(&inputs[place].1, &self.cpu));
        let values = values.collect::<ort::Result<Vec<_>>>().map_err(|error| failure::of_engine(&error))?;
        let results = self.call_until(&values, &outputs, stop).map_err(|error| match stop.is_stopped() {
            true => EngineError::stopped().with_detail(&error),
            false => failure::of_run(&error),
        })?;
        let session = self.session.inner();
        let tensor = |result: Option<OwnedValue>| {
            let value = result.ok_or_else(|| "an output is missing".to_owned());
            value.and_then(|value| into_tensor(value, &values, &session)).map_err(unreadable)
        };
        results.into_iter().map(tensor).collect()
    }
}

fn unreadable(detail: String) -> EngineError {
    EngineError::new(EngineErrorKind::Failed, "the engine gave an output that cannot be read")
        .with_detail(detail)
}

fn c_names(specs: &[TensorSpec]) -> Result<Vec<CString>, EngineError> {
    let name = |spec: &TensorSpec| {
        CString::new(spec.name.as_str())
            .map_err(|_| EngineError::model("the model names a tensor with a NUL"))
    };
    specs.iter().map(name).collect()
}

fn spec_of(what: &str, outlet: &Outlet) -> Result<TensorSpec, EngineError> {
    let name = outlet.name();
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
        return Err(EngineError::model(format!("{what} `{name}` is no tensor")));
    };
    let dtype = dtype_of(*ty).ok_or_else(|| {
        EngineError::model(format!("{what} `{name}` has element type {ty}, which Wharf does not know"))
    })?;
    Ok(TensorSpec::new(name, dtype, shape))
}

fn dtype_of(ty: TensorElementType) -> Option<DType> {
    Some(match ty {
        TensorElementType::Bool => DType::Bool,
        TensorElementType::Uint8 => DType::U8,
        TensorElementType::Uint16 => DType::U16,
        TensorElementType::Uint32 => DType::U32,
        TensorElementType::Uint64 => DType::U64,
        TensorElementType::Int8 => DType::I8,
        TensorElementType::Int16 => DType::I16,
        TensorElementType::Int32 => DType::I32,
        TensorElementType::Int64 => DType::I64,
        TensorElementType::Float16 => DType::F16,
        TensorElementType::Bfloat16 => DType::BF16,
        TensorElementType::Float32 => DType::F32,
        TensorElementType::Float64 => DType::F64,
        TensorElementType::String => DType::String,
        _ => return None,
    })
}
