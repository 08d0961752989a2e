//! The operators that picture networks need, each as a method. Pictures are `[N, C, H, W]`.

use wharf_tensor::DType;

use crate::{Attribute, GraphBuilder, Value, dtype_code};

/// How a window moves over a picture. Pairs are (rows, columns).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The size of the window.
    pub kernel: [usize; 2],
    /// How far it moves.
    pub stride: [usize; 2],
    /// The border around the picture: top, left, bottom, right.
    pub padding: [usize; 4],
}

impl Window {
    /// A window of this size that moves by `stride`, with the same border on all sides.
    pub fn square(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 4] }
    }

    fn attributes(&self) -> Vec<Attribute> {
        vec![
            Attribute::ints("kernel_shape", self.kernel.map(to_i64)),
            Attribute::ints("strides", self.stride.map(to_i64)),
            Attribute::ints("pads", self.padding.map(to_i64)),
        ]
    }
}

/// The parameters of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// How the kernel moves.
    pub window: Window,
    /// The distance between the kernel's elements (rows, columns).
    pub dilation: [usize; 2],
    /// Into how many parts the channels are split.
    pub groups: usize,
}

impl Conv2d {
    /// A convolution without dilation or groups.
    pub fn new(window: Window) -> Self {
        Self { window, dilation: [1; 2], groups: 1 }
    }
}

impl GraphBuilder {
    /// `Conv`: weight `[out, in / groups, rows, columns]`, bias `[out]`.
    pub fn conv2d(&mut self, x: &Value, weight: &Value, bias: Option<&Value>, conv: &Conv2d) -> Value {
        let mut attributes = conv.window.attributes();
        attributes.push(Attribute::ints("dilations", conv.dilation.map(to_i64)));
        attributes.push(Attribute::int("group", to_i64(conv.groups)));
        self.node("Conv", &[Some(x), Some(weight), bias], attributes)
    }

    /// `MaxPool`; the border does not count.
    pub fn max_pool2d(&mut self, x: &Value, window: &Window) -> Value {
        self.node("MaxPool", &[Some(x)], window.attributes())
    }

    /// `AveragePool`; whether the border's zeros count is the caller's choice (PyTorch counts them).
    pub fn average_pool2d(&mut self, x: &Value, window: &Window, count_border: bool) -> Value {
        let mut attributes = window.attributes();
        attributes.push(Attribute::int("count_include_pad", i64::from(count_border)));
        self.node("AveragePool", &[Some(x)], attributes)
    }

    /// `GlobalAveragePool`: `[N, C, H, W]` to `[N, C, 1, 1]`.
    pub fn global_average_pool(&mut self, x: &Value) -> Value {
        self.node("GlobalAveragePool", &[Some(x)], Vec::new())
    }

    /// `GlobalMaxPool`: `[N, C, H, W]` to `[N, C, 1, 1]`.
    pub fn global_max_pool(&mut self, x: &Value) -> Value {
        self.node("GlobalMaxPool", &[Some(x)], Vec::new())
    }

    /// `BatchNormalization` by fixed moments, as in evaluation; all four are `[C]`.
    pub fn batch_norm(&mut self, x: &Value, parameters: &BatchNorm<'_>) -> Value {
        let BatchNorm { scale, bias, mean, variance, epsilon } = *parameters;
        let inputs = [Some(x), Some(scale), Some(bias), Some(mean), Some(variance)];
        self.node("BatchNormalization", &inputs, vec![Attribute::float("epsilon", epsilon)])
    }

    /// `Gemm` as a linear layer, `x * transpose(weight) + bias`: weight `[out, in]` as PyTorch stores it.
    pub fn linear(&mut self, x: &Value, weight: &Value, bias: Option<&Value>) -> Value {
        self.node("Gemm", &[Some(x), Some(weight), bias], vec![Attribute::int("transB", 1)])
    }

    /// `Gemm` with the weight as `[in, out]`, `x * weight + bias`.
    pub fn gemm(&mut self, x: &Value, weight: &Value, bias: Option<&Value>) -> Value {
        self.node("Gemm", &[Some(x), Some(weight), bias], Vec::new())
    }

    /// `MatMul`.
    pub fn matmul(&mut self, a: &Value, b: &Value) -> Value {
        self.node("MatMul", &[Some(a), Some(b)], Vec::new())
    }

    /// `Relu`.
    pub fn relu(&mut self, x: &Value) -> Value {
        self.node("Relu", &[Some(x)], Vec::new())
    }

    /// GELU by the error function, `x / 2 * (1 + erf(x / sqrt(2)))`: the operator set 17 has no operator for
    /// it, and in this order of nodes ONNX Runtime makes one of them.
    pub fn gelu(&mut self, x: &Value) -> Value {
        let root = self.scalar(std::f32::consts::SQRT_2);
        let (one, half) = (self.scalar(1.0), self.scalar(0.5));
        let scaled = self.div(x, &root);
        let erf = self.node("Erf", &[Some(&scaled)], Vec::new());
        let shifted = self.add(&erf, &one);
        let product = self.mul(x, &shifted);
        self.mul(&product, &half)
    }

    /// `Flatten` to two dimensions: those before `axis`, and the rest.
    pub fn flatten(&mut self, x: &Value, axis: i64) -> Value {
        self.node("Flatten", &[Some(x)], vec![Attribute::int("axis", axis)])
    }

    /// `Add`, with broadcasting.
    pub fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Add", &[Some(a), Some(b)], Vec::new())
    }

    /// `Sub`, with broadcasting.
    pub fn sub(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Sub", &[Some(a), Some(b)], Vec::new())
    }

    /// `Mul`, with broadcasting.
    pub fn mul(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Mul", &[Some(a), Some(b)], Vec::new())
    }

    /// `Div`, with broadcasting.
    pub fn div(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Div", &[Some(a), Some(b)], Vec::new())
    }

    /// `Softmax` along `axis`.
    pub fn softmax(&mut self, x: &Value, axis: i64) -> Value {
        self.node("Softmax", &[Some(x)], vec![Attribute::int("axis", axis)])
    }

    /// `ArgMax` along `axis`, which vanishes; the result is int64, the first of equals.
    pub fn arg_max(&mut self, x: &Value, axis: i64) -> Value {
        let attributes = vec![Attribute::int("axis", axis), Attribute::int("keepdims", 0)];
        self.node("ArgMax", &[Some(x)], attributes)
    }

    /// `Transpose`: dimension `i` of the result is dimension `order[i]` of `x`.
    pub fn transpose(&mut self, x: &Value, order: &[usize]) -> Value {
        let order = order.iter().map(|&axis| to_i64(axis));
        self.node("Transpose", &[Some(x)], vec![Attribute::ints("perm", order)])
    }

    /// `Cast`.
    pub fn cast(&mut self, x: &Value, dtype: DType) -> Value {
        self.node("Cast", &[Some(x)], vec![Attribute::int("to", i64::from(dtype_code(dtype)))])
    }

    /// `Concat` along `axis`.
    pub fn concat(&mut self, parts: &[&Value], axis: i64) -> Value {
        let parts: Vec<Option<&Value>> = parts.iter().copied().map(Some).collect();
        self.node("Concat", &parts, vec![Attribute::int("axis", axis)])
    }

    /// `Identity`.
    pub fn identity(&mut self, x: &Value) -> Value {
        self.node("Identity", &[Some(x)], Vec::new())
    }

    /// `Reshape`: 0 keeps a dimension, -1 takes what is left.
    pub fn reshape(&mut self, x: &Value, dims: &[i64]) -> Value {
        let dims = self.int_list(dims);
        self.node("Reshape", &[Some(x), Some(&dims)], Vec::new())
    }

    /// `Pad` with one value: how much before each dimension, and then how much after each.
    pub fn pad(&mut self, x: &Value, before: &[i64], after: &[i64], fill: f32) -> Value {
        let (amounts, fill) = (self.int_list(&[before, after].concat()), self.scalar(fill));
        self.node("Pad", &[Some(x), Some(&amounts), Some(&fill)], vec![Attribute::text("mode", "constant")])
    }
}

/// The parameters of a batch normalisation; the four values are `[C]`.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// What the normalised values are multiplied by.
    pub scale: &'a Value,
    /// What is added afterwards.
    pub bias: &'a Value,
    /// The mean that is subtracted.
    pub mean: &'a Value,
    /// The variance that is divided by.
    pub variance: &'a Value,
    /// What keeps the division from zero.
    pub epsilon: f32,
}

/// Sizes of windows and ranks are small numbers; one that is not becomes one that no runtime accepts.
fn to_i64(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
