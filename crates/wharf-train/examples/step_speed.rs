//! Times the steps of a recipe's network without a loader: `step_speed RECIPE CHANNELS HEIGHT WIDTH [STEPS]`.

use std::path::Path;

use wharf_train::{Recipe, time_steps};

#[expect(clippy::print_stdout, reason = "this is a command")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| arguments.get(index).map(|text| text.parse::<usize>()).transpose();
    let recipe = Recipe::read(Path::new(arguments.first().ok_or("which recipe?")?))?;
    let input = [number(1)?.unwrap_or(3), number(2)?.unwrap_or(32), number(3)?.unwrap_or(32)];
    let steps = number(4)?.unwrap_or(200) as u64;
    let elapsed = time_steps(&recipe, input, steps)?;
    let per_step = elapsed.as_secs_f64() / steps as f64;
    println!("{:.2} ms a step, {:.0} pictures/s", per_step * 1e3, recipe.batch as f64 / per_step);
    Ok(())
}
