//! Reads what the reference implementations gave (`goldens/make.py`).

use serde_json::Value;

/// A section of the goldens.
pub(crate) fn golden(name: &str) -> Value {
    let text = match name {
        "folds" => include_str!("../goldens/folds.json"),
        "intervals" => include_str!("../goldens/intervals.json"),
        "metrics" => include_str!("../goldens/metrics.json"),
        "mutual" => include_str!("../goldens/mutual.json"),
        "scores" => include_str!("../goldens/scores.json"),
        "special" => include_str!("../goldens/special.json"),
        _ => panic!("no goldens are called {name}"),
    };
    serde_json::from_str(text).unwrap()
}

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

pub(crate) fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

pub(crate) fn classes(value: &Value) -> Vec<u32> {
    numbers(value).into_iter().map(|number| number as u32).collect()
}
