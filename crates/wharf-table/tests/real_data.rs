//! The tables of the shared data, where they are there.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests fail by panicking, and say what they skip"
)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use wharf_table::profile::{self, Finding};
use wharf_table::{ColumnType, CsvOptions, Preparation, Table, fit, read_csv};

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("WHARF_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let folder = folder.join("tabular");
    if !folder.is_dir() {
        eprintln!("skipped: there is no {}", folder.display());
        return None;
    }
    Some(folder)
}

fn read(folder: &Path, name: &str) -> Table {
    let started = Instant::now();
    let table = read_csv(&folder.join(name), &CsvOptions::default()).unwrap();
    eprintln!("{name}: {} rows read in {:.0?}", table.rows(), started.elapsed());
    table
}

/// File, target, rows, missing cells.
const TABLES: [(&str, &str, usize, usize); 9] = [
    ("adult.csv", "income", 32_561, 4262),
    ("california_housing_missing.csv", "median_house_value", 20_640, 207),
    ("credit_card_default.csv", "DEFAULT", 30_000, 0),
    ("diamonds.csv", "price", 53_940, 0),
    ("iris.csv", "species", 150, 0),
    ("mpg.csv", "mpg", 398, 6),
    ("penguins.csv", "species", 344, 19),
    ("taxis.csv", "tip", 6433, 186),
    ("titanic.csv", "survived", 891, 869),
];

#[test]
fn every_table_is_read_looked_at_and_prepared_for_serving() {
    let Some(folder) = folder() else { return };
    for (name, target, rows, missing) in TABLES {
        let table = read(&folder, name);
        let found: usize = table.columns().iter().map(|column| column.missing()).sum();
        assert_eq!((table.rows(), found), (rows, missing), "{name}");

        let started = Instant::now();
        let profile = profile::profile(&table, Some(target)).unwrap();
        let page = profile::html(&profile, name);
        eprintln!(
            "  looked at in {:.0?}, a page of {} KB\n{}",
            started.elapsed(),
            page.len() / 1024,
            profile::text(&profile)
        );

        let started = Instant::now();
        let preparation = Preparation { ignore: vec![target.to_owned()], ..Preparation::default() };
        let fitted = fit(&table, &preparation).unwrap();
        let fitting = started.elapsed();
        let encoder = fitted.encoder().unwrap();
        let started = Instant::now();
        let features = table.encode(&encoder).unwrap();
        eprintln!(
            "  {} features, fitted in {fitting:.0?}, encoded in {:.0?}",
            encoder.features(),
            started.elapsed()
        );
        fitted.warnings.iter().for_each(|warning| eprintln!("  {warning}"));
        assert!(features.iter().all(|value| value.is_finite()), "{name}");

        let part = table.take(&(0..100).collect::<Vec<_>>()).unwrap();
        let tensors = part.tensors(&fitted.program).unwrap();
        let inputs: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        let served = encoder.run(&inputs).unwrap().to_vec::<f32>().unwrap();
        assert_eq!(served, features[..served.len()], "{name}");
    }
}

#[test]
fn the_column_that_repeats_the_target_is_found() {
    let Some(folder) = folder() else { return };
    let leaks = |name: &str, target: &str| -> Vec<String> {
        let findings = profile::profile(&read(&folder, name), Some(target)).unwrap().findings;
        let leak = |finding: Finding| match finding {
            Finding::Leak { column, .. } => Some(column),
            _ => None,
        };
        findings.into_iter().filter_map(leak).collect()
    };
    assert_eq!(leaks("titanic.csv", "survived"), ["alive"]);
    for (name, target, ..) in TABLES.iter().filter(|(name, ..)| *name != "titanic.csv") {
        assert_eq!(leaks(name, target), [""; 0], "{name}");
    }
}

#[test]
fn types_are_those_a_person_would_say() {
    let Some(folder) = folder() else { return };
    let taxis = read(&folder, "taxis.csv");
    for (name, expected) in [
        ("pickup", ColumnType::DateTime),
        ("passengers", ColumnType::Integer),
        ("fare", ColumnType::Float),
        ("pickup_zone", ColumnType::Category),
    ] {
        assert_eq!(taxis.column(name).unwrap().column_type(), expected, "{name}");
    }
    let titanic = read(&folder, "titanic.csv");
    assert_eq!(titanic.column("alone").unwrap().column_type(), ColumnType::Boolean);
}
