//! The JSON of an infer request: what it asks for, and where in the text its tensors are.

use bytes::Bytes;
use wharf_infer::ServiceError;
use wharf_tensor::MAX_RANK;

use super::super::parameter::{Parameter, Parameters};
use super::super::shown;
use crate::json::{Number, Scanner, shown as shown_text, type_name};

/// What a request says apart from its numbers.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) id: String,
    pub(super) parameters: Parameters,
    pub(super) inputs: Vec<InputHeader>,
    pub(super) outputs: Vec<(String, Parameters)>,
}

/// One input. Its data are read once type and shape are known, which may come after them.
#[derive(Debug, Default)]
pub(super) struct InputHeader {
    pub(super) name: String,
    pub(super) datatype: String,
    pub(super) shape: Vec<i64>,
    pub(super) parameters: Parameters,
    /// Where in the text the data begin.
    pub(super) data_at: Option<usize>,
}

/// Reads the header in `text`, of at most `max_tensors` inputs and outputs. Members that nobody knows are passed over.
///
/// # Errors
/// The text is no JSON, or a part of it is of another kind than the protocol says.
pub(super) fn read(text: &Bytes, max_tensors: usize) -> Result<Header, ServiceError> {
    let mut scanner = Scanner::new(text);
    if !scanner.open_object() {
        let start = scanner.offset();
        scanner.skip_value()?;
        return Err(wrong("the request", &scanner, start, "an object"));
    }
    let mut header = Header::default();
    let mut seen = Vec::new();
    let mut first = true;
    while let Some(key) = scanner.next_key(&mut first)? {
        match &*key {
            b"id" => header.id = string(&mut scanner, "id")?,
            b"parameters" => header.parameters = parameters(&mut scanner)?,
            b"inputs" => header.inputs = list(&mut scanner, "inputs", max_tensors, input)?,
            b"outputs" => header.outputs = list(&mut scanner, "outputs", max_tensors, output)?,
            _ => {
                scanner.skip_value()?;
                continue;
            }
        }
        once(&mut seen, key)?;
    }
    if !scanner.is_blank() {
        return Err(scanner.error("The document root must not be followed by other values."));
    }
    Ok(header)
}

fn input(scanner: &mut Scanner<'_>) -> Result<InputHeader, ServiceError> {
    let mut input = InputHeader::default();
    members(scanner, "inputs", |scanner, key| {
        match key {
            b"name" => input.name = string(scanner, "name")?,
            b"datatype" => input.datatype = string(scanner, "datatype")?,
            b"shape" => input.shape = shape(scanner)?,
            b"parameters" => input.parameters = parameters(scanner)?,
            b"data" => {
                input.data_at = Some(scanner.offset());
                scanner.leap_value()?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if input.name.is_empty() {
        return Err(ServiceError::invalid_argument("an input has no 'name'"));
    }
    Ok(input)
}

fn output(scanner: &mut Scanner<'_>) -> Result<(String, Parameters), ServiceError> {
    let (mut name, mut given) = (String::new(), Parameters::default());
    members(scanner, "outputs", |scanner, key| {
        match key {
            b"name" => name = string(scanner, "name")?,
            b"parameters" => given = parameters(scanner)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if name.is_empty() {
        return Err(ServiceError::invalid_argument("an output has no 'name'"));
    }
    Ok((name, given))
}

/// The members of an object; `take` says whether it knows a key, and has then read its value.
fn members(
    scanner: &mut Scanner<'_>,
    of: &str,
    mut take: impl FnMut(&mut Scanner<'_>, &[u8]) -> Result<bool, ServiceError>,
) -> Result<(), ServiceError> {
    let start = scanner.offset();
    if !scanner.open_object() {
        scanner.skip_value()?;
        return Err(wrong(of, scanner, start, "a list of objects"));
    }
    let mut seen = Vec::new();
    let mut first = true;
    while let Some(key) = scanner.next_key(&mut first)? {
        match take(scanner, &key)? {
            true => once(&mut seen, key)?,
            false => scanner.skip_value()?,
        }
    }
    Ok(())
}

/// Readers differ in which of two equal keys they take, so neither is taken.
fn once(seen: &mut Vec<Bytes>, key: Bytes) -> Result<(), ServiceError> {
    if seen.contains(&key) {
        let key = String::from_utf8_lossy(&key).into_owned();
        return Err(ServiceError::invalid_argument(format!(
            "JSON object has the key '{}' twice",
            shown(&key)
        )));
    }
    seen.push(key);
    Ok(())
}

fn list<T>(
    scanner: &mut Scanner<'_>,
    name: &str,
    limit: usize,
    mut item: impl FnMut(&mut Scanner<'_>) -> Result<T, ServiceError>,
) -> Result<Vec<T>, ServiceError> {
    let start = scanner.offset();
    if !scanner.accept(b'[') {
        scanner.skip_value()?;
        return Err(wrong(name, scanner, start, "a list"));
    }
    scanner.skip_whitespace();
    let mut items = Vec::new();
    if scanner.accept(b']') {
        return Ok(items);
    }
    loop {
        if items.len() == limit {
            let text = format!("'{name}' has more than {limit} members");
            return Err(ServiceError::invalid_argument(text));
        }
        items.push(item(scanner)?);
        if !scanner.more_elements()? {
            return Ok(items);
        }
    }
}

fn shape(scanner: &mut Scanner<'_>) -> Result<Vec<i64>, ServiceError> {
    // One more than may be, so that a shape of too many is told from one that fits.
    list(scanner, "shape", MAX_RANK + 1, |scanner| {
        let start = scanner.offset();
        let number = match scanner.peek() {
            b'0'..=b'9' | b'-' => scanner.number()?.to_i64(),
            _ => {
                scanner.skip_value()?;
                None
            }
        };
        number.ok_or_else(|| wrong("shape", scanner, start, "whole numbers"))
    })
}

fn string(scanner: &mut Scanner<'_>, name: &str) -> Result<String, ServiceError> {
    let start = scanner.offset();
    if scanner.peek() != b'"' {
        scanner.skip_value()?;
        return Err(wrong(name, scanner, start, "a string"));
    }
    let text = scanner.string()?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// An object of flags, numbers and strings.
pub(super) fn parameters(scanner: &mut Scanner<'_>) -> Result<Parameters, ServiceError> {
    let mut parameters = Parameters::default();
    members(scanner, "parameters", |scanner, key| {
        let start = scanner.offset();
        let value = match scanner.peek() {
            b'"' => Parameter::String(string(scanner, "parameters")?),
            b't' | b'f' => {
                let is_true = scanner.peek() == b't';
                scanner.skip_value()?;
                Parameter::Bool(is_true)
            }
            b'0'..=b'9' | b'-' => number(scanner.number()?),
            _ => {
                scanner.skip_value()?;
                return Err(wrong("parameters", scanner, start, "flags, numbers and strings"));
            }
        };
        parameters.0.insert(String::from_utf8_lossy(key).into_owned(), value);
        Ok(true)
    })?;
    Ok(parameters)
}

fn number(number: Number) -> Parameter {
    match (number.to_i64(), number.to_u64()) {
        (Some(value), _) => Parameter::Int(value),
        (None, Some(value)) => Parameter::Uint(value),
        (None, None) => Parameter::Double(number.to_f64()),
    }
}

fn wrong(name: &str, scanner: &Scanner<'_>, start: usize, expected: &str) -> ServiceError {
    let value = scanner.since(start);
    let kind = type_name(value.first().copied().unwrap_or(b'0'));
    let value = shown_text(value);
    ServiceError::invalid_argument(format!("'{name}' is {value}, a JSON {kind}, expected {expected}"))
}
