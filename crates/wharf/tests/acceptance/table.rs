//! `docs/acceptance.md` says which test shows which row: every row has one, and every test is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::row::RowFile;

/// How many rows each list of abuses has.
const LISTS: [(&str, usize); 6] = [("P", 8), ("T", 15), ("N", 22), ("L", 16), ("O", 12), ("V", 9)];
/// The files of rows that are data.
const FILES: [&str; 4] = ["serialisation", "tensors", "network", "language"];

/// The root of the project.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The tests of each row, by its id, as the document has them.
fn table() -> BTreeMap<String, Vec<String>> {
    let document = std::fs::read_to_string(root().join("docs/acceptance.md")).unwrap();
    let mut rows = BTreeMap::new();
    for line in document.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, id, _, tests, _] = cells[..] else { continue };
        if !id.contains('-') || id.starts_with('-') {
            continue;
        }
        // What stands between backticks.
        let tests = tests.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        assert!(rows.insert(id.to_owned(), tests).is_none(), "{id} is there twice");
    }
    rows
}

/// What is wrong with a test that the document names for a row; `None` where it is there.
fn fault(id: &str, test: &str, of_files: &BTreeMap<&str, BTreeSet<String>>) -> Option<String> {
    if let Some(file) = test.strip_suffix(".toml") {
        let has_it = of_files.get(file).is_some_and(|ids| ids.contains(id));
        return (!has_it).then(|| format!("{id}: `{test}` has no such row"));
    }
    let Some((file, name)) = test.split_once("::") else {
        return Some(format!("{id}: `{test}` is neither FILE.toml nor FILE::TEST"));
    };
    let folder = if file.ends_with(".py") { "tests/python" } else { "crates" };
    let Ok(text) = std::fs::read_to_string(root().join(folder).join(file)) else {
        return Some(format!("{id}: there is no file {folder}/{file}"));
    };
    let has_it = [format!("fn {name}("), format!("def {name}(")].iter().any(|head| text.contains(head));
    (!has_it).then(|| format!("{id}: {folder}/{file} has no test `{name}`"))
}

#[test]
fn every_row_has_a_test_and_every_test_is_there() {
    let of_files: BTreeMap<&str, BTreeSet<String>> = FILES
        .iter()
        .map(|file| (*file, RowFile::read(file).row.into_iter().map(|row| row.id).collect()))
        .collect();
    let table = table();
    let mut faults = Vec::new();
    for id in
        LISTS.iter().flat_map(|(list, count)| (1..=*count).map(move |number| format!("{list}-{number}")))
    {
        let tests = table.get(&id).map_or(0, Vec::len);
        if tests == 0 {
            faults.push(format!("{id} has no tests"));
        }
    }
    for (file, ids) in &of_files {
        let name = format!("{file}.toml");
        let is_named = |id: &&String| table.get(*id).is_some_and(|tests| tests.contains(&name));
        faults.extend(
            ids.iter().filter(|id| !is_named(id)).map(|id| format!("{id} of {name} is not in the table")),
        );
    }
    for (id, tests) in &table {
        faults.extend(tests.iter().filter_map(|test| fault(id, test, &of_files)));
    }
    assert!(faults.is_empty(), "docs/acceptance.md:\n{}", faults.join("\n"));
}
