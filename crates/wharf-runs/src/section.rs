//! One table of a recipe, read key by key; what is left over is unknown.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::Serialize;
use toml::{Table, Value};
use wharf_transform::unknown_name;

/// A mistake in a recipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where it is, as `optimiser.rate` or `layers[3]`.
    pub key: String,
    /// The value there, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(formatter, "`{}` = {value}: {}", self.key, self.problem),
            None => write!(formatter, "`{}`: {}", self.key, self.problem),
        }
    }
}

/// All mistakes of a recipe, as a person is told of them.
///
/// # Errors
/// What they are written to fails.
pub fn write_problems(formatter: &mut fmt::Formatter<'_>, problems: &[Problem]) -> fmt::Result {
    let count = problems.len();
    write!(formatter, "the recipe has {count} problem{}", if count == 1 { "" } else { "s" })?;
    problems.iter().try_for_each(|problem| write!(formatter, "\n  {problem}"))
}

/// All mistakes found so far.
pub type Problems = RefCell<Vec<Problem>>;

/// A table under reading.
pub struct Section<'a> {
    path: String,
    table: &'a Table,
    known: RefCell<Vec<&'static str>>,
    problems: &'a Problems,
    /// Unknown keys are not reported where it is not known what could be meant.
    is_open: Cell<bool>,
}

impl<'a> Section<'a> {
    /// The table at `path`; what is wrong with it goes to `problems`.
    pub fn new(path: impl Into<String>, table: &'a Table, problems: &'a Problems) -> Self {
        Self { path: path.into(), table, known: RefCell::default(), problems, is_open: Cell::new(false) }
    }

    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Where it is, as `layers[3]`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where mistakes go.
    pub fn problems(&self) -> &'a Problems {
        self.problems
    }

    /// Reports a mistake at `key`.
    pub fn report(&self, key: &str, problem: impl Into<String>) {
        let value = self.table.get(key).map(shorten);
        self.problems.borrow_mut().push(Problem { key: self.key(key), value, problem: problem.into() });
    }

    /// The raw value at `key`, which thereby is known.
    pub fn raw(&self, key: &'static str) -> Option<&'a Value> {
        self.known.borrow_mut().push(key);
        self.table.get(key)
    }

    /// The value at `key`, where there is one of the right type.
    pub fn optional<T: FromToml>(&self, key: &'static str) -> Option<T> {
        let value = self.raw(key)?;
        let read = T::from_toml(value);
        if read.is_none() {
            self.report(key, format!("expected {}", T::EXPECTED));
        }
        read
    }

    /// The value at `key`, which has to be right where it is there.
    pub fn optional_checked<T: FromToml>(
        &self,
        key: &'static str,
        is_right: impl Fn(&T) -> bool,
        expected: &str,
    ) -> Option<T> {
        let value = self.optional(key)?;
        if !is_right(&value) {
            self.report(key, format!("expected {expected}"));
        }
        Some(value)
    }

    /// The value at `key`, or `default`.
    pub fn or<T: FromToml>(&self, key: &'static str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// The value at `key`, whose absence is a mistake.
    pub fn required<T: FromToml>(&self, key: &'static str) -> Option<T> {
        if !self.table.contains_key(key) {
            self.report(key, format!("is missing, expected {}", T::EXPECTED));
        }
        self.optional(key)
    }

    /// The value at `key` where `is_right`, or `default`.
    pub fn checked<T: FromToml + Clone>(
        &self,
        key: &'static str,
        default: T,
        is_right: impl Fn(&T) -> bool,
        expected: &str,
    ) -> T {
        let value = self.or(key, default.clone());
        if is_right(&value) {
            return value;
        }
        self.report(key, format!("expected {expected}"));
        default
    }

    /// One of `names`, the first where there is none.
    pub fn choice(&self, key: &'static str, names: &[&'static str]) -> &'static str {
        let fallback = names.first().copied().unwrap_or_default();
        let Some(given) = self.optional::<String>(key) else { return fallback };
        if let Some(name) = names.iter().find(|name| **name == given) {
            return name;
        }
        self.report(key, unknown_name("value", &given, names));
        self.is_open.set(true);
        fallback
    }

    /// The table at `key`; an empty one where there is none.
    pub fn section(&self, key: &'static str, empty: &'a Table) -> Section<'a> {
        let table = match self.raw(key) {
            Some(Value::Table(table)) => table,
            Some(_) => {
                self.report(key, "expected a table");
                empty
            }
            None => empty,
        };
        Section::new(self.key(key), table, self.problems)
    }

    /// The tables of the list at `key`, each with its path.
    pub fn tables(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        let Some(items) = value.as_array() else {
            self.report(key, "expected a list of tables");
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}[{index}]", self.key(key));
            match item {
                Value::Table(table) => sections.push(Section::new(path, table, self.problems)),
                other => self.problems.borrow_mut().push(Problem {
                    key: path,
                    value: Some(shorten(other)),
                    problem: "expected a table".to_owned(),
                }),
            }
        }
        sections
    }

    /// The whole table as a value.
    pub fn value(&self) -> Value {
        Value::Table(self.table.clone())
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(self) {
        if self.is_open.get() {
            return;
        }
        let known = self.known.borrow();
        for key in self.table.keys().filter(|key| !known.contains(&key.as_str())) {
            self.report(key, unknown_name("key", key, &known));
        }
    }
}

/// A text that is no TOML: the line and what is wrong there.
pub fn syntax(error: &toml::de::Error, text: &str) -> Problem {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let key = line.map_or_else(|| "recipe".to_owned(), |line| format!("line {line}"));
    Problem { key, value: None, problem: error.message().to_owned() }
}

fn shorten(value: &Value) -> String {
    let text = value.to_string().replace('\n', " ");
    if text.chars().count() <= 60 { text } else { text.chars().take(57).chain("...".chars()).collect() }
}

/// A type that recipes may hold.
pub trait FromToml: Sized {
    /// What it is called in messages.
    const EXPECTED: &'static str;
    /// The value, where it is of this type.
    fn from_toml(value: &Value) -> Option<Self>;
}

impl FromToml for String {
    const EXPECTED: &'static str = "a string";
    fn from_toml(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl FromToml for bool {
    const EXPECTED: &'static str = "true or false";
    fn from_toml(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl FromToml for u64 {
    const EXPECTED: &'static str = "a whole number of at least 0";
    fn from_toml(value: &Value) -> Option<Self> {
        value.as_integer().and_then(|number| Self::try_from(number).ok())
    }
}

impl FromToml for u32 {
    const EXPECTED: &'static str = "a whole number of at least 0";
    fn from_toml(value: &Value) -> Option<Self> {
        value.as_integer().and_then(|number| Self::try_from(number).ok())
    }
}

impl FromToml for usize {
    const EXPECTED: &'static str = "a whole number of at least 0";
    fn from_toml(value: &Value) -> Option<Self> {
        value.as_integer().and_then(|number| Self::try_from(number).ok())
    }
}

impl FromToml for f64 {
    const EXPECTED: &'static str = "a finite number";
    fn from_toml(value: &Value) -> Option<Self> {
        let number = value.as_float().or_else(|| value.as_integer().map(|number| number as f64));
        number.filter(|number| number.is_finite())
    }
}

impl FromToml for [usize; 2] {
    const EXPECTED: &'static str = "a whole number or two of them";
    fn from_toml(value: &Value) -> Option<Self> {
        if let Some(both) = usize::from_toml(value) {
            return Some([both; 2]);
        }
        match value.as_array()?.as_slice() {
            [height, width] => Some([usize::from_toml(height)?, usize::from_toml(width)?]),
            _ => None,
        }
    }
}

impl FromToml for [f64; 2] {
    const EXPECTED: &'static str = "two numbers";
    fn from_toml(value: &Value) -> Option<Self> {
        match value.as_array()?.as_slice() {
            [first, second] => Some([f64::from_toml(first)?, f64::from_toml(second)?]),
            _ => None,
        }
    }
}

impl FromToml for Vec<f64> {
    const EXPECTED: &'static str = "a list of numbers";
    fn from_toml(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(f64::from_toml).collect()
    }
}

impl FromToml for Vec<String> {
    const EXPECTED: &'static str = "a list of strings";
    fn from_toml(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(String::from_toml).collect()
    }
}
