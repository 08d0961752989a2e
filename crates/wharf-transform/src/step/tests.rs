use serde_json::json;

use super::*;

fn one_of_each() -> Vec<Step> {
    vec![
        Step::Decode,
        Step::Resize { height: 1, width: 2 },
        Step::ResizeShortSide { size: 3 },
        Step::CentreCrop { height: 1, width: 2 },
        Step::Pad { top: 1, bottom: 2, left: 3, right: 4, fill: 5.0 },
        Step::RandomCrop { height: 1, width: 2, padding: 3 },
        Step::RandomHorizontalFlip { probability: 0.25 },
        Step::RandomRotation { degrees: 10.0 },
        Step::Grayscale,
        Step::Rgb,
        Step::ToFloat,
        Step::Normalise { mean: vec![0.1], std: vec![0.3] },
        Step::OneHot { classes: 10 },
    ]
}

#[test]
fn table_of_names_agrees_with_the_serialised_form() {
    let steps = one_of_each();
    assert_eq!(steps.len(), OPS.len());
    for (step, (op, keys)) in steps.iter().zip(OPS) {
        let Value::Object(mut map) = serde_json::to_value(step).unwrap() else { panic!("no map") };
        assert_eq!(map.remove("op"), Some(json!(op)));
        assert_eq!(step.op(), op);
        let mut expected = keys.to_vec();
        expected.sort_unstable();
        let mut actual: Vec<&str> = map.keys().map(String::as_str).collect();
        actual.sort_unstable();
        assert_eq!(actual, expected);
    }
}

#[test]
fn every_step_reads_back() {
    for step in one_of_each() {
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), step);
    }
}

#[test]
fn left_out_keys_have_defaults() {
    for (value, expected) in [
        (json!({"op": "random_horizontal_flip"}), Step::RandomHorizontalFlip { probability: 0.5 }),
        (json!({"op": "pad", "top": 1}), Step::Pad { top: 1, bottom: 0, left: 0, right: 0, fill: 0.0 }),
        (
            json!({"op": "random_crop", "height": 2, "width": 2}),
            Step::RandomCrop { height: 2, width: 2, padding: 0 },
        ),
        (json!({"op": "random_rotation", "degrees": 10}), Step::RandomRotation { degrees: 10.0 }),
    ] {
        assert_eq!(serde_json::from_value::<Step>(value).unwrap(), expected);
    }
}

#[test]
fn mistakes_are_named() {
    for (value, expected) in [
        (json!({"op": "random_rotate"}), "unknown op `random_rotate`, did you mean `random_rotation`?"),
        (
            json!({"op": "random_rotation", "degree": 1}),
            "op `random_rotation`: unknown key `degree`, did you mean `degrees`?",
        ),
        (json!({"op": "rgb", "height": 1}), "op `rgb`: unknown key `height`, expected none"),
        (json!({"op": "resize", "height": 1}), "op `resize`: missing field `width`"),
        (json!({"op": 3}), "`op` is not a string"),
        (json!({"degrees": 1}), "a step has no `op`"),
    ] {
        assert_eq!(serde_json::from_value::<Step>(value).unwrap_err().to_string(), expected);
    }
    let negative = serde_json::from_value::<Step>(json!({"op": "resize", "height": -1, "width": 1}));
    assert!(negative.unwrap_err().to_string().starts_with("op `resize`: invalid value"));
}
