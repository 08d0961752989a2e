//! Checks a request against what the graph takes, before any runtime sees it.

use wharf_tensor::{Tensor, TensorSpec};

use crate::EngineError;

/// Client names are cut to this many characters in messages.
const MAX_SHOWN: usize = 128;

/// For each of `specs`, in order, the place of its tensor in `inputs`.
///
/// # Errors
/// An input is unknown, missing, given twice, or of another type or shape than its spec.
pub fn check_inputs(specs: &[TensorSpec], inputs: &[(&str, Tensor)]) -> Result<Vec<usize>, EngineError> {
    let mut places: Vec<Option<usize>> = vec![None; specs.len()];
    for (place, (name, tensor)) in inputs.iter().enumerate() {
        let index = index_of(specs, name).ok_or_else(|| unknown("input", name, specs))?;
        if places[index].replace(place).is_some() {
            return Err(EngineError::input(format!("input `{name}` is given twice")));
        }
        check_tensor(&specs[index], tensor)?;
    }
    let found = |(place, spec): (Option<usize>, &TensorSpec)| {
        place.ok_or_else(|| EngineError::input(format!("input `{}` is missing", spec.name)))
    };
    places.into_iter().zip(specs).map(found).collect()
}

/// The place of each of `names` among `specs`; of all specs where there are no names.
pub(crate) fn check_outputs(specs: &[TensorSpec], names: &[&str]) -> Result<Vec<usize>, EngineError> {
    if names.is_empty() {
        return Ok((0..specs.len()).collect());
    }
    let mut places = Vec::new();
    for name in names {
        let place = index_of(specs, name).ok_or_else(|| unknown("output", name, specs))?;
        if places.contains(&place) {
            return Err(EngineError::input(format!("output `{name}` is asked for twice")));
        }
        places.push(place);
    }
    Ok(places)
}

/// Whether `tensor` is of the type and shape that `spec` says.
pub(crate) fn check_tensor(spec: &TensorSpec, tensor: &Tensor) -> Result<(), EngineError> {
    let name = &spec.name;
    if tensor.dtype() != spec.dtype {
        let message = format!("input `{name}` has type {}, expected {}", tensor.dtype(), spec.dtype);
        return Err(EngineError::input(message));
    }
    if !spec.shape.matches(tensor.shape()) {
        let message = format!("input `{name}` has shape {}, expected {}", tensor.shape(), spec.shape);
        return Err(EngineError::input(message));
    }
    Ok(())
}

fn index_of(specs: &[TensorSpec], name: &str) -> Option<usize> {
    specs.iter().position(|spec| spec.name == name)
}

fn unknown(what: &str, name: &str, specs: &[TensorSpec]) -> EngineError {
    let shown: String = name.chars().take(MAX_SHOWN).collect();
    let known: Vec<&str> = specs.iter().take(MAX_SHOWN).map(|spec| spec.name.as_str()).collect();
    EngineError::input(format!("unknown {what} `{shown}`, expected one of `{}`", known.join("`, `")))
}

#[cfg(test)]
mod tests {
    use wharf_tensor::{DType, Shape};

    use super::*;

    fn specs() -> Vec<TensorSpec> {
        vec![
            TensorSpec::new("image", DType::F32, &[-1, 3, 224, 224]),
            TensorSpec::new("scale", DType::I64, &[1]),
        ]
    }

    fn floats(dims: &[usize]) -> Tensor {
        let shape = Shape::new(dims).unwrap();
        let values = vec![0.0_f32; shape.num_elements()];
        Tensor::from_vec(shape, values).unwrap()
    }

    fn scale() -> Tensor {
        Tensor::from_vec(Shape::new(&[1]).unwrap(), vec![1_i64]).unwrap()
    }

    #[test]
    fn finds_inputs_in_any_order() {
        let image = floats(&[2, 3, 224, 224]);
        for (inputs, expected) in [
            ([("image", image.clone()), ("scale", scale())], [0, 1]),
            ([("scale", scale()), ("image", image)], [1, 0]),
        ] {
            assert_eq!(check_inputs(&specs(), &inputs).unwrap(), expected);
        }
    }

    #[test]
    fn rejects_inputs_that_do_not_fit() {
        let image = || ("image", floats(&[1, 3, 224, 224]));
        let long = "x".repeat(1 << 20);
        let cut = format!("unknown input `{}`, expected one of `image`, `scale`", "x".repeat(MAX_SHOWN));
        let cases: Vec<(Vec<(&str, Tensor)>, &str)> = vec![
            (vec![image()], "input `scale` is missing"),
            (vec![], "input `image` is missing"),
            (vec![image(), image()], "input `image` is given twice"),
            (vec![("Image", scale())], "unknown input `Image`, expected one of `image`, `scale`"),
            (vec![(&long, scale())], &cut),
            (vec![("a/../b\0", scale())], "unknown input `a/../b\0`, expected one of `image`, `scale`"),
            (vec![("image", scale())], "input `image` has type int64, expected float32"),
            (
                vec![("image", floats(&[1, 3, 200, 224]))],
                "input `image` has shape [1, 3, 200, 224], expected [*, 3, 224, 224]",
            ),
            (vec![("image", floats(&[]))], "input `image` has shape [], expected [*, 3, 224, 224]"),
        ];
        for (inputs, expected) in cases {
            assert_eq!(check_inputs(&specs(), &inputs).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn no_output_names_mean_all() {
        assert_eq!(check_outputs(&specs(), &[]).unwrap(), [0, 1]);
        assert_eq!(check_outputs(&specs(), &["scale"]).unwrap(), [1]);
        let error = check_outputs(&specs(), &["logits"]).unwrap_err();
        assert_eq!(error.to_string(), "unknown output `logits`, expected one of `image`, `scale`");
    }
}
