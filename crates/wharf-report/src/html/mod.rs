//! Self-contained HTML pages.

mod blocks;
mod page;
mod picture;
mod png;
mod section;
mod style;

pub use blocks::{Facts, Table};
pub use page::Report;
pub use picture::Picture;
pub use section::Section;

#[cfg(test)]
mod tests;
