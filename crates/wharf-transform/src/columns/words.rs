//! Words of a text, as scikit-learn's vectorizers find them.

/// Calls `each` with every word of `text`: a run of two or more letters, digits and underscores. With
/// `lower_case`, capitals have become small letters before. `scratch` spares an allocation for each text.
///
/// Letters and digits are those of Unicode; combining vowel signs of some Indic scripts belong to their word here
/// and divide it in scikit-learn.
///
/// ```
/// use wharf_transform::columns::for_each_word;
///
/// let mut words = Vec::new();
/// for_each_word("A bad, BAD day!", true, &mut String::new(), |word| words.push(word.to_owned()));
/// assert_eq!(words, ["bad", "bad", "day"]);
/// ```
pub fn for_each_word(text: &str, lower_case: bool, scratch: &mut String, mut each: impl FnMut(&str)) {
    let text = match lower_case {
        false => text,
        true => {
            lower_into(text, scratch);
            scratch
        }
    };
    let is_part = |c: char| c == '_' || c.is_alphanumeric();
    for word in text.split(|c| !is_part(c)) {
        if word.chars().nth(1).is_some() {
            each(word);
        }
    }
}

/// `text` in small letters.
pub(super) fn lower_into(text: &str, out: &mut String) {
    out.clear();
    if text.is_ascii() {
        out.push_str(text);
        out.make_ascii_lowercase();
    } else {
        out.push_str(&text.to_lowercase());
    }
}
