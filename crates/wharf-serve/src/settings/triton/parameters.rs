//! `parameters`, a map to strings: those of the ONNX Runtime back end that are about threads, where the model runs, and
//! how ragged inputs are made alike.

use std::collections::BTreeMap;

use wharf_engine::Isolation;
use wharf_textproto::{Fields, Message, Position, TextError};

use super::TensorConfig;
use crate::Padding;

/// Before the name of an input in a key.
const VALUE_OF: &str = "pad_value.";

/// What the map says.
#[derive(Default)]
pub(super) struct Parameters {
    pub(super) intra_threads: Option<usize>,
    pub(super) inter_threads: Option<usize>,
    pub(super) isolation: Option<Isolation>,
    pad_value: Option<f64>,
    pad_values: BTreeMap<String, f64>,
    pad_buckets: Vec<usize>,
    /// Where one about padding is.
    pads_at: Option<Position>,
    place: Position,
}

impl Parameters {
    /// Reads them.
    ///
    /// # Errors
    /// One is not known, or its value is none of it.
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, TextError> {
        let mut parameters = Self { place: fields.position("input"), ..Self::default() };
        for entry in fields.messages("parameters")? {
            let (key, value, place) = parameter(entry)?;
            parameters.take(&key, &value, place)?;
        }
        Ok(parameters)
    }

    fn take(&mut self, key: &str, value: &str, place: Position) -> Result<(), TextError> {
        let wrong = |expected: &str| {
            TextError::new(place, format!("parameter `{key}` is `{value}`, expected {expected}"))
        };
        let threads = || {
            let number = value.parse::<usize>().ok().filter(|number| *number <= 1024);
            let number = number.ok_or_else(|| wrong("0 to 1024"))?;
            // 0 leaves it to the server, as with Triton.
            Ok((number > 0).then_some(number))
        };
        let number = || value.parse::<f64>().map_err(|_| wrong("a number"));
        match key {
            "intra_op_thread_count" => self.intra_threads = threads()?,
            "inter_op_thread_count" => self.inter_threads = threads()?,
            "isolation" => {
                self.isolation = match value {
                    "process" => Some(Isolation::Process),
                    "shared" => Some(Isolation::Shared),
                    _ => return Err(wrong("`process` or `shared`")),
                };
            }
            "pad_value" => {
                self.pad_value = Some(number()?);
                self.pads_at = Some(place);
            }
            "pad_buckets" => {
                let lengths =
                    value.split(',').map(|length| length.trim().parse().ok().filter(|length| *length > 0));
                let lengths = lengths.collect::<Option<Vec<usize>>>();
                self.pad_buckets = lengths.ok_or_else(|| wrong("lengths such as `16,32,64`"))?;
                self.pads_at = Some(place);
            }
            _ => {
                let Some(input) = key.strip_prefix(VALUE_OF) else {
                    let problem = format!(
                        "parameter `{key}` is not known, expected `intra_op_thread_count`, `inter_op_thread_count`, \
                         `isolation`, `pad_value`, `{VALUE_OF}INPUT` or `pad_buckets`"
                    );
                    return Err(TextError::new(place, problem));
                };
                self.pad_values.insert(input.to_owned(), number()?);
                self.pads_at = Some(place);
            }
        }
        Ok(())
    }

    /// How ragged inputs are made alike. Triton lays them end to end, for models that are told by further inputs where
    /// each begins; here they are lengthened, with a value that only the owner of the model can know.
    ///
    /// # Errors
    /// A ragged input has no value, a value no ragged input, or there are no batches.
    pub(super) fn padding(
        &self,
        inputs: &[TensorConfig],
        max_batch_size: usize,
    ) -> Result<Option<Padding>, TextError> {
        let ragged: Vec<&str> =
            inputs.iter().filter(|input| input.allow_ragged_batch).map(|input| input.name.as_str()).collect();
        let is_ragged = |name: &String| ragged.contains(&name.as_str());
        if let Some(place) = self.pads_at
            && (ragged.is_empty() || !self.pad_values.keys().all(is_ragged))
        {
            let problem = "there is a parameter about padding for an input without `allow_ragged_batch`";
            return Err(TextError::new(place, problem));
        }
        let Some(first) = ragged.first() else { return Ok(None) };
        if max_batch_size == 0 {
            let problem =
                format!("input `{first}` has `allow_ragged_batch`, expected `max_batch_size` with it");
            return Err(TextError::new(self.place, problem));
        }
        let lacks_value = |name: &&&str| self.pad_value.is_none() && !self.pad_values.contains_key(**name);
        if let Some(name) = ragged.iter().find(lacks_value) {
            let problem = format!(
                "input `{name}` has `allow_ragged_batch`, expected parameter `pad_value` or `{VALUE_OF}{name}` with \
                 it: requests of different lengths are padded, not laid end to end"
            );
            return Err(TextError::new(self.place, problem));
        }
        let padding = Padding::with_number(self.pad_value.unwrap_or_default());
        let padding = padding.with_inputs(ragged).with_buckets(self.pad_buckets.iter().copied());
        let values = self.pad_values.iter();
        Ok(Some(values.fold(padding, |padding, (input, value)| padding.with_value_of(input, *value))))
    }
}

fn parameter(entry: &Message) -> Result<(String, String, Position), TextError> {
    let mut fields = entry.fields("parameters");
    let key = fields.string("key")?.unwrap_or_default();
    let place = fields.position("key");
    let value = match fields.message("value")? {
        None => String::new(),
        Some(value) => {
            let mut fields = value.fields("ModelParameter");
            let text = fields.string("string_value")?.unwrap_or_default();
            fields.finish()?;
            text
        }
    };
    fields.finish()?;
    Ok((key, value, place))
}
