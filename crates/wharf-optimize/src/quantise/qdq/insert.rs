//! Puts the pairs of nodes and the integers into the graph.

use std::collections::{BTreeMap, HashMap};

use wharf_onnx::{Attribute, GraphEditor};
use wharf_tensor::{Shape, Tensor};

use super::StaticOptions;
use super::mark::{Mark, Marks};
use crate::OptimizeError;
use crate::calibrate::Ranges;
use crate::quantise::Parameters;
use crate::quantise::weights::{QuantisedWeight, float_constant, int_tensor};

/// The parameters that a tensor got: one for all, or one for each channel.
pub(super) type Found = HashMap<String, Vec<Parameters>>;

/// The names of the constants with a tensor's parameters.
#[derive(Clone)]
struct Names {
    scale: String,
    zero_point: String,
}

/// Quantises every marked tensor, and gives the parameters.
///
/// # Errors
/// A constant is malformed.
pub(super) fn insert(
    editor: &mut GraphEditor,
    marks: &Marks,
    weights: &BTreeMap<String, QuantisedWeight>,
    ranges: &Ranges,
    options: &StaticOptions,
) -> Result<Found, OptimizeError> {
    let mut found = Found::new();
    let mut names: HashMap<String, Names> = HashMap::new();
    for (name, _) in marks.iter().filter(|(_, mark)| !matches!(mark, Mark::Shared(_))) {
        if let Some(weight) = weights.get(name) {
            names.insert(name.to_owned(), insert_constant(editor, name, weight)?);
            found.insert(name.to_owned(), weight.parameters.clone());
        } else if let Some((low, high)) = ranges.get(name) {
            let parameters = Parameters::of_range(low, high, options.activation_grid());
            let made = constants(editor, name, parameters, options)?;
            insert_pair(editor, name, &made);
            names.insert(name.to_owned(), made);
            found.insert(name.to_owned(), vec![parameters]);
        }
    }
    insert_shared(editor, marks, &mut names, &mut found);
    Ok(found)
}

/// The tensors that share another's parameters, each after the one it shares with.
fn insert_shared(
    editor: &mut GraphEditor,
    marks: &Marks,
    names: &mut HashMap<String, Names>,
    found: &mut Found,
) {
    loop {
        let mut has_grown = false;
        for (name, mark) in marks.iter() {
            let Mark::Shared(provider) = mark else { continue };
            if names.contains_key(name) {
                continue;
            }
            if let (Some(shared), Some(parameters)) =
                (names.get(provider).cloned(), found.get(provider).cloned())
            {
                insert_pair(editor, name, &shared);
                names.insert(name.to_owned(), shared);
                found.insert(name.to_owned(), parameters);
                has_grown = true;
            }
        }
        if !has_grown {
            break;
        }
    }
}

/// A constant as integers, with a node that makes real numbers of them.
fn insert_constant(
    editor: &mut GraphEditor,
    name: &str,
    weight: &QuantisedWeight,
) -> Result<Names, OptimizeError> {
    let (values, dims) = float_constant(editor, name)?.unwrap_or_default();
    let (quantised, real) = (format!("{name}_quantized"), format!("{name}_DequantizeLinear_Output"));
    let names = names_of(name);
    editor.set_initializer(&names.zero_point, &weight.zero_points()?)?;
    editor.set_initializer(&names.scale, &weight.scales()?)?;
    editor.set_initializer(&quantised, &weight.quantise(&values, &dims)?)?;
    editor.replace_inputs(name, &real, |_| true);
    let axis = weight.axis.map(|axis| Attribute::int("axis", i64::try_from(axis).unwrap_or(0)));
    let inputs = [quantised.as_str(), &names.scale, &names.zero_point];
    editor.add_node("DequantizeLinear", &inputs, &[&real], axis.into_iter().collect());
    Ok(names)
}

fn constants(
    editor: &mut GraphEditor,
    name: &str,
    parameters: Parameters,
    options: &StaticOptions,
) -> Result<Names, OptimizeError> {
    let names = names_of(name);
    let zero_point = int_tensor(options.activation, &[], std::iter::once(parameters.zero_point))?;
    editor.set_initializer(&names.zero_point, &zero_point)?;
    editor.set_initializer(&names.scale, &Tensor::from_vec(Shape::scalar(), vec![parameters.scale])?)?;
    Ok(names)
}

fn names_of(name: &str) -> Names {
    Names { scale: format!("{name}_scale"), zero_point: format!("{name}_zero_point") }
}

/// An activation through integers: whoever took it takes what comes back. An output of the graph keeps its name, so its
/// producer gets another.
fn insert_pair(editor: &mut GraphEditor, name: &str, names: &Names) {
    let quantised = format!("{name}_QuantizeLinear_Output");
    let (before, after) = match editor.is_output(name) {
        true => (format!("{name}_QuantizeLinear_Input"), name.to_owned()),
        false => (name.to_owned(), format!("{name}_DequantizeLinear_Output")),
    };
    editor.replace_output(name, &before);
    if after != name {
        editor.replace_inputs(name, &after, |_| true);
    }
    let parameters = [names.scale.as_str(), names.zero_point.as_str()];
    editor.add_node("QuantizeLinear", &[&before, parameters[0], parameters[1]], &[&quantised], Vec::new());
    editor.add_node("DequantizeLinear", &[&quantised, parameters[0], parameters[1]], &[&after], Vec::new());
}
