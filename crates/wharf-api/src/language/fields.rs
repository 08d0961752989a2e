//! The fields of a request, taken out one by one: what is left at the end is not known, and nothing is ignored.

use serde_json::{Map, Value};
use wharf_infer::ServiceError;

use super::Refusal;
use crate::shown::{found, kind, shown};

/// A JSON object, and where in the request it is. A field that is null counts as not there.
#[derive(Debug)]
pub(crate) struct Fields {
    place: String,
    values: Map<String, Value>,
}

impl Fields {
    /// A whole request.
    ///
    /// # Errors
    /// It is no JSON object.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let value = serde_json::from_slice(body).map_err(|error| {
            ServiceError::invalid_argument(format!("failed to parse the request JSON: {error}"))
        })?;
        match value {
            Value::Object(values) => Ok(Self { place: String::new(), values }),
            other => {
                let text = format!("the request JSON is {}, expected an object", kind(&other));
                Err(ServiceError::invalid_argument(text).into())
            }
        }
    }

    /// An object at `place`.
    ///
    /// # Errors
    /// It is something else.
    pub(crate) fn of(place: &str, value: Value) -> Result<Self, Refusal> {
        match value {
            Value::Object(values) => Ok(Self { place: format!("{place}."), values }),
            other => Err(Refusal::field(place, &format!("is {}, expected an object", kind(&other)))),
        }
    }

    /// The whole name of a field.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}{}", self.place, shown(name))
    }

    /// A field, whatever it is.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        // In its place comes the last one: the order of what is left matters to nobody.
        self.values.swap_remove(name).filter(|value| !value.is_null())
    }

    /// Whether a field is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    /// An object.
    pub(crate) fn object(&mut self, name: &str) -> Result<Option<Self>, Refusal> {
        let place = self.name(name);
        self.take(name).map(|value| Self::of(&place, value)).transpose()
    }

    /// A list.
    pub(crate) fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(other) => Err(self.wrong(name, &other, "a list")),
        }
    }

    /// A list of so many elements at most; empty where there is none.
    pub(crate) fn few(&mut self, name: &str, most: usize) -> Result<Vec<Value>, Refusal> {
        let items = self.list(name)?.unwrap_or_default();
        if items.len() > most {
            let text = format!("has {} elements, expected at most {most}", items.len());
            return Err(self.refused(name, &text));
        }
        Ok(items)
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, &other, "a string")),
        }
    }

    /// A text that must be there.
    pub(crate) fn required_text(&mut self, name: &str) -> Result<String, Refusal> {
        self.text(name)?.ok_or_else(|| self.refused(name, "is missing, expected a string"))
    }

    /// A truth value.
    pub(crate) fn boolean(&mut self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(is_so)) => Ok(Some(is_so)),
            Some(other) => Err(self.wrong(name, &other, "true or false")),
        }
    }

    /// A number between the two.
    pub(crate) fn number(&mut self, name: &str, (least, most): (f64, f64)) -> Result<Option<f32>, Refusal> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.as_f64().filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number as f32)),
            None => Err(self.wrong(name, &value, &format!("a number from {least} to {most}"))),
        }
    }

    /// A whole number between the two. Clients that write `1.0` mean 1.
    pub(crate) fn integer(&mut self, name: &str, (least, most): (i64, i64)) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
        let number = value.as_i64().or_else(|| value.as_f64().and_then(whole));
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(name, &value, &format!("a whole number from {least} to {most}"))),
        }
    }

    /// A whole number from `least` up to what counts tokens.
    pub(crate) fn count(&mut self, name: &str, least: u32) -> Result<Option<u32>, Refusal> {
        let number = self.integer(name, (least.into(), u32::MAX.into()))?;
        Ok(number.and_then(|number| u32::try_from(number).ok()))
    }

    /// A field whose value must be one of `allowed`, the others being something that this server does not do.
    pub(crate) fn only(&mut self, name: &str, allowed: &[Value]) -> Result<(), Refusal> {
        let Some(value) = self.take(name) else { return Ok(()) };
        if allowed.contains(&value) {
            return Ok(());
        }
        let expected: Vec<String> = allowed.iter().map(Value::to_string).collect();
        let found: String = value.to_string().chars().take(64).collect();
        let text = match expected.is_empty() {
            true => "is not supported".to_owned(),
            false => format!("is {found}, which is not supported, expected {}", expected.join(" or ")),
        };
        Err(self.refused(name, &text).coded("unsupported_value"))
    }

    /// All that is left.
    pub(crate) fn rest(self) -> Map<String, Value> {
        self.values
    }

    /// Takes the object for read.
    ///
    /// # Errors
    /// There are fields in it that are not known.
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        match self.values.iter().find(|(_, value)| !value.is_null()) {
            None => Ok(()),
            Some((name, _)) => Err(self.refused(name, "is not known").coded("unknown_parameter")),
        }
    }

    /// What is wrong with a field.
    pub(crate) fn refused(&self, name: &str, why: &str) -> Refusal {
        Refusal::field(self.name(name), why)
    }

    /// A field is of the wrong kind.
    pub(crate) fn wrong(&self, name: &str, value: &Value, expected: &str) -> Refusal {
        self.refused(name, &format!("is {}, expected {expected}", found(value)))
    }
}
