//! Burn keeps the tape: each layer computes with our kernels and records how to go back.

mod layers;

use std::borrow::Cow;
use std::fmt::Debug;
use std::marker::PhantomData;

use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::NoCheckpointing;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_backend::tensor::FloatTensor;
use burn_backend::{AutodiffBackend, TensorData, TensorMetadata};
use burn_flex::{Flex, FlexTensor};

pub(crate) use layers::{
    add, average_pool, batch_norm, conv2d, dropout, gelu, linear, max_pool, relu, reshape, scalar,
};

/// The backend that records.
pub(crate) type Taped = Autodiff<Flex>;
/// A tensor that may be on the tape.
pub(crate) type Value = FloatTensor<Taped>;

/// A tensor over `values`, without a copy.
pub(crate) fn tensor(values: Vec<f32>, dims: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, dims.to_vec()))
}

/// A leaf of the tape; gradients are kept for it where `tracked`.
pub(crate) fn leaf(values: Vec<f32>, dims: &[usize], tracked: bool) -> Value {
    let value = Taped::from_inner(tensor(values, dims));
    if tracked { value.require_grad() } else { value }
}

/// The elements of a tensor in row-major order.
pub(crate) fn elements(tensor: &FlexTensor) -> Cow<'_, [f32]> {
    if let Some(values) = tensor.as_slice() {
        return Cow::Borrowed(values);
    }
    let contiguous = tensor.to_contiguous();
    Cow::Owned(contiguous.as_slice().map(<[f32]>::to_vec).unwrap_or_default())
}

/// The dimensions of a tensor.
pub(crate) fn dims(value: &Value) -> Vec<usize> {
    value.shape().iter().copied().collect()
}

/// Walks the tape back from a scalar.
pub(crate) fn backward(root: Value) -> Gradients {
    Taped::backward(root)
}

/// Takes the gradient of a leaf; `None` where the scalar does not depend on it.
pub(crate) fn take_gradient(value: &Value, gradients: &mut Gradients) -> Option<FlexTensor> {
    Taped::grad_remove(value, gradients)
}

/// What a layer keeps from its forward pass to go back.
trait Step<const N: usize>: Clone + Send + Debug + 'static {
    /// Gradients with respect to the inputs that are `wanted`, from that of the output.
    fn backward(&self, gradient: &FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N];
}

struct Recorded<S>(PhantomData<fn() -> S>);

impl<S> Debug for Recorded<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(std::any::type_name::<S>())
    }
}

impl<S: Step<N>, const N: usize> Backward<Flex, N> for Recorded<S> {
    type State = S;

    fn backward(self, ops: Ops<S, N>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let inputs = ops.state.backward(&gradient, wanted);
        for (node, gradient) in ops.parents.into_iter().zip(inputs) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                gradients.register::<Flex>(node.id, gradient);
            }
        }
    }
}

/// Puts `output` on the tape where any of the `inputs` is.
fn record<S: Step<N>, const N: usize>(
    inputs: [&Value; N],
    output: FlexTensor,
    step: impl FnOnce() -> S,
) -> Value {
    let nodes = inputs.map(Value::node);
    match Recorded(PhantomData::<fn() -> S>).prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(step(), output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    }
}
