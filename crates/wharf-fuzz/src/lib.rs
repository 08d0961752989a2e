//! For tests only: every decoder of bytes from outside, as a function that must return whatever the bytes are.
//!
//! [`TARGETS`] lists them; `corpus/<target>/` holds what each may be given, made by `corpus/make_corpus.py`. The test
//! `broken_bytes` feeds every target with its corpus broken in thousands of ways that are the same from run to run, on
//! the stable toolchain; `WHARF_SOAK=1` makes it millions. A fuzzer that follows coverage can call the same functions.

mod mutate;
mod targets;

pub use mutate::{Random, broken};
pub use targets::{TARGETS, Target};
