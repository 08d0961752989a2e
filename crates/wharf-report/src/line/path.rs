//! The strokes of a series: runs between gaps, clipped to the plot.

use crate::number::Px;

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

type Point = (f64, f64);

impl Frame {
    pub(super) fn holds(&self, (x, y): Point) -> bool {
        let slack = 0.01;
        x >= self.left - slack && x <= self.right + slack && y >= self.top - slack && y <= self.bottom + slack
    }

    /// The part of the segment that lies inside, by Liang and Barsky.
    fn clip(&self, (x0, y0): Point, (x1, y1): Point) -> Option<(Point, Point)> {
        let (dx, dy) = (x1 - x0, y1 - y0);
        let sides =
            [(-dx, x0 - self.left), (dx, self.right - x0), (-dy, y0 - self.top), (dy, self.bottom - y0)];
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        for (towards, distance) in sides {
            if towards == 0.0 {
                if distance < 0.0 {
                    return None;
                }
            } else if towards < 0.0 {
                enter = enter.max(distance / towards);
            } else {
                leave = leave.min(distance / towards);
            }
        }
        let at = |t: f64| (x0 + t * dx, y0 + t * dy);
        (enter <= leave).then(|| (at(enter), at(leave)))
    }
}

/// Splits a series into runs of points that can be drawn.
pub(super) fn runs(points: impl Iterator<Item = Option<Point>>) -> Vec<Vec<Point>> {
    let mut runs = vec![Vec::new()];
    for point in points {
        match (point, runs.last_mut()) {
            (Some(point), Some(run)) => run.push(point),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The `d` attribute of a run inside `frame`; empty where nothing of it is.
pub(super) fn outline(run: &[Point], frame: &Frame) -> String {
    let mut d = String::new();
    let mut pen = None;
    for pair in run.windows(2) {
        let Some((from, to)) = frame.clip(pair[0], pair[1]) else { continue };
        if pen != Some(from) {
            d.push_str(&format!("M{} {}", Px(from.0), Px(from.1)));
        }
        d.push_str(&format!("L{} {}", Px(to.0), Px(to.1)));
        pen = Some(to);
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame { left: 0.0, top: 0.0, right: 10.0, bottom: 10.0 };

    #[test]
    fn gaps_end_a_run() {
        let (a, b, c) = (Some((0.0, 0.0)), Some((1.0, 1.0)), Some((2.0, 2.0)));
        let lengths = |points: &[Option<Point>]| -> Vec<usize> {
            runs(points.iter().copied()).iter().map(Vec::len).collect()
        };
        assert_eq!(lengths(&[a, b, c]), [3]);
        assert_eq!(lengths(&[None, a, None, None, b, c, None]), [1, 2]);
        assert_eq!(lengths(&[None]), [0; 0]);
    }

    #[test]
    fn lines_are_clipped_at_the_frame() {
        let cases: [(&[Point], &str); 5] = [
            (&[(1.0, 1.0), (9.0, 9.0), (5.0, 5.0)], "M1 1L9 9L5 5"),
            (&[(5.0, 5.0), (5.0, 25.0)], "M5 5L5 10"),
            (&[(-5.0, 5.0), (15.0, 5.0)], "M0 5L10 5"),
            (&[(5.0, 15.0), (25.0, 15.0)], ""),
            (&[(5.0, 5.0), (5.0, 15.0), (6.0, 15.0), (6.0, 5.0)], "M5 5L5 10M6 10L6 5"),
        ];
        for (run, expected) in cases {
            assert_eq!(outline(run, &FRAME), expected);
        }
    }
}
