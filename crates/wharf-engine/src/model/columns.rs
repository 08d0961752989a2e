//! The columns of a table that become the one input of a graph.

use wharf_bundle::Signature;
use wharf_infer::{NamedTensor, ServiceError};
use wharf_tensor::{DType, Dim, Tensor, TensorSpec};
use wharf_transform::TransformErrorKind;
use wharf_transform::columns::{ColumnEncoder, ColumnProgram};

/// A column program of which it is known that the graph takes what it gives.
pub(super) struct BoundColumns {
    encoder: ColumnEncoder,
    graph_input: String,
}

impl BoundColumns {
    /// Ties `program` to the graph with these inputs. The error is the problem in words.
    pub(super) fn new(
        program: &ColumnProgram,
        signature: &Signature,
        graph: &[TensorSpec],
    ) -> Result<Self, String> {
        let encoder = ColumnEncoder::new(program).map_err(|error| error.to_string())?;
        let names = |name: &str| signature.inputs.iter().any(|input| input.spec.name == name);
        if let Some(column) = program.columns.iter().find(|column| !names(&column.name)) {
            return Err(format!("column `{}` is no input of the signature", column.name));
        }
        let [target] = graph else {
            return Err(format!("columns become one input, the graph has {}", graph.len()));
        };
        if let Some(stray) = signature.inputs.iter().find(|input| input.graph_input != target.name) {
            let (name, wanted) = (&stray.spec.name, &stray.graph_input);
            return Err(format!("input `{name}` becomes `{wanted}`, which the graph lacks"));
        }
        let features = encoder.features();
        let fits = match target.shape.dims() {
            [_, Dim::Fixed(width)] => *width == features,
            [_, Dim::Dynamic] => true,
            _ => false,
        };
        if target.dtype != DType::F32 || !fits {
            let (dtype, shape) = (target.dtype, &target.shape);
            return Err(format!(
                "columns become float32 [*, {features}], `{}` of the graph is {dtype} {shape}",
                target.name
            ));
        }
        Ok(Self { encoder, graph_input: target.name.clone() })
    }

    /// The input of the graph, with its name.
    pub(super) fn run(&self, inputs: &[NamedTensor]) -> Result<(&str, Tensor), ServiceError> {
        let inputs: Vec<(&str, &Tensor)> = inputs.iter().map(|input| (&*input.name, &input.tensor)).collect();
        let features = self.encoder.run(&inputs).map_err(|error| match error.kind() {
            TransformErrorKind::InvalidPipeline => {
                ServiceError::internal("the columns cannot be read", error.to_string())
            }
            _ => ServiceError::invalid_argument(error.to_string()),
        })?;
        Ok((self.graph_input.as_str(), features))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use wharf_bundle::{Method, OutputSource, SignatureInput, SignatureOutput};
    use wharf_infer::ErrorCode;
    use wharf_tensor::Shape;
    use wharf_testing::models;

    use super::*;
    use crate::{Engine, LoadOptions, LoadedModel, ModelSource, OnnxEngine, StopSignal};

    /// A number with an indicator and a category: four features, which the graph gives back as they are.
    fn signature() -> Signature {
        let program: ColumnProgram = serde_json::from_str(
            r#"{ "columns": [
                { "name": "age", "takes": "number",
                  "encoding": { "as": "number", "impute": 40, "indicator": true, "centre": 40, "scale": 0.5 } },
                { "name": "sex", "takes": "text", "encoding": { "as": "one_hot", "levels": ["f", "m"] } }
            ] }"#,
        )
        .unwrap();
        let input =
            |spec: TensorSpec| SignatureInput { spec, graph_input: "x".to_owned(), transform: Vec::new() };
        Signature {
            method: Method::Predict,
            inputs: program.inputs().into_iter().map(input).collect(),
            outputs: vec![SignatureOutput {
                spec: TensorSpec::new("y", DType::F32, &[-1, 4]),
                source: OutputSource::Graph { output: "y".to_owned() },
            }],
            columns: Some(program),
        }
    }

    fn load(signature: Signature, graph: &[u8]) -> Result<LoadedModel, crate::EngineError> {
        let replica = OnnxEngine::new().unwrap().load(ModelSource::Bytes(graph), &LoadOptions::default());
        let signatures = BTreeMap::from([("s".to_owned(), signature)]);
        LoadedModel::new(Arc::clone(&replica.unwrap()), signatures, Vec::new())
    }

    fn inputs(ages: &[f64], sexes: &[&str]) -> [NamedTensor; 2] {
        let age = Tensor::from_vec(Shape::new(&[ages.len()]).unwrap(), ages.to_vec()).unwrap();
        let sexes: Vec<_> = sexes.iter().map(|sex| sex.as_bytes().to_vec().into()).collect();
        let sex = Tensor::from_strings(Shape::new(&[sexes.len()]).unwrap(), sexes).unwrap();
        [NamedTensor::new("sex", sex), NamedTensor::new("age", age)]
    }

    fn run(model: &LoadedModel, inputs: &[NamedTensor]) -> Result<Tensor, ServiceError> {
        model.check("s", inputs, &[])?;
        model.run("s", inputs, &[], &StopSignal::never()).map(|outputs| outputs[0].tensor.clone())
    }

    #[test]
    fn several_columns_become_the_one_input_of_the_graph() {
        let model = load(signature(), models::identity(DType::F32)).unwrap();
        let features = run(&model, &inputs(&[44.0, f64::NAN], &["m", ""])).unwrap();
        assert_eq!(features.shape().dims(), [2, 4]);
        assert_eq!(features.to_vec::<f32>().unwrap(), [2.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(run(&model, &inputs(&[], &[])).unwrap().shape().dims(), [0, 4], "no rows");
    }

    #[test]
    fn wrong_columns_are_the_callers_mistake() {
        let model = load(signature(), models::identity(DType::F32)).unwrap();
        let [sex, age] = inputs(&[1.0, 2.0], &["m"]);
        let infinite = inputs(&[f64::INFINITY], &["m"]);
        for (inputs, expected) in [
            (&[sex.clone(), age][..], "column `sex` has 1 rows, expected 2"),
            (&infinite[..], "column `age`, row 0: inf is not finite"),
            (&[sex][..], "Missing but required: {age}"),
        ] {
            let error = run(&model, inputs).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument);
            assert!(error.message().contains(expected), "{error}");
        }
    }

    #[test]
    fn programs_that_do_not_fit_the_graph_are_refused() {
        type Spoilt = (fn(&mut Signature), DType, &'static str);
        let cases: [Spoilt; 5] = [
            (|_| {}, DType::F64, "columns become float32 [*, 4], `x` of the graph is float64"),
            (|s| s.inputs[1].graph_input = "z".into(), DType::F32, "input `sex` becomes `z`"),
            (|s| s.inputs.truncate(1), DType::F32, "column `sex` is no input"),
            (|s| s.columns = None, DType::F32, "2 inputs become `x` of the graph, expected 1"),
            (|s| s.columns = Some(ColumnProgram::default()), DType::F32, "0 columns, expected 1 to"),
        ];
        for (spoil, dtype, expected) in cases {
            let mut signature = signature();
            spoil(&mut signature);
            let message = load(signature, models::identity(dtype)).err().unwrap().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
