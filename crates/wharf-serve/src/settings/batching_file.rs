//! TensorFlow Serving's `batching_parameters_file`.

use wharf_textproto::{Fields, TextError, parse};

use super::BatchingParameters;

/// Reads `BatchingParameters` out of their text form, in which each value is wrapped: `max_batch_size { value: 128 }`.
///
/// # Errors
/// The text is not in the format, or has a field that the message does not; with line and column.
pub fn read_batching_parameters(text: &str) -> Result<BatchingParameters, TextError> {
    let message = parse(text)?;
    let mut fields = message.fields("BatchingParameters");
    let read = BatchingParameters {
        max_batch_size: fields.wrapped_integer("max_batch_size")?,
        batch_timeout_micros: fields.wrapped_integer("batch_timeout_micros")?,
        max_enqueued_batches: fields.wrapped_integer("max_enqueued_batches")?,
        num_batch_threads: fields.wrapped_integer("num_batch_threads")?,
        allowed_batch_sizes: fields.integers("allowed_batch_sizes")?,
        pad_variable_length_inputs: fields.bool("pad_variable_length_inputs")?.unwrap_or_default(),
        enable_large_batch_splitting: wrapped(&mut fields, "enable_large_batch_splitting", Fields::bool)?,
        max_execution_batch_size: fields.wrapped_integer("max_execution_batch_size")?,
    };
    // The name of the threads, which nobody sees.
    wrapped(&mut fields, "thread_pool_name", Fields::string)?;
    fields.finish()?;
    Ok(read)
}

fn wrapped<'a, T>(
    fields: &mut Fields<'a>,
    name: &'static str,
    read: impl Fn(&mut Fields<'a>, &'static str) -> Result<Option<T>, TextError>,
) -> Result<Option<T>, TextError> {
    let Some(message) = fields.message(name)? else { return Ok(None) };
    let mut inner = message.fields(name);
    let value = read(&mut inner, "value")?;
    inner.finish()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_values_are_read() {
        let text = "
            max_batch_size { value: 128 }
            batch_timeout_micros: { value: 0 }, max_enqueued_batches { value: 1000000 }
            num_batch_threads { value: 8 } thread_pool_name { value: 'batch' }
            allowed_batch_sizes: 64 allowed_batch_sizes: [ 128 ]";
        let expected = BatchingParameters {
            max_batch_size: Some(128),
            batch_timeout_micros: Some(0),
            max_enqueued_batches: Some(1_000_000),
            num_batch_threads: Some(8),
            allowed_batch_sizes: vec![64, 128],
            ..BatchingParameters::default()
        };
        assert_eq!(read_batching_parameters(text).unwrap(), expected);
        assert_eq!(read_batching_parameters("").unwrap(), BatchingParameters::default());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, expected) in [
            ("max_batch_size: 128", "1:"),
            ("max_batch_size { values: 128 }", "did you mean `value`"),
            ("max_batch { value: 128 }", "unknown field `max_batch`"),
        ] {
            let error = read_batching_parameters(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
