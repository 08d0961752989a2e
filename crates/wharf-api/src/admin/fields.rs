//! The fields of a document, taken out one by one: what is left at the end is not known.

use serde_json::{Map, Value};
use wharf_infer::ServiceError;

use crate::shown::{found, kind, shown};

/// A JSON object, and where in the document it is.
#[derive(Debug)]
pub(super) struct Fields {
    place: String,
    values: Map<String, Value>,
}

impl Fields {
    /// A whole document; an empty one has no fields.
    ///
    /// # Errors
    /// It is no JSON object.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ServiceError> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self { place: String::new(), values: Map::new() });
        }
        let value = serde_json::from_slice(body).map_err(|error| {
            ServiceError::invalid_argument(format!("failed to parse the request JSON: {error}"))
        })?;
        match value {
            Value::Object(values) => Ok(Self { place: String::new(), values }),
            other => {
                let text = format!("the request JSON is {}, expected an object", kind(&other));
                Err(ServiceError::invalid_argument(text))
            }
        }
    }

    /// The object in a field, where it is there and not null.
    ///
    /// # Errors
    /// The field is something else.
    pub(super) fn object(&mut self, name: &str) -> Result<Option<Self>, ServiceError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(values)) => Ok(Some(Self { place: format!("{}{name}.", self.place), values })),
            Some(other) => Err(self.wrong(name, &other, "an object")),
        }
    }

    /// A whole number in a field, where it is there and not null.
    ///
    /// # Errors
    /// It is something else, or not between the two.
    pub(super) fn integer(
        &mut self,
        name: &str,
        (least, most): (u64, u64),
    ) -> Result<Option<u64>, ServiceError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.as_u64().filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(name, &value, &format!("a whole number from {least} to {most}"))),
        }
    }

    /// The number of a version in a field, where it is there and not null.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn version(&mut self, name: &str) -> Result<Option<u64>, ServiceError> {
        self.integer(name, (1, i64::MAX.unsigned_abs()))
    }

    /// A number in a field, where it is there and not null.
    ///
    /// # Errors
    /// It is something else, or not between the two.
    pub(super) fn number(
        &mut self,
        name: &str,
        (least, most): (f64, f64),
    ) -> Result<Option<f64>, ServiceError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.as_f64().filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(name, &value, &format!("a number from {least} to {most}"))),
        }
    }

    /// A text in a field, where it is there and not null.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, ServiceError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, &other, "a string")),
        }
    }

    /// The names of the fields that are left.
    pub(super) fn names(&self) -> Vec<String> {
        self.values.keys().cloned().collect()
    }

    /// Takes the object for read.
    ///
    /// # Errors
    /// There are fields in it that are not known.
    pub(super) fn finish(self) -> Result<(), ServiceError> {
        match self.values.keys().next() {
            None => Ok(()),
            Some(name) => Err(self.refused(name, "is not known")),
        }
    }

    /// What is wrong with a field.
    pub(super) fn refused(&self, name: &str, why: &str) -> ServiceError {
        ServiceError::invalid_argument(format!("field `{}{}` {why}", self.place, shown(name)))
    }

    fn wrong(&self, name: &str, value: &Value, expected: &str) -> ServiceError {
        self.refused(name, &format!("is {}, expected {expected}", found(value)))
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.values.remove(name).filter(|value| !value.is_null())
    }
}
