//! What a column holds, out of the types that the format has.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::schema::types::ColumnDescriptor;

use crate::{TableError, TableErrorKind};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Whole numbers, signed.
    Integer,
    /// Whole numbers, unsigned.
    Unsigned,
    /// Whole numbers as text, because some are beyond 2^53.
    LongInteger {
        signed: bool,
    },
    Float,
    HalfFloat,
    Boolean,
    /// Whole numbers to be divided by this.
    Decimal {
        divisor: f64,
    },
    /// Days since 1970.
    Date,
    /// So many to a second, since 1970.
    Timestamp {
        per_second: f64,
    },
    /// Twelve bytes of nanoseconds and a Julian day.
    OldTimestamp,
    Text,
    /// Nothing at all.
    Null,
}

impl Kind {
    pub(super) fn of(column: &ColumnDescriptor) -> Result<Self, TableError> {
        let name = column.path().string();
        let refused = |what: &str| {
            TableError::new(
                TableErrorKind::Unsupported,
                format!("column `{name}` is {what}, which is not read"),
            )
        };
        if column.path().parts().len() > 1 || column.max_rep_level() > 0 {
            return Err(refused("nested"));
        }
        let physical = column.physical_type();
        let kind = match column.logical_type_ref() {
            Some(logical) => by_logical(logical, physical),
            None => by_converted(column.converted_type(), physical),
        };
        let kind = kind.map(|kind| match kind {
            Kind::Decimal { .. } => Kind::Decimal { divisor: 10_f64.powi(column.type_scale()) },
            other => other,
        });
        kind.ok_or_else(|| {
            let logical = column.logical_type_ref().map(|logical| format!(" ({logical:?})"));
            refused(&format!("{physical}{}", logical.unwrap_or_default()))
        })
    }
}

/// The divisor is filled in later.
const DECIMAL: Kind = Kind::Decimal { divisor: 1.0 };

fn by_logical(logical: &LogicalType, physical: Type) -> Option<Kind> {
    Some(match (logical, physical) {
        (LogicalType::Unknown, _) => Kind::Null,
        (LogicalType::Integer(integer), Type::INT32 | Type::INT64) => {
            if integer.is_signed {
                Kind::Integer
            } else {
                Kind::Unsigned
            }
        }
        (
            LogicalType::Decimal(_),
            Type::INT32 | Type::INT64 | Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY,
        ) => DECIMAL,
        (LogicalType::Date, Type::INT32) => Kind::Date,
        (LogicalType::Timestamp(time), Type::INT64) => Kind::Timestamp {
            per_second: match time.unit {
                TimeUnit::MILLIS => 1e3,
                TimeUnit::MICROS => 1e6,
                TimeUnit::NANOS => 1e9,
            },
        },
        (LogicalType::String | LogicalType::Enum | LogicalType::Json, Type::BYTE_ARRAY) => Kind::Text,
        (LogicalType::Float16, Type::FIXED_LEN_BYTE_ARRAY) => Kind::HalfFloat,
        _ => return None,
    })
}

fn by_converted(converted: ConvertedType, physical: Type) -> Option<Kind> {
    use ConvertedType as C;
    Some(match (converted, physical) {
        (C::DECIMAL, Type::INT32 | Type::INT64 | Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY) => DECIMAL,
        (C::DATE, Type::INT32) => Kind::Date,
        (C::TIMESTAMP_MILLIS, Type::INT64) => Kind::Timestamp { per_second: 1e3 },
        (C::TIMESTAMP_MICROS, Type::INT64) => Kind::Timestamp { per_second: 1e6 },
        (C::UINT_8 | C::UINT_16 | C::UINT_32 | C::UINT_64, Type::INT32 | Type::INT64) => Kind::Unsigned,
        (C::NONE | C::INT_8 | C::INT_16 | C::INT_32 | C::INT_64, Type::INT32 | Type::INT64) => Kind::Integer,
        (C::NONE, Type::FLOAT | Type::DOUBLE) => Kind::Float,
        (C::NONE, Type::BOOLEAN) => Kind::Boolean,
        (C::NONE, Type::INT96) => Kind::OldTimestamp,
        (C::NONE | C::UTF8 | C::ENUM | C::JSON, Type::BYTE_ARRAY) => Kind::Text,
        _ => return None,
    })
}
