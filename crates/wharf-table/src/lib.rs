//! Tables of raw columns: read, looked at, and prepared for a model.
//!
//! A [`Table`] has named typed [`Column`]s; [`read_csv`] infers what they hold over all rows, [`read_parquet`] takes
//! their types from the file, and [`read_table`] does what suits a file.
//!
//! ```
//! use wharf_table::{ColumnType, CsvOptions, read_csv_bytes};
//!
//! let table = read_csv_bytes(b"age,job\n31,baker\n?,cook\n", &CsvOptions::default())?;
//! assert_eq!(table.column("age")?.column_type(), ColumnType::Integer);
//! assert_eq!((table.rows(), table.column("age")?.missing()), (2, 1));
//! # Ok::<(), wharf_table::TableError>(())
//! ```
//!
//! [`fit`] makes of a table and of [`Preparation`] settings a program that turns columns into features. Training runs
//! it with [`Table::encode`], and serving runs the same code on tensors.
//!
//! ```
//! use wharf_table::{CsvOptions, Preparation, fit, read_csv_bytes};
//!
//! let table = read_csv_bytes(b"age,job,rich\n31,baker,no\n?,cook,yes\n50,cook,no\n", &CsvOptions::default())?;
//! let preparation = Preparation { ignore: vec!["rich".to_owned()], ..Preparation::default() };
//! let encoder = fit(&table, &preparation)?.encoder()?;
//! assert_eq!(encoder.feature_names(), ["age", "age is missing", "job=baker", "job=cook"]);
//! assert_eq!(table.encode(&encoder)?.len(), 3 * 4);
//! # Ok::<(), wharf_table::TableError>(())
//! ```

mod column;
mod csv;
mod encode;
mod error;
mod open;
mod parquet;
pub mod prepare;
pub mod profile;
mod retype;
mod table;
mod target;
mod texts;

pub use self::csv::{CsvOptions, MAX_CSV_COLUMNS, MISSING_TOKENS, read_csv, read_csv_bytes};
pub use self::parquet::{read_parquet, read_parquet_bytes};
pub use column::{Column, ColumnData, ColumnType};
pub use error::{TableError, TableErrorKind};
pub use open::read_table;
pub use prepare::{Fitted, Preparation, fit};
pub use table::Table;
pub use target::Classes;
pub use texts::Texts;
