//! What divides cells, and whether the bytes are UTF-8 at all.

use csv::ReaderBuilder;

use crate::TableError;

const CANDIDATES: [u8; 4] = *b",;\t|";

/// How many records decide.
const RECORDS: usize = 100;

/// The delimiter with which the most of the first records have as many cells as the first one has, and of those
/// the one with the most cells. A file of one column has none, for which a comma does.
pub(super) fn delimiter(head: &[u8]) -> u8 {
    let score = |delimiter: &u8| {
        let counts = cell_counts(head, *delimiter);
        let cells = counts.first().copied().unwrap_or(0);
        let agreeing = counts.iter().filter(|count| **count == cells).count();
        let share = agreeing * 1000 / counts.len().max(1);
        if cells > 1 { (share, cells) } else { (0, 0) }
    };
    // The first of equals, so that the comma comes before the others.
    CANDIDATES.iter().rev().copied().max_by_key(score).unwrap_or(b',')
}

/// The cells of each of the first records. The last record of the head may be cut, so it does not count unless it
/// is the only one.
fn cell_counts(head: &[u8], delimiter: u8) -> Vec<usize> {
    let mut reader =
        ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(head);
    let records = reader.byte_records().take(RECORDS).map_while(Result::ok);
    let mut counts: Vec<usize> = records.map(|record| record.len()).collect();
    if (2..RECORDS).contains(&counts.len()) {
        counts.pop();
    }
    counts
}

/// Names the encodings that are met in practice and are not UTF-8.
pub(super) fn check_encoding(head: &[u8]) -> Result<(), TableError> {
    let other = match head {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16",
        [b'P', b'K', 3, 4, ..] => "a ZIP archive or a spreadsheet",
        [0x1f, 0x8b, ..] => "compressed with gzip",
        [b'P', b'A', b'R', b'1', ..] => "Parquet",
        _ if head.contains(&0) => "binary, with zero bytes",
        _ => return Ok(()),
    };
    Err(TableError::malformed(format!("content is {other}, expected text in UTF-8")))
}
