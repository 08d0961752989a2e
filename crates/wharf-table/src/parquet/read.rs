//! Reads one column, row group by row group.

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::file::reader::FileReader;

use super::failed;
use super::kind::Kind;
use super::sink::{Refusal, Sink};
use crate::{ColumnData, ColumnType, TableError};

/// How many values are decoded at once.
const CHUNK: usize = 8192;

/// Julian day of 1 January 1970.
const JULIAN_1970: i64 = 2_440_588;

const DAY_SECONDS: f64 = 86_400.0;

/// The values of a column. Where whole numbers turn out too long for float64, it is read again as texts.
pub(super) fn column(
    file: &dyn FileReader,
    index: usize,
    kind: Kind,
    limit: usize,
) -> Result<(ColumnType, ColumnData), TableError> {
    match try_column(file, index, kind, limit)? {
        Some(done) => Ok(done),
        None => {
            let kind = Kind::LongInteger { signed: kind == Kind::Integer };
            let done = try_column(file, index, kind, limit)?;
            done.ok_or_else(|| Refusal::TooLong.at(0))
        }
    }
}

/// `None` where a whole number is too long.
fn try_column(
    file: &dyn FileReader,
    index: usize,
    kind: Kind,
    limit: usize,
) -> Result<Option<(ColumnType, ColumnData)>, TableError> {
    let mut sink = Sink::new(kind);
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group).map_err(failed)?;
        let reader = group.get_column_reader(index).map_err(failed)?;
        let wanted = limit - sink.len();
        match read_group(reader, kind, wanted, &mut sink)? {
            None => {}
            Some(Refusal::TooLong) => return Ok(None),
            Some(refusal) => return Err(refusal.at(sink.len())),
        }
    }
    Ok(Some(sink.finish(kind)))
}

fn read_group(
    reader: ColumnReader,
    kind: Kind,
    wanted: usize,
    sink: &mut Sink,
) -> Result<Option<Refusal>, TableError> {
    match reader {
        ColumnReader::BoolColumnReader(reader) => each(reader, wanted, sink, |sink, v| sink.push_boolean(*v)),
        ColumnReader::Int32ColumnReader(reader) => each(reader, wanted, sink, |sink, value| {
            let unsigned = i128::from(value.cast_unsigned());
            push_whole(sink, kind, i128::from(*value), unsigned)
        }),
        ColumnReader::Int64ColumnReader(reader) => each(reader, wanted, sink, |sink, value| {
            let unsigned = i128::from(value.cast_unsigned());
            push_whole(sink, kind, i128::from(*value), unsigned)
        }),
        ColumnReader::Int96ColumnReader(reader) => each(reader, wanted, sink, |sink, value| {
            let &[low, high, day] = value.data() else { return sink.push_number(f64::NAN) };
            let nanos = u64::from(high) << 32 | u64::from(low);
            sink.push_number((i64::from(day) - JULIAN_1970) as f64 * DAY_SECONDS + nanos as f64 / 1e9)
        }),
        ColumnReader::FloatColumnReader(reader) => {
            each(reader, wanted, sink, |sink, value| sink.push_number(f64::from(*value)))
        }
        ColumnReader::DoubleColumnReader(reader) => {
            each(reader, wanted, sink, |sink, value| sink.push_number(*value))
        }
        ColumnReader::ByteArrayColumnReader(reader) => {
            each(reader, wanted, sink, |sink, value| push_bytes(sink, kind, value.data()))
        }
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            each(reader, wanted, sink, |sink, value| push_bytes(sink, kind, value.data()))
        }
    }
}

fn push_whole(sink: &mut Sink, kind: Kind, signed: i128, unsigned: i128) -> Result<(), Refusal> {
    match kind {
        Kind::Unsigned | Kind::LongInteger { signed: false } => sink.push_integer(unsigned),
        Kind::Decimal { divisor } => sink.push_number(signed as f64 / divisor),
        Kind::Date => sink.push_number(signed as f64 * DAY_SECONDS),
        Kind::Timestamp { per_second } => sink.push_number(signed as f64 / per_second),
        Kind::Null => sink.push_number(f64::NAN),
        _ => sink.push_integer(signed),
    }
}

fn push_bytes(sink: &mut Sink, kind: Kind, bytes: &[u8]) -> Result<(), Refusal> {
    match kind {
        Kind::Decimal { divisor } => sink.push_number(big_endian(bytes)? / divisor),
        Kind::HalfFloat => match *bytes {
            [low, high] => sink.push_number(half::f16::from_le_bytes([low, high]).to_f64()),
            _ => Err(Refusal::Wrong(format!("a half-precision number has {} bytes", bytes.len()))),
        },
        _ => sink.push_text(bytes),
    }
}

/// A signed whole number of any length.
fn big_endian(bytes: &[u8]) -> Result<f64, Refusal> {
    if bytes.len() > 16 {
        return Err(Refusal::Wrong(format!("a decimal of {} bytes, expected at most 16", bytes.len())));
    }
    let is_negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let start = if is_negative { -1_i128 } else { 0 };
    Ok(bytes.iter().fold(start, |sum, byte| sum << 8 | i128::from(*byte)) as f64)
}

/// Pushes every value, missing ones where the definition levels say so; stops at the first that is refused.
fn each<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    mut wanted: usize,
    sink: &mut Sink,
    mut push: impl FnMut(&mut Sink, &T::T) -> Result<(), Refusal>,
) -> Result<Option<Refusal>, TableError> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    while wanted > 0 {
        levels.clear();
        values.clear();
        let asked = wanted.min(CHUNK);
        let (records, ..) =
            reader.read_records(asked, Some(&mut levels), None, &mut values).map_err(failed)?;
        if records == 0 {
            break;
        }
        let mut present = values.iter();
        for row in 0..records {
            // Columns that cannot miss a value have no levels.
            let is_missing = levels.get(row).is_some_and(|level| *level == 0);
            let value = if is_missing { None } else { present.next() };
            let pushed = match value {
                None => {
                    sink.push_missing();
                    Ok(())
                }
                Some(value) => push(sink, value),
            };
            if let Err(refusal) = pushed {
                return Ok(Some(refusal));
            }
        }
        wanted -= records.min(wanted);
    }
    Ok(None)
}
