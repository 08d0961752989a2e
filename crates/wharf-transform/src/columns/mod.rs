//! Columns of a table to features: the fitted program that lies in a bundle and runs in training and in serving.
//!
//! A [`ColumnProgram`] says for each raw column how it becomes features; it is plain data, made by fitting it to
//! a table and stored in the manifest. A [`ColumnEncoder`] is a program that has been checked and prepared. It
//! takes named columns, as [`ColumnValues`] or as tensors, and gives one row-major matrix of float32.
//!
//! ```
//! use wharf_tensor::{Shape, Tensor};
//! use wharf_transform::columns::{ColumnEncoder, ColumnProgram};
//!
//! let program: ColumnProgram = serde_json::from_str(r#"{ "columns": [
//!     { "name": "age", "takes": "number", "encoding": { "as": "number", "impute": 40.0, "indicator": true } },
//!     { "name": "sex", "takes": "text", "encoding": { "as": "one_hot", "levels": ["f", "m"] } }
//! ] }"#)?;
//! let encoder = ColumnEncoder::new(&program)?;
//! assert_eq!(encoder.feature_names(), ["age", "age is missing", "sex=f", "sex=m"]);
//!
//! let age = Tensor::from_vec(Shape::new(&[2])?, vec![31.0, f64::NAN])?;
//! let sex = Tensor::from_strings(Shape::new(&[2])?, vec!["m".into(), "f".into()])?;
//! let features = encoder.run(&[("age", &age), ("sex", &sex)])?;
//! assert_eq!(features.to_vec::<f32>()?, [31.0, 0.0, 0.0, 1.0, 40.0, 1.0, 1.0, 0.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod calendar;
mod category;
mod check;
mod date;
mod encoder;
mod encoding;
mod feature_names;
mod hashing;
mod number;
mod parse;
mod program;
mod sheet;
mod tensors;
mod text;
mod values;
mod words;

pub use calendar::{Moment, parse_time, time_text};
pub use encoder::ColumnEncoder;
pub use encoding::{
    BooleanEncoding, DateEncoding, DateFeature, DateForm, DatePart, Encoding, HashUnit, HashingEncoding,
    NumberEncoding, OneHotEncoding, OrdinalEncoding, Otherwise, TfIdfEncoding,
};
pub use hashing::{bucket, murmur3};
pub use parse::{parse_boolean, parse_number, write_number};
pub use program::{ColumnProgram, MAX_COLUMNS, MAX_FEATURES, ProgramColumn, Takes};
pub use values::{ColumnValues, MISSING_BOOLEAN, MISSING_CODE};
pub use words::for_each_word;

#[cfg(test)]
mod tests;
