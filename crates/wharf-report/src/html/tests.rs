use super::*;
use crate::{ConfusionMatrix, LineChart, Series};

const BAD: &str = "</style></svg><script>alert(1)</script>\"'&\0";
const PNG: [u8; 8] = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a];

fn page(text: &str) -> String {
    let chart = LineChart::new(text).series(Series::new(text, vec![(0.0, 1.0), (1.0, 2.0)])).draw();
    let matrix = ConfusionMatrix::new(text, vec![text.into()], vec![vec![1]]).unwrap().draw();
    let section = Section::new(text)
        .paragraph(text)
        .preformatted(text)
        .facts(Facts::new().add(text, text))
        .table(Table::new().text(text).number(text).row([text, text]).row([text]).row([text; 3]))
        .folded_table(text, Table::new().text(text).row([text]))
        .charts(vec![chart, matrix])
        .pictures(vec![Picture::new(PNG.to_vec(), text).unwrap()]);
    let report = Report::new(text).lead(text).figure(text, text).section(section).footer(text);
    (0..3).fold(report, |report, _| report.section(Section::new(text))).to_html()
}

/// A page as XML, for a strict parser to look at.
fn as_xml(html: &str) -> String {
    let mut xml = html.trim_start_matches("<!DOCTYPE html>\n").to_owned();
    for void in ["<meta ", "<img "] {
        let parts: Vec<String> = xml.split(void).map(str::to_owned).collect();
        let closed = parts.iter().skip(1).map(|part| format!("{void}{}", part.replacen('>', "/>", 1)));
        xml = parts[0].clone() + &closed.collect::<String>();
    }
    xml
}

#[test]
fn every_text_is_escaped() {
    let html = page(BAD);
    assert!(!html.contains("<script") && !html.contains('\0'));
    assert_eq!(html.matches("</style>").count(), 1);
    assert!(html.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn elements_are_closed() {
    let html = page("plain <text>");
    let xml = as_xml(&html);
    let document = roxmltree::Document::parse(&xml).unwrap_or_else(|error| panic!("{error}"));
    let count = |name: &str| document.descendants().filter(|node| node.tag_name().name() == name).count();
    assert_eq!((count("section"), count("svg"), count("img"), count("tr"), count("nav")), (4, 2, 1, 6, 1));
}

#[test]
fn page_refers_to_nothing_outside() {
    let html = page("x");
    for address in ["http:", "https:", "//", "url(", "@import", "<script", "<link"] {
        let found = html.matches(address).count();
        // The name space of SVG is an address that nobody opens.
        let expected = if ["http:", "//"].contains(&address) {
            html.matches("xmlns=\"http://www.w3.org/2000/svg\"").count()
        } else {
            0
        };
        assert_eq!(found, expected, "{address}");
    }
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn same_content_gives_same_bytes() {
    assert_eq!(page("x"), page("x"));
}

#[test]
fn short_pages_have_no_navigation() {
    let html = Report::new("t").section(Section::new("one")).to_html();
    assert!(!html.contains("<nav") && html.contains("<section id=\"s0\"><h2>one</h2></section>"));
}

#[test]
fn rows_of_any_length_make_a_table() {
    let table = Table::new().text("a").number("b").row(["1"]).row(["1", "2", "3"]);
    let html = Report::new("t").section(Section::new("s").table(table)).to_html();
    assert_eq!((html.matches("<td").count(), html.matches("<th").count()), (6, 3 + 1), "thead counts too");
    assert!(html.contains("<td class=\"n\">2</td><td>3</td>"));
}
