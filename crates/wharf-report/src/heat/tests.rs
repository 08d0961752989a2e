use roxmltree::{Document, Node};

use super::*;
use crate::{ReportErrorKind, Unit};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("class {index}")).collect()
}

fn matrix(labels: Vec<String>) -> ConfusionMatrix {
    let size = labels.len();
    let count = |row: usize, column: usize| if row == column { 90 } else { ((row * 7 + column) % 5) as u64 };
    let counts = (0..size).map(|row| (0..size).map(|column| count(row, column)).collect()).collect();
    ConfusionMatrix::new("Confusion", labels, counts).unwrap()
}

/// The classes of all elements of a kind, with their text.
fn elements(svg: &str, tag: &str) -> Vec<(String, String)> {
    let document = Document::parse(svg).unwrap();
    let of_kind = document.descendants().filter(|node| node.has_tag_name(tag));
    let described = |node: Node<'_, '_>| {
        (node.attribute("class").unwrap_or("").to_owned(), node.text().unwrap_or("").to_owned())
    };
    of_kind.map(described).collect()
}

fn numbers_in_cells(svg: &str) -> usize {
    elements(svg, "text")
        .iter()
        .filter(|(class, _)| class.starts_with("wr-ta") || class.starts_with("wr-tb"))
        .count()
}

#[test]
fn rejects_grids_that_are_not_rectangles() {
    let cases = [
        (vec![vec![1, 2]], "grid has 1 rows of values, expected 2"),
        (vec![vec![1, 2], vec![3]], "row 1 of the grid has 1 values, expected 2"),
    ];
    for (counts, expected) in cases {
        let error = ConfusionMatrix::new("", names(2), counts).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ReportErrorKind::Shape, expected));
    }
    assert!(Heatmap::new("", names(1), names(2), vec![vec![0.0]]).is_err());
}

#[test]
fn right_and_wrong_have_their_own_shades_by_share_of_the_row() {
    let counts = vec![vec![900, 100, 0], vec![0, 1, 0], vec![0, 0, 0]];
    let svg = ConfusionMatrix::new("", names(3), counts).unwrap().draw().to_svg();
    let tip = |text: &str| svg.contains(text);
    assert!(tip("class 0 taken for class 0: 900 (90%)") && tip("class 2 taken for class 2: 0 (0%)"));
    let rects = elements(&svg, "rect");
    assert!(rects.iter().any(|(class, _)| class == "wr-a24"), "a row of one right example is fully shaded");
    assert!(rects.iter().any(|(class, _)| class == "wr-b8"), "the root of a tenth of 24 levels");
    assert_eq!(numbers_in_cells(&svg), 3, "cells without examples stay empty");
}

#[test]
fn most_frequent_mistake_is_told() {
    let counts = vec![vec![5, 3], vec![4, 5]];
    let drawing = ConfusionMatrix::new("", vec!["cat".into(), "dog".into()], counts).unwrap().draw();
    assert!(drawing.to_svg().contains("Most frequent mistake: dog taken for cat, 4 times."));
}

#[test]
fn large_matrices_lose_numbers_then_names_but_stay_a_screen_wide() {
    for (classes, with_numbers, with_tips) in
        [(2, true, true), (10, true, true), (40, false, true), (100, false, false)]
    {
        let drawing = matrix(names(classes)).draw();
        let svg = drawing.to_svg();
        assert_eq!(numbers_in_cells(&svg) > 0, with_numbers, "{classes} classes");
        assert_eq!(svg.contains("taken for class 1:"), with_tips, "{classes} classes");
        let (width, height) = drawing.size();
        assert!(width < 800.0 && height < 900.0, "{classes} classes: {width} by {height}");
    }
    let named = elements(&matrix(names(100)).draw().to_svg(), "text");
    let shown = named.iter().filter(|(_, text)| text.starts_with("class ")).count();
    assert!((40..=100).contains(&shown), "{shown} names of 200");
}

#[test]
fn hundreds_of_classes_make_a_file_that_opens() {
    let svg = matrix(names(300)).draw().to_svg();
    assert!(svg.len() < 300 * 300 * 30, "{} bytes", svg.len());
}

#[test]
fn hostile_and_long_names_do_no_harm() {
    let labels = vec![
        "</svg><script>".to_owned(),
        "a name that is far too long to stand beside a row of cells".to_owned(),
    ];
    let svg = matrix(labels).draw().to_svg();
    assert!(!svg.contains("<script"));
    assert!(elements(&svg, "text").iter().any(|(_, text)| text.ends_with('\u{2026}')));
}

#[test]
fn empty_grids_are_drawn() {
    Document::parse(&matrix(vec![]).draw().to_svg()).unwrap();
    Document::parse(&Heatmap::new("", vec![], vec![], vec![]).unwrap().draw().to_svg()).unwrap();
}

#[test]
fn heat_map_is_shaded_around_zero_where_some_values_are_negative() {
    let values = vec![vec![1.0, -0.5], vec![f64::NAN, 0.0]];
    let svg = Heatmap::new("r", names(2), names(2), values).unwrap().axes("left", "right").draw().to_svg();
    let cells: Vec<_> = elements(&svg, "rect").into_iter().map(|(class, _)| class).collect();
    assert!(
        ["wr-a24", "wr-b12", "wr-a0"].iter().all(|class| cells.contains(&(*class).to_owned())),
        "{cells:?}"
    );
    assert!(svg.contains("class 1, class 0: \u{2013}"), "a value that is none has a dash");
    assert!(svg.contains("2 rows and 2 columns, shaded from \u{2212}1 to 1."));
}

#[test]
fn heat_map_of_equal_values_is_drawn_pale() {
    let map = Heatmap::new("r", names(1), names(2), vec![vec![0.25, 0.25]]).unwrap().unit(Unit::Percent);
    assert!(map.draw().to_svg().contains(">25%<"));
}
