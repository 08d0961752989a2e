use std::borrow::Cow;

use wharf_tensor::{DType, Shape, Tensor};

use super::*;
use crate::{TransformError, TransformErrorKind};

fn column(name: &str, takes: Takes, encoding: Encoding) -> ProgramColumn {
    ProgramColumn { name: name.to_owned(), takes, encoding }
}

fn program(columns: Vec<ProgramColumn>) -> ColumnProgram {
    ColumnProgram { columns, ..ColumnProgram::default() }
}

fn texts(values: &[&str]) -> Tensor {
    let values: Vec<_> = values.iter().map(|value| value.as_bytes().to_vec().into()).collect();
    Tensor::from_strings(Shape::new(&[values.len()]).unwrap(), values).unwrap()
}

fn numbers(values: &[f64]) -> Tensor {
    Tensor::from_vec(Shape::new(&[values.len()]).unwrap(), values.to_vec()).unwrap()
}

fn run_one(encoding: Encoding, input: &Tensor) -> Result<Vec<f32>, TransformError> {
    let encoder = ColumnEncoder::new(&program(vec![column("x", Takes::Text, encoding)]))?;
    encoder.run(&[("x", input)]).map(|features| features.to_vec().unwrap())
}

fn levels(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn number_is_imputed_then_clipped_then_scaled() {
    let number = NumberEncoding {
        impute: Some(100.0),
        indicator: true,
        clip: Some([0.0, 10.0]),
        log: false,
        centre: 4.0,
        scale: 0.5,
    };
    let features = run_one(Encoding::Number(number), &numbers(&[f64::NAN, -3.0, 6.0])).unwrap();
    assert_eq!(features, [3.0, 1.0, -2.0, 0.0, 1.0, 0.0]);
}

#[test]
fn missing_number_stays_nan_where_nothing_stands_for_it() {
    let number = NumberEncoding { clip: Some([0.0, 1.0]), ..NumberEncoding::default() };
    let features = run_one(Encoding::Number(number), &numbers(&[f64::NAN, 7.0])).unwrap();
    assert!(features[0].is_nan() && features[1] == 1.0);
}

#[test]
fn logarithm_keeps_the_sign_and_huge_numbers_stay_finite() {
    let number = NumberEncoding { log: true, ..NumberEncoding::default() };
    let features = run_one(Encoding::Number(number), &numbers(&[-1.0, 0.0, 1.0])).unwrap();
    let ln_2 = std::f32::consts::LN_2;
    assert_eq!(features, [-ln_2, 0.0, ln_2]);
    let plain = Encoding::Number(NumberEncoding { scale: 1e10, ..NumberEncoding::default() });
    assert_eq!(run_one(plain, &numbers(&[1e300, -1e300])).unwrap(), [f32::MAX, f32::MIN]);
}

#[test]
fn one_hot_follows_its_policies() {
    let input = texts(&["b", "z", "", " a "]);
    for (unseen, missing, expected) in [
        (Otherwise::Zeros, Otherwise::Zeros, vec![0., 1., 0., 0., 0., 0., 1., 0.]),
        (
            Otherwise::Feature,
            Otherwise::Feature,
            vec![0., 1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 1., 0., 0., 0.],
        ),
        (Otherwise::Level(0), Otherwise::Level(1), vec![0., 1., 1., 0., 0., 1., 1., 0.]),
    ] {
        let one_hot = OneHotEncoding { levels: levels(&["a", "b"]), unseen, missing };
        assert_eq!(run_one(Encoding::OneHot(one_hot), &input).unwrap(), expected, "{unseen:?}");
    }
}

#[test]
fn one_hot_that_refuses_names_the_row_and_the_text() {
    let one_hot =
        OneHotEncoding { levels: levels(&["a"]), unseen: Otherwise::Refuse, missing: Otherwise::Refuse };
    let fail = |input: &Tensor| run_one(Encoding::OneHot(one_hot.clone()), input).unwrap_err().to_string();
    assert_eq!(fail(&texts(&["a", "q"])), "column `x`, row 1: `q` is none of the levels");
    assert_eq!(fail(&texts(&[""])), "column `x`, row 0: the value is missing");
}

#[test]
fn levels_are_found_by_number_truth_value_and_code_alike() {
    let one_hot = OneHotEncoding { levels: levels(&["3", "true"]), ..OneHotEncoding::default() };
    let run = |input: &Tensor| run_one(Encoding::OneHot(one_hot.clone()), input).unwrap();
    assert_eq!(run(&numbers(&[3.0, 4.0, f64::NAN])), [1., 0., 0., 0., 0., 0.]);
    let integer = Tensor::from_vec(Shape::new(&[1, 1]).unwrap(), vec![3_i64]).unwrap();
    assert_eq!(run(&integer), [1., 0.]);
    let truth = Tensor::from_bools(Shape::new(&[2]).unwrap(), vec![true, false]).unwrap();
    assert_eq!(run(&truth), [0., 1., 0., 0.]);

    let encoder =
        ColumnEncoder::new(&program(vec![column("x", Takes::Text, Encoding::OneHot(one_hot.clone()))]))
            .unwrap();
    let dictionary: Vec<Box<str>> = vec!["true".into(), "?".into(), "3".into()];
    let coded = ColumnValues::Coded { levels: &dictionary, codes: &[2, 0, 1, MISSING_CODE, 2] };
    assert_eq!(encoder.encode(&[("x", coded)]).unwrap(), [1., 0., 0., 1., 0., 0., 0., 0., 1., 0.]);
}

#[test]
fn ordinal_gives_places() {
    let ordinal = OrdinalEncoding { levels: levels(&["low", "high"]), unseen: -1.0, missing: -2.0 };
    let features = run_one(Encoding::Ordinal(ordinal), &texts(&["high", "low", "odd", ""])).unwrap();
    assert_eq!(features, [1.0, 0.0, -1.0, -2.0]);
}

#[test]
fn truth_values_of_every_type() {
    let boolean = Encoding::Boolean(BooleanEncoding { missing: 0.5, indicator: true });
    assert_eq!(
        run_one(boolean.clone(), &texts(&["Yes", "false", ""])).unwrap(),
        [1.0, 0.0, 0.0, 0.0, 0.5, 1.0]
    );
    assert_eq!(run_one(boolean.clone(), &numbers(&[1.0, f64::NAN])).unwrap(), [1.0, 0.0, 0.5, 1.0]);
    let error = run_one(boolean, &numbers(&[0.0, 2.0])).unwrap_err().to_string();
    assert_eq!(error, "column `x`, row 1: 2 is no truth value, expected 0 or 1");
}

#[test]
fn dates_from_text_and_seconds() {
    let feature = |part, form| DateFeature { part, form, centre: 0.0, scale: 1.0 };
    let date = Encoding::Date(DateEncoding {
        features: vec![
            feature(DatePart::Year, DateForm::Value),
            feature(DatePart::Weekday, DateForm::Value),
            feature(DatePart::Days, DateForm::Value),
            feature(DatePart::Hour, DateForm::Sin),
            feature(DatePart::Month, DateForm::Cos),
        ],
        impute: 0.0,
        indicator: true,
    });
    let close = |features: &[f32], expected: &[f32]| {
        let is_near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
        assert!(features.iter().zip(expected).all(is_near), "{features:?}");
    };
    close(&run_one(date.clone(), &texts(&["2024-05-31T06:00:00Z"])).unwrap(), &[2024.0, 4.0, 19874.25, 1.0]);
    close(&run_one(date.clone(), &numbers(&[19_874.25 * 86_400.0])).unwrap()[4..], &[-0.5, 0.0]);
    close(&run_one(date.clone(), &texts(&[""])).unwrap(), &[1970.0, 3.0, 0.0, 0.0, 1.0, 1.0]);
    let error = run_one(date, &texts(&["", "31.5.2024"])).unwrap_err().to_string();
    assert_eq!(error, "column `x`, row 1: `31.5.2024` is not a date in ISO 8601");
}

#[test]
fn hashing_counts_values_and_words() {
    let hashing = |unit, lower_case| Encoding::Hashing(HashingEncoding { bits: 4, unit, lower_case });
    let counts = run_one(hashing(HashUnit::Words, true), &texts(&["Dog dog a", ""])).unwrap();
    assert_eq!(counts.len(), 32);
    assert_eq!((counts[bucket("dog", 4)], counts.iter().sum::<f32>()), (2.0, 2.0));
    let counts = run_one(hashing(HashUnit::Value, false), &texts(&["Dog dog"])).unwrap();
    assert_eq!(counts[bucket("Dog dog", 4)], 1.0);
}

#[test]
fn tf_idf_rows_have_length_one_or_zero() {
    let tf_idf = TfIdfEncoding { terms: levels(&["cat", "dog"]), idf: vec![1.5, 2.0], lower_case: true };
    let features = run_one(Encoding::TfIdf(tf_idf), &texts(&["Cat, cat; DOG!", "bird", ""])).unwrap();
    let length = 13_f32.sqrt();
    assert_eq!(features, [3.0 / length, 2.0 / length, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn selection_keeps_features_with_their_names_and_columns() {
    let mut program = program(vec![
        column(
            "a",
            Takes::Number,
            Encoding::Number(NumberEncoding { indicator: true, ..Default::default() }),
        ),
        column("gone", Takes::Text, Encoding::Dropped),
        column(
            "b",
            Takes::Text,
            Encoding::OneHot(OneHotEncoding { levels: levels(&["x", "y"]), ..Default::default() }),
        ),
    ]);
    program.select(&[3, 0, 1, 1, 99]);
    assert_eq!(program.feature_names(), ["a", "a is missing", "b=y"]);
    program.select(&[2, 0]);
    assert_eq!((program.feature_names(), program.feature_columns()), (levels(&["a", "b=y"]), vec![0, 2]));
    let (a, b) = (numbers(&[7.0, f64::NAN]), texts(&["y", "x"]));
    let encoder = ColumnEncoder::new(&program).unwrap();
    let features = encoder.run(&[("b", &b), ("gone", &b), ("a", &a)]).unwrap();
    assert_eq!(features.shape().dims(), [2, 2]);
    let features = features.to_vec::<f32>().unwrap();
    assert!(features[..2] == [7.0, 1.0] && features[2].is_nan() && features[3] == 0.0);
}

#[test]
fn missing_tokens_are_those_of_the_table() {
    let mut program = program(vec![column("x", Takes::Number, Encoding::Number(NumberEncoding::default()))]);
    program.missing = levels(&["?"]);
    let features = ColumnEncoder::new(&program).unwrap().run(&[("x", &texts(&["?", "2"]))]).unwrap();
    let features = features.to_vec::<f32>().unwrap();
    assert!(features[0].is_nan() && features[1] == 2.0);
}

#[test]
fn wrong_inputs_name_the_column() {
    let number = || Encoding::Number(NumberEncoding::default());
    let program =
        program(vec![column("age", Takes::Number, number()), column("day", Takes::Number, number())]);
    let encoder = ColumnEncoder::new(&program).unwrap();
    let (two, three) = (numbers(&[1.0, 2.0]), numbers(&[1.0, 2.0, 3.0]));
    let square = Tensor::from_vec(Shape::new(&[1, 2]).unwrap(), vec![1.0_f32, 2.0]).unwrap();
    let infinite = numbers(&[0.0, f64::INFINITY]);
    let bad = texts(&["1", "two"]);
    for (inputs, expected) in [
        (vec![("age", &two)], "column `day` is missing"),
        (vec![("age", &two), ("dya", &two)], "unknown column `dya`, did you mean `day`?"),
        (vec![("age", &two), ("age", &two)], "column `age` is given twice"),
        (vec![("age", &two), ("day", &three)], "column `day` has 3 rows, expected 2 as of the first"),
        (vec![("age", &square), ("day", &two)], "column `age` has shape [1, 2], expected [N] or [N, 1]"),
        (vec![("age", &bad), ("day", &two)], "column `age`, row 1: `two` is not a number"),
        (
            vec![("age", &infinite), ("day", &two)],
            "column `age`, row 1: inf is not finite; a missing number is NaN",
        ),
    ] {
        let error = encoder.run(&inputs).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.kind()), (expected, TransformErrorKind::InvalidInput));
    }
    let times = ColumnValues::Times(Cow::Borrowed(&[0.0]));
    let one = ColumnValues::Numbers(Cow::Borrowed(&[0.0]));
    let error = encoder.encode(&[("age", times), ("day", one)]).unwrap_err();
    assert_eq!(error.to_string(), "column `age` holds dates, expected numbers");
}

#[test]
fn every_element_type_is_a_number() {
    let program = program(vec![column("x", Takes::Number, Encoding::Number(NumberEncoding::default()))]);
    let encoder = ColumnEncoder::new(&program).unwrap();
    for dtype in DType::ALL.into_iter().filter(|dtype| *dtype != DType::String) {
        let size = dtype.size_bytes().unwrap();
        let tensor = Tensor::from_bytes(dtype, Shape::new(&[1]).unwrap(), vec![0; size].into()).unwrap();
        assert_eq!(encoder.run(&[("x", &tensor)]).unwrap().to_vec::<f32>().unwrap(), [0.0], "{dtype}");
    }
}

#[test]
fn rows_that_would_take_too_much_memory_are_refused() {
    let hashing = Encoding::Hashing(HashingEncoding { bits: 19, unit: HashUnit::Value, lower_case: false });
    let error = run_one(hashing, &texts(&["x"; 1000])).unwrap_err();
    assert_eq!(error.kind(), TransformErrorKind::TooLarge);
}

#[test]
fn hostile_programs_are_refused() {
    let number = |number: NumberEncoding| Encoding::Number(number);
    let plain = NumberEncoding::default;
    let one_hot = |names: &[&str], unseen| {
        Encoding::OneHot(OneHotEncoding { levels: levels(names), unseen, missing: Otherwise::Zeros })
    };
    let date = |part, form| {
        let features = vec![DateFeature { part, form, centre: 0.0, scale: 1.0 }];
        Encoding::Date(DateEncoding { features, impute: 0.0, indicator: false })
    };
    for (encoding, expected) in [
        (number(NumberEncoding { scale: f64::NAN, ..plain() }), "holds NaN"),
        (number(NumberEncoding { clip: Some([2.0, 1.0]), ..plain() }), "lower end first"),
        (number(NumberEncoding { impute: Some(f64::INFINITY), ..plain() }), "holds inf"),
        (one_hot(&["a", "a"], Otherwise::Zeros), "comes twice"),
        (one_hot(&["a"], Otherwise::Level(1)), "but there are 1"),
        (date(DatePart::Year, DateForm::Sin), "does not come round"),
        (
            Encoding::Hashing(HashingEncoding { bits: 60, unit: HashUnit::Value, lower_case: false }),
            "`bits` is 60",
        ),
        (
            Encoding::TfIdf(TfIdfEncoding { terms: levels(&["a"]), idf: vec![], lower_case: false }),
            "1 terms and 0 weights",
        ),
        (Encoding::Dropped, "no column becomes a feature"),
    ] {
        let error = program(vec![column("x", Takes::Text, encoding)]).check().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.kind(), TransformErrorKind::InvalidPipeline);
    }
    let hashing = Encoding::Hashing(HashingEncoding { bits: 19, unit: HashUnit::Value, lower_case: false });
    let two = vec![column("a", Takes::Text, hashing.clone()), column("b", Takes::Text, hashing)];
    assert!(program(two).check().unwrap_err().to_string().contains("1048576 features"));
    for selected in [vec![1], vec![0, 0], vec![]] {
        let mut program = program(vec![column("x", Takes::Number, number(plain()))]);
        program.selected = Some(selected);
        program.check().unwrap_err();
    }
}

#[test]
fn programs_survive_json() {
    let text = r#"{"columns":[{"name":"x","takes":"text","encoding":{"as":"one_hot","levels":["a"],
        "unseen":{"level":0},"missing":"feature"}},{"name":"y","takes":"boolean","encoding":{"as":"dropped"}}],
        "missing":["?"],"selected":[0]}"#;
    let program: ColumnProgram = serde_json::from_str(text).unwrap();
    program.check().unwrap();
    let again: ColumnProgram = serde_json::from_str(&serde_json::to_string(&program).unwrap()).unwrap();
    assert_eq!(program, again);
    assert_eq!(program.inputs()[1].dtype, DType::String);
    for unknown in
        [r#"{"columns":[],"x":1}"#, r#"{"columns":[{"name":"x","takes":"text","encoding":{"as":"odd"}}]}"#]
    {
        serde_json::from_str::<ColumnProgram>(unknown).unwrap_err();
    }
}
