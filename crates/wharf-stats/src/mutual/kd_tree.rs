//! A k-d tree over points of the plane, in the maximum norm.

/// Points in a leaf at most: few enough to look at all of them.
const LEAF: usize = 12;

/// A point with the row that it came from.
#[derive(Clone, Copy, Debug)]
struct Member {
    at: [f64; 2],
    row: u32,
}

/// Points ordered so that each half of a range lies on one side of a line between them.
#[derive(Clone, Debug)]
pub(super) struct KdTree {
    members: Vec<Member>,
    /// The box around each node's points, root first: low and high corner. Node `n` has children 2n+1, 2n+2.
    boxes: Vec<[[f64; 2]; 2]>,
}

impl KdTree {
    /// The tree of the points `(x[row], y[row])`.
    pub(super) fn new(x: &[f64], y: &[f64]) -> Self {
        let points = x.iter().zip(y).zip(0..);
        let mut members: Vec<Member> = points.map(|((x, y), row)| Member { at: [*x, *y], row }).collect();
        let mut boxes = Vec::new();
        build(&mut members, 0, &mut boxes);
        Self { members, boxes }
    }

    /// The row of a point, by its place in the tree.
    pub(super) fn row(&self, member: usize) -> usize {
        self.members[member].row as usize
    }

    /// The distance from a point to its k-th nearest other, where `nearest` is for k and there are more points.
    pub(super) fn neighbour_distance(&self, member: usize, nearest: &mut Nearest) -> f64 {
        nearest.distances.fill(f64::INFINITY);
        self.search(0, &self.members, self.members[member].at, nearest);
        nearest.bound()
    }

    fn search(&self, node: usize, members: &[Member], point: [f64; 2], nearest: &mut Nearest) {
        if members.len() <= LEAF {
            members.iter().for_each(|other| nearest.offer(distance(other.at, point)));
            return;
        }
        let (left, right) = members.split_at(members.len() / 2);
        let children = [(2 * node + 1, left), (2 * node + 2, right)];
        let mut reached =
            children.map(|(child, members)| (box_distance(&self.boxes[child], point), child, members));
        if reached[1].0 < reached[0].0 {
            reached.swap(0, 1);
        }
        for (distance, child, members) in reached {
            if distance < nearest.bound() {
                self.search(child, members, point, nearest);
            }
        }
    }
}

/// The smallest distances seen, in ascending order.
pub(super) struct Nearest {
    distances: Vec<f64>,
}

impl Nearest {
    /// Keeps the `k` nearest others of a point, and the point itself, at no distance.
    pub(super) fn new(k: usize) -> Self {
        Self { distances: vec![f64::INFINITY; k + 1] }
    }

    fn bound(&self) -> f64 {
        self.distances.last().copied().unwrap_or(0.0)
    }

    fn offer(&mut self, distance: f64) {
        if distance < self.bound() {
            let mut place = self.distances.len() - 1;
            while place > 0 && self.distances[place - 1] > distance {
                self.distances[place] = self.distances[place - 1];
                place -= 1;
            }
            self.distances[place] = distance;
        }
    }
}

fn build(members: &mut [Member], node: usize, boxes: &mut Vec<[[f64; 2]; 2]>) {
    if boxes.len() <= node {
        boxes.resize(node + 1, [[0.0; 2]; 2]);
    }
    let around = bounds(members);
    boxes[node] = around;
    if members.len() <= LEAF {
        return;
    }
    let axis = usize::from(around[1][1] - around[0][1] > around[1][0] - around[0][0]);
    let middle = members.len() / 2;
    members.select_nth_unstable_by(middle, |a, b| a.at[axis].total_cmp(&b.at[axis]).then(a.row.cmp(&b.row)));
    let (left, right) = members.split_at_mut(middle);
    build(left, 2 * node + 1, boxes);
    build(right, 2 * node + 2, boxes);
}

fn bounds(members: &[Member]) -> [[f64; 2]; 2] {
    let start = [[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]];
    members.iter().map(|member| member.at).fold(start, |[low, high], point| {
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
            let (x, y): (Vec<f64>, Vec<f64>) = points.iter().map(|[x, y]| (*x, *y)).unzip();
            let tree = KdTree::new(&x, &y);
            for k in [1, 3, 11].into_iter().filter(|k| *k < count) {
                for member in 0..count {
                    let point = points[tree.row(member)];
                    let mut all: Vec<f64> = points.iter().map(|other| distance(*other, point)).collect();
                    all.sort_by(f64::total_cmp);
                    assert_eq!(tree.neighbour_distance(member, &mut Nearest::new(k)), all[k]);
                }
            }
        }
    }
}
