//! What a model is calibrated and measured on: the data of the recipe that its bundle holds.

use std::path::Path;

use anyhow::{Context, bail};
use wharf_bundle::{Bundle, DEFAULT_SIGNATURE};
use wharf_optimize::{Evaluation, Samples, Targets};
use wharf_tabular::{GraphTargets, TableRecipe};
use wharf_tensor::Tensor;
use wharf_train::Recipe;

use crate::cli::OptimizeArgs;
use crate::failure::Hint;

/// The recipe's place in the bundle.
const RECIPE_FILE: &str = "recipe.toml";

/// Recipes are short.
const MAX_RECIPE_BYTES: u64 = 4 << 20;

/// Samples to calibrate with, of those that were trained on, and held-out ones with their targets.
pub(super) fn of(bundle: &Bundle, arguments: &OptimizeArgs) -> anyhow::Result<(Samples, Evaluation)> {
    let manifest = bundle.manifest();
    if manifest.file(RECIPE_FILE).is_none() {
        bail!(
            "`{}/{}` holds no recipe, which would say what it was trained on",
            manifest.name,
            manifest.version
        );
    }
    let text = String::from_utf8(bundle.read_file(RECIPE_FILE, MAX_RECIPE_BYTES)?)
        .with_context(|| format!("`{RECIPE_FILE}` of the bundle is not text"))?;
    // Paths of the recipe start from where the command is run: the bundle does not know where the recipe lay.
    let folder = Path::new(".");
    let counts = [arguments.calibration, arguments.samples];
    if TableRecipe::is_one(&text) {
        let recipe = TableRecipe::parse(&text, folder)?;
        check(&recipe.data_path(arguments.data.as_deref()))?;
        return rows(bundle, &recipe, arguments.data.as_deref(), counts);
    }
    let recipe = Recipe::parse(&text, folder)?;
    check(&recipe.data_path(arguments.data.as_deref()))?;
    pictures(&recipe, arguments.data.as_deref(), counts)
}

fn check(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let hint = Hint("--data says where the data are that the model was trained on".to_owned());
    Err(anyhow::anyhow!("the data `{}` do not exist", path.display())).context(hint)
}

fn pictures(
    recipe: &Recipe,
    data: Option<&Path>,
    counts: [usize; 2],
) -> anyhow::Result<(Samples, Evaluation)> {
    let [calibration, held_out] = wharf_train::graph_samples(recipe, data, counts)?;
    let calibration =
        Samples::new(vec![(calibration.input.to_owned(), calibration.pictures)], calibration.names)?;
    let samples = Samples::new(vec![(held_out.input.to_owned(), held_out.pictures)], held_out.names)?;
    let evaluation = Evaluation::new(samples, Targets::Classes(held_out.classes), held_out.output)?;
    Ok((calibration, evaluation))
}

fn rows(
    bundle: &Bundle,
    recipe: &TableRecipe,
    data: Option<&Path>,
    counts: [usize; 2],
) -> anyhow::Result<(Samples, Evaluation)> {
    let signature = bundle.manifest().signatures.get(DEFAULT_SIGNATURE);
    let program = signature.and_then(|signature| signature.columns.as_ref());
    let program = program.context("the bundle's signature takes no columns of a table")?;
    let [calibration, held_out] = wharf_tabular::graph_samples(recipe, program, data, counts)?;
    let samples = |features: Tensor, input: &str| {
        let ids = (0..features.rows().unwrap_or(0)).map(|row| format!("row {row}")).collect();
        Samples::new(vec![(input.to_owned(), features)], ids)
    };
    let targets = match held_out.targets {
        GraphTargets::Classes(classes) => Targets::Classes(classes),
        GraphTargets::Numbers(numbers) => Targets::Numbers(numbers),
    };
    let evaluation = Evaluation::new(samples(held_out.features, held_out.input)?, targets, held_out.output)?;
    Ok((samples(calibration.features, calibration.input)?, evaluation))
}
