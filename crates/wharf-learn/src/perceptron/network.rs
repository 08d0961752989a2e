//! The layers: forward, and the gradients back. All matrices are row-major.

use wharf_transform::CounterRng;

/// Keeps the first weights apart from every other use of the same seed.
const DOMAIN: u64 = u64::from_be_bytes(*b"percep w");

/// What is learned, one entry per sample.
#[derive(Clone, Debug)]
pub(super) enum Goal {
    Classes(Vec<u32>),
    Numbers(Vec<f32>),
}

/// `y = x w + b`, with `w` `[inputs, outputs]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) weights: Vec<f32>,
    pub(super) biases: Vec<f32>,
}

/// Layers with rectifiers between them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Network {
    layers: Vec<Layer>,
}

impl Layer {
    fn zeros(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs, weights: vec![0.0; inputs * outputs], biases: vec![0.0; outputs] }
    }

    /// Both kinds of parameters.
    pub(super) fn parameters_mut(&mut self) -> impl Iterator<Item = &mut f32> {
        self.weights.iter_mut().chain(&mut self.biases)
    }

    fn forward(&self, x: &[f32]) -> Vec<f32> {
        let rows = x.len() / self.inputs;
        let mut y = self.biases.repeat(rows);
        for (x, y) in x.chunks_exact(self.inputs).zip(y.chunks_exact_mut(self.outputs)) {
            // What is zero, as half of a rectifier's outputs and most of one-hot features are, costs nothing.
            for (value, weights) in x.iter().zip(self.weights.chunks_exact(self.outputs)) {
                if *value != 0.0 {
                    y.iter_mut().zip(weights).for_each(|(y, weight)| *y += value * weight);
                }
            }
        }
        y
    }

    /// Adds to `self`, which holds gradients: `dw = x^T dy`, `db = sum dy`.
    fn add_gradients(&mut self, x: &[f32], dy: &[f32]) {
        for (x, dy) in x.chunks_exact(self.inputs).zip(dy.chunks_exact(self.outputs)) {
            self.biases.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += dy);
            for (value, sums) in x.iter().zip(self.weights.chunks_exact_mut(self.outputs)) {
                if *value != 0.0 {
                    sums.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += value * dy);
                }
            }
        }
    }

    /// `dx = dy w^T`, zero where the rectifier before gave zero.
    fn backward(&self, x: &[f32], dy: &[f32]) -> Vec<f32> {
        let mut dx = vec![0.0; x.len()];
        let rows = x.chunks_exact(self.inputs).zip(dy.chunks_exact(self.outputs));
        for ((x, dy), dx) in rows.zip(dx.chunks_exact_mut(self.inputs)) {
            for ((value, weights), dx) in x.iter().zip(self.weights.chunks_exact(self.outputs)).zip(dx) {
                if *value > 0.0 {
                    *dx = dot(weights, dy);
                }
            }
        }
        dx
    }
}

impl Network {
    /// Weights by He et al. (2015), even in `+-sqrt(6 / inputs)`; biases zero.
    pub(super) fn new(inputs: usize, hidden: &[usize], outputs: usize, seed: u64) -> Self {
        let sizes: Vec<usize> = [&[inputs], hidden, &[outputs]].concat();
        let layer = |(place, pair): (usize, &[usize])| {
            let mut rng = CounterRng::new(&[seed, DOMAIN, place as u64]);
            let mut layer = Layer::zeros(pair[0], pair[1]);
            let bound = (6.0 / pair[0] as f64).sqrt();
            layer.weights.iter_mut().for_each(|weight| *weight = rng.uniform_in(-bound, bound) as f32);
            layer
        };
        Self { layers: sizes.windows(2).enumerate().map(layer).collect() }
    }

    pub(super) fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.inputs)
    }

    pub(super) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    pub(super) fn layers_mut(&mut self) -> &mut [Layer] {
        &mut self.layers
    }

    /// The same layers with all parameters zero.
    pub(super) fn zeros(&self) -> Self {
        Self { layers: self.layers.iter().map(|layer| Layer::zeros(layer.inputs, layer.outputs)).collect() }
    }

    /// What goes into each layer, and what comes out of the last.
    pub(super) fn forward(&self, x: Vec<f32>) -> Vec<Vec<f32>> {
        let mut values = vec![x];
        for (place, layer) in self.layers.iter().enumerate() {
            let mut y = layer.forward(&values[place]);
            if place + 1 < self.layers.len() {
                y.iter_mut().for_each(|value| *value = value.max(0.0));
            }
            values.push(y);
        }
        values
    }

    /// Adds the gradients of the loss to `gradients`; gives the sum of the weighted losses. `rows` and `weights` say
    /// which samples of `goal` the rows of `x` are, and what they count.
    pub(super) fn add_gradients(
        &self,
        x: Vec<f32>,
        goal: &Goal,
        rows: &[usize],
        weights: &[f32],
        gradients: &mut Network,
    ) -> f64 {
        let mut values = self.forward(x);
        let mut dy = values.pop().unwrap_or_default();
        let loss = loss_and_slopes(&mut dy, goal, rows, weights);
        for (place, (layer, gradient)) in self.layers.iter().zip(&mut gradients.layers).enumerate().rev() {
            gradient.add_gradients(&values[place], &dy);
            if place > 0 {
                dy = layer.backward(&values[place], &dy);
            }
        }
        loss
    }
}

/// The sum of the weighted losses (cross entropy, or half the squared error); outputs become their derivatives.
pub(super) fn loss_and_slopes(outputs: &mut [f32], goal: &Goal, rows: &[usize], weights: &[f32]) -> f64 {
    let mut sum = 0.0;
    let width = outputs.len() / rows.len().max(1);
    for ((outputs, &row), &weight) in outputs.chunks_exact_mut(width).zip(rows).zip(weights) {
        match goal {
            Goal::Numbers(values) => {
                let error = outputs[0] - values[row];
                outputs[0] = weight * error;
                sum += f64::from(weight * error * error / 2.0);
            }
            Goal::Classes(indices) => {
                let class = indices[row] as usize;
                let largest = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let margin = outputs[class] - largest;
                outputs.iter_mut().for_each(|output| *output = (*output - largest).exp());
                let total: f32 = outputs.iter().sum();
                sum += f64::from(weight * (total.ln() - margin));
                outputs.iter_mut().for_each(|output| *output *= weight / total);
                outputs[class] -= weight;
            }
        }
    }
    sum
}

/// The inner product by eight sums, which the compiler keeps in one register.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0.0_f32; LANES];
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}
