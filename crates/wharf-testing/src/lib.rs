//! For tests only: small models, a fake engine that tests step through, tolerances, the shared data.
//!
//! The models in `models/` are made by `models/make_models.py` and are linked into this crate, so that no test
//! needs a file. [`FakeEngine`] stands in for a runtime where a test has to decide when a run ends,
//! [`FakeLanguage`] for a language model whose words the test puts into its mouth.

mod close;
mod fake;
mod fake_language;
pub mod models;
mod shared;

pub use close::{assert_close, max_difference};
pub use fake::{FakeEngine, FakeRun};
pub use fake_language::{FakeGeneration, FakeLanguage, FakeLanguageModels};
pub use shared::{say_skipped, shared_data_dir, shared_data_or_skip};
