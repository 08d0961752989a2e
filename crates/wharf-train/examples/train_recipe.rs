//! Runs a recipe and prints its events as JSON lines: `train_recipe RECIPE RUN_DIR [DATA] [resume]`.

use std::path::{Path, PathBuf};

use wharf_train::{Event, Recipe, TrainOptions, train};

#[expect(clippy::print_stdout, reason = "this is a command")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let recipe = Recipe::read(Path::new(arguments.first().ok_or("which recipe?")?))?;
    let data = arguments.get(2).filter(|path| !path.is_empty()).map(PathBuf::from);
    let options = TrainOptions::new(arguments.get(1).ok_or("which run folder?")?)
        .with_data(data)
        .with_resume(arguments.get(3).is_some_and(|word| word == "resume"))
        .with_threads(std::env::var("THREADS").ok().and_then(|text| text.parse().ok()).unwrap_or(0));
    let mut print = |event: &Event| {
        if let Ok(line) = serde_json::to_string(event) {
            println!("{line}");
        }
    };
    train(&recipe, options, &mut print)?;
    Ok(())
}
