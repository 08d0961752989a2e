//! What is fitted here is what scikit-learn fits; see `goldens/make.py`.

use serde_json::Value;
use wharf_transform::columns::{ColumnEncoder, Encoding};

use crate::prepare::{
    CategorySettings, ColumnSettings, Fitted, Impute, NumberSettings, Policy, Preparation, Role, Scaling,
    TextEncoding, TextSettings, fit,
};
use crate::{Column, Table, Texts};

fn goldens() -> Value {
    serde_json::from_str(include_str!("../../goldens/goldens.json")).unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect()
}

fn text_table(texts: &[&str]) -> Table {
    let texts: Texts = texts.iter().map(|text| Some(*text)).collect();
    Table::new(vec![Column::texts("x", texts)]).unwrap()
}

fn fitted_as(table: &Table, role: Role, mut preparation: Preparation) -> Fitted {
    let settings = ColumnSettings { role: Some(role), ..ColumnSettings::default() };
    preparation.columns.insert("x".to_owned(), settings);
    fit(table, &preparation).unwrap()
}

fn encoded(fitted: &Fitted, table: &Table) -> Vec<f64> {
    let encoder = ColumnEncoder::new(&fitted.program).unwrap();
    table.encode(&encoder).unwrap().into_iter().map(f64::from).collect()
}

/// The arithmetic is in float64 and the features are float32: half a unit in the last place of those. Of numbers around
/// 10^9 that differ by less than 1, scikit-learn sums all digits and loses the last ones of the mean.
fn assert_close(ours: &[f64], theirs: &[f64], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        let allowed = 6e-8 * theirs.abs().max(1.0) + if what.contains("far") { 1e-6 } else { 0.0 };
        assert!((ours - theirs).abs() <= allowed, "{what}: {ours}, expected {theirs}");
    }
}

#[test]
fn numbers_are_imputed_and_scaled_as_in_scikit_learn() {
    let goldens = goldens();
    let mut count = 0;
    for golden in goldens["numbers"].as_array().unwrap() {
        let impute = match golden["impute"].as_str().unwrap() {
            "mean" => Impute::Mean,
            "median" => Impute::Median,
            "most_frequent" => Impute::MostFrequent,
            _ => Impute::Constant(1.25),
        };
        let scale = match golden["scale"].as_str().unwrap() {
            "none" => Scaling::None,
            "standard" => Scaling::Standard,
            "min_max" => Scaling::MinMax,
            _ => Scaling::Robust,
        };
        let numbers =
            NumberSettings { impute, scale, indicator: super::Indicator::Never, ..NumberSettings::default() };
        let table = Table::new(vec![Column::numbers("x", floats(&golden["values"]))]).unwrap();
        let fitted = fitted_as(&table, Role::Number, Preparation { numbers, ..Preparation::default() });
        let what = format!("{} {impute:?} {scale:?}", golden["name"]);
        assert_close(&encoded(&fitted, &table), &floats(&golden["result"]), &what);
        count += 1;
    }
    assert_eq!(count, 96);
}

#[test]
fn outliers_are_clipped_as_in_numpy() {
    for golden in goldens()["clips"].as_array().unwrap() {
        let shares = floats(&golden["shares"]);
        let numbers = NumberSettings {
            clip: Some([shares[0], shares[1]]),
            scale: Scaling::None,
            ..NumberSettings::default()
        };
        let table = Table::new(vec![Column::numbers("x", floats(&golden["values"]))]).unwrap();
        let fitted = fitted_as(&table, Role::Number, Preparation { numbers, ..Preparation::default() });
        assert_close(&encoded(&fitted, &table), &floats(&golden["result"]), &format!("{shares:?}"));
    }
}

#[test]
fn categories_are_encoded_as_in_scikit_learn() {
    let goldens = goldens();
    let golden = &goldens["categories"];
    let (train, new) = (text_table(&strings(&golden["train"])), text_table(&strings(&golden["new"])));
    let with = |role, categories: CategorySettings| {
        fitted_as(&train, role, Preparation { categories, ..Preparation::default() })
    };
    let one_hot = with(Role::OneHot, CategorySettings::default());
    let Encoding::OneHot(encoding) = &one_hot.program.columns[0].encoding else { panic!("not one-hot") };
    assert_eq!(encoding.levels, strings(&golden["levels"]));
    assert_eq!(encoded(&one_hot, &new), floats(&golden["one_hot"]));
    let ordinal = with(Role::Ordinal, CategorySettings::default());
    assert_eq!(encoded(&ordinal, &new), floats(&golden["ordinal"]));
    let frequent = CategorySettings { min_count: 2, unseen: Policy::Feature, ..CategorySettings::default() };
    assert_eq!(encoded(&with(Role::OneHot, frequent), &new), floats(&golden["frequent"]));
}

#[test]
fn words_are_weighed_as_in_scikit_learn() {
    let goldens = goldens();
    let (train, new) = (text_table(&strings(&goldens["texts"])), text_table(&strings(&goldens["new_texts"])));
    for golden in goldens["tf_idf"].as_array().unwrap() {
        let min_documents = golden["min_documents"].as_u64().unwrap() as usize;
        let texts = TextSettings { min_documents, ..TextSettings::default() };
        let fitted = fitted_as(&train, Role::Text, Preparation { texts, ..Preparation::default() });
        let Encoding::TfIdf(encoding) = &fitted.program.columns[0].encoding else { panic!("not TF-IDF") };
        assert_eq!(encoding.terms, strings(&golden["terms"]));
        for (ours, theirs) in encoding.idf.iter().zip(floats(&golden["idf"])) {
            assert!((ours - theirs).abs() < 1e-14);
        }
        assert_close(&encoded(&fitted, &train), &floats(&golden["train"]), "train");
        assert_close(&encoded(&fitted, &new), &floats(&golden["new"]), "new");
    }
}

#[test]
fn words_fall_into_the_buckets_of_scikit_learn() {
    let goldens = goldens();
    let table = text_table(&strings(&goldens["texts"]));
    let texts = TextSettings { encoding: TextEncoding::Hashing, bits: 5, ..TextSettings::default() };
    let fitted = fitted_as(&table, Role::Text, Preparation { texts, ..Preparation::default() });
    assert_eq!(encoded(&fitted, &table), floats(&goldens["hashed"]));
}
