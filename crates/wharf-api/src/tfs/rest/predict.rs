//! The body of a predict call: rows under `instances`, or columns under `inputs`.

use std::collections::BTreeSet;

use bytes::Bytes;
use wharf_bundle::{Signature, SignatureInput};
use wharf_infer::{NamedTensor, ServiceError};

use crate::json::{Buffer, ItemShape, Scanner, malformed, shown};
use crate::tfs::signature::shown as shown_name;

/// In which form inputs came, and outputs therefore go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `instances` and `predictions`: the first dimension outermost.
    Row,
    /// `inputs` and `outputs`: names outermost.
    Column,
}

/// Where in a body its parts are. The signature may come last, so the tensors are read only after all is found.
#[derive(Debug, Default)]
pub(super) struct Located {
    /// The signature asked for; empty where none is.
    pub(super) signature: String,
    instances: Option<usize>,
    inputs: Option<usize>,
}

/// Finds the parts of `body`. With `inputs_are_rows`, the key `inputs` is another word for `instances`.
///
/// # Errors
/// It is no JSON, or no object; `signature_name` is no string; a part is there twice.
pub(super) fn locate(body: &Bytes, inputs_are_rows: bool) -> Result<Located, ServiceError> {
    let mut located = Located::default();
    let mut seen = BTreeSet::new();
    let mut scanner = open_body(body)?;
    let mut first = true;
    while let Some(key) = scanner.next_key(&mut first)? {
        let start = scanner.offset();
        match &*key {
            b"signature_name" => located.signature = signature_name(&mut scanner)?,
            b"instances" => {
                located.instances = Some(start);
                scanner.leap_value()?;
            }
            b"inputs" if inputs_are_rows && located.instances.is_none() => {
                located.instances = Some(start);
                scanner.leap_value()?;
            }
            b"inputs" => {
                located.inputs = Some(start);
                scanner.leap_value()?;
            }
            _ => {
                scanner.skip_value()?;
                continue;
            }
        }
        if !seen.insert(key.clone()) {
            return Err(duplicate_key(&key));
        }
    }
    Ok(located)
}

/// A scanner behind the `{` of the body.
pub(super) fn open_body(body: &Bytes) -> Result<Scanner<'_>, ServiceError> {
    let mut scanner = Scanner::new(body);
    if scanner.is_blank() {
        return Err(ServiceError::invalid_argument("JSON Parse error: The document is empty"));
    }
    if !scanner.open_object() {
        scanner.skip_value()?;
        return Err(refused(body, "Is not object"));
    }
    Ok(scanner)
}

/// The value of `signature_name`.
pub(super) fn signature_name(scanner: &mut Scanner<'_>) -> Result<String, ServiceError> {
    if scanner.peek() != b'"' {
        let start = scanner.offset();
        scanner.skip_value()?;
        let value = shown(scanner.since(start));
        return Err(ServiceError::invalid_argument(format!(
            "JSON Value: {value} not formatted correctly. 'signature_name' key must be a string value."
        )));
    }
    let name = scanner.string()?;
    Ok(String::from_utf8_lossy(&name).into_owned())
}

/// The body is JSON, but not as the wire wants it.
pub(super) fn refused(body: &[u8], why: &str) -> ServiceError {
    ServiceError::invalid_argument(format!("JSON Value: {} {why}", shown(body)))
}

/// A key is there twice: readers differ in which of the two they take, so neither is taken.
pub(super) fn duplicate_key(key: &[u8]) -> ServiceError {
    let key = String::from_utf8_lossy(key);
    ServiceError::invalid_argument(format!("JSON object has the key `{}` twice", shown_name(&key)))
}

/// Reads the tensors.
///
/// # Errors
/// The values do not fit the signature.
pub(super) fn read_inputs(
    body: &Bytes,
    located: &Located,
    signature: &Signature,
) -> Result<(Form, Vec<NamedTensor>), ServiceError> {
    let mut scanner = Scanner::new(body);
    let mut columns = Columns::new(&signature.inputs)?;
    match (located.instances, located.inputs) {
        (Some(_), Some(_)) => Err(refused(
            body,
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
        )),
        (None, None) => Err(ServiceError::invalid_argument("Missing 'inputs' or 'instances' key")),
        (Some(start), None) => {
            scanner.rewind(start);
            let rows = columns.read_rows(&mut scanner, body)?;
            Ok((Form::Row, columns.finish(Some(rows))?))
        }
        (None, Some(start)) => {
            scanner.rewind(start);
            columns.read_columns(&mut scanner)?;
            Ok((Form::Column, columns.finish(None)?))
        }
    }
}

/// The inputs of a signature as they fill.
struct Columns<'a>(Vec<Column<'a>>);

struct Column<'a> {
    name: &'a str,
    buffer: Buffer,
    /// The shape of the first item, which the others must have too.
    shape: Option<ItemShape>,
    /// How many items were read.
    items: usize,
}

impl<'a> Columns<'a> {
    fn new(inputs: &'a [SignatureInput]) -> Result<Self, ServiceError> {
        let column = |input: &'a SignatureInput| {
            let buffer = Buffer::new(input.spec.dtype)?;
            Ok(Column { name: &input.spec.name, buffer, shape: None, items: 0 })
        };
        inputs.iter().map(column).collect::<Result<_, ServiceError>>().map(Self)
    }

    fn find(&mut self, name: &[u8]) -> Option<&mut Column<'a>> {
        self.0.iter_mut().find(|column| column.name.as_bytes() == name)
    }

    /// The list of `instances`; says how many there are.
    fn read_rows(&mut self, scanner: &mut Scanner<'_>, body: &[u8]) -> Result<usize, ServiceError> {
        if !scanner.accept(b'[') {
            return Err(refused(body, "Excepting 'instances' to be an list/array"));
        }
        scanner.skip_whitespace();
        if scanner.accept(b']') {
            return Err(refused(body, "No values in 'instances' array"));
        }
        let are_objects = is_named(scanner)?;
        if !are_objects && self.0.len() != 1 {
            return Err(ServiceError::invalid_argument(
                "instances is a plain list, but expecting list of objects as multiple input tensors \
                 required as per tensorinfo_map",
            ));
        }
        let mut row = 0;
        loop {
            if are_objects {
                self.read_object(scanner, row)?;
            } else {
                self.read_plain(scanner, row)?;
            }
            row += 1;
            if !scanner.more_elements()? {
                return Ok(row);
            }
        }
    }

    fn read_plain(&mut self, scanner: &mut Scanner<'_>, row: usize) -> Result<(), ServiceError> {
        if scanner.peek() == b'{' && is_named(scanner)? {
            return Err(ServiceError::invalid_argument(format!(
                "Expecting value/list but got object at item {row} of input list"
            )));
        }
        let Some(column) = self.0.first_mut() else { return Ok(()) };
        column.read_item(scanner).map_err(|error| {
            wrapped(error, &format!("Failed to process element: {row} of 'instances' list."))
        })
    }

    fn read_object(&mut self, scanner: &mut Scanner<'_>, row: usize) -> Result<(), ServiceError> {
        if !is_named(scanner)? {
            return Err(ServiceError::invalid_argument(format!(
                "Expecting object but got list at item {row} of input list"
            )));
        }
        let start = scanner.offset();
        scanner.advance(1);
        let mut first = true;
        while let Some(key) = scanner.next_key(&mut first)? {
            self.read_member(scanner, row, &key)?;
        }
        if self.0.iter().all(|column| column.items == row + 1) {
            return Ok(());
        }
        let mut names: Vec<&str> = self.0.iter().map(|column| column.name).collect();
        names.sort_unstable();
        Err(ServiceError::invalid_argument(format!(
            "Failed to process element: {row} of 'instances' list. JSON object: {} keys must be equal to: {}",
            shown(scanner.since(start)),
            names.join(",")
        )))
    }

    fn read_member(
        &mut self,
        scanner: &mut Scanner<'_>,
        row: usize,
        key: &Bytes,
    ) -> Result<(), ServiceError> {
        let result = match self.find(key) {
            Some(column) if column.items > row => return Err(duplicate_key(key)),
            Some(column) => column.read_item(scanner),
            None => {
                let name = String::from_utf8_lossy(key);
                let text = format!("JSON object: does not have named input: {}", shown_name(&name));
                Err(ServiceError::invalid_argument(text))
            }
        };
        result.map_err(|error| {
            let key = String::from_utf8_lossy(key);
            let what =
                format!("Failed to process element: {row} key: {} of 'instances' list.", shown_name(&key));
            wrapped(error, &what)
        })
    }

    /// The value of `inputs`.
    fn read_columns(&mut self, scanner: &mut Scanner<'_>) -> Result<(), ServiceError> {
        if !is_named(scanner)? {
            return match self.0.as_mut_slice() {
                [only] => only.read_item(scanner),
                _ => Err(ServiceError::invalid_argument(
                    "inputs is a plain value/list, but expecting an object as multiple input tensors \
                     required as per tensorinfo_map",
                )),
            };
        }
        scanner.advance(1);
        let mut first = true;
        while let Some(key) = scanner.next_key(&mut first)? {
            match self.find(&key) {
                Some(column) if column.items > 0 => return Err(duplicate_key(&key)),
                Some(column) => column.read_item(scanner)?,
                None => scanner.skip_value()?,
            }
        }
        match self.0.iter().find(|column| column.items == 0) {
            None => Ok(()),
            Some(missing) => Err(ServiceError::invalid_argument(format!(
                "Missing named input: {} in 'inputs' object.",
                missing.name
            ))),
        }
    }

    /// The tensors; of rows with `rows` as their first dimension.
    fn finish(self, rows: Option<usize>) -> Result<Vec<NamedTensor>, ServiceError> {
        let finish = |column: Column<'_>| {
            let mut dims: Vec<usize> = rows.into_iter().collect();
            dims.extend(column.shape.iter().flat_map(|shape| shape.dims()));
            Ok(NamedTensor::new(column.name, column.buffer.into_tensor(&dims)?))
        };
        self.0.into_iter().map(finish).collect()
    }
}

impl Column<'_> {
    fn read_item(&mut self, scanner: &mut Scanner<'_>) -> Result<(), ServiceError> {
        let before = self.buffer.len();
        let shape = self.buffer.read_item(scanner)?;
        self.items += 1;
        let Some(expected) = &self.shape else {
            self.shape = Some(shape);
            return Ok(());
        };
        if expected.dims() == shape.dims() {
            return Ok(());
        }
        let wanted: usize = expected.dims().iter().product();
        let got = self.buffer.len() - before;
        Err(ServiceError::invalid_argument(if wanted != got {
            format!("Expecting tensor size: {wanted} but got: {got}")
        } else {
            format!("Expecting shape {:?} but got: {:?}", expected.dims(), shape.dims())
        }))
    }
}

/// Whether the value at this place is an object of named tensors, and not one string in base64.
fn is_named(scanner: &Scanner<'_>) -> Result<bool, ServiceError> {
    Ok(scanner.peek() == b'{' && !scanner.is_base64_object()?)
}

/// Says where an error happened, unless it is about the text itself, which has its offset.
fn wrapped(error: ServiceError, what: &str) -> ServiceError {
    if error.message().starts_with(malformed("", 0).message().split(':').next().unwrap_or_default()) {
        return error;
    }
    ServiceError::new(error.code(), format!("{what} Error: INVALID_ARGUMENT: {}", error.message()))
}
