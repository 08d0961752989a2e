//! Parameters: of requests, inputs and outputs, as both wires carry them.

use std::collections::BTreeMap;
use std::time::Duration;

use wharf_infer::{Deadline, SequenceId, SequencePart, ServiceError};

use super::shown;

/// The parameter that names a sequence.
pub(super) const SEQUENCE_ID: &str = "sequence_id";

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parameter {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(String),
}

/// Parameters by name. Whoever knows one takes it; what is left at the end is known to nobody, and refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parameters(pub(super) BTreeMap<String, Parameter>);

impl Parameters {
    /// Takes a flag.
    pub(super) fn take_bool(&mut self, name: &str) -> Result<Option<bool>, ServiceError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Parameter::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(wrong_type(name, "a boolean")),
        }
    }

    /// Takes a whole number that is not negative.
    pub(super) fn take_uint(&mut self, name: &str) -> Result<Option<u64>, ServiceError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Parameter::Uint(value)) => Ok(Some(value)),
            Some(Parameter::Int(value)) => {
                u64::try_from(value).map(Some).map_err(|_| wrong_type(name, "a whole number of at least 0"))
            }
            Some(_) => Err(wrong_type(name, "a whole number of at least 0")),
        }
    }

    /// Takes a text.
    pub(super) fn take_string(&mut self, name: &str) -> Result<Option<String>, ServiceError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Parameter::String(value)) => Ok(Some(value)),
            Some(_) => Err(wrong_type(name, "a string")),
        }
    }

    /// Refuses what nobody has taken; `of` says whose parameters these are.
    pub(super) fn expect_empty(&self, of: &str) -> Result<(), ServiceError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => {
                let text = format!("unknown parameter '{}' of {of}", shown(name));
                Err(ServiceError::invalid_argument(text))
            }
        }
    }
}

fn wrong_type(name: &str, expected: &str) -> ServiceError {
    ServiceError::invalid_argument(format!(
        "parameter '{}' has another type, expected {expected}",
        shown(name)
    ))
}

/// What the parameters of a request mean here.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RequestOptions {
    /// How long the answer is of use.
    pub(super) timeout: Option<Duration>,
    /// Who goes first among those that wait for a model that has levels of priority; 0 is the model's default.
    pub(super) priority: u32,
    /// Which sequence it belongs to, where it says anything of one.
    pub(super) sequence: Option<SequencePart>,
    /// Whether a stream ends each request by an empty message.
    pub(super) wants_final_response: bool,
}

impl RequestOptions {
    /// Reads them.
    ///
    /// # Errors
    /// One has the wrong type, means something that no model here can do, or is unknown.
    pub(super) fn take(parameters: &mut Parameters) -> Result<Self, ServiceError> {
        let sequence = take_sequence(parameters)?;
        let priority = parameters.take_uint("priority")?.unwrap_or_default();
        let timeout = parameters.take_uint("timeout")?.filter(|&timeout| timeout > 0);
        let options = Self {
            timeout: timeout.map(Duration::from_micros),
            // One past all levels is the default, whatever the number.
            priority: u32::try_from(priority).unwrap_or(u32::MAX),
            sequence,
            wants_final_response: parameters
                .take_bool("triton_enable_empty_final_response")?
                .unwrap_or_default(),
        };
        parameters.expect_empty("the request")?;
        Ok(options)
    }

    /// The earlier of `deadline` and what the request asks for.
    pub(super) fn deadline(&self, deadline: Deadline) -> Deadline {
        let own = self.timeout.map_or(Deadline::NONE, Deadline::after);
        match (deadline.instant(), own.instant()) {
            (Some(one), Some(other)) if other < one => own,
            (None, Some(_)) => own,
            _ => deadline,
        }
    }
}

/// What a request says of a sequence; `None` where it says nothing, or as much by 0, an empty text and flags that are not
/// set.
fn take_sequence(parameters: &mut Parameters) -> Result<Option<SequencePart>, ServiceError> {
    let wrong = || wrong_type(SEQUENCE_ID, "a whole number or a string");
    let id = match parameters.0.remove(SEQUENCE_ID) {
        None => None,
        Some(Parameter::Int(id)) => Some(SequenceId::Number(u64::try_from(id).map_err(|_| wrong())?)),
        Some(Parameter::Uint(id)) => Some(SequenceId::Number(id)),
        Some(Parameter::String(id)) => Some(SequenceId::Text(id.into())),
        Some(_) => return Err(wrong()),
    };
    let starts = parameters.take_bool("sequence_start")?.unwrap_or_default();
    let ends = parameters.take_bool("sequence_end")?.unwrap_or_default();
    let id = id.filter(SequenceId::is_set);
    Ok((id.is_some() || starts || ends).then_some(SequencePart { id, starts, ends }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, Parameter)]) -> Result<RequestOptions, String> {
        let map = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        RequestOptions::take(&mut Parameters(map)).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn known_parameters_are_honoured_and_others_refused() {
        let timeout = read(&[("timeout", Parameter::Int(1500))]).unwrap().timeout;
        assert_eq!(timeout, Some(Duration::from_micros(1500)));
        for (given, expected) in [(0, 0), (3, 3), (1 << 40, u32::MAX)] {
            assert_eq!(read(&[("priority", Parameter::Uint(given))]).unwrap().priority, expected);
        }
        assert!(read(&[("sequence_id", Parameter::Int(0)), ("priority", Parameter::Uint(0))]).is_ok());
        for (pair, expected) in [
            (("sequence_id", Parameter::Int(-1)), "expected a whole number or a string"),
            (("sequence_start", Parameter::Int(1)), "expected a boolean"),
            (("sequence_end", Parameter::String("true".into())), "expected a boolean"),
            (("sequence_id", Parameter::Bool(true)), "expected a whole number or a string"),
            (("priority", Parameter::Int(-1)), "expected a whole number"),
            (("timeout", Parameter::Int(-1)), "expected a whole number"),
            (("timeout", Parameter::String("1".into())), "expected a whole number"),
            (("headers", Parameter::String("x".into())), "unknown parameter 'headers' of the request"),
            (("triton_x", Parameter::Bool(true)), "unknown parameter 'triton_x' of the request"),
        ] {
            let error = read(std::slice::from_ref(&pair)).unwrap_err();
            assert!(error.contains(expected), "{pair:?}: {error}");
        }
    }

    #[test]
    fn sequences_have_numbers_or_texts_and_two_flags() {
        let read = |pairs: &[(&str, Parameter)]| read(pairs).unwrap().sequence;
        let number = |number| Some(SequenceId::Number(number));
        let (start, end) =
            (("sequence_start", Parameter::Bool(true)), ("sequence_end", Parameter::Bool(true)));
        for (pairs, expected) in [
            (vec![("sequence_id", Parameter::Uint(7)), start.clone()], Some((number(7), true, false))),
            (vec![("sequence_id", Parameter::Int(7)), end], Some((number(7), false, true))),
            (
                vec![("sequence_id", Parameter::String("a".into()))],
                Some((Some(SequenceId::Text("a".into())), false, false)),
            ),
            // A flag without a sequence: the model says what is missing.
            (vec![("sequence_id", Parameter::Int(0)), start], Some((None, true, false))),
            (vec![("sequence_id", Parameter::Int(0)), ("sequence_start", Parameter::Bool(false))], None),
            (vec![("sequence_id", Parameter::String(String::new()))], None),
            (vec![], None),
        ] {
            let part = read(&pairs).map(|part| (part.id, part.starts, part.ends));
            assert_eq!(part, expected, "{pairs:?}");
        }
    }

    #[test]
    fn the_earlier_deadline_counts() {
        let options = |timeout| RequestOptions { timeout, ..RequestOptions::default() };
        let hour = Deadline::after(Duration::from_secs(3600));
        assert_eq!(options(None).deadline(hour), hour);
        assert!(options(Some(Duration::ZERO)).deadline(hour).has_passed());
        assert!(options(Some(Duration::ZERO)).deadline(Deadline::NONE).has_passed());
        assert_eq!(options(Some(Duration::from_secs(7200))).deadline(hour), hour);
    }
}
