//! From class indices to class names.

use bytes::Bytes;
use wharf_infer::ServiceError;
use wharf_tensor::{DType, Tensor, TensorError};

/// The label of each class index, in the shape of `classes`.
///
/// # Errors
/// An index has no label: the graph and the labels do not belong together.
pub(super) fn pick_labels(labels: &[String], classes: &Tensor) -> Result<Tensor, ServiceError> {
    let indices = indices(classes).map_err(|error| ServiceError::internal("the engine failed", error))?;
    let label = |index: &i64| {
        let label = usize::try_from(*index).ok().and_then(|index| labels.get(index));
        let label = label.map(|label| Bytes::copy_from_slice(label.as_bytes()));
        label.ok_or_else(|| {
            let detail = format!("class {index} of {} labels", labels.len());
            ServiceError::internal("the model gave a class that has no label", detail)
        })
    };
    let strings = indices.iter().map(label).collect::<Result<Vec<_>, _>>()?;
    Tensor::from_strings(classes.shape().clone(), strings)
        .map_err(|error| ServiceError::internal("the engine failed", error))
}

fn indices(classes: &Tensor) -> Result<Vec<i64>, TensorError> {
    match classes.dtype() {
        DType::I32 => Ok(classes.as_elements::<i32>()?.iter().copied().map(i64::from).collect()),
        _ => classes.to_vec::<i64>(),
    }
}

#[cfg(test)]
mod tests {
    use wharf_infer::ErrorCode;
    use wharf_tensor::Shape;

    use super::*;

    #[test]
    fn labels_follow_the_indices() {
        let labels = ["shirt".to_owned(), "boot".to_owned()];
        let shape = Shape::new(&[3]).unwrap();
        for classes in [
            Tensor::from_vec(shape.clone(), vec![1_i64, 0, 1]).unwrap(),
            Tensor::from_vec(shape.clone(), vec![1_i32, 0, 1]).unwrap(),
        ] {
            let picked = pick_labels(&labels, &classes).unwrap();
            assert_eq!(picked.strings().unwrap(), [&b"boot"[..], b"shirt", b"boot"]);
            assert_eq!(picked.shape(), &shape);
        }
    }

    #[test]
    fn index_without_label_is_our_fault() {
        let labels = ["shirt".to_owned()];
        for index in [1_i64, -1, i64::MIN, i64::MAX] {
            let classes = Tensor::from_vec(Shape::new(&[1]).unwrap(), vec![index]).unwrap();
            assert_eq!(pick_labels(&labels, &classes).unwrap_err().code(), ErrorCode::Internal);
        }
    }
}
