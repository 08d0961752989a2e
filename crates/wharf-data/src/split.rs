//! Parts of a data set, as lists of picture numbers.

use wharf_transform::CounterRng;

use crate::DataError;

/// Keeps the streams of splits apart from every other use of the same seed.
const DOMAIN: u64 = u64::from_be_bytes(*b"datasplt");

/// Two parts of a data set; together they hold every picture once. Each is in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The larger part, to train on.
    pub rest: Vec<usize>,
    /// The part that is held out.
    pub held_out: Vec<usize>,
}

/// Holds out `fraction` of `count` pictures, drawn at random.
///
/// # Errors
/// `fraction` is not between 0 and 1, or one part would be empty.
pub fn hold_out(count: usize, fraction: f64, seed: u64) -> Result<Split, DataError> {
    let order = CounterRng::new(&[DOMAIN, seed]).permutation(count);
    let size = share(count, fraction)?;
    split(order.split_at(size))
}

/// Holds out `fraction` of each class, drawn at random: the parts have the same proportions of classes, to
/// one picture per class.
///
/// # Errors
/// `fraction` is not between 0 and 1, or one part would be empty.
pub fn hold_out_stratified(labels: &[u32], fraction: f64, seed: u64) -> Result<Split, DataError> {
    let classes = labels.iter().max().map_or(0, |label| *label as usize + 1);
    let mut by_class = vec![Vec::new(); classes];
    for (index, label) in labels.iter().enumerate() {
        by_class[*label as usize].push(index);
    }
    let (mut held_out, mut rest) = (Vec::new(), Vec::new());
    // What rounding took from one class the next one gives, so that the whole share is right as well.
    let mut owed = 0.0;
    for (class, mut members) in by_class.into_iter().enumerate() {
        CounterRng::new(&[DOMAIN, seed, class as u64]).shuffle(&mut members);
        let wanted = members.len() as f64 * checked(fraction)? + owed;
        let size = (wanted.round().max(0.0) as usize).min(members.len());
        owed = wanted - size as f64;
        let (out, stay) = members.split_at(size);
        held_out.extend_from_slice(out);
        rest.extend_from_slice(stay);
    }
    split((&held_out, &rest))
}

fn checked(fraction: f64) -> Result<f64, DataError> {
    if fraction > 0.0 && fraction < 1.0 {
        Ok(fraction)
    } else {
        Err(DataError::setting(format!("fraction held out is {fraction}, expected between 0 and 1")))
    }
}

fn share(count: usize, fraction: f64) -> Result<usize, DataError> {
    Ok(((count as f64 * checked(fraction)?).round() as usize).min(count))
}

fn split((held_out, rest): (&[usize], &[usize])) -> Result<Split, DataError> {
    if held_out.is_empty() || rest.is_empty() {
        return Err(DataError::setting(format!(
            "split gives {} and {} pictures, expected some in both parts",
            rest.len(),
            held_out.len()
        )));
    }
    let sorted = |part: &[usize]| {
        let mut part = part.to_vec();
        part.sort_unstable();
        part
    };
    Ok(Split { rest: sorted(rest), held_out: sorted(held_out) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(split: &Split) -> Vec<usize> {
        let mut all = [split.rest.clone(), split.held_out.clone()].concat();
        all.sort_unstable();
        all
    }

    #[test]
    fn parts_hold_every_picture_once() {
        let labels: Vec<u32> = (0..1000).map(|index| (index % 7) as u32).collect();
        for split in [hold_out(1000, 0.1, 1).unwrap(), hold_out_stratified(&labels, 0.1, 1).unwrap()] {
            assert_eq!(split.held_out.len(), 100);
            assert_eq!(whole(&split), (0..1000).collect::<Vec<_>>());
        }
    }

    #[test]
    fn same_seed_gives_same_parts_and_another_seed_others() {
        assert_eq!(hold_out(100, 0.3, 5).unwrap(), hold_out(100, 0.3, 5).unwrap());
        assert_ne!(hold_out(100, 0.3, 5).unwrap(), hold_out(100, 0.3, 6).unwrap());
    }

    #[test]
    fn strata_keep_the_proportions_of_uneven_classes() {
        let labels: Vec<u32> = [(0, 500), (2, 37), (3, 3)]
            .into_iter()
            .flat_map(|(label, count)| std::iter::repeat_n(label, count))
            .collect();
        let split = hold_out_stratified(&labels, 0.2, 3).unwrap();
        for (label, count) in [(0, 500.0), (2, 37.0), (3, 3.0)] {
            let held = split.held_out.iter().filter(|index| labels[**index] == label).count();
            assert!((held as f64 - count * 0.2).abs() <= 1.0, "{label}: {held}");
        }
    }

    #[test]
    fn empty_parts_and_odd_fractions_are_errors() {
        for (count, fraction) in [(10, 0.0), (10, 1.0), (10, f64::NAN), (10, -0.1), (1, 0.5), (0, 0.5)] {
            assert!(hold_out(count, fraction, 0).is_err());
            assert!(hold_out_stratified(&vec![0; count], fraction, 0).is_err());
        }
    }
}
