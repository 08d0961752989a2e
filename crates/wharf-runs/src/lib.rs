//! What every run has, whatever it makes: a recipe that is read strictly, a folder that one process holds, a status,
//! and lines that are durable when they are told.
//!
//! ```
//! use wharf_runs::{Problems, Section};
//!
//! let table: toml::Table = "epochs = 3\nbacth = 100".parse()?;
//! let problems = Problems::default();
//! let section = Section::new("training", &table, &problems);
//! assert_eq!(section.or("epochs", 10_u32), 3);
//! assert_eq!(section.or("batch", 32_usize), 32);
//! section.finish();
//! assert!(problems.borrow()[0].to_string().contains("`training.bacth` = 100: unknown key"));
//! # Ok::<(), toml::de::Error>(())
//! ```

mod error;
mod files;
mod folder;
mod list;
mod section;

pub use error::RunError;
pub use files::{create_folder, read, sync_folder, write_atomically};
pub use folder::{RunFolder, RunState, RunStatus};
pub use list::Runs;
pub use section::{FromToml, Problem, Problems, Section, syntax, write_problems};
