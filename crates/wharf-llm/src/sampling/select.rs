//! The largest numbers of a row without sorting it.

use wharf_infer::language::TokenId;

/// A token and its number, as candidates are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) value: f32,
    pub(crate) token: TokenId,
}

/// Larger numbers first, and the lower token of equals.
pub(crate) fn by_value(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    b.value.total_cmp(&a.value).then(a.token.cmp(&b.token))
}

/// Rows are looked through in pieces of this many numbers, most of which hold nothing of interest.
const PIECE: usize = 32;

/// Writes the `count` largest finite numbers of a row into `out`, in order. One pass: what is not above the smallest of
/// those kept so far is passed over, and those kept are thinned out whenever twice as many have come together.
pub(crate) fn select_top(row: &[f32], count: usize, out: &mut Vec<Candidate>) {
    out.clear();
    if count == 0 {
        return;
    }
    let limit = count.saturating_mul(2).max(PIECE);
    let mut bar = f32::NEG_INFINITY;
    for (index, piece) in row.chunks(PIECE).enumerate() {
        if !piece.iter().fold(false, |any, &value| any | (value > bar)) {
            continue;
        }
        let first = index * PIECE;
        for (place, &value) in piece.iter().enumerate() {
            if value > bar {
                out.push(Candidate { value, token: (first + place) as TokenId });
            }
        }
        if out.len() >= limit.saturating_add(PIECE) {
            bar = thin_out(out, count);
        }
    }
    if out.len() > count {
        thin_out(out, count);
    }
    out.sort_unstable_by(by_value);
}

/// Keeps the `count` largest and says what the smallest of them is.
fn thin_out(candidates: &mut Vec<Candidate>, count: usize) -> f32 {
    let (_, last, _) = candidates.select_nth_unstable_by(count - 1, by_value);
    let bar = last.value;
    candidates.truncate(count);
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row without any order, with ties.
    fn row(size: usize) -> Vec<f32> {
        (0..size as u64).map(|i| (i.wrapping_mul(2_654_435_761) % 997) as f32).collect()
    }

    #[test]
    fn selects_what_a_full_sort_would() {
        for (size, count) in [(1, 1), (10, 3), (1000, 1), (1000, 64), (5000, 500), (100, 100), (100, 200)] {
            let row = row(size);
            let mut all: Vec<Candidate> = row
                .iter()
                .enumerate()
                .map(|(token, &value)| Candidate { value, token: token as TokenId })
                .collect();
            all.sort_by(by_value);
            all.truncate(count);
            let mut selected = Vec::new();
            select_top(&row, count, &mut selected);
            assert_eq!(selected, all, "{count} of {size}");
        }
    }

    #[test]
    fn never_selects_what_was_ruled_out() {
        let mut selected = Vec::new();
        select_top(&[f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY], 3, &mut selected);
        assert_eq!(selected, [Candidate { value: 1.0, token: 1 }]);
        select_top(&[1.0, 2.0], 0, &mut selected);
        assert!(selected.is_empty());
    }
}
