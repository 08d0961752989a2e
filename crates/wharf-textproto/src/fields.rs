//! Fields by name and type.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::{Field, Message, Position, Scalar, TextError, Value};

/// How alike two names must be for one to be offered for the other.
const ALIKE: f64 = 0.7;

/// Gives the fields of a message out by name and type. What was not asked for by the end is unknown, and refused by
/// [`Fields::finish`].
#[derive(Debug)]
pub struct Fields<'a> {
    message: &'a Message,
    kind: &'static str,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a Message, kind: &'static str) -> Self {
        Self { message, kind, known: RefCell::default() }
    }

    /// Every value of a field, in order.
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a Field> + use<'a> {
        self.known.borrow_mut().push(name);
        self.message.fields.iter().filter(move |field| field.name == name)
    }

    /// The only value of a field.
    fn one(&self, name: &'static str) -> Result<Option<&'a Field>, TextError> {
        let mut values = self.all(name);
        let first = values.next();
        match values.next() {
            None => Ok(first),
            Some(second) => {
                let problem = format!("field `{name}` of {} is there twice", self.kind);
                Err(TextError::new(second.position, problem))
            }
        }
    }

    /// Whether a field is there; it counts as asked for.
    pub fn has(&self, name: &'static str) -> bool {
        self.all(name).next().is_some()
    }

    /// A message.
    ///
    /// # Errors
    /// The field is there twice, or is no message.
    pub fn message(&mut self, name: &'static str) -> Result<Option<&'a Message>, TextError> {
        self.one(name)?.map(|field| as_message(field)).transpose()
    }

    /// Every message of a repeated field.
    ///
    /// # Errors
    /// One is no message.
    pub fn messages(&mut self, name: &'static str) -> Result<Vec<&'a Message>, TextError> {
        self.all(name).map(as_message).collect()
    }

    /// A string.
    ///
    /// # Errors
    /// The field is there twice, or is no string of UTF-8.
    pub fn string(&mut self, name: &'static str) -> Result<Option<String>, TextError> {
        self.one(name)?.map(as_string).transpose()
    }

    /// Every string of a repeated field.
    ///
    /// # Errors
    /// One is no string of UTF-8.
    pub fn strings(&mut self, name: &'static str) -> Result<Vec<String>, TextError> {
        self.all(name).map(as_string).collect()
    }

    /// A flag: `true`, `t`, `1`, `false`, `f` or `0`.
    ///
    /// # Errors
    /// The field is there twice, or is no flag.
    pub fn bool(&mut self, name: &'static str) -> Result<Option<bool>, TextError> {
        self.one(name)?.map(as_flag).transpose()
    }

    /// Every flag of a repeated field.
    ///
    /// # Errors
    /// One is no flag.
    pub fn bools(&mut self, name: &'static str) -> Result<Vec<bool>, TextError> {
        self.all(name).map(as_flag).collect()
    }

    /// A whole number.
    ///
    /// # Errors
    /// The field is there twice, or is no whole number of 64 bits.
    pub fn integer(&mut self, name: &'static str) -> Result<Option<i64>, TextError> {
        self.one(name)?.map(as_integer).transpose()
    }

    /// Every whole number of a repeated field.
    ///
    /// # Errors
    /// One is no whole number of 64 bits.
    pub fn integers(&mut self, name: &'static str) -> Result<Vec<i64>, TextError> {
        self.all(name).map(as_integer).collect()
    }

    /// A number.
    ///
    /// # Errors
    /// The field is there twice, or is no number.
    pub fn number(&mut self, name: &'static str) -> Result<Option<f64>, TextError> {
        self.one(name)?.map(as_number).transpose()
    }

    /// Every number of a repeated field.
    ///
    /// # Errors
    /// One is no number.
    pub fn numbers(&mut self, name: &'static str) -> Result<Vec<f64>, TextError> {
        self.all(name).map(as_number).collect()
    }

    /// An enumerator.
    ///
    /// # Errors
    /// The field is there twice, or is no word.
    pub fn word(&mut self, name: &'static str) -> Result<Option<String>, TextError> {
        let word = |field: &Field| match scalar(field) {
            Some(Scalar::Word(word)) => Ok(word.clone()),
            _ => Err(wrong(field, "a word")),
        };
        self.one(name)?.map(word).transpose()
    }

    /// A number in a message of its own, `{ value: 1 }`: one of the wrapper types, such as `Int64Value`.
    ///
    /// # Errors
    /// The field is there twice, or is not such a message.
    pub fn wrapped_integer(&mut self, name: &'static str) -> Result<Option<i64>, TextError> {
        let Some(message) = self.message(name)? else { return Ok(None) };
        let mut fields = message.fields("Int64Value");
        let value = fields.integer("value")?;
        fields.finish()?;
        // A wrapper without a value holds the type's own default.
        Ok(Some(value.unwrap_or(0)))
    }

    /// A map from strings to whole numbers: `{ key: "a" value: 1 }` for each entry. Of equal keys the last counts.
    ///
    /// # Errors
    /// An entry is no message with a key and a value.
    pub fn integer_map(&mut self, name: &'static str) -> Result<BTreeMap<String, i64>, TextError> {
        let entry = |message: &Message| {
            let mut fields = message.fields("map entry");
            let entry = (fields.string("key")?.unwrap_or_default(), fields.integer("value")?.unwrap_or(0));
            fields.finish()?;
            Ok(entry)
        };
        self.messages(name)?.into_iter().map(entry).collect()
    }

    /// Where a field is, for errors of the caller's own; the beginning where it is not there.
    pub fn position(&self, name: &'static str) -> Position {
        self.all(name).next().map_or(Position { line: 1, column: 1 }, |field| field.position)
    }

    /// Refuses the fields that nobody asked for.
    ///
    /// # Errors
    /// There is one; with the nearest name that somebody asked for, or all of them.
    pub fn finish(self) -> Result<(), TextError> {
        let known = self.known.borrow();
        let unknown = self.message.fields.iter().find(|field| !known.contains(&field.name.as_str()));
        let Some(Field { name, position, .. }) = unknown else { return Ok(()) };
        let alike = |known: &&str| strsim::jaro_winkler(known, name);
        let nearest = known.iter().copied().max_by(|one, other| alike(one).total_cmp(&alike(other)));
        let hint = match nearest.filter(|nearest| alike(nearest) >= ALIKE) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("expected {}", listed(&known)),
        };
        let name: String = name.chars().take(64).collect();
        Err(TextError::new(*position, format!("unknown field `{name}` in {}, {hint}", self.kind)))
    }
}

fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn as_message(field: &Field) -> Result<&Message, TextError> {
    match &field.value {
        Value::Message(message) => Ok(message),
        Value::Scalar(_) => Err(wrong(field, "a message in braces")),
    }
}

fn scalar(field: &Field) -> Option<&Scalar> {
    match &field.value {
        Value::Scalar(scalar) => Some(scalar),
        Value::Message(_) => None,
    }
}

fn as_string(field: &Field) -> Result<String, TextError> {
    match scalar(field) {
        Some(Scalar::String(bytes)) => {
            String::from_utf8(bytes.clone()).map_err(|_| wrong(field, "a string of UTF-8"))
        }
        _ => Err(wrong(field, "a string in quotes")),
    }
}

fn as_flag(field: &Field) -> Result<bool, TextError> {
    match scalar(field) {
        Some(Scalar::Word(word)) if ["true", "True", "t"].contains(&word.as_str()) => Ok(true),
        Some(Scalar::Word(word)) if ["false", "False", "f"].contains(&word.as_str()) => Ok(false),
        Some(Scalar::Integer { is_negative: false, magnitude: 1 }) => Ok(true),
        Some(Scalar::Integer { is_negative: false, magnitude: 0 }) => Ok(false),
        _ => Err(wrong(field, "true or false")),
    }
}

fn as_integer(field: &Field) -> Result<i64, TextError> {
    let value = match scalar(field) {
        Some(Scalar::Integer { is_negative: false, magnitude }) => i64::try_from(*magnitude).ok(),
        Some(Scalar::Integer { is_negative: true, magnitude }) => 0_i64.checked_sub_unsigned(*magnitude),
        _ => None,
    };
    value.ok_or_else(|| wrong(field, "a whole number"))
}

fn as_number(field: &Field) -> Result<f64, TextError> {
    match scalar(field) {
        Some(Scalar::Float(value)) => Ok(*value),
        Some(Scalar::Integer { is_negative, magnitude }) => {
            let value = *magnitude as f64;
            Ok(if *is_negative { -value } else { value })
        }
        Some(Scalar::Word(word)) => match word.to_ascii_lowercase().as_str() {
            "inf" | "infinity" => Ok(f64::INFINITY),
            "-inf" | "-infinity" => Ok(f64::NEG_INFINITY),
            "nan" | "-nan" => Ok(f64::NAN),
            _ => Err(wrong(field, "a number")),
        },
        _ => Err(wrong(field, "a number")),
    }
}

fn wrong(field: &Field, expected: &str) -> TextError {
    TextError::new(field.position, format!("field `{}` is not {expected}", field.name))
}
