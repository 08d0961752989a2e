//! Special functions and the distributions made of them.

mod beta;
mod digamma;
mod gamma;
mod normal;
mod saddle;
mod student;

pub use beta::{beta_regularised, f_survival};
pub use digamma::digamma;
pub use gamma::{chi_squared_survival, gamma_lower, gamma_upper};
pub use normal::{normal_cdf, normal_quantile};
pub use student::{student_cdf, student_quantile, student_two_sided};

#[cfg(test)]
mod tests;
