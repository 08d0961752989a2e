//! The body of a classify or regress call: examples as objects.

use bytes::Bytes;
use wharf_infer::{ErrorCode, ServiceError};

use super::predict::{duplicate_key, open_body, refused, signature_name};
use crate::json::{Number, Scanner, type_name};
use crate::proto::tensorflow::feature::Kind;
use crate::proto::tensorflow::{BytesList, Example, Feature, Features, FloatList, Int64List};
use crate::tfs::signature::shown;

/// The most features that the examples of a body have together, each example counted as one more. An empty example
/// takes two bytes of a body and a feature seven, but a hundred times as much once read.
pub(super) const MAX_FEATURES: usize = 1 << 18;

/// What such a body says.
#[derive(Debug, Default)]
pub(super) struct ExamplesBody {
    pub(super) signature: String,
    pub(super) examples: Vec<Example>,
    pub(super) context: Option<Example>,
}

/// Reads `body`.
///
/// # Errors
/// It is no JSON, has no examples, or a feature mixes kinds.
pub(super) fn read(body: &Bytes) -> Result<ExamplesBody, ServiceError> {
    let mut read = ExamplesBody::default();
    let mut scanner = open_body(body)?;
    let mut budget = Budget { left: MAX_FEATURES };
    let mut seen = Vec::new();
    let mut first = true;
    while let Some(key) = scanner.next_key(&mut first)? {
        match &*key {
            b"signature_name" => read.signature = signature_name(&mut scanner)?,
            b"context" => read.context = Some(example(&mut scanner, &mut budget)?),
            b"examples" => read.examples = examples(&mut scanner, body, &mut budget)?,
            _ => {
                scanner.skip_value()?;
                continue;
            }
        }
        if seen.contains(&key) {
            return Err(duplicate_key(&key));
        }
        seen.push(key);
    }
    if read.examples.is_empty() {
        let why = "When method is classify, key 'examples' is expected and was not found";
        return Err(refused(body, why));
    }
    Ok(read)
}

/// How many more examples and features a body may have.
struct Budget {
    left: usize,
}

impl Budget {
    fn take_one(&mut self) -> Result<(), ServiceError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            let text = format!("the request holds more than {MAX_FEATURES} examples and features");
            ServiceError::new(ErrorCode::TooLarge, text)
        })?;
        Ok(())
    }
}

fn examples(
    scanner: &mut Scanner<'_>,
    body: &Bytes,
    budget: &mut Budget,
) -> Result<Vec<Example>, ServiceError> {
    if !scanner.accept(b'[') {
        return Err(refused(body, "Expecting 'examples' value to be an list/array"));
    }
    scanner.skip_whitespace();
    if scanner.accept(b']') {
        return Err(refused(body, "'examples' value is an empty array"));
    }
    let mut examples = Vec::new();
    loop {
        examples.push(example(scanner, budget)?);
        if !scanner.more_elements()? {
            return Ok(examples);
        }
    }
}

fn example(scanner: &mut Scanner<'_>, budget: &mut Budget) -> Result<Example, ServiceError> {
    budget.take_one()?;
    if !scanner.open_object() {
        let kind = type_name(scanner.peek());
        scanner.skip_value()?;
        let text = format!("Example must be JSON object but got JSON {kind}");
        return Err(ServiceError::invalid_argument(text));
    }
    let mut features = Features::default();
    let mut first = true;
    while let Some(key) = scanner.next_key(&mut first)? {
        budget.take_one()?;
        let name = String::from_utf8_lossy(&key).into_owned();
        let feature = feature(scanner, &name)?;
        if features.feature.insert(name, feature).is_some() {
            return Err(duplicate_key(&key));
        }
    }
    Ok(Example { features: Some(features) })
}

fn feature(scanner: &mut Scanner<'_>, name: &str) -> Result<Feature, ServiceError> {
    let mut feature = Feature::default();
    if !scanner.accept(b'[') {
        add_value(scanner, name, &mut feature)?;
        return Ok(feature);
    }
    scanner.skip_whitespace();
    if scanner.accept(b']') {
        return Ok(feature);
    }
    loop {
        add_value(scanner, name, &mut feature)?;
        if !scanner.more_elements()? {
            return Ok(feature);
        }
    }
}

/// Adds the value at this place, which must be of the kind of those before it.
fn add_value(scanner: &mut Scanner<'_>, name: &str, feature: &mut Feature) -> Result<(), ServiceError> {
    match scanner.peek() {
        b'"' => {
            scanner.take_string()?;
            add_bytes(scanner.string()?, name, feature)
        }
        b'{' if scanner.is_base64_object()? => {
            scanner.take_string()?;
            add_bytes(scanner.base64_object()?, name, feature)
        }
        b't' | b'f' => {
            let flag = scanner.peek() == b't';
            scanner.word()?;
            add_integer(i64::from(flag), name, feature)
        }
        first @ (b'n' | b'[' | b'{') => {
            scanner.skip_value()?;
            Err(ServiceError::invalid_argument(format!(
                "Feature: {} has element with unexpected JSON type: {}",
                shown(name),
                type_name(first)
            )))
        }
        _ => match scanner.number()? {
            Number::Decimal(value) => add_float(value, name, feature),
            integer => match integer.to_i64() {
                Some(value) => add_integer(value, name, feature),
                None => Err(ServiceError::invalid_argument(format!(
                    "Feature: {} has uint64 element. Only int64 is supported.",
                    shown(name)
                ))),
            },
        },
    }
}

fn add_bytes(value: Bytes, name: &str, feature: &mut Feature) -> Result<(), ServiceError> {
    match feature.kind.get_or_insert_with(|| Kind::BytesList(BytesList::default())) {
        Kind::BytesList(list) => list.value.push(value),
        other => return Err(mixed(name, other)),
    }
    Ok(())
}

fn add_integer(value: i64, name: &str, feature: &mut Feature) -> Result<(), ServiceError> {
    match feature.kind.get_or_insert_with(|| Kind::Int64List(Int64List::default())) {
        Kind::Int64List(list) => list.value.push(value),
        other => return Err(mixed(name, other)),
    }
    Ok(())
}

fn add_float(value: f64, name: &str, feature: &mut Feature) -> Result<(), ServiceError> {
    if value.is_finite() && value.abs() > f64::from(f32::MAX) {
        return Err(ServiceError::invalid_argument(format!(
            "Cannot convert JSON value: {value:e} to float without loss of precision."
        )));
    }
    match feature.kind.get_or_insert_with(|| Kind::FloatList(FloatList::default())) {
        Kind::FloatList(list) => list.value.push(value as f32),
        other => return Err(mixed(name, other)),
    }
    Ok(())
}

fn mixed(name: &str, kind: &Kind) -> ServiceError {
    let kind = match kind {
        Kind::BytesList(_) => "bytes",
        Kind::FloatList(_) => "float",
        Kind::Int64List(_) => "int64",
    };
    ServiceError::invalid_argument(format!(
        "Unexpected element type in feature: {} expecting type: {kind}",
        shown(name)
    ))
}
