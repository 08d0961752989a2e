use std::time::Duration;

use super::nets::{engine, evaluation, perceptron_with_outlier, picture_net, samples};
use crate::{
    Budget, CalibrationMethod, Candidate, Event, IntType, LatencyOptions, Outcome, Request, Step, optimize,
    report_html, write_report,
};

fn quick(request: Request<'_>) -> Request<'_> {
    let latency = LatencyOptions { runs: 20, warm_up: 2, limit: Duration::from_millis(200) };
    Request { latency, ..request }
}

/// The search over the net with an outlier, asked for int8 activations of one scale: it collapses, and is repaired.
fn repaired() -> Outcome {
    let model = perceptron_with_outlier();
    let (calibration, evaluation) = (samples(&[16], 128, 1), evaluation(&model, samples(&[16], 400, 2)));
    let mut request = quick(Request::new(&model, &calibration, &evaluation));
    request.candidates = vec![Candidate::of(Step::static_int8(CalibrationMethod::MinMax))];
    request.budget = Budget { max_loss: Some(0.02), ..Budget::default() };
    optimize(&engine(), &request, &mut |_| ()).unwrap()
}

#[test]
fn a_static_int8_that_collapses_is_refused_and_its_layers_are_left_in_float() {
    let outcome = repaired();
    let collapsed = &outcome.entries[1];
    assert!(collapsed.quality < 0.7, "{}", collapsed.quality);
    assert!(collapsed.refusals[0].contains("points of accuracy"), "{:?}", collapsed.refusals);
    assert!(0.1 < collapsed.loss.low && collapsed.loss.low <= collapsed.loss.mean, "{collapsed:?}");
    let noisy: Vec<&str> = outcome.layers.iter().map(|noise| noise.layer.as_str()).collect();
    assert!(
        noisy.len() == 3 && noisy[0] == "gemm_2",
        "the last layer takes the outlier: {:?}",
        outcome.layers
    );
    assert!(outcome.layers[1].sqnr_db > 20.0, "{:?}", outcome.layers);
    let last = outcome.entries.last().unwrap();
    assert!(last.loss.mean <= 0.02 && last.name.ends_with("1 layer in float"), "{last:?}");
    assert_ne!(outcome.chosen, Some(1));
}

#[test]
fn outcomes_are_stored_and_told() {
    let outcome = repaired();
    let text = serde_json::to_string(&outcome).unwrap();
    let read: Outcome = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    assert_eq!(read.calibration_ids.len(), 128);
    let html = report_html("outlier <1>", &outcome, &[("processor".into(), "any".into())]);
    for part in
        ["outlier &lt;1&gt;", "Pareto front", "refused: loses", "Signal above noise", "gemm_1", "1/0, 1/1"]
    {
        assert!(html.contains(part), "{part}");
    }
    let folder = tempfile::tempdir().unwrap();
    write_report(folder.path(), "outlier", &outcome, &[]).unwrap();
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["optimise.json", "report.html"]);
}

#[test]
fn every_usual_candidate_is_measured() {
    let model = picture_net();
    let (calibration, evaluation) =
        (samples(&[3, 8, 8], 32, 1), evaluation(&model, samples(&[3, 8, 8], 200, 2)));
    let mut request = quick(Request::new(&model, &calibration, &evaluation));
    request.candidates.extend(Candidate::pruned(&[0.25]));
    request.candidates.push(Candidate::of(Step::Channels { share: 0.01 }));
    request.budget = Budget { max_loss: Some(0.05), max_size_bytes: Some(5000), ..Budget::default() };
    let mut skipped = Vec::new();
    let outcome = optimize(&engine(), &request, &mut |event| {
        if let Event::Skipped { name, reason } = event {
            skipped.push(format!("{name}: {reason}"));
        }
    })
    .unwrap();
    assert_eq!(skipped, ["1 % of channels pruned: changes nothing in this model"]);
    assert!(outcome.entries.len() >= 10, "{}", outcome.entries.len());
    assert_eq!(outcome.baseline().unwrap().quality, 1.0);
    for entry in &outcome.entries[1..] {
        assert!(entry.latency.p50_ms > 0.0 && entry.latency.p99_ms >= entry.latency.p50_ms, "{entry:?}");
        assert_eq!(entry.refusals.iter().any(|reason| reason.contains("bytes")), entry.size_bytes > 5000);
    }
    assert!(outcome.entries.iter().any(|entry| !entry.pruned.is_empty()));
    assert!(outcome.entries.iter().any(|entry| entry.is_on_front));
    assert_eq!(outcome.model.is_some(), outcome.chosen.is_some());
}

#[test]
fn signed_activations_are_a_candidate_as_well() {
    let step = Step::Static {
        activation: IntType::I8,
        per_channel: false,
        reduced: false,
        calibration: CalibrationMethod::PERCENTILE,
        kept: vec!["conv".into()],
    };
    assert_eq!(
        step.name(),
        "static int8, per tensor, percentile 99.999, int8 activations, weights of full range, 1 layer in float"
    );
}
