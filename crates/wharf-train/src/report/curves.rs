//! What became of loss, accuracy, learning rate and speed, epoch by epoch.

use wharf_report::{Axis, Drawing, LineChart, Series, Unit};

use crate::metrics::EpochMetrics;

/// Up to this many epochs each has a dot.
const DOTTED: usize = 40;
const SIZE: (u32, u32) = (486, 320);

/// The four charts in one picture.
pub(super) fn all(epochs: &[EpochMetrics]) -> Drawing {
    Drawing::grid("Learning curves", 2, &each(epochs))
}

/// Loss, accuracy, learning rate, speed.
pub(super) fn each(epochs: &[EpochMetrics]) -> Vec<Drawing> {
    let mark = best(epochs).map(|best| (f64::from(best.epoch), format!("best, epoch {}", best.epoch)));
    let marked = |chart: LineChart| match &mark {
        Some((epoch, label)) => chart.mark(*epoch, label),
        None => chart,
    };
    let loss = chart("Loss", Axis::new("mean per picture"))
        .series(series("train", epochs, |epoch| Some(epoch.train_loss)));
    let accuracy = chart("Accuracy", Axis::new("classified rightly").unit(Unit::Percent)).series(series(
        "train",
        epochs,
        |epoch| Some(epoch.train_accuracy),
    ));
    let rate = chart("Learning rate", Axis::new("after the epoch").from_zero()).series(series(
        "",
        epochs,
        |epoch| Some(epoch.learning_rate),
    ));
    let speed = chart("Speed", Axis::new("training pictures per second").from_zero()).series(series(
        "",
        epochs,
        |epoch| Some(epoch.pictures_per_second),
    ));
    let loss = with_evaluation(loss, epochs, |epoch| epoch.eval_loss);
    let accuracy = with_evaluation(accuracy, epochs, |epoch| epoch.eval_accuracy);
    vec![marked(loss).draw(), marked(accuracy).draw(), rate.draw(), speed.draw()]
}

/// The epoch with the best accuracy on the evaluation split; of equals the first.
pub(super) fn best(epochs: &[EpochMetrics]) -> Option<&EpochMetrics> {
    let measured = epochs.iter().filter(|epoch| epoch.eval_accuracy.is_some_and(f64::is_finite));
    measured.reduce(|best, next| if next.eval_accuracy > best.eval_accuracy { next } else { best })
}

fn chart(title: &str, y: Axis) -> LineChart {
    LineChart::new(title).x(Axis::new("epoch").whole()).y(y).size(SIZE.0, SIZE.1)
}

fn series(name: &str, epochs: &[EpochMetrics], value: fn(&EpochMetrics) -> Option<f64>) -> Series {
    let points = epochs.iter().filter_map(|epoch| Some((f64::from(epoch.epoch), value(epoch)?)));
    let series = Series::new(name, points.collect());
    if epochs.len() <= DOTTED { series.markers() } else { series }
}

fn with_evaluation(
    chart: LineChart,
    epochs: &[EpochMetrics],
    value: fn(&EpochMetrics) -> Option<f64>,
) -> LineChart {
    if epochs.iter().all(|epoch| value(epoch).is_none()) {
        return chart;
    }
    chart.series(series("evaluation", epochs, value).dashed())
}
