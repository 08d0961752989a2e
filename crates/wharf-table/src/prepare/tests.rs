use wharf_transform::columns::{DateForm, Encoding, Otherwise};

use super::*;
use crate::{Column, CsvOptions, Table, TableErrorKind, Texts, read_csv_bytes};

fn table(content: &str) -> Table {
    read_csv_bytes(content.as_bytes(), &CsvOptions::default()).unwrap()
}

fn preparation(text: &str) -> Preparation {
    toml::from_str(text).unwrap()
}

fn encoding(fitted: &Fitted, name: &str) -> Encoding {
    fitted.program.columns.iter().find(|column| column.name == name).unwrap().encoding.clone()
}

fn rows(count: usize, row: impl Fn(usize) -> String) -> String {
    (0..count).map(|index| row(index) + "\n").collect()
}

#[test]
fn useless_columns_are_dropped_with_a_warning_and_still_taken() {
    let content = "id,name,same,empty,price,kind\n".to_owned()
        + &rows(30, |row| format!("{},n{row},7,,{},{}", row + 100, row * row, row % 2));
    let fitted = fit(&table(&content), &Preparation::default()).unwrap();
    let told: Vec<String> = fitted.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "column `id`: every row has its own value, as an identifier; dropped",
            "column `name`: every row has its own value, as an identifier; dropped",
            "column `same`: all values are the same; dropped",
            "column `empty`: all values are missing; dropped",
            "column `price`: every row has its own whole number; drop it if it is an identifier",
        ]
    );
    assert_eq!(fitted.program.feature_names(), ["price", "kind"]);
    assert_eq!(fitted.program.inputs().len(), 6);
}

#[test]
fn many_levels_are_hashed_and_some_share_a_feature() {
    let content = "town\n".to_owned() + &rows(200, |row| format!("t{:03}", row % 90));
    let auto = fit(&table(&content), &Preparation::default()).unwrap();
    assert!(matches!(encoding(&auto, "town"), Encoding::Hashing(hashing) if hashing.bits == 8));
    let one_hot =
        fit(&table(&content), &preparation("categories = { encoding = \"one_hot\", max_levels = 20 }"));
    let one_hot = one_hot.unwrap();
    let Encoding::OneHot(town) = encoding(&one_hot, "town") else { panic!("not one-hot") };
    // Twenty towns come three times, the others twice.
    assert_eq!((town.levels[19].as_str(), town.levels.len(), town.unseen), ("t019", 20, Otherwise::Feature));
    assert_eq!(one_hot.warnings[0].kind, WarningKind::RareLevels { levels: 90, kept: 20 });
}

#[test]
fn missing_levels_follow_their_policy() {
    let table = table("c,y\na,1\nb,2\nb,3\n?,4\n");
    for (policy, expected) in [
        ("auto", Otherwise::Feature),
        ("zeros", Otherwise::Zeros),
        ("most_frequent", Otherwise::Level(1)),
        ("refuse", Otherwise::Refuse),
    ] {
        let fitted =
            fit(&table, &preparation(&format!("categories = {{ missing = \"{policy}\" }}"))).unwrap();
        let Encoding::OneHot(c) = encoding(&fitted, "c") else { panic!("not one-hot") };
        assert_eq!(c.missing, expected, "{policy}");
    }
}

#[test]
fn single_columns_differ_from_the_rest() {
    let table = table("a,b,c,d\n1,1,low,2024-01-01\n2,2,high,2024-02-01\n,3,low,2024-03-01\n");
    let fitted = fit(
        &table,
        &preparation(
            "ignore = [\"b\"]\n\
             [numbers]\nscale = \"none\"\n\
             [columns.a]\nimpute = { constant = -1.0 }\nindicator = \"never\"\n\
             [columns.c]\nas = \"ordinal\"\nlevels = [\"low\", \"high\"]\n\
             [columns.d]\nas = \"drop\"\n",
        ),
    )
    .unwrap();
    assert_eq!(fitted.program.feature_names(), ["a", "c"]);
    let features = table.encode(&fitted.encoder().unwrap()).unwrap();
    assert_eq!(features, [1.0, 0.0, 2.0, 1.0, -1.0, 0.0]);
}

#[test]
fn dates_become_the_parts_that_vary() {
    let table = table("d\n2024-01-05\n2024-03-07\n2024-03-05 00:00\n2024-02-06\n");
    let fitted = fit(&table, &Preparation::default()).unwrap();
    assert_eq!(fitted.program.feature_names(), ["d month", "d day", "d weekday", "d days"]);
    let fitted =
        fit(&table, &preparation("dates = { parts = [\"month\", \"year\"], cyclic = true }")).unwrap();
    let Encoding::Date(date) = encoding(&fitted, "d") else { panic!("not a date") };
    assert_eq!(date.features.iter().map(|f| f.form).collect::<Vec<_>>(), [DateForm::Sin, DateForm::Cos]);
}

#[test]
fn rows_with_missing_numbers_are_left_out_of_training() {
    let table = table("a,b,y\n1,1,1\n,2,0\n3,,1\n4,4,\n");
    let both = preparation("ignore = [\"y\"]\nnumbers = { impute = \"drop_rows\" }");
    assert_eq!(rows_to_train_on(&table, &both).unwrap(), [0, 3]);
    let one = preparation("ignore = [\"y\"]\ncolumns = { b = { impute = \"drop_rows\" } }");
    assert_eq!(rows_to_train_on(&table, &one).unwrap(), [0, 1, 3]);
    assert_eq!(rows_to_train_on(&table, &Preparation::default()).unwrap().len(), 4);
}

#[test]
fn settings_that_do_not_fit_name_the_column() {
    let table = table("a,c\n1,x\n2,y\n");
    for (text, expected) in [
        ("ignore = [\"z\"]", "unknown column `z`"),
        ("columns = { aa = { as = \"drop\" } }", "unknown column `aa`, did you mean `a`?"),
        (
            "columns = { c = { as = \"number\" } }",
            "column `c`: is category, which cannot be prepared as number",
        ),
        (
            "numbers = { clip = [0.9, 0.1] }",
            "column `a`: `clip` is [0.9, 0.1], expected two ascending shares",
        ),
        ("categories = { encoding = \"hashing\", bits = 40 }", "column `c`: `bits` is 40"),
        ("ignore = [\"a\", \"c\"]", "0 columns"),
        ("columns = { a = { as = \"drop\" }, c = { as = \"drop\" } }", "no column becomes a feature"),
    ] {
        let error = fit(&table, &preparation(text)).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert_eq!(error.kind() == TableErrorKind::Missing, text.contains('z') || text.contains("aa"));
    }
    assert!(toml::from_str::<Preparation>("number = { }").is_err());
}

#[test]
fn serving_gives_what_training_saw() {
    let content = "n,c,t,b,d,s\n".to_owned()
        + &rows(40, |row| {
            let missing = row % 7 == 0;
            let n = if missing { String::new() } else { format!("{}.25", row * 3) };
            let c = if row % 5 == 0 { "?" } else { ["red", "green", "blue"][row % 3] };
            let day = row % 28 + 1;
            format!(
                "{n},{c},the {row} words of {c},{},2024-02-{day:02}T10:{day:02}:00.5Z,x{}",
                row % 2 == 0,
                row % 3
            )
        });
    let table = table(&content);
    let fitted = fit(&table, &Preparation::default()).unwrap();
    let encoder = fitted.encoder().unwrap();
    let trained = table.encode(&encoder).unwrap();
    let tensors = table.tensors(&fitted.program).unwrap();
    let inputs: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let served = encoder.run(&inputs).unwrap();
    assert_eq!(served.shape().dims(), [40, encoder.features()]);
    assert_eq!(served.to_vec::<f32>().unwrap(), trained);

    let json = serde_json::to_string(&fitted.program).unwrap();
    let again: wharf_transform::columns::ColumnProgram = serde_json::from_str(&json).unwrap();
    assert_eq!(again, fitted.program);
}

#[test]
fn only_the_rows_given_are_looked_at() {
    let whole = Table::new(vec![
        Column::numbers("a", vec![1.0, 2.0, 1e6]),
        Column::texts("c", ["x", "y", "z"].into_iter().map(Some).collect::<Texts>()),
    ])
    .unwrap();
    let part = whole.take(&[0, 1]).unwrap();
    let fitted = fit(&part, &Preparation::default()).unwrap();
    assert_eq!(fitted.program.feature_names(), ["a", "c=x", "c=y"]);
    let Encoding::Number(a) = encoding(&fitted, "a") else { panic!("not a number") };
    assert_eq!((a.centre, a.scale), (1.5, 2.0));
}
