use std::fs;

use super::*;
use crate::metrics::ConfusionMatrix;

fn epoch(number: u32, accuracy: Option<f64>) -> EpochMetrics {
    EpochMetrics {
        epoch: number,
        train_loss: 1.0 / f64::from(number),
        train_accuracy: 0.5 + 0.03 * f64::from(number),
        eval_loss: accuracy.map(|accuracy| 1.0 - accuracy),
        eval_accuracy: accuracy,
        learning_rate: 0.01,
        seconds: 1.5,
        pictures_per_second: 40_000.0,
    }
}

fn evaluation() -> Evaluation {
    let mut confusion = ConfusionMatrix::new(vec!["cat".into(), "</svg><script>".into()]);
    for (truth, prediction) in [(0, 0), (0, 0), (0, 1), (1, 1), (1, 0), (1, 0)] {
        confusion.add(truth, prediction);
    }
    Evaluation::from_confusion(confusion, 3.0)
}

fn mistake(samples: usize) -> Mistake {
    let (truth, prediction) = ("cat".to_owned(), "dog".to_owned());
    Mistake { shape: [2, 2, 3], samples: vec![9; samples], truth, prediction, probability: 0.987 }
}

fn report<'a>(
    epochs: &'a [EpochMetrics],
    evaluation: Option<&'a Evaluation>,
    mistakes: &'a [Mistake],
) -> RunReport<'a> {
    RunReport {
        name: "run <1>",
        epochs,
        evaluation,
        mistakes,
        recipe: "seed = 7 # <&>",
        environment: &[],
        timings: &[],
    }
}

fn written(report: &RunReport<'_>) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    write_report(folder.path(), report).unwrap();
    let html = fs::read_to_string(folder.path().join("report.html")).unwrap();
    (folder, html)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn report_tells_the_whole_run() {
    let epochs = [epoch(1, Some(0.5)), epoch(2, Some(0.9)), epoch(3, Some(0.9))];
    let (evaluation, mistakes) = (evaluation(), [mistake(12)]);
    let environment = [("seed".to_owned(), "7".to_owned())];
    let timings = [("export".to_owned(), Duration::from_millis(250))];
    let run = RunReport {
        environment: &environment,
        timings: &timings,
        ..report(&epochs, Some(&evaluation), &mistakes)
    };
    let (folder, html) = written(&run);
    assert_eq!(names(folder.path()), ["confusion.svg", "curves.svg", "report.html"]);
    let told = [
        "<h1>run &lt;1&gt;</h1>",
        "Trained for 3 epochs, evaluated on 6 pictures of 2 classes.",
        "<dt>accuracy</dt><dd>50.00%</dd>",
        "best, epoch 2",
        "Confusion matrix",
        "F1 by class",
        "<td>cat</td><td class=\"n\">50.00%</td><td class=\"n\">66.67%</td>",
        "<td>&lt;/svg&gt;&lt;script&gt;</td><td>cat</td><td class=\"n\">2</td><td class=\"n\">66.67%</td>",
        "cat\ntaken for dog\n98.7% sure",
        "<dt>export</dt><dd>250 ms</dd>",
        "<dt>seed</dt><dd>7</dd>",
        "seed = 7 # &lt;&amp;&gt;",
    ];
    for text in told {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("<script"));
}

#[test]
fn runs_without_evaluation_have_no_confusion_matrix() {
    let (folder, html) = written(&report(&[epoch(1, None)], None, &[]));
    assert_eq!(names(folder.path()), ["curves.svg", "report.html"]);
    assert!(html.contains("Trained for 1 epoch, not evaluated.") && html.contains("training accuracy"));
    assert!(!html.contains(">evaluation</text>"), "no curve without values");
}

#[test]
fn runs_that_diverged_or_never_started_are_reported_too() {
    let lost = EpochMetrics { train_loss: f64::NAN, seconds: f64::NAN, ..epoch(1, Some(f64::NAN)) };
    let (_folder, html) = written(&report(&[lost], None, &[mistake(5)]));
    assert!(html.contains("1 value of train is not drawn.") && !html.contains("best, epoch"));
    assert!(!html.contains("<img"), "a mistake with too few samples is left out");
    written(&report(&[], None, &[]));
}

#[test]
fn matrices_that_are_not_square_are_refused() {
    let mut evaluation = evaluation();
    evaluation.confusion.counts.pop();
    let folder = tempfile::tempdir().unwrap();
    let error = write_report(folder.path(), &report(&[], Some(&evaluation), &[])).unwrap_err();
    assert_eq!(error.to_string(), "cannot draw the report: grid has 1 rows of values, expected 2");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn same_run_gives_same_bytes_and_replaces_files_whole() {
    let (epochs, evaluation) = ([epoch(1, Some(0.5))], evaluation());
    let run = report(&epochs, Some(&evaluation), &[]);
    let (folder, first) = written(&run);
    fs::write(folder.path().join("report.html.part"), "left by a crash").unwrap();
    write_report(folder.path(), &run).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("report.html")).unwrap(), first);
    assert_eq!(names(folder.path()), ["confusion.svg", "curves.svg", "report.html"]);
}

#[test]
fn missing_folder_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(write_report(&folder.path().join("none"), &report(&[], None, &[])).is_err());
}
