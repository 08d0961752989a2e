//! A page: head, key figures, sections.

use super::section::Section;
use super::style::PAGE;
use crate::palette;
use crate::text::escape;

/// A self-contained HTML page. It has no script and loads nothing, and says so to the browser.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    title: String,
    lead: String,
    figures: Vec<(String, String)>,
    sections: Vec<Section>,
    footer: String,
}

/// With at least this many sections, a page starts with links to them.
const SECTIONS_TO_NAVIGATE: usize = 4;

impl Report {
    /// A page without sections yet.
    pub fn new(title: impl Into<String>) -> Self {
        let (lead, footer) = (String::new(), String::new());
        Self { title: title.into(), lead, figures: Vec::new(), sections: Vec::new(), footer }
    }

    /// A sentence below the title.
    pub fn lead(mut self, text: impl Into<String>) -> Self {
        self.lead = text.into();
        self
    }

    /// Adds a key figure, shown large above the sections.
    pub fn figure(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.figures.push((name.into(), value.into()));
        self
    }

    /// Adds a section.
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// A line at the end of the page.
    pub fn footer(mut self, text: impl Into<String>) -> Self {
        self.footer = text.into();
        self
    }

    /// The page.
    pub fn to_html(&self) -> String {
        let mut out = String::with_capacity(32 * 1024);
        self.push_head(&mut out);
        out.push_str(&format!("<body><main><header><h1>{}</h1>", escape(&self.title)));
        push_unless_empty(&mut out, "<p class=\"lead\">", &self.lead, "</p>");
        self.push_figures(&mut out);
        out.push_str("</header>\n");
        self.push_navigation(&mut out);
        for (index, section) in self.sections.iter().enumerate() {
            section.push(&mut out, index);
        }
        push_unless_empty(&mut out, "<footer>", &self.footer, "</footer>");
        out.push_str("</main></body></html>\n");
        out
    }

    fn push_head(&self, out: &mut String) {
        let title = escape(&self.title);
        out.push_str("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
        // Even if a hostile name found a way around the escaping, nothing would run or be fetched.
        out.push_str(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             img-src data:\">",
        );
        out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
        out.push_str(&format!("<title>{title}</title>\n<style>{PAGE}"));
        let with_ramps = self.sections.iter().any(Section::uses_ramps);
        out.push_str(&format!("{}</style></head>\n", palette::style(with_ramps)));
    }

    fn push_figures(&self, out: &mut String) {
        if self.figures.is_empty() {
            return;
        }
        out.push_str("<dl class=\"tiles\">");
        for (name, value) in &self.figures {
            out.push_str(&format!("<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value)));
        }
        out.push_str("</dl>");
    }

    fn push_navigation(&self, out: &mut String) {
        if self.sections.len() < SECTIONS_TO_NAVIGATE {
            return;
        }
        out.push_str("<nav aria-label=\"Sections\">");
        for (index, section) in self.sections.iter().enumerate() {
            out.push_str(&format!("<a href=\"#s{index}\">{}</a> ", escape(section.title())));
        }
        out.push_str("</nav>\n");
    }
}

fn push_unless_empty(out: &mut String, before: &str, text: &str, after: &str) {
    if !text.is_empty() {
        out.push_str(&format!("{before}{}{after}", escape(text)));
    }
}
