//! Nearest neighbours by plain operators: distances through a matrix product, then the closest, then their votes.

use wharf_onnx::{Attribute, GraphBuilder, Value};
use wharf_tensor::{DType, Shape, Tensor};

use super::{Answers, Neighbours, Votes};
use crate::LearnError;
use crate::export::Head;

impl Neighbours {
    pub(crate) fn add_to(&self, graph: &mut GraphBuilder, features: &Value) -> Result<Head, LearnError> {
        let (samples, columns) = (self.squares.len(), self.columns.len());
        let means = constant(graph, "means", &[1, columns], self.means.clone())?;
        let centred = graph.sub(features, &means);
        let nearest = self.nearest(graph, &centred)?;
        let weights = self.weights(graph, &centred, &nearest)?;
        let width = match &self.answers {
            Answers::Classes { count, .. } => *count,
            Answers::Numbers(_) => 1,
        };
        let answers = constant(graph, "answers", &[samples, width], self.answers())?;
        // [batch, k, width]
        let answers =
            graph.node("Gather", &[Some(&answers), Some(&nearest)], vec![Attribute::int("axis", 0)]);
        let last = graph.int_list(&[2]);
        let column = graph.node("Unsqueeze", &[Some(&weights), Some(&last)], Vec::new());
        let weighted = graph.mul(&answers, &column);
        let sums = sum_over(graph, &weighted, 1, false);
        let total = sum_over(graph, &weights, 1, true);
        let means = graph.div(&sums, &total);
        Ok(match &self.answers {
            Answers::Classes { count, .. } => Head::Probabilities(means, *count),
            Answers::Numbers(_) => Head::Number(means),
        })
    }

    /// The indices of the closest samples, `[batch, k]`.
    fn nearest(&self, graph: &mut GraphBuilder, centred: &Value) -> Result<Value, LearnError> {
        let (samples, columns) = (self.squares.len(), self.columns.len());
        let doubled = self.columns.iter().flatten().map(|value| -2.0 * value).collect();
        let doubled = constant(graph, "samples_by_column", &[columns, samples], doubled)?;
        let squares = constant(graph, "squares", &[1, samples], self.squares.clone())?;
        let products = graph.matmul(centred, &doubled);
        let distances = graph.add(&products, &squares);
        let k = graph.int_list(&[self.k as i64]);
        let attributes =
            vec![Attribute::int("axis", 1), Attribute::int("largest", 0), Attribute::int("sorted", 1)];
        let [_, nearest] = graph.node_with("TopK", &[Some(&distances), Some(&k)], attributes);
        Ok(nearest)
    }

    /// What each neighbour's vote counts, `[batch, k]`.
    fn weights(
        &self,
        graph: &mut GraphBuilder,
        centred: &Value,
        nearest: &Value,
    ) -> Result<Value, LearnError> {
        let samples = self.squares.len();
        let own = constant(graph, "sample_weights", &[samples], self.weights.clone())?;
        let own = graph.node("Gather", &[Some(&own), Some(nearest)], vec![Attribute::int("axis", 0)]);
        if self.votes == Votes::Uniform {
            return Ok(own);
        }
        let distances = self.distances(graph, centred, nearest)?;
        let zero = graph.scalar(0.0);
        let exact = graph.node("Equal", &[Some(&distances), Some(&zero)], Vec::new());
        let exact_votes = graph.cast(&exact, DType::F32);
        let how_many = sum_over(graph, &exact_votes, 1, true);
        let any = graph.node("Greater", &[Some(&how_many), Some(&zero)], Vec::new());
        let inverse = graph.node("Reciprocal", &[Some(&distances)], Vec::new());
        let closeness = graph.node("Where", &[Some(&any), Some(&exact_votes), Some(&inverse)], Vec::new());
        Ok(graph.mul(&closeness, &own))
    }

    /// The distances by differences, `[batch, k]`.
    fn distances(
        &self,
        graph: &mut GraphBuilder,
        centred: &Value,
        nearest: &Value,
    ) -> Result<Value, LearnError> {
        let (samples, columns) = (self.squares.len(), self.columns.len());
        let rows = (0..samples).flat_map(|sample| self.columns.iter().map(move |column| column[sample]));
        let rows = constant(graph, "samples", &[samples, columns], rows.collect())?;
        let rows = graph.node("Gather", &[Some(&rows), Some(nearest)], vec![Attribute::int("axis", 0)]);
        let middle = graph.int_list(&[1]);
        let query = graph.node("Unsqueeze", &[Some(centred), Some(&middle)], Vec::new());
        let differences = graph.sub(&rows, &query);
        let squares = graph.mul(&differences, &differences);
        let sums = sum_over(graph, &squares, 2, false);
        Ok(graph.node("Sqrt", &[Some(&sums)], Vec::new()))
    }

    /// One row per sample: 1 in the column of its class, or its number.
    fn answers(&self) -> Vec<f32> {
        match &self.answers {
            Answers::Numbers(values) => values.iter().map(|&value| value as f32).collect(),
            Answers::Classes { indices, count } => {
                let row = |&index: &u32| (0..*count).map(move |class| f32::from(class == index as usize));
                indices.iter().flat_map(row).collect()
            }
        }
    }
}

fn constant(
    graph: &mut GraphBuilder,
    name: &str,
    dims: &[usize],
    values: Vec<f32>,
) -> Result<Value, LearnError> {
    Ok(graph.initializer(name, &Tensor::from_vec(Shape::new(dims)?, values)?)?)
}

fn sum_over(graph: &mut GraphBuilder, values: &Value, axis: i64, keep: bool) -> Value {
    let axes = graph.int_list(&[axis]);
    graph.node("ReduceSum", &[Some(values), Some(&axes)], vec![Attribute::int("keepdims", i64::from(keep))])
}
