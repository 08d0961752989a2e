//! Times what is slow over many rows: `cargo run --release -p wharf-stats --example speed`.

#![expect(clippy::print_stdout, reason = "an example that prints")]

use std::time::Instant;

use wharf_stats::{Bootstrap, BootstrapMethod, Column, KFold, MutualInformation, StatsError, best_threshold};

fn main() -> Result<(), StatsError> {
    let noise =
        |seed: u64| move |row: u64| ((row + 1) * (seed * 2 + 7_919) * 2_654_435_761 % 4_294_967_291) as f64;
    let column = |rows: u64, seed: u64| (0..rows).map(noise(seed)).collect::<Vec<f64>>();
    let (truth, scores) = ((0..10_000).map(|row| row % 3 == 0).collect::<Vec<bool>>(), column(10_000, 1));
    for method in [BootstrapMethod::Percentile, BootstrapMethod::Accelerated] {
        timed(&format!("AUC interval, 10,000 rows, 1,000 replicates, {method:?}"), || {
            Bootstrap { method, ..Bootstrap::default() }.auc(&truth, &scores).map(drop)
        })?;
    }
    let rows = 200_000;
    let (x, y) = (column(rows, 2), column(rows, 3));
    let class: Vec<u32> = (0..rows).map(|row| u32::from(row % 5 == 0)).collect();
    let score =
        |target: Column<'_>| MutualInformation::default().scores(&[Column::Continuous(&x)], target).map(drop);
    timed("mutual information, 200,000 rows, number and class", || score(Column::Discrete(&class)))?;
    timed("mutual information, 200,000 rows, two numbers", || score(Column::Continuous(&y)))?;
    timed("best threshold, 200,000 rows", || best_threshold(&x, &class).map(drop))?;
    timed("stratified folds, 200,000 rows", || KFold::new(5).shuffled(1).stratified(&class).map(drop))
}

fn timed(name: &str, work: impl FnOnce() -> Result<(), StatsError>) -> Result<(), StatsError> {
    let start = Instant::now();
    work()?;
    println!("{name}: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}
