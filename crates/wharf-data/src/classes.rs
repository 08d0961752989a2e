//! Which picture file belongs to which class and part, by its path.

use std::collections::BTreeMap;

use crate::DataError;

/// A part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// What is trained on: the part called `train`, or everything where there are no parts.
    Train,
    /// What is tested on: the part called `test`.
    Test,
    /// Everything, whatever its part.
    All,
}

impl Part {
    /// The name of its folder or file.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Part::Train => Some("train"),
            Part::Test => Some("test"),
            Part::All => None,
        }
    }
}

const EXTENSIONS: [&str; 7] = ["bmp", "jpeg", "jpg", "pgm", "png", "pnm", "ppm"];

/// Whether a file's name is that of a picture: a known extension, and not hidden.
pub(crate) fn is_picture_name(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    !name.starts_with('.') && extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

/// A file with what tells where it lies, sorted into its class.
pub(crate) struct Member<T> {
    pub(crate) class: String,
    /// The path as the user knows it.
    pub(crate) name: String,
    pub(crate) place: T,
}

/// The class of a file in an archive, `.../<part>/<class>/<file>`, and the part if there is one.
pub(crate) fn class_and_part(path: &str) -> Option<(&str, Option<&str>)> {
    let mut folders = path.rsplit('/').filter(|component| !component.is_empty() && *component != ".");
    let file = folders.next()?;
    let class = folders.next()?;
    let part = folders.next().filter(|part| matches!(*part, "train" | "test"));
    (is_picture_name(file) && !class.starts_with('.')).then_some((class, part))
}

/// Class names, labels and files, all sorted by class and then by path.
pub(crate) fn sort_into_classes<T>(mut members: Vec<Member<T>>) -> (Vec<String>, Vec<u32>, Vec<(String, T)>) {
    members.sort_by(|a, b| (&a.class, &a.name).cmp(&(&b.class, &b.name)));
    let mut places = BTreeMap::<String, u32>::new();
    let (mut labels, mut files) = (Vec::new(), Vec::new());
    for member in members {
        let next = places.len() as u32;
        labels.push(*places.entry(member.class).or_insert(next));
        files.push((member.name, member.place));
    }
    (places.into_keys().collect(), labels, files)
}

/// The error of a data set without pictures.
pub(crate) fn nothing_found(part: Part) -> DataError {
    let part = part.name().map(|name| format!(" in part `{name}`")).unwrap_or_default();
    DataError::missing(format!(
        "found no pictures{part}, expected `<class>/<picture>` with one of the extensions {}",
        EXTENSIONS.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_and_part_come_from_the_path() {
        for (path, expected) in [
            ("train/cat/1.jpg", Some(("cat", Some("train")))),
            ("data/test/cat/1.PNG", Some(("cat", Some("test")))),
            ("./cat/1.bmp", Some(("cat", None))),
            ("x/cat//1.pgm", Some(("cat", None))),
            ("1.jpg", None),
            ("cat/readme.txt", None),
            ("cat/.1.jpg", None),
            ("cat/._1.jpg", None),
            (".cache/1.jpg", None),
            ("cat/jpg", None),
            ("", None),
        ] {
            assert_eq!(class_and_part(path), expected, "{path}");
        }
    }

    #[test]
    fn classes_are_numbered_by_name() {
        let member = |class: &str, name: &str| Member { class: class.into(), name: name.into(), place: () };
        let members = vec![member("b", "b/2"), member("a", "a/9"), member("b", "b/1")];
        let (classes, labels, files) = sort_into_classes(members);
        assert_eq!(classes, ["a", "b"]);
        assert_eq!(labels, [0, 1, 1]);
        assert_eq!(files.iter().map(|(name, ())| name.as_str()).collect::<Vec<_>>(), ["a/9", "b/1", "b/2"]);
    }
}
