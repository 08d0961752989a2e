//! Fits a column program to a table.

mod category;
mod date;
mod fit;
mod levels;
mod number;
mod quantile;
mod settings;
mod text;
mod warning;

pub(crate) use levels::counted_levels;
pub(crate) use number::{deviation, mean};
pub(crate) use quantile::sorted_present;

pub use fit::{Fitted, fit, rows_to_train_on};
pub use quantile::{median, quantile};
pub use settings::{
    CategoryEncoding, CategorySettings, ColumnSettings, DateSettings, Impute, Indicator, NumberSettings,
    Policy, Preparation, Role, Scaling, TextEncoding, TextSettings,
};
pub use warning::{Warning, WarningKind};

#[cfg(test)]
mod goldens;
#[cfg(test)]
mod tests;
