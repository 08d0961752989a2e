use roxmltree::{Document, Node};

use super::*;

/// Left end and width of each bar.
fn bars(svg: &str) -> Vec<(f64, f64)> {
    let document = Document::parse(svg).unwrap();
    let is_bar = |node: &Node<'_, '_>| node.attribute("class") == Some("wr-bar");
    let number = |node: Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
    document.descendants().filter(is_bar).map(|node| (number(node, "x"), number(node, "width"))).collect()
}

#[test]
fn bars_start_at_zero_and_keep_their_order() {
    let svg = BarChart::new("F1").bar("b", 0.5).bar("a", 1.0).bar("c", 0.25).draw().to_svg();
    let bars = bars(&svg);
    assert!(bars.iter().all(|bar| (bar.0 - bars[0].0).abs() < 0.01));
    let shares: Vec<f64> = bars.iter().map(|bar| (bar.1 / bars[1].1 * 100.0).round() / 100.0).collect();
    assert_eq!(shares, [0.5, 1.0, 0.25]);
}

#[test]
fn negative_values_go_to_the_left() {
    let bars = bars(&BarChart::new("").bar("up", 2.0).bar("down", -2.0).draw().to_svg());
    assert!((bars[1].0 + bars[1].1 - bars[0].0).abs() < 0.02, "{bars:?}");
}

#[test]
fn values_that_are_none_show_a_dash() {
    let svg =
        BarChart::new("").bar("nan", f64::NAN).bar("inf", f64::INFINITY).bar("one", 1.0).draw().to_svg();
    assert_eq!(bars(&svg).len(), 1);
    assert_eq!(svg.matches(">\u{2013}</text>").count(), 2);
}

#[test]
fn range_cuts_bars_and_units_are_written() {
    let chart = BarChart::new("").unit(Unit::Percent).range(0.0, 1.0).bar("all", 7.0).bar("full", 1.0);
    let svg = chart.draw().to_svg();
    let bars = bars(&svg);
    assert_eq!(bars[0].1, bars[1].1);
    assert!(svg.contains(">700.0%</text>") && svg.contains(">100.0%</text>"));
}

#[test]
fn values_have_as_many_decimals_as_each_other_unless_they_are_tiny() {
    let chart = BarChart::new("").bar("a", 1.5).bar("b", 2.0).bar("c", 0.0004).bar("d", 0.0);
    let svg = chart.draw().to_svg();
    for label in [">1.50</text>", ">2.00</text>", ">0.0004</text>", ">0</text>"] {
        assert!(svg.contains(label), "{label}");
    }
}

#[test]
fn hostile_names_are_escaped_and_long_ones_cut() {
    let svg =
        BarChart::new("<b>").bar("</svg><script>", 1.0).bar("x".repeat(500), 2.0).width(300).draw().to_svg();
    assert!(!svg.contains("<script") && svg.contains('\u{2026}'));
    assert!(bars(&svg).iter().all(|(x, width)| *x >= 0.0 && x + width <= 300.0));
}

#[test]
fn no_bars_are_drawn_too() {
    Document::parse(&BarChart::new("").draw().to_svg()).unwrap();
}
