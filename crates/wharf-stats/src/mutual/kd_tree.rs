//! A k-d tree over points of the plane, in the maximum norm.

/// Points in a leaf at most: few enough to look at all of them.
const LEAF: usize = 12;

/// Points ordered so that each half of a range lies on one side of a line between them.
#[derive(Clone, Debug)]
pub(super) struct KdTree {
    points: Vec<[f64; 2]>,
    /// The box around each node's points, root first: low and high corner. Node `n` has children 2n+1, 2n+2.
    boxes: Vec<[[f64; 2]; 2]>,
}

impl KdTree {
    pub(super) fn new(mut points: Vec<[f64; 2]>) -> Self {
        let mut boxes = Vec::new();
        build(&mut points, 0, &mut boxes);
        Self { points, boxes }
    }

    /// The distance from one of the points to its `k`-th nearest other, 1 ≤ k < number of points.
    pub(super) fn neighbour_distance(&self, point: [f64; 2], k: usize) -> f64 {
        // The point finds itself, at no distance.
        let mut nearest = Nearest { distances: vec![f64::INFINITY; k + 1] };
        self.search(0, &self.points, point, &mut nearest);
        nearest.bound()
    }

    fn search(&self, node: usize, points: &[[f64; 2]], point: [f64; 2], nearest: &mut Nearest) {
        if points.len() <= LEAF {
            points.iter().for_each(|other| nearest.offer(distance(*other, point)));
            return;
        }
        let (left, right) = points.split_at(points.len() / 2);
        let children = [(2 * node + 1, left), (2 * node + 2, right)];
        let mut reached =
            children.map(|(child, points)| (box_distance(&self.boxes[child], point), child, points));
        if reached[1].0 < reached[0].0 {
            reached.swap(0, 1);
        }
        for (distance, child, points) in reached {
            if distance < nearest.bound() {
                self.search(child, points, point, nearest);
            }
        }
    }
}

/// The smallest distances seen, in ascending order.
struct Nearest {
    distances: Vec<f64>,
}

impl Nearest {
    fn bound(&self) -> f64 {
        self.distances.last().copied().unwrap_or(0.0)
    }

    fn offer(&mut self, distance: f64) {
        if distance < self.bound() {
            let place = self.distances.partition_point(|other| *other <= distance);
            self.distances.pop();
            self.distances.insert(place, distance);
        }
    }
}

fn build(points: &mut [[f64; 2]], node: usize, boxes: &mut Vec<[[f64; 2]; 2]>) {
    if boxes.len() <= node {
        boxes.resize(node + 1, [[0.0; 2]; 2]);
    }
    let around = bounds(points);
    boxes[node] = around;
    if points.len() <= LEAF {
        return;
    }
    let axis = usize::from(around[1][1] - around[0][1] > around[1][0] - around[0][0]);
    let middle = points.len() / 2;
    points.select_nth_unstable_by(middle, |a, b| a[axis].total_cmp(&b[axis]));
    let (left, right) = points.split_at_mut(middle);
    build(left, 2 * node + 1, boxes);
    build(right, 2 * node + 2, boxes);
}

fn bounds(points: &[[f64; 2]]) -> [[f64; 2]; 2] {
    let start = [[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]];
    points.iter().fold(start, |[low, high], point| {
        [[low[0].min(point[0]), low[1].min(point[1])], [high[0].max(point[0]), high[1].max(point[1])]]
    })
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).abs().max((a[1] - b[1]).abs())
}

fn box_distance(around: &[[f64; 2]; 2], point: [f64; 2]) -> f64 {
    let along = |axis: usize| (around[0][axis] - point[axis]).max(point[axis] - around[1][axis]).max(0.0);
    along(0).max(along(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn distances_are_those_of_a_search_through_all_points() {
        let mut stream = Stream::new(3, Purpose::Folds, 0);
        for count in [2, 12, 13, 200, 1000] {
            // Coarse numbers, so that many points and coordinates are equal.
            let mut draw = || (stream.uniform() * 40.0).round();
            let points: Vec<[f64; 2]> = (0..count).map(|_| [draw(), draw()]).collect();
            let tree = KdTree::new(points.clone());
            for k in [1, 3, 11].into_iter().filter(|k| *k < count) {
                for point in &points {
                    let mut all: Vec<f64> = points.iter().map(|other| distance(*other, *point)).collect();
                    all.sort_by(f64::total_cmp);
                    assert_eq!(tree.neighbour_distance(*point, k), all[k]);
                }
            }
        }
    }
}
