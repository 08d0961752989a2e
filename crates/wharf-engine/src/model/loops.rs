//! Whether a graph has loops, whose runs take as long as the values of their inputs say.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How a node of these kinds begins in an ONNX file: the tag of `op_type`, its length, its text. The same bytes
/// may occur elsewhere; then a model counts as one with loops that has none, which is harmless.
const MARKS: [&[u8]; 2] = [b"\x22\x04Loop", b"\x22\x04Scan"];
const LONGEST: usize = 6;
const CHUNK: usize = 1 << 20;

/// Whether the model at `path` has a loop.
///
/// # Errors
/// The file cannot be read.
pub(super) fn has_loops(path: &Path) -> io::Result<bool> {
    find(File::open(path)?)
}

fn find(mut source: impl Read) -> io::Result<bool> {
    let mut buffer = Vec::new();
    loop {
        // What may be the beginning of a mark stays in front of the next chunk.
        let kept = buffer.len().min(LONGEST - 1);
        buffer.drain(..buffer.len() - kept);
        if source.by_ref().take(CHUNK as u64).read_to_end(&mut buffer)? == 0 {
            return Ok(false);
        }
        if buffer.windows(LONGEST).any(|window| MARKS.contains(&window)) {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use wharf_testing::models;

    use super::*;

    #[test]
    fn loops_are_found_wherever_they_lie() {
        for (model, expected) in
            [(models::SLOW, true), (models::LENET, false), (models::GATHER, false), (b"", false)]
        {
            assert_eq!(find(model).unwrap(), expected);
        }
        for offset in CHUNK - 8..CHUNK + 8 {
            let mut file = vec![0; offset];
            file.extend_from_slice(MARKS[1]);
            file.resize(2 * CHUNK + 3, 0);
            assert!(find(&file[..]).unwrap(), "{offset}");
        }
    }
}
