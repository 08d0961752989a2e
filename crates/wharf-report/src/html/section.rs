//! A part of a page, with its blocks in the order they were added.

use super::blocks::{Facts, Table};
use super::picture::Picture;
use crate::drawing::Drawing;
use crate::text::escape;

/// A titled part of a [`Report`](crate::Report).
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    title: String,
    blocks: Vec<Block>,
}

#[derive(Clone, Debug, PartialEq)]
enum Block {
    Paragraph(String),
    Preformatted(String),
    Facts(Facts),
    Table(Table),
    FoldedTable(String, Table),
    Charts(Vec<Drawing>),
    Pictures(Vec<Picture>),
}

impl Section {
    /// A section without content yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), blocks: Vec::new() }
    }

    fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// Adds a paragraph.
    pub fn paragraph(self, text: impl Into<String>) -> Self {
        self.with(Block::Paragraph(text.into()))
    }

    /// Adds text whose line breaks and spaces count, as of a configuration file.
    pub fn preformatted(self, text: impl Into<String>) -> Self {
        self.with(Block::Preformatted(text.into()))
    }

    /// Adds names with their values.
    pub fn facts(self, facts: Facts) -> Self {
        self.with(Block::Facts(facts))
    }

    /// Adds a table.
    pub fn table(self, table: Table) -> Self {
        self.with(Block::Table(table))
    }

    /// Adds a table of which only `summary` shows until it is opened.
    pub fn folded_table(self, summary: impl Into<String>, table: Table) -> Self {
        self.with(Block::FoldedTable(summary.into(), table))
    }

    /// Adds a chart.
    pub fn chart(self, chart: Drawing) -> Self {
        self.charts(vec![chart])
    }

    /// Adds charts, beside each other where the window is wide enough.
    pub fn charts(self, charts: Vec<Drawing>) -> Self {
        self.with(Block::Charts(charts))
    }

    /// Adds small pictures with captions.
    pub fn pictures(self, pictures: Vec<Picture>) -> Self {
        self.with(Block::Pictures(pictures))
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    pub(super) fn uses_ramps(&self) -> bool {
        let shaded =
            |block: &Block| matches!(block, Block::Charts(charts) if charts.iter().any(|c| c.uses_ramps));
        self.blocks.iter().any(shaded)
    }

    pub(super) fn push(&self, out: &mut String, index: usize) {
        out.push_str(&format!("<section id=\"s{index}\"><h2>{}</h2>", escape(&self.title)));
        for block in &self.blocks {
            block.push(out);
        }
        out.push_str("</section>\n");
    }
}

impl Block {
    fn push(&self, out: &mut String) {
        match self {
            Self::Paragraph(text) => out.push_str(&format!("<p>{}</p>", escape(text))),
            // A page drops the first line break of `pre`, so it gets one.
            Self::Preformatted(text) => out.push_str(&format!("<pre>\n{}</pre>", escape(text))),
            Self::Facts(facts) => facts.push(out),
            Self::Table(table) => table.push(out),
            Self::FoldedTable(summary, table) => {
                out.push_str(&format!("<details><summary>{}</summary>", escape(summary)));
                table.push(out);
                out.push_str("</details>");
            }
            Self::Charts(charts) => push_charts(out, charts),
            Self::Pictures(pictures) => {
                out.push_str("<div class=\"pictures\">");
                pictures.iter().for_each(|picture| picture.push(out));
                out.push_str("</div>");
            }
        }
    }
}

/// Charts of one width are printed in pairs.
fn push_charts(out: &mut String, charts: &[Drawing]) {
    let is_even = charts.len() > 1 && charts.windows(2).all(|pair| pair[0].size().0 == pair[1].size().0);
    let class = if is_even { "charts even" } else { "charts" };
    out.push_str(&format!("<div class=\"{class}\">"));
    charts.iter().for_each(|chart| out.push_str(&chart.to_element()));
    out.push_str("</div>");
}
