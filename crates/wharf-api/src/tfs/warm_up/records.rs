//! TFRecord, the container of TensorFlow: for each record its length (u64, little-endian), the masked CRC-32C of
//! that, the bytes, and the masked CRC-32C of those.

use std::io::{self, ErrorKind, Read};

/// Added to a rotated checksum, so that a checksum over data which holds checksums does not cancel out.
const MASK: u32 = 0xa282_ead8;

/// The records of a file, in order.
pub(super) struct Records<R> {
    file: R,
    max_bytes: usize,
}

/// Why there is no further record.
#[derive(Debug)]
pub(super) enum RecordError {
    /// The file cannot be read.
    Io(io::Error),
    /// The file is not in the format, or damaged.
    Damaged(&'static str),
}

impl<R: Read> Records<R> {
    /// The records of `file`, none of them longer than `max_bytes`.
    pub(super) fn new(file: R, max_bytes: usize) -> Self {
        Self { file, max_bytes }
    }

    /// The next record; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, RecordError> {
        let mut length = [0; 8];
        match self.file.read(&mut length[..1]).map_err(RecordError::Io)? {
            0 => return Ok(None),
            _ => self.fill(&mut length[1..])?,
        }
        self.check(&length, "the length of a record is damaged")?;
        let length =
            usize::try_from(u64::from_le_bytes(length)).ok().filter(|length| *length <= self.max_bytes);
        let length = length.ok_or(RecordError::Damaged("a record is longer than a message may be"))?;
        // Grows with what is there: the length alone reserves nothing.
        let mut record = Vec::new();
        let read = (&mut self.file).take(length as u64).read_to_end(&mut record).map_err(RecordError::Io)?;
        if read < length {
            return Err(RecordError::Damaged("the last record is cut off"));
        }
        self.check(&record, "a record is damaged")?;
        Ok(Some(record))
    }

    fn check(&mut self, bytes: &[u8], problem: &'static str) -> Result<(), RecordError> {
        let mut stored = [0; 4];
        self.fill(&mut stored)?;
        match masked(crc32c::crc32c(bytes)) == u32::from_le_bytes(stored) {
            true => Ok(()),
            false => Err(RecordError::Damaged(problem)),
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RecordError> {
        self.file.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => RecordError::Damaged("the last record is cut off"),
            _ => RecordError::Io(error),
        })
    }
}

fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(MASK)
}

/// A file of these records, for tests.
pub(super) fn written(records: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut file = Vec::new();
    for record in records.iter().map(AsRef::as_ref) {
        for part in [&(record.len() as u64).to_le_bytes()[..], record] {
            file.extend_from_slice(part);
            file.extend_from_slice(&masked(crc32c::crc32c(part)).to_le_bytes());
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &[u8]) -> Result<Vec<Vec<u8>>, RecordError> {
        let mut records = Records::new(file, 1000);
        let mut all = Vec::new();
        while let Some(record) = records.next()? {
            all.push(record);
        }
        Ok(all)
    }

    #[test]
    fn a_known_file_is_read() {
        // `wharf` as one record, its checksums computed bit by bit elsewhere.
        let file = b"\x05\0\0\0\0\0\0\0\xea\xb2\x04\x3ewharf\xdf\x1a\x86\xd1";
        assert_eq!(read(file).unwrap(), [b"wharf".to_vec()]);
        assert_eq!(written(&[b"wharf".to_vec()]), file);
    }

    #[test]
    fn records_come_back_as_they_were_written() {
        for records in [Vec::<Vec<u8>>::new(), vec![vec![]], vec![vec![1], vec![2; 1000], b"three".to_vec()]]
        {
            assert_eq!(read(&written(&records)).unwrap(), records);
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let file = written(&[b"one".to_vec(), b"two".to_vec()]);
        for at in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert!(matches!(read(&flipped), Err(RecordError::Damaged(_))), "bit {at}");
        }
        for end in (1..file.len()).filter(|end| *end != file.len() / 2) {
            assert!(matches!(read(&file[..end]), Err(RecordError::Damaged(_))), "{end} bytes");
        }
    }

    #[test]
    fn a_length_past_the_limit_is_refused_before_it_is_read() {
        let file = written(&[vec![0; 1001]]);
        assert!(matches!(read(&file), Err(RecordError::Damaged(text)) if text.contains("longer")));
    }
}
