//! What is measured: a model by one of its signatures.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use wharf_bundle::Signature;
use wharf_engine::{LoadOptions, LoadedModel};
use wharf_load::{Call, Request, Summary, Wire, encode};
use wharf_request_log::{Record, read};
use wharf_tensor::Tensor;

use super::inprocess;
use super::request::{OpenSizes, tensor_for};
use super::source::Source;
use crate::commands::goldens;
use crate::model_name::ModelName;

/// The signatures that are measured, the first that a model has: `float` reaches the engine without a
/// conversion, so that the wire is compared with the engine and not with a transform.
const SIGNATURES: [&str; 2] = ["float", "serving_default"];

/// A model, loaded here as well.
pub(super) struct Subject {
    model: ModelName,
    loaded: LoadedModel,
}

impl Subject {
    /// Loads what `source` names.
    pub(super) fn load(source: &Source) -> anyhow::Result<Self> {
        let bundle = source.bundle()?;
        let manifest = bundle.manifest();
        let model = ModelName { name: manifest.name.clone(), version: Some(manifest.version) };
        let loaded = LoadedModel::load(&bundle, goldens::engine()?.as_ref(), &LoadOptions::default())?;
        Ok(Self { model, loaded })
    }

    /// A request for `wire`.
    pub(super) fn call(&self, wire: Wire, sizes: OpenSizes) -> anyhow::Result<Call> {
        let (name, signature) = self.signature(wire)?;
        let outputs: Vec<String> = signature.outputs.iter().map(|output| output.spec.name.clone()).collect();
        let request = Request {
            model: &self.model.name,
            version: self.model.version,
            signature: Some(name),
            inputs: &inputs(signature, sizes)?,
            outputs: &outputs,
        };
        Ok(encode(wire, &request)?)
    }

    /// The requests of this model in a request log, for `wire`, whichever wire they came by.
    pub(super) fn replayed(&self, wire: Wire, log: &Path) -> anyhow::Result<Vec<Call>> {
        let mut calls = Vec::new();
        for (number, record) in read(log)?.enumerate() {
            let record = record.with_context(|| format!("`{}` is no request log", log.display()))?;
            if record.model == self.model.name {
                let call = self.recorded(wire, record);
                calls.push(call.with_context(|| format!("line {} of `{}`", number + 1, log.display()))?);
            }
        }
        if calls.is_empty() {
            bail!("`{}` has no request of model `{}`", log.display(), self.model.name);
        }
        Ok(calls)
    }

    fn recorded(&self, wire: Wire, record: Record) -> anyhow::Result<Call> {
        let inputs: Vec<_> = record.inputs.into_iter().map(|input| (input.name, input.tensor)).collect();
        let request = Request {
            model: &self.model.name,
            version: self.model.version,
            signature: Some(record.signature.as_str()).filter(|signature| !signature.is_empty()),
            inputs: &inputs,
            outputs: &record.outputs,
        };
        Ok(encode(wire, &request)?)
    }

    /// The engine alone. It takes the graph's own inputs, so only a signature without transforms has a baseline.
    pub(super) fn measure_inprocess(
        &self,
        sizes: OpenSizes,
        threads: usize,
        warm_up: Duration,
        duration: Duration,
    ) -> anyhow::Result<Summary> {
        let (name, signature) = self.signature(Wire::TfsGrpc)?;
        if signature.columns.is_some() || signature.inputs.iter().any(|input| !input.transform.is_empty()) {
            bail!("signature `{name}` has a transform, expected one that the engine takes as it is");
        }
        let names = signature.inputs.iter().map(|input| input.graph_input.as_str());
        let tensors = inputs(signature, sizes)?.into_iter().map(|(_, tensor)| tensor);
        let inputs: Vec<(&str, Tensor)> = names.zip(tensors).collect();
        inprocess::measure(self.loaded.replica(), &inputs, threads, warm_up, duration)
    }

    /// The Open Inference Protocol cannot name a signature and gets the default.
    fn signature(&self, wire: Wire) -> anyhow::Result<(&str, &Signature)> {
        let names = match wire {
            Wire::TfsGrpc | Wire::TfsRest => &SIGNATURES[..],
            _ => &SIGNATURES[1..],
        };
        let signatures = self.loaded.signatures();
        let found = names.iter().find_map(|name| Some((*name, signatures.get(*name)?)));
        found.with_context(|| format!("the model has no signature `{}`", names.join("` and no `")))
    }
}

fn inputs(signature: &Signature, sizes: OpenSizes) -> anyhow::Result<Vec<(String, Tensor)>> {
    let inputs = signature.inputs.iter();
    inputs.map(|input| Ok((input.spec.name.clone(), tensor_for(input, sizes)?))).collect()
}
