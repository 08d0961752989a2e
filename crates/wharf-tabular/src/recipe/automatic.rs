//! The recipe that `wharf train --auto` writes.

use std::path::Path;
use std::time::Duration;

use toml::{Table, Value};

/// A recipe for the table at `path`: all models that can learn the target, as many trials as `budget` allows.
pub fn automatic(name: &str, path: &Path, target: &str, budget: Duration, seed: u64) -> String {
    let mut data = Table::new();
    data.insert("path".to_owned(), Value::String(path.display().to_string()));
    data.insert("target".to_owned(), Value::String(target.to_owned()));
    data.insert("missing_target".to_owned(), Value::String("drop".to_owned()));
    let mut search = Table::new();
    search.insert("trials".to_owned(), Value::Integer(1000));
    search.insert("budget".to_owned(), Value::String(format!("{}s", budget.as_secs_f64())));
    let mut recipe = Table::new();
    recipe.insert("name".to_owned(), Value::String(name.to_owned()));
    recipe.insert("seed".to_owned(), Value::Integer(i64::try_from(seed).unwrap_or(i64::MAX)));
    recipe.insert("data".to_owned(), Value::Table(data));
    recipe.insert("search".to_owned(), Value::Table(search));
    recipe.to_string()
}
