//! Lists in lists, into one flat vector and a shape.

use wharf_infer::ServiceError;
use wharf_tensor::MAX_RANK;

use super::Scanner;
use super::element::JsonElement;
use super::error::value_at;

/// The shape of a nested list, as far as it is known. The first list that closes at each level sets the size
/// of that level, and the first value or empty list sets the rank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ItemShape {
    dims: [usize; MAX_RANK],
    /// One bit per level whose size is known.
    known: u32,
    rank: Option<usize>,
}

impl ItemShape {
    /// The dimensions, outermost first.
    pub(crate) fn dims(&self) -> &[usize] {
        self.dims.get(..self.rank.unwrap_or(0)).unwrap_or_default()
    }

    /// A list at `level` has closed after `count` elements.
    fn close(&mut self, level: usize, count: usize) -> Result<(), ServiceError> {
        self.rank.get_or_insert(level + 1);
        let Some(dim) = self.dims.get_mut(level) else { return Err(too_deep()) };
        if self.known & (1 << level) == 0 {
            self.known |= 1 << level;
            *dim = count;
            return Ok(());
        }
        if *dim == count {
            return Ok(());
        }
        Err(ServiceError::invalid_argument(format!(
            "Encountered list at unexpected size: {count} at level: {level} expected size: {dim}"
        )))
    }
}

#[cold]
fn too_deep() -> ServiceError {
    ServiceError::invalid_argument(format!("JSON list is nested deeper than {MAX_RANK} levels"))
}

/// Reads the value or nested list at this place into `values`.
pub(crate) fn read_nested<T: JsonElement>(
    scanner: &mut Scanner<'_>,
    values: &mut Vec<T>,
    shape: &mut ItemShape,
) -> Result<(), ServiceError> {
    scanner.skip_whitespace();
    read_level(scanner, values, shape, 0)
}

/// The recursion is as deep as the rank, and the rank is bounded.
fn read_level<T: JsonElement>(
    scanner: &mut Scanner<'_>,
    values: &mut Vec<T>,
    shape: &mut ItemShape,
    level: usize,
) -> Result<(), ServiceError> {
    if scanner.peek() != b'[' {
        check_value_level(scanner, shape, level)?;
        values.push(T::read(scanner)?);
        return Ok(());
    }
    check_list_level(shape, level)?;
    scanner.advance(1);
    scanner.skip_whitespace();
    if scanner.accept(b']') {
        return shape.close(level, 0);
    }
    let mut count = 0;
    loop {
        if shape.rank == Some(level + 1) && scanner.peek() != b'[' {
            values.push(T::read(scanner)?);
        } else {
            read_level(scanner, values, shape, level + 1)?;
        }
        count += 1;
        if !scanner.more_elements()? {
            return shape.close(level, count);
        }
    }
}

fn check_value_level(
    scanner: &mut Scanner<'_>,
    shape: &mut ItemShape,
    level: usize,
) -> Result<(), ServiceError> {
    let rank = *shape.rank.get_or_insert(level);
    if rank == level {
        return Ok(());
    }
    let (value, _) = value_at(scanner, scanner.offset())?;
    Err(ServiceError::invalid_argument(format!(
        "JSON Value: {value} found at incorrect level: {} in the JSON DOM. Expected at level: {rank}",
        level + 1
    )))
}

fn check_list_level(shape: &ItemShape, level: usize) -> Result<(), ServiceError> {
    match shape.rank {
        Some(rank) if level >= rank => Err(ServiceError::invalid_argument(format!(
            "Encountered list at unexpected level: {level} expected < {rank}"
        ))),
        _ if level >= MAX_RANK => Err(too_deep()),
        _ => Ok(()),
    }
}
