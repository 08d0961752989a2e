//! The models to choose among, with what is searched of their settings.

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};
use wharf_learn::{Assignment, Dimension, Estimator, Space};
use wharf_runs::{Problem, Section};

/// A model to choose among: its settings, and those that are searched.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// The model with the recipe's settings.
    pub estimator: Estimator,
    /// What is searched.
    pub space: Space,
}

impl Candidate {
    /// A model with default settings, of which those are searched that are worth it.
    pub fn new(estimator: Estimator) -> Self {
        Self { space: estimator.default_space(), estimator }
    }

    /// The model's own values of what is searched: the point that is tried first.
    pub fn first(&self) -> Assignment {
        let settings = serde_json::to_value(&self.estimator).unwrap_or_default();
        let own = |(name, _): (&str, &Dimension)| Some((name.to_owned(), settings.get(name)?.clone()));
        self.space.dimensions().filter_map(own).collect()
    }
}

/// The list at `candidates`; empty where there is none.
pub(super) fn candidates(top: &Section<'_>) -> Vec<Candidate> {
    top.tables("candidates").iter().filter_map(candidate).collect()
}

fn candidate(section: &Section<'_>) -> Option<Candidate> {
    let Value::Table(mut table) = section.value() else { return None };
    let searched = table.remove("search");
    let named: Vec<String> = table.keys().cloned().collect();
    let estimator: Estimator = read(section, "", Value::Table(table))?;
    let space = match searched {
        Some(Value::Table(searched)) => space(section, &estimator, searched)?,
        Some(_) => {
            report(section, "search", "expected a table of settings with what they may be");
            return None;
        }
        // What the recipe fixes is not searched.
        None => {
            let all = estimator.default_space();
            let free = all.dimensions().filter(|(name, _)| !named.iter().any(|fixed| fixed == name));
            free.fold(Space::new(), |space, (name, dimension)| space.with(name, dimension.clone()))
        }
    };
    Some(Candidate { estimator, space })
}

fn space(section: &Section<'_>, estimator: &Estimator, searched: Table) -> Option<Space> {
    let settings = serde_json::to_value(estimator).unwrap_or_default();
    let mut space = Space::new();
    for (name, value) in searched {
        let key = format!("search.{name}");
        if name == "kind" || settings.get(&name).is_none() {
            report(section, &key, &format!("is no setting of `{}`", estimator.kind()));
            return None;
        }
        space = space.with(name, read(section, &key, value)?);
    }
    Some(space)
}

fn read<T: DeserializeOwned>(section: &Section<'_>, key: &str, value: Value) -> Option<T> {
    match T::deserialize(value) {
        Ok(read) => Some(read),
        Err(error) => {
            report(section, key, error.to_string().trim());
            None
        }
    }
}

fn report(section: &Section<'_>, key: &str, problem: &str) {
    let path = section.path();
    let key = if key.is_empty() { path.to_owned() } else { format!("{path}.{key}") };
    section.problems().borrow_mut().push(Problem { key, value: None, problem: problem.to_owned() });
}
