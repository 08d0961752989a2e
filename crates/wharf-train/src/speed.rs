//! How fast steps are, for `make bench`.

use std::time::{Duration, Instant};

use wharf_transform::CounterRng;

use crate::error::TrainError;
use crate::network::Network;
use crate::recipe::Recipe;
use crate::schedule::Place;
use crate::trainer::{Loss, Trainer};

/// Times `steps` training steps of a recipe's network on made-up pictures of `[channels, height, width]`,
/// without any loader, after a few to warm up.
///
/// # Errors
/// The layers do not fit together.
pub fn time_steps(recipe: &Recipe, input: [usize; 3], steps: u64) -> Result<Duration, TrainError> {
    let network = Network::new(input, &recipe.layers, recipe.seed).map_err(TrainError::layers)?;
    let classes = network.classes();
    let loss = Loss::new(&recipe.loss, classes)?;
    let mut random = CounterRng::new(&[recipe.seed]);
    let pictures: Vec<f32> =
        (0..recipe.batch * network.input_len()).map(|_| 2.0 * random.uniform_f32() - 1.0).collect();
    let labels: Vec<usize> = (0..recipe.batch).map(|index| index % classes).collect();
    let mut trainer = Trainer::new(network, recipe, loss);
    let (warm_up, mut start) = (5, Instant::now());
    for step in 0..warm_up + steps {
        if step == warm_up {
            start = Instant::now();
        }
        trainer.step(pictures.clone(), &labels, Place::new(step, warm_up + steps, 0));
    }
    Ok(start.elapsed())
}
