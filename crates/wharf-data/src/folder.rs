//! A folder of class folders of picture files.

use std::fs::{self, DirEntry};
use std::path::Path;

use crate::classes::{Member, Part, is_picture_name, nothing_found, sort_into_classes};
use crate::store::Store;
use crate::{DataError, Dataset};

/// How deep class folders are searched.
const MAX_DEPTH: usize = 16;

/// Reads `<root>/<class>/.../<picture>`: classes and pictures in the order of their names. Hidden files and
/// files without the extension of a picture are left out; links to folders are not followed.
///
/// # Errors
/// A folder cannot be read, a name is not UTF-8, or there is no picture.
pub fn read_folder(root: &Path) -> Result<Dataset, DataError> {
    let mut members = Vec::new();
    for class in entries(root)? {
        let name = name_of(&class)?;
        if is_folder(&class)? && !name.starts_with('.') {
            collect(&class.path(), &name, &name, 0, &mut members)?;
        }
    }
    if members.is_empty() {
        return Err(nothing_found(Part::All).in_file(root));
    }
    let (class_names, labels, files) = sort_into_classes(members);
    let names = files.into_iter().map(|(name, ())| name).collect();
    Dataset::new(class_names, labels, Store::Folder { root: root.to_path_buf(), names })
}

/// Adds the pictures below `folder`, whose path below the root is `path`.
fn collect(
    folder: &Path,
    path: &str,
    class: &str,
    depth: usize,
    members: &mut Vec<Member<()>>,
) -> Result<(), DataError> {
    if depth == MAX_DEPTH {
        return Err(
            DataError::too_large(format!("folders are nested more than {MAX_DEPTH} deep")).in_file(folder)
        );
    }
    for entry in entries(folder)? {
        let file = name_of(&entry)?;
        let name = format!("{path}/{file}");
        if is_folder(&entry)? {
            collect(&entry.path(), &name, class, depth + 1, members)?;
        } else if is_picture_name(&file) {
            members.push(Member { class: class.to_owned(), name, place: () });
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<DirEntry>, DataError> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect);
    entries.map_err(|error| DataError::io("read folder", folder, error))
}

fn is_folder(entry: &DirEntry) -> Result<bool, DataError> {
    let kind = entry.file_type().map_err(|error| DataError::io("read", &entry.path(), error))?;
    Ok(kind.is_dir())
}

fn name_of(entry: &DirEntry) -> Result<String, DataError> {
    entry
        .file_name()
        .into_string()
        .map_err(|_| DataError::malformed("name is not UTF-8").in_file(&entry.path()))
}
