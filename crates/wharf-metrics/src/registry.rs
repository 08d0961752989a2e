//! Everything that is counted in one process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Family;

/// Somebody who counts and can say what.
pub trait Collector: Send + Sync {
    /// Adds what was counted so far. Called for every scrape; must not wait for requests.
    fn collect(&self, families: &mut Vec<Family>);
}

impl<F: Fn(&mut Vec<Family>) + Send + Sync> Collector for F {
    fn collect(&self, families: &mut Vec<Family>) {
        self(families);
    }
}

/// All collectors of a process. Clones are the same registry.
#[derive(Clone, Default)]
pub struct Registry(Arc<Mutex<Vec<Arc<dyn Collector>>>>);

impl Registry {
    /// Adds a collector.
    pub fn register(&self, collector: impl Collector + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(collector));
    }

    /// What all collectors counted, sorted by name; families of the same name become one.
    pub fn gather(&self) -> Vec<Family> {
        let collectors = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut families = Vec::new();
        for collector in collectors {
            collector.collect(&mut families);
        }
        let mut by_name: BTreeMap<String, Family> = BTreeMap::new();
        for mut family in families {
            match by_name.get_mut(&*family.name) {
                Some(known) => known.samples.append(&mut family.samples),
                None => {
                    by_name.insert(family.name.clone().into_owned(), family);
                }
            }
        }
        by_name.into_values().collect()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Sample};

    #[test]
    fn families_are_sorted_and_those_of_one_name_are_joined() {
        let registry = Registry::default();
        for (name, value) in [("b", 1.0), ("a", 2.0), ("b", 3.0)] {
            registry.register(move |families: &mut Vec<Family>| {
                let mut family = Family::new(name, Kind::Gauge);
                family.push(Sample::number(value));
                families.push(family);
            });
        }
        let families = registry.gather();
        let shape: Vec<_> = families.iter().map(|family| (&*family.name, family.samples.len())).collect();
        assert_eq!(shape, [("a", 1), ("b", 2)]);
    }
}
