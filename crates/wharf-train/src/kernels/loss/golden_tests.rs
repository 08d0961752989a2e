use serde_json::Value;

use super::*;

fn goldens() -> Value {
    serde_json::from_str(include_str!("../../../goldens/losses.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn assert_close(ours: f64, theirs: &Value) {
    let theirs = theirs.as_f64().unwrap();
    assert!((ours - theirs).abs() <= 1e-6 * theirs.abs().max(1.0), "{ours} {theirs}");
}

fn assert_all_close(ours: &[f32], theirs: &Value) {
    assert_eq!(ours.len(), theirs.as_array().unwrap().len());
    ours.iter()
        .zip(theirs.as_array().unwrap())
        .for_each(|(ours, theirs)| assert_close(f64::from(*ours), theirs));
}

#[test]
fn element_losses_are_pytorchs() {
    let goldens = goldens();
    let case = &goldens["elements"];
    let (outputs, targets) = (numbers(&case["outputs"]), numbers(&case["targets"]));
    let weights = numbers(&case["positive_weights"]);
    let delta = case["delta"].as_f64().unwrap();
    let losses = [
        ("binary", binary_cross_entropy(&outputs, &targets, &weights)),
        ("absolute", mean_absolute_error(&outputs, &targets)),
        ("huber", huber(&outputs, &targets, delta)),
    ];
    for (name, ours) in losses {
        assert_close(f64::from(ours.loss), &case[name]["loss"]);
        assert_all_close(&ours.gradient, &case[name]["gradient"]);
    }
}

#[test]
fn binary_cross_entropy_of_huge_outputs_is_finite() {
    let loss = binary_cross_entropy(&[1e30, -1e30, 200.0], &[1.0, 0.0, 0.0], &[1.0]);
    assert!((loss.loss - 200.0 / 3.0).abs() < 1e-4);
    assert_eq!(loss.gradient, [0.0, 0.0, 1.0 / 3.0]);
    assert_eq!(mean_absolute_error(&[1.0, 2.0], &[1.0, 3.0]).gradient, [0.0, -0.5]);
}

#[test]
fn distillation_is_the_formula() {
    for case in goldens()["distillation"].as_array().unwrap() {
        let labels: Vec<usize> = numbers(&case["labels"]).iter().map(|label| *label as usize).collect();
        let number = |key: &str| case[key].as_f64().unwrap();
        let distillation =
            Distillation { temperature: number("temperature"), label_share: number("label_share") };
        let ours =
            distillation.loss(&numbers(&case["student"]), &numbers(&case["teacher"]), &labels).unwrap();
        assert_close(ours.loss, &case["loss"]);
        assert_all_close(&ours.gradient, &case["gradient"]);
    }
}

#[test]
fn a_student_like_its_teacher_has_nothing_to_learn() {
    let outputs = [1.0, -2.0, 0.5, 3.0, 3.0, -1.0];
    let distillation = Distillation { temperature: 3.0, label_share: 0.0 };
    let loss = distillation.loss(&outputs, &outputs, &[0, 1]).unwrap();
    assert_eq!((loss.loss, loss.teacher_loss), (0.0, 0.0));
    assert_eq!(loss.gradient, [0.0; 6]);
    let labels_alone =
        Distillation { label_share: 1.0, ..distillation }.loss(&outputs, &[9.0; 6], &[0, 1]).unwrap();
    let plain = cross_entropy(&outputs, &[0, 1], &[1.0; 3], 0.0);
    assert_eq!((labels_alone.loss, labels_alone.gradient), (f64::from(plain.loss), plain.gradient));
}

#[test]
fn distillation_gradient_is_that_of_finite_differences() {
    let (mut student, teacher) = ([0.3_f32, -1.2, 2.0, 0.1], [1.0, 0.2, -0.4, 0.3]);
    let distillation = Distillation { temperature: 4.0, label_share: 0.25 };
    let mut loss = |place: usize, change: f32| {
        student[place] += change;
        let loss = distillation.loss(&student, &teacher, &[1, 0]).unwrap();
        student[place] -= change;
        loss
    };
    for place in 0..4 {
        let step = 1.0 / 64.0;
        let slope = (loss(place, step).loss - loss(place, -step).loss) / (2.0 * f64::from(step));
        assert!((slope - f64::from(loss(place, 0.0).gradient[place])).abs() < 1e-5, "{place}");
    }
}

#[test]
fn distillation_refuses_what_does_not_fit() {
    let distillation = Distillation { temperature: 2.0, label_share: 0.5 };
    for (student, teacher, labels) in [
        (vec![0.0; 4], vec![0.0; 6], vec![0, 1]),
        (vec![0.0; 5], vec![0.0; 5], vec![0, 1]),
        (vec![0.0; 4], vec![0.0; 4], vec![0, 2]),
        (vec![0.0; 4], vec![0.0; 4], vec![]),
        (vec![f32::NAN; 4], vec![0.0; 4], vec![0, 1]),
    ] {
        assert!(distillation.loss(&student, &teacher, &labels).is_err());
    }
    let cold = Distillation { temperature: 0.0, ..distillation };
    assert!(cold.loss(&[0.0], &[0.0], &[0]).unwrap_err().to_string().contains("temperature"));
    let odd = Distillation { label_share: 1.5, ..distillation };
    assert!(odd.loss(&[0.0], &[0.0], &[0]).unwrap_err().to_string().contains("label_share"));
}
