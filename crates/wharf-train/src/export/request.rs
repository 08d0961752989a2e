//! What is to be published.

use std::collections::BTreeMap;

use super::Goldens;
use crate::error::TrainError;
use crate::network::Network;
use crate::recipe::Recipe;
use crate::train::{Findings, Outcome};

/// What is to be published, and all that is known of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PublishRequest<'a> {
    /// The model's name in the repository.
    pub name: String,
    /// The version; one more than the highest where `None`.
    pub version: Option<u64>,
    /// What the network was trained by, or would be.
    pub recipe: &'a Recipe,
    /// The network.
    pub network: &'a Network,
    /// The classes' names, in order.
    pub labels: &'a [String],
    /// What is replayed before the bundle is published.
    pub goldens: &'a Goldens,
    /// What is known of data and quality; `None` where the data were not at hand.
    pub findings: Option<&'a Findings>,
    /// Where the weights come from, as one phrase of plain text for the card.
    pub origin: String,
    /// The id of the run that trained it, where one did.
    pub run: Option<String>,
    /// The digest of the manifest of the bundle that this one was made from.
    pub parent: Option<String>,
    /// More numbers for the manifest, by name.
    pub metrics: BTreeMap<String, f64>,
}

impl<'a> PublishRequest<'a> {
    /// The network that a finished run has trained, under the recipe's name.
    ///
    /// # Errors
    /// The run was stopped before its end.
    pub fn of_run(outcome: &'a Outcome) -> Result<Self, TrainError> {
        let Some(findings) = &outcome.findings else {
            let problem = format!("run `{}` is not complete, resume it before publishing", outcome.run_id);
            return Err(TrainError::run(problem));
        };
        let (epochs, steps) = (outcome.epochs.len(), outcome.steps);
        Ok(Self {
            findings: Some(findings),
            run: Some(outcome.run_id.clone()),
            origin: format!("trained in run {} ({epochs} epochs, {steps} steps)", outcome.run_id),
            ..Self::new(&outcome.recipe, &outcome.network, &outcome.labels, &findings.goldens)
        })
    }

    pub(super) fn new(
        recipe: &'a Recipe,
        network: &'a Network,
        labels: &'a [String],
        goldens: &'a Goldens,
    ) -> Self {
        Self {
            name: recipe.name.clone(),
            version: None,
            recipe,
            network,
            labels,
            goldens,
            findings: None,
            origin: String::new(),
            run: None,
            parent: None,
            metrics: BTreeMap::new(),
        }
    }

    /// Under another name than the recipe's.
    pub fn with_name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// As this version, which must be free.
    pub fn with_version(self, version: u64) -> Self {
        Self { version: Some(version), ..self }
    }

    /// The numbers of the manifest: accuracy and loss of the evaluation, and those of the caller.
    pub(super) fn all_metrics(&self) -> BTreeMap<String, f64> {
        let mut metrics = BTreeMap::new();
        if let Some(Findings { evaluation, .. }) = self.findings {
            let split = split_of(self.recipe);
            metrics.insert(format!("{split}.accuracy"), evaluation.accuracy);
            metrics.insert(format!("{split}.loss"), evaluation.loss);
        }
        metrics.extend(self.metrics.iter().map(|(name, value)| (name.clone(), *value)));
        metrics
    }
}

/// What the pictures are called that a recipe evaluates on.
pub(super) fn split_of(recipe: &Recipe) -> &'static str {
    if recipe.data.validation > 0.0 { "validation" } else { "test" }
}
