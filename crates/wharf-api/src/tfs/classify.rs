//! Outputs of a model as labels with scores, or as one number per example.

use wharf_bundle::{Method, Signature};
use wharf_infer::{Deadline, InferResponse, NamedTensor, ServiceError};
use wharf_tensor::{DType, Tensor};

use super::backend::{Resolved, TfsBackend};
use super::example::Examples;
use super::model_spec::{Target, answered_by};
use super::signature::{CLASSIFY_METHOD, REGRESS_METHOD, method_name, shown};
use crate::proto::tensorflow::serving::{
    Class, ClassificationResult, Classifications, ModelSpec, Regression, RegressionResult,
};

/// Where scores are looked for, in this order; the first name is the reference server's.
const SCORES: [&str; 2] = ["scores", "probabilities"];
/// Where the reference server looks for labels.
const CLASSES: &str = "classes";
/// Where the reference server looks for the number of a regression.
const REGRESSION: &str = "outputs";

impl TfsBackend {
    /// The examples of a request that was answered.
    pub(super) fn count(&self, target: &Target, examples: &Examples) {
        self.common.metrics.count_examples(&target.model.name, &self.common.manager, examples.len());
    }

    /// Labels with scores for each example.
    pub(super) async fn classify(
        &self,
        target: &Target,
        examples: &Examples,
        deadline: Deadline,
    ) -> Result<(ModelSpec, ClassificationResult), ServiceError> {
        let _hold = self.common.wake(&target.model).await?;
        let resolved = self.resolve(target)?;
        let signature = named_signature(&resolved)?;
        let is_classifier = signature.method == Method::Classify
            || (!resolved.info.labels.is_empty() && find_output(signature, &SCORES[1..]).is_some());
        if !is_classifier {
            return Err(wrong_method("classification", CLASSIFY_METHOD, signature));
        }
        let outputs = classification_outputs(signature)?;
        let response = self.run(&resolved, examples.to_inputs(signature)?, outputs, deadline).await?;
        let result = to_classifications(&response, examples.len(), &resolved.info.labels)?;
        Ok((answered_by(&response.model_name, response.model_version, &response.signature), result))
    }

    /// One number for each example.
    pub(super) async fn regress(
        &self,
        target: &Target,
        examples: &Examples,
        deadline: Deadline,
    ) -> Result<(ModelSpec, RegressionResult), ServiceError> {
        let _hold = self.common.wake(&target.model).await?;
        let resolved = self.resolve(target)?;
        let signature = named_signature(&resolved)?;
        let output = regression_output(signature)?;
        let response = self.run(&resolved, examples.to_inputs(signature)?, vec![output], deadline).await?;
        let result = to_regressions(&response, examples.len())?;
        Ok((answered_by(&response.model_name, response.model_version, &response.signature), result))
    }
}

fn named_signature(resolved: &Resolved) -> Result<&Signature, ServiceError> {
    resolved.find_signature().ok_or_else(|| {
        let name = shown(&resolved.signature_name);
        ServiceError::invalid_argument(format!("No signature was found with the name: {name}"))
    })
}

fn wrong_method(kind: &str, expected: &str, signature: &Signature) -> ServiceError {
    ServiceError::invalid_argument(format!(
        "Expected {kind} signature method_name to be {expected}. Was: {}",
        method_name(signature.method)
    ))
}

fn find_output(signature: &Signature, names: &[&str]) -> Option<String> {
    let has = |name: &&&str| signature.outputs.iter().any(|output| output.spec.name == **name);
    names.iter().find(has).map(|name| (*name).to_owned())
}

/// The outputs to ask for: scores, and labels where the model gives one for each score.
pub(super) fn classification_outputs(signature: &Signature) -> Result<Vec<String>, ServiceError> {
    let mut outputs: Vec<String> = find_output(signature, &SCORES).into_iter().collect();
    let gives_labels = |name: &str, dtype, rank| name == CLASSES && dtype == DType::String && rank == 2;
    let labels = signature.outputs.iter().map(|output| &output.spec);
    outputs.extend(
        labels
            .filter(|spec| gives_labels(&spec.name, spec.dtype, spec.shape.rank()))
            .map(|spec| spec.name.clone()),
    );
    if outputs.is_empty() {
        return Err(ServiceError::new(
            wharf_infer::ErrorCode::FailedPrecondition,
            "Expected classification signature outputs to contain at least one of \"classes\" or \"scores\".",
        ));
    }
    Ok(outputs)
}

/// The float output with one number per example.
pub(super) fn regression_output(signature: &Signature) -> Result<String, ServiceError> {
    if signature.method == Method::Regress
        && let Some(output) = find_output(signature, &[REGRESSION])
    {
        return Ok(output);
    }
    match signature.outputs.as_slice() {
        [only] if signature.method == Method::Regress || only.spec.dtype == DType::F32 => {
            Ok(only.spec.name.clone())
        }
        _ => Err(wrong_method("regression", REGRESS_METHOD, signature)),
    }
}

/// The output of that name, if it was asked for.
fn output(response: &InferResponse, is_wanted: impl Fn(&NamedTensor) -> bool) -> Option<&Tensor> {
    response.outputs.iter().find(|output| is_wanted(output)).map(|output| &output.tensor)
}

fn to_classifications(
    response: &InferResponse,
    examples: usize,
    labels: &[String],
) -> Result<ClassificationResult, ServiceError> {
    let scores = output(response, |output| output.name != CLASSES);
    let names = output(response, |output| output.name == CLASSES);
    let mut classes = 0;
    for tensor in [scores, names].into_iter().flatten() {
        classes = check_matrix(tensor, examples)?;
    }
    let values = scores.map(Tensor::to_vec::<f32>).transpose()?.unwrap_or_default();
    let given = names.and_then(Tensor::strings).unwrap_or_default();
    let label = |row: usize, column: usize| match given.get(row * classes + column) {
        Some(label) => String::from_utf8_lossy(label).into_owned(),
        None => labels.get(column).filter(|_| labels.len() == classes).cloned().unwrap_or_default(),
    };
    let class = |row, column| Class {
        label: label(row, column),
        score: values.get(row * classes + column).copied().unwrap_or_default(),
    };
    let row = |row| Classifications { classes: (0..classes).map(|column| class(row, column)).collect() };
    Ok(ClassificationResult { classifications: (0..examples).map(row).collect() })
}

/// How many columns a matrix with a row for each example has.
fn check_matrix(tensor: &Tensor, examples: usize) -> Result<usize, ServiceError> {
    match tensor.shape().dims() {
        &[rows, columns] if rows == examples => Ok(columns),
        _ => Err(ServiceError::invalid_argument(format!(
            "Expected Tensor shape: [batch_size num_classes] but got {}",
            tensor.shape()
        ))),
    }
}

fn to_regressions(response: &InferResponse, examples: usize) -> Result<RegressionResult, ServiceError> {
    let tensor = output(response, |_| true)
        .ok_or_else(|| ServiceError::internal("the model gave no output", "regression without output"))?;
    let fits = match tensor.shape().dims() {
        [rows] | [rows, 1] => *rows == examples,
        _ => false,
    };
    if !fits {
        return Err(ServiceError::invalid_argument(format!(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {}",
            tensor.shape()
        )));
    }
    let regressions = tensor.to_vec::<f32>()?.into_iter().map(|value| Regression { value }).collect();
    Ok(RegressionResult { regressions })
}
