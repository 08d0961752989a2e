//! Lists of names and values, and tables.

use crate::text::escape;

/// Names with their values, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(Vec<(String, String)>);

impl Facts {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a name and its value.
    // Follows the other builders here; an `Add` of facts would say nothing.
    pub fn add(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    pub(super) fn push(&self, out: &mut String) {
        out.push_str("<dl class=\"facts\">");
        for (name, value) in &self.0 {
            out.push_str(&format!("<dt>{}</dt><dd>{}</dd>", escape(name), escape(value)));
        }
        out.push_str("</dl>");
    }
}

/// A table with a head. Cells are text as it shall be read; numbers stand at the right of their column.
///
/// ```
/// use wharf_report::{Report, Section, Table};
///
/// let table = Table::new().text("class").number("recall").row(["cat", "96%"]).row(["dog", "90%"]);
/// let html = Report::new("Pets").section(Section::new("Classes").table(table)).to_html();
/// assert!(html.contains("<td>cat</td>"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    columns: Vec<(String, bool)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without columns yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column of text.
    pub fn text(mut self, name: impl Into<String>) -> Self {
        self.columns.push((name.into(), false));
        self
    }

    /// Adds a column of numbers.
    pub fn number(mut self, name: impl Into<String>) -> Self {
        self.columns.push((name.into(), true));
        self
    }

    /// Adds a row. A shorter one is filled up with empty cells; of a longer one the rest has no heading.
    pub fn row<T: Into<String>>(mut self, cells: impl IntoIterator<Item = T>) -> Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    pub(super) fn push(&self, out: &mut String) {
        let width = self.rows.iter().map(Vec::len).max().unwrap_or(0).max(self.columns.len());
        out.push_str("<div class=\"wide\"><table><thead><tr>");
        for index in 0..width {
            let name = self.columns.get(index).map_or("", |(name, _)| name);
            out.push_str(&format!("<th{} scope=\"col\">{}</th>", self.class(index), escape(name)));
        }
        out.push_str("</tr></thead><tbody>");
        for row in &self.rows {
            out.push_str("<tr>");
            for index in 0..width {
                let cell = row.get(index).map_or("", String::as_str);
                out.push_str(&format!("<td{}>{}</td>", self.class(index), escape(cell)));
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table></div>");
    }

    fn class(&self, index: usize) -> &'static str {
        match self.columns.get(index) {
            Some((_, true)) => " class=\"n\"",
            _ => "",
        }
    }
}
