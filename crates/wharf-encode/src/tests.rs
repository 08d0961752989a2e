//! Against what Python's libraries make of the same texts, and files that are no good.

mod pooling;
mod tokenizer;

use serde::de::DeserializeOwned;
use serde_json::Value;

/// `encoder.json`, which `goldens/make.py` makes.
fn goldens() -> Value {
    serde_json::from_str(include_str!("../goldens/encoder.json")).unwrap()
}

fn numbers<T: DeserializeOwned>(value: &Value) -> Vec<T> {
    serde_json::from_value(value.clone()).unwrap()
}
