//! The classification extension: the best places of an output, as text.

use std::cmp::Ordering;

use bytes::Bytes;
use half::{bf16, f16};
use wharf_infer::ServiceError;
use wharf_tensor::{DType, Element, Shape, Tensor};

/// The `count` largest elements of each row of `scores`, as `value:index` or `value:index:label`: `[rows, count]`, or
/// `[count]` where `scores` has one dimension.
///
/// # Errors
/// The output holds strings or flags.
pub(super) fn classify(
    name: &str,
    scores: &Tensor,
    count: usize,
    labels: &[String],
) -> Result<Tensor, ServiceError> {
    match scores.dtype() {
        DType::F32 => top(scores, count, labels, f32::total_cmp, |value| format!("{value:.6}")),
        DType::F64 => top(scores, count, labels, f64::total_cmp, |value| format!("{value:.6}")),
        DType::F16 => top(scores, count, labels, f16::total_cmp, |value| format!("{:.6}", value.to_f32())),
        DType::BF16 => top(scores, count, labels, bf16::total_cmp, |value| format!("{:.6}", value.to_f32())),
        DType::U8 => integers::<u8>(scores, count, labels),
        DType::U16 => integers::<u16>(scores, count, labels),
        DType::U32 => integers::<u32>(scores, count, labels),
        DType::U64 => integers::<u64>(scores, count, labels),
        DType::I8 => integers::<i8>(scores, count, labels),
        DType::I16 => integers::<i16>(scores, count, labels),
        DType::I32 => integers::<i32>(scores, count, labels),
        DType::I64 => integers::<i64>(scores, count, labels),
        DType::Bool | DType::String => {
            let text = format!("class result not available for output '{name}' due to unsupported type");
            Err(ServiceError::invalid_argument(text))
        }
    }
}

fn integers<T: Element + Ord + ToString>(
    scores: &Tensor,
    count: usize,
    labels: &[String],
) -> Result<Tensor, ServiceError> {
    top(scores, count, labels, T::cmp, T::to_string)
}

fn top<T: Element>(
    scores: &Tensor,
    count: usize,
    labels: &[String],
    compare: impl Fn(&T, &T) -> Ordering,
    show: impl Fn(&T) -> String,
) -> Result<Tensor, ServiceError> {
    let dims = scores.shape().dims();
    let rows = if dims.len() > 1 { dims[0] } else { 1 };
    let width = scores.num_elements().checked_div(rows).unwrap_or(0);
    let count = count.min(width);
    let values = scores.as_elements::<T>()?;
    let mut texts = Vec::with_capacity(rows * count);
    for row in values.chunks(width.max(1)).take(rows) {
        let mut order: Vec<usize> = (0..row.len()).collect();
        // Of equals, the first.
        let by_value = |one: &usize, other: &usize| compare(&row[*other], &row[*one]).then(one.cmp(other));
        if count < order.len() {
            order.select_nth_unstable_by(count, by_value);
            order.truncate(count);
        }
        order.sort_unstable_by(by_value);
        texts.extend(order.into_iter().map(|index| {
            let label = labels.get(index).filter(|_| labels.len() == width);
            let label = label.map(|label| format!(":{label}")).unwrap_or_default();
            Bytes::from(format!("{}:{index}{label}", show(&row[index])))
        }));
    }
    let shape = if dims.len() > 1 { Shape::new(&[rows, count])? } else { Shape::new(&[count])? };
    Ok(Tensor::from_strings(shape, texts)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(tensor: &Tensor) -> Vec<&str> {
        tensor.strings().unwrap().iter().map(|text| std::str::from_utf8(text).unwrap()).collect()
    }

    #[test]
    fn the_best_come_first_with_their_labels() {
        let labels: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        let scores =
            Tensor::from_vec(Shape::new(&[2, 3]).unwrap(), vec![0.1_f32, 0.7, 0.2, 5.0, 5.0, -1.0]).unwrap();
        let best = classify("y", &scores, 2, &labels).unwrap();
        assert_eq!(best.shape().dims(), [2, 2]);
        assert_eq!(texts(&best), ["0.700000:1:b", "0.200000:2:c", "5.000000:0:a", "5.000000:1:b"]);
        let all = classify("y", &scores, 99, &[]).unwrap();
        assert_eq!(all.shape().dims(), [2, 3]);
        assert_eq!(texts(&all)[0], "0.700000:1");
    }

    #[test]
    fn one_dimension_is_one_row_and_nan_does_no_harm() {
        let scores =
            Tensor::from_vec(Shape::new(&[4]).unwrap(), vec![f32::NAN, 1.0, f32::INFINITY, -0.0]).unwrap();
        let best = classify("y", &scores, 3, &[]).unwrap();
        assert_eq!(best.shape().dims(), [3]);
        assert_eq!(texts(&best), ["NaN:0", "inf:2", "1.000000:1"]);
        let empty = Tensor::from_vec(Shape::new(&[0, 3]).unwrap(), Vec::<f32>::new()).unwrap();
        assert_eq!(classify("y", &empty, 2, &[]).unwrap().num_elements(), 0);
        let counts = Tensor::from_vec(Shape::new(&[3]).unwrap(), vec![-5_i64, 9, 3]).unwrap();
        assert_eq!(texts(&classify("y", &counts, 1, &[]).unwrap()), ["9:1"]);
        let strings = Tensor::from_strings(Shape::new(&[1]).unwrap(), vec![Bytes::new()]).unwrap();
        assert!(classify("y", &strings, 1, &[]).is_err());
    }
}
