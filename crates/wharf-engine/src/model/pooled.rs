//! One vector for each row, made of those that the graph gives for its tokens.

use wharf_bundle::{PooledFinish, Pooling};
use wharf_encode::{PoolShape, finish, pool};
use wharf_infer::ServiceError;
use wharf_tensor::{DType, Shape, Tensor, TensorSpec};

/// Whether the graph can give what is pooled. The error is the problem in words.
pub(super) fn check_pooled(
    vectors: &TensorSpec,
    mask: Option<&TensorSpec>,
    pooling: Pooling,
) -> Result<(), String> {
    let rank = if pooling == Pooling::None { 2 } else { 3 };
    if vectors.dtype != DType::F32 || vectors.shape.rank() != rank {
        let (name, dtype, shape) = (&vectors.name, vectors.dtype, &vectors.shape);
        return Err(format!(
            "is pooled from `{name}`, {dtype} {shape}, expected {} of {rank} dimensions",
            DType::F32
        ));
    }
    let mask = mask.ok_or("has a mask that the graph does not take")?;
    match mask.shape.rank() == 2 && matches!(mask.dtype, DType::I64 | DType::I32) {
        true => Ok(()),
        false => Err(format!("has the mask `{}`, expected whole numbers [rows, tokens]", mask.name)),
    }
}

/// The vectors of rows.
///
/// # Shapes
/// `vectors` is `[rows, tokens, size]`, or `[rows, size]` with [`Pooling::None`]; `mask` is `[rows, tokens]`; the result is
/// `[rows, size]`.
///
/// # Errors
/// They do not fit each other.
pub(super) fn pooled(
    vectors: &Tensor,
    mask: Option<&Tensor>,
    pooling: Pooling,
    then: PooledFinish,
) -> Result<Tensor, ServiceError> {
    let failed = || ServiceError::internal("the engine failed", "vectors and mask do not fit each other");
    let mask = mask.ok_or_else(failed)?;
    let [rows, tokens] = mask.shape().dims() else { return Err(failed()) };
    let size = vectors.shape().dims().last().copied().ok_or_else(failed)?;
    let numbers = match mask.dtype() {
        DType::I32 => mask.to_vec::<i32>()?.into_iter().map(i64::from).collect(),
        _ => mask.to_vec::<i64>()?,
    };
    let shape = PoolShape { rows: *rows, tokens: *tokens, size };
    let mut pooled = pool(&vectors.as_elements::<f32>()?, &numbers, shape, pooling).ok_or_else(failed)?;
    finish(&mut pooled, size, then);
    Ok(Tensor::from_vec(Shape::new(&[*rows, size])?, pooled)?)
}
