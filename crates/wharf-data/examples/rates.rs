//! How fast pictures are decoded and augmented: `cargo run --release --example rates -- FOLDER`, where the
//! folder has `train.tar` as the CIFAR-10 pictures in class folders.

#![expect(clippy::print_stdout, reason = "a measurement prints its result")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use wharf_data::{Dataset, EpochOptions, OpenOptions, Part, PictureOptions, Pictures, open_dataset};
use wharf_transform::{Mode, Pipeline, StagedStep, Step};

fn main() -> Result<(), Box<dyn Error>> {
    let path = PathBuf::from(std::env::args().nth(1).ok_or("name the folder of the data set")?);
    let start = Instant::now();
    let dataset = Arc::new(open_dataset(&path, Part::Train, &OpenOptions::default())?);
    println!("open: {:.3} s, {} pictures", start.elapsed().as_secs_f64(), dataset.num_pictures());
    let start = Instant::now();
    dataset.sha256()?;
    println!("sha256: {:.3} s", start.elapsed().as_secs_f64());
    let steps = [
        Step::RandomHorizontalFlip { probability: 0.5 },
        Step::RandomRotation { degrees: 10.0 },
        Step::ToFloat,
        Step::Normalise { mean: vec![0.5], std: vec![0.5] },
    ];
    let pipeline = Pipeline::new(steps.map(StagedStep::from).to_vec())?;
    for threads in [1, 2] {
        let options = PictureOptions::default().with_threads(threads);
        let start = Instant::now();
        let pictures = Arc::new(Pictures::new(Arc::clone(&dataset), &pipeline, Mode::Train, &options)?);
        report("decode", threads, &dataset, start);
        for epoch in 0..3 {
            let start = Instant::now();
            let order = (0..dataset.num_pictures()).collect();
            let options = EpochOptions::new(100, 1, epoch).with_threads(threads);
            for batch in pictures.epoch(order, options)? {
                batch?;
            }
            report("flip, rotate, to_float, normalise", threads, &dataset, start);
        }
    }
    Ok(())
}

fn report(what: &str, threads: usize, dataset: &Dataset, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    let rate = dataset.num_pictures() as f64 / seconds;
    println!("{what}, {threads} threads: {seconds:.3} s, {rate:.0} pictures/s");
}
