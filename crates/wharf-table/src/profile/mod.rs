//! What a table looks like before anything is trained on it.
//!
//! [`profile`] counts and measures; [`text()`] and [`html()`] show it.
//!
//! ```
//! use wharf_table::{CsvOptions, profile, read_csv_bytes};
//!
//! let table = read_csv_bytes(b"age,job\n31,baker\n?,cook\n50,cook\n", &CsvOptions::default())?;
//! let profile = profile::profile(&table, None)?;
//! assert_eq!(profile.columns[0].missing, 1);
//! assert!(profile::text(&profile).contains("baker"));
//! # Ok::<(), wharf_table::TableError>(())
//! ```

mod association;
mod bins;
mod column;
mod finding;
mod html;
mod leak;
mod look;
mod text;

pub use column::{Bin, ColumnProfile, NumberProfile};
pub use finding::Finding;
pub use html::html;
pub use look::{Association, Correlations, Measure, Profile, TargetProfile, profile};
pub use text::text;

#[cfg(test)]
mod tests;
