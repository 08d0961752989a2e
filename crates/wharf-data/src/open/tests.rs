use std::fs;

use super::*;
use crate::DataErrorKind;

/// A PGM of one pixel.
const PGM: &[u8] = b"P5 1 1 255\n\x07";

fn tree(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, PGM).unwrap();
    }
    folder
}

fn open(path: &Path, part: Part) -> Result<Dataset, DataError> {
    open_dataset(path, part, &OpenOptions::default())
}

#[test]
fn folder_without_parts_is_training_data() {
    let folder =
        tree(&["s10/1.pgm", "s2/2.pgm", "s2/1.pgm", "s2/notes.txt", "s2/.x.pgm", ".git/1.pgm", "x.pgm"]);
    let dataset = open(folder.path(), Part::Train).unwrap();
    assert_eq!(dataset.class_names(), ["s10", "s2"]);
    assert_eq!(dataset.labels(), [0, 1, 1]);
    assert_eq!(dataset.picture_name(1), "s2/1.pgm");
    assert_eq!(open(folder.path(), Part::All).unwrap().num_pictures(), 3);
    assert_eq!(open(folder.path(), Part::Test).unwrap_err().kind(), DataErrorKind::Missing);
}

#[test]
fn folder_with_parts_is_read_by_part() {
    let folder = tree(&["train/a/1.pgm", "train/b/1.pgm", "test/b/deep/2.pgm"]);
    assert_eq!(open(folder.path(), Part::Train).unwrap().num_pictures(), 2);
    let test = open(folder.path(), Part::Test).unwrap();
    assert_eq!((test.num_pictures(), test.picture_name(0).as_str()), (1, "b/deep/2.pgm"));
    assert_eq!(open(folder.path(), Part::All).unwrap_err().kind(), DataErrorKind::InvalidSetting);
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_are_not_followed() {
    let folder = tree(&["a/1.pgm"]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/again")).unwrap();
    assert_eq!(open(folder.path(), Part::Train).unwrap().num_pictures(), 1);
}

#[test]
fn nothing_there_is_an_error_that_names_the_path() {
    let folder = tree(&["a/notes.txt"]);
    for path in [folder.path().to_path_buf(), folder.path().join("absent"), folder.path().join("a/notes.txt")]
    {
        let error = open(&path, Part::Train).unwrap_err();
        assert_eq!(error.kind(), DataErrorKind::Missing);
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[test]
fn idx_is_found_packed_or_not_and_fashion_has_names() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("fashion-mnist");
    fs::create_dir(&folder).unwrap();
    let images = [&0x803_u32, &2, &1, &1].map(|number| number.to_be_bytes()).concat();
    fs::write(folder.join("t10k-images-idx3-ubyte"), [&images[..], &[5, 6]].concat()).unwrap();
    let labels = [&0x801_u32, &2].map(|number| number.to_be_bytes()).concat();
    fs::write(folder.join("t10k-labels-idx1-ubyte"), [&labels[..], &[9, 0]].concat()).unwrap();
    let dataset = open(&folder, Part::Test).unwrap();
    assert_eq!(dataset.class_names()[9], "ankle boot");
    assert_eq!(dataset.labels(), [9, 0]);
    assert!(open(&folder, Part::Train).unwrap_err().to_string().contains("found no file"));
    let named = OpenOptions { class_names: Some(vec!["x".to_owned()]), ..OpenOptions::default() };
    assert!(open_dataset(&folder, Part::Test, &named).is_err());
}
