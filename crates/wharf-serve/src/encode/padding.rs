//! Which rows of tokens run together, and what the shorter ones are filled up with.

use wharf_engine::LoadedEncoder;

use crate::Padding;

/// Lengths of rows that may run together: the powers of two and the middle between two of them, so that no more than a
/// third of a run is padding where rows have more than 8 tokens.
const GROUPS: [usize; 21] =
    [8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192];

/// How rows of tokens are made alike. A run is as long as its longest row, unless the owner of the model has said which
/// lengths there are to be.
pub(crate) fn padding(encoder: &LoadedEncoder, told: Option<&Padding>) -> Padding {
    let (lengths, only_groups) = match told.map(|told| &told.buckets[..]) {
        None | Some([]) => (&GROUPS[..], true),
        Some(buckets) => (buckets, false),
    };
    let empty = Padding::with_number(0.0).with_buckets(lengths.iter().copied()).with_groups_only(only_groups);
    encoder.paddings().fold(empty, |padding, (input, value)| padding.with_value_of(input, f64::from(value)))
}
