//! Triton's trace extension: which requests are traced, as both wires ask for it and change it.
//!
//! What there is can be changed: whether anything is traced (`trace_level`) and how many of the requests whose caller
//! has not decided (`trace_rate`, one in so many). The rest can be read, and set to what it is.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use wharf_infer::{ErrorCode, ServiceError};
use wharf_trace::{TraceSettings, Tracer};

use super::grpc::unimplemented;
use super::infer::OipBackend;
use super::shown;

/// Settings by name; no values clear a setting.
pub(super) type Settings = BTreeMap<String, Vec<String>>;

const LEVEL: &str = "trace_level";
const RATE: &str = "trace_rate";
/// What cannot be changed, and what it is: there is no limit, no file, and the collector decides when it writes.
const FIXED: [(&str, &str); 4] =
    [("trace_count", "-1"), ("log_frequency", "0"), ("trace_file", ""), ("trace_mode", "opentelemetry")];

impl OipBackend {
    /// The trace settings after `changes`; those of a model are those of the server.
    ///
    /// # Errors
    /// The model does not exist, a change is refused, or there is no collector that traces could go to.
    pub(super) fn change_traces(&self, model: &str, changes: &Settings) -> Result<Settings, ServiceError> {
        if !model.is_empty() {
            self.find(model, "")?;
            if !changes.is_empty() {
                return Err(unimplemented("trace settings of single models"));
            }
        }
        if !changes.is_empty() {
            let (Some(now), Some(start)) = (self.tracer.settings(), self.tracer.settings_at_start()) else {
                let text = "this server was started without a collector of traces";
                return Err(ServiceError::new(ErrorCode::FailedPrecondition, text));
            };
            self.tracer.set(changed(now, start, changes)?);
        }
        Ok(of(&self.tracer))
    }
}

fn of(tracer: &Tracer) -> Settings {
    let settings = tracer.settings().unwrap_or(TraceSettings { is_on: false, sample: 0.0 });
    let level = if settings.is_on { "TIMESTAMPS" } else { "OFF" };
    let rate = if settings.sample > 0.0 { (1.0 / settings.sample).round() as u64 } else { 0 };
    let changeable = [(LEVEL, level.to_owned()), (RATE, rate.to_string())];
    let fixed = FIXED.map(|(name, value)| (name, value.to_owned()));
    changeable.into_iter().chain(fixed).map(|(name, value)| (name.to_owned(), vec![value])).collect()
}

fn changed(
    now: TraceSettings,
    start: TraceSettings,
    changes: &Settings,
) -> Result<TraceSettings, ServiceError> {
    let mut next = now;
    for (name, values) in changes {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        match (name.as_str(), values.as_slice()) {
            (LEVEL, []) => next.is_on = start.is_on,
            (LEVEL, ["OFF"]) => next.is_on = false,
            (LEVEL, ["TIMESTAMPS"]) => next.is_on = true,
            (LEVEL, _) => return Err(refused(name, "'OFF' or 'TIMESTAMPS'")),
            (RATE, []) => next.sample = start.sample,
            (RATE, [rate]) => next.sample = share(name, rate)?,
            (RATE, _) => return Err(refused(name, "one number")),
            _ => match FIXED.iter().find(|(fixed, _)| fixed == name) {
                Some((_, value)) if values.is_empty() || values == [*value] => {}
                Some((_, value)) => {
                    return Err(refused(name, &format!("'{value}', which cannot be changed")));
                }
                None => {
                    let text = format!("unknown trace setting '{}'", shown(name));
                    return Err(ServiceError::invalid_argument(text));
                }
            },
        }
    }
    Ok(next)
}

/// One request in `rate`; 0 leaves it to the callers.
fn share(name: &str, rate: &str) -> Result<f64, ServiceError> {
    let rate: u32 = rate.parse().map_err(|_| refused(name, "a whole number from 0 on"))?;
    Ok(if rate == 0 { 0.0 } else { 1.0 / f64::from(rate) })
}

fn refused(name: &str, expected: &str) -> ServiceError {
    ServiceError::invalid_argument(format!(
        "trace setting '{}' has another value, expected {expected}",
        shown(name)
    ))
}

/// Settings as JSON: the level is a list, the others are texts.
pub(super) fn to_json(settings: Settings) -> Value {
    let value = |(name, values): (String, Vec<String>)| {
        let value = if name == LEVEL { json!(values) } else { json!(values.concat()) };
        (name, value)
    };
    Value::Object(settings.into_iter().map(value).collect::<Map<_, _>>())
}

/// Settings out of JSON: texts, lists of them, numbers as texts or not, and null to clear.
///
/// # Errors
/// One is something else.
pub(super) fn from_json(document: &Value) -> Result<Settings, ServiceError> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let settings = document.as_object().into_iter().flatten().map(|(name, value)| {
        let values = match value {
            Value::Null => Some(Vec::new()),
            Value::Array(values) => values.iter().map(text).collect(),
            value => text(value).map(|text| vec![text]),
        };
        Ok((name.clone(), values.ok_or_else(|| refused(name, "a text, a list of texts or null"))?))
    });
    settings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: TraceSettings = TraceSettings { is_on: true, sample: 0.5 };

    fn after(changes: &str) -> Result<TraceSettings, String> {
        let changes = from_json(&serde_json::from_str(changes).unwrap());
        let now = TraceSettings { is_on: true, sample: 0.25 };
        let changed = changes.and_then(|changes| changed(now, START, &changes));
        changed.map_err(|error| error.message().to_owned())
    }

    #[test]
    fn level_and_rate_change_and_null_goes_back_to_the_start() {
        for (changes, is_on, sample) in [
            ("{}", true, 0.25),
            (r#"{"trace_level": ["OFF"]}"#, false, 0.25),
            (r#"{"trace_level": "TIMESTAMPS", "trace_rate": "10"}"#, true, 0.1),
            (r#"{"trace_rate": 1}"#, true, 1.0),
            (r#"{"trace_rate": ["0"]}"#, true, 0.0),
            (r#"{"trace_rate": null, "trace_level": null}"#, true, 0.5),
            (r#"{"trace_count": "-1", "log_frequency": "0", "trace_file": null}"#, true, 0.25),
        ] {
            assert_eq!(after(changes), Ok(TraceSettings { is_on, sample }), "{changes}");
        }
    }

    #[test]
    fn the_rest_is_refused() {
        for (changes, expected) in [
            (r#"{"trace_level": ["TENSORS"]}"#, "expected 'OFF' or 'TIMESTAMPS'"),
            (r#"{"trace_level": ["OFF", "TIMESTAMPS"]}"#, "expected 'OFF' or 'TIMESTAMPS'"),
            (r#"{"trace_rate": "-1"}"#, "a whole number from 0 on"),
            (r#"{"trace_rate": ["1", "2"]}"#, "one number"),
            (r#"{"trace_count": "7"}"#, "expected '-1', which cannot be changed"),
            (r#"{"trace_file": "/tmp/x"}"#, "expected '', which cannot be changed"),
            (r#"{"trace_depth": "1"}"#, "unknown trace setting 'trace_depth'"),
            (r#"{"trace_level": true}"#, "a text, a list of texts or null"),
        ] {
            let error = after(changes).unwrap_err();
            assert!(error.contains(expected), "{changes}: {error}");
        }
    }

    #[test]
    fn a_server_without_a_collector_says_that_nothing_is_traced() {
        let settings = to_json(of(&Tracer::default()));
        assert_eq!(settings["trace_level"], json!(["OFF"]));
        assert_eq!(settings["trace_rate"], "0");
        assert_eq!(settings["trace_count"], "-1");
    }
}
