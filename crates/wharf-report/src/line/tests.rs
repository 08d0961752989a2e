use proptest::prelude::*;
use roxmltree::{Document, Node};

use super::*;
use crate::Unit;

fn circles(svg: &str) -> Vec<(f64, f64)> {
    let document = Document::parse(svg).unwrap();
    let number = |node: Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
    let dots = document.descendants().filter(|node| node.has_tag_name("circle"));
    dots.map(|node| (number(node, "cx"), number(node, "cy"))).collect()
}

/// Every pair of coordinates of the lines of series.
fn strokes(svg: &str) -> Vec<(f64, f64)> {
    let document = Document::parse(svg).unwrap();
    let is_line =
        |node: &Node<'_, '_>| node.attribute("class").is_some_and(|class| class.starts_with("wr-line"));
    let outlines = document.descendants().filter(is_line).filter_map(|node| node.attribute("d"));
    let points = outlines.flat_map(|d| d.split(['M', 'L']).filter(|part| !part.is_empty()));
    let pair = |part: &str| {
        let (x, y) = part.split_once(' ').unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    };
    points.map(pair).collect()
}

/// The text of one kind that stands in the chart.
fn texts(svg: &str, class: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    let of_class = |node: &Node<'_, '_>| {
        node.has_tag_name("text") && node.attribute("class").is_some_and(|c| c.split(' ').any(|c| c == class))
    };
    document.descendants().filter(of_class).map(|node| node.text().unwrap().to_owned()).collect()
}

fn small() -> LineChart {
    LineChart::new("Loss")
        .x(Axis::new("epoch").whole())
        .y(Axis::new("cross entropy"))
        .series(Series::new("train", vec![(1.0, 0.9), (2.0, 0.5), (3.0, 0.4)]).markers())
        .series(Series::new("eval", vec![(1.0, 0.7), (2.0, f64::NAN), (3.0, 0.45)]).dashed())
        .mark(3.0, "best")
        .size(360, 240)
}

#[test]
fn small_chart_is_as_checked_in() {
    let svg = small().draw().to_svg();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/goldens/line.svg");
    if std::env::var_os("WHARF_UPDATE_GOLDENS").is_some() {
        std::fs::write(path, &svg).unwrap();
    }
    assert_eq!(svg, std::fs::read_to_string(path).unwrap(), "set WHARF_UPDATE_GOLDENS to accept the new one");
}

#[test]
fn same_data_gives_same_bytes() {
    assert_eq!(small().draw().to_svg(), small().draw().to_svg());
}

#[test]
fn chart_tells_what_it_shows_to_those_who_cannot_see_it() {
    let svg = small().draw().to_svg();
    let document = Document::parse(&svg).unwrap();
    let root = document.root_element();
    let child = |name| root.children().find(|node| node.has_tag_name(name)).unwrap().text().unwrap();
    assert_eq!((root.attribute("role"), child("title")), (Some("img"), "Loss"));
    let told =
        "train: 3 values, from 0.9 to 0.4. eval: 2 values, from 0.7 to 0.45. 1 value of eval is not drawn.";
    assert_eq!(child("desc"), told);
}

#[test]
fn points_between_gaps_are_dots_and_lines_break() {
    let svg = small().draw().to_svg();
    assert_eq!(circles(&svg).len(), 1 + 3 + 2, "one in the legend, three markers, two alone");
    assert_eq!(strokes(&svg).len(), 4 + 3, "two samples in the legend and one run of three points");
}

#[test]
fn texts_are_escaped_wherever_they_stand() {
    let bad = "</svg><script>alert('\u{1b}')</script>&";
    let chart = LineChart::new(bad)
        .description(bad)
        .x(Axis::new(bad))
        .y(Axis::new(bad))
        .series(Series::new(bad, vec![(0.0, 1.0), (1.0, f64::NAN)]).markers())
        .mark(0.0, bad);
    let svg = chart.draw().to_svg();
    let document = Document::parse(&svg).unwrap();
    assert!(!svg.contains("<script") && !document.descendants().any(|node| node.has_tag_name("script")));
}

#[test]
fn nothing_to_draw_is_said() {
    for series in [vec![], vec![(0.0, f64::NAN)], vec![(f64::INFINITY, 0.0), (0.0, 1e200)]] {
        let svg = LineChart::new("x").series(Series::new("s", series)).draw().to_svg();
        assert!(texts(&svg, "wr-mute").contains(&"nothing to draw".to_owned()));
    }
    Document::parse(&LineChart::new("").draw().to_svg()).unwrap();
}

#[test]
fn one_point_is_a_dot_in_the_plot() {
    let svg = LineChart::new("x").series(Series::new("s", vec![(3.0, 7.0)])).draw().to_svg();
    assert_eq!(circles(&svg).len(), 1);
}

#[test]
fn log_axis_leaves_out_what_is_not_above_zero() {
    let series = Series::new("rate", vec![(1.0, 1e-4), (2.0, 0.0), (3.0, -1.0), (4.0, 1.0)]);
    let svg = LineChart::new("x").y(Axis::new("").logarithmic()).series(series).draw().to_svg();
    assert!(svg.contains("2 values of rate are not drawn."));
    assert!(texts(&svg, "wr-e").contains(&"0.01".to_owned()), "{:?}", texts(&svg, "wr-e"));
}

#[test]
fn legend_stands_above_the_plot_and_wraps() {
    let mut chart = LineChart::new("Many").size(400, 300);
    for index in 0..9 {
        let name = format!("candidate number {index}");
        chart = chart.series(Series::new(name, vec![(0.0, 0.0), (1.0, f64::from(index))]).markers());
    }
    let svg = chart.draw().to_svg();
    let dots = circles(&svg);
    let samples: Vec<f64> = dots.iter().take(9).map(|dot| dot.1).collect();
    let plot = dots[9..].iter().map(|dot| dot.1).fold(f64::INFINITY, f64::min);
    assert!(samples.iter().all(|y| y + 10.0 < plot), "{samples:?} above {plot}");
    assert!(samples[8] > samples[0], "more than one row");
}

#[test]
fn a_range_clips_the_lines() {
    let spike = Series::new("loss", vec![(0.0, 1.0), (1.0, 1e6), (2.0, 1.0), (3.0, 0.5)]);
    let svg = LineChart::new("").y(Axis::new("").range(0.0, 2.0)).series(spike).draw().to_svg();
    let top = strokes(&svg).iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    assert!(top >= 0.0, "{top}");
}

#[test]
fn percent_axis_is_written_in_percent() {
    let chart = LineChart::new("").y(Axis::new("").unit(Unit::Percent));
    let svg = chart.series(Series::new("", vec![(0.0, 0.5), (1.0, 0.9)])).draw().to_svg();
    assert!(texts(&svg, "wr-e").contains(&"60%".to_owned()), "{:?}", texts(&svg, "wr-e"));
}

#[test]
fn a_million_points_make_a_small_file() {
    let points = (0..1_000_000_u32).map(|i| (f64::from(i), f64::from(i % 1000 * 7919 % 1000))).collect();
    let svg = LineChart::new("").series(Series::new("s", points)).draw().to_svg();
    assert!(svg.len() < 100_000, "{}", svg.len());
}

/// Numbers of every size, with the awkward ones among them.
fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -1e3..1e3,
        2 => any::<f64>(),
        1 => prop::sample::select(vec![0.0, -0.0, 5e-324, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e100, f64::MAX]),
    ]
}

proptest! {
    #[test]
    fn what_is_drawn_lies_in_the_plot(
        points in prop::collection::vec((any_number(), any_number()), 0..20),
        (logarithmic, whole, from_zero) in any::<(bool, bool, bool)>(),
    ) {
        let axis = Axis { logarithmic, whole, from_zero, ..Axis::default() };
        let chart = LineChart::new("").x(axis.clone()).y(axis).size(400, 300);
        let svg = chart.series(Series::new("", points).markers()).draw().to_svg();
        for (x, y) in circles(&svg).into_iter().chain(strokes(&svg)) {
            prop_assert!((20.0..=384.0).contains(&x) && (4.0..=270.0).contains(&y), "({x}, {y})");
        }
    }
}
