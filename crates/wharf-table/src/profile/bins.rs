//! Any column as few groups of rows, for measures that compare groups.

use std::collections::HashMap;

use crate::prepare::sorted_present;
use crate::{Column, ColumnData};

/// At most so many groups of numbers.
const GROUPS: usize = 256;

/// A group of numbers has about so many rows at least, unless there are few values.
const ROWS_OF_GROUP: usize = 10;

/// The group of each row. Missing values are a group of their own, the last one.
pub(super) struct Groups {
    pub(super) of_row: Vec<u32>,
    pub(super) count: usize,
}

/// Numbers with few values have a group for each of them, others groups of about equal size; texts have one for each.
pub(super) fn groups(column: &Column) -> Groups {
    let (of_row, count) = match column.data() {
        ColumnData::Numbers(values) | ColumnData::Times(values) => number_groups(values),
        ColumnData::Booleans(values) => (values.iter().map(|value| u32::from(*value)).collect(), 2),
        ColumnData::Texts(texts) => (texts.codes().to_vec(), texts.levels().len()),
    };
    let of_row: Vec<u32> = of_row.into_iter().map(|group| group.min(count as u32)).collect();
    compacted(&of_row)
}

fn number_groups(values: &[f64]) -> (Vec<u32>, usize) {
    let sorted = sorted_present(values);
    let mut edges: Vec<f64> = sorted.chunk_by(|a, b| a == b).map(|run| run[0]).collect();
    let most = (sorted.len() / ROWS_OF_GROUP).clamp(2, GROUPS);
    if edges.len() > most {
        edges = (0..most).map(|group| sorted[group * sorted.len() / most]).collect();
        edges.dedup();
    }
    let group = |value: &f64| match value.is_nan() {
        true => edges.len() as u32,
        false => edges.partition_point(|edge| edge <= value).saturating_sub(1) as u32,
    };
    (values.iter().map(group).collect(), edges.len())
}

/// Renumbers the groups that have rows, in the order in which they come.
fn compacted(of_row: &[u32]) -> Groups {
    let mut places: HashMap<u32, u32> = HashMap::new();
    let mut place = |group: &u32| {
        let next = places.len() as u32;
        *places.entry(*group).or_insert(next)
    };
    let of_row: Vec<u32> = of_row.iter().map(&mut place).collect();
    Groups { of_row, count: places.len() }
}
