//! Counters, gauges and histograms that cost nanoseconds, and what Prometheus reads of them.
//!
//! Whoever counts holds its [`Counter`], [`Gauge`], [`Histogram`] or [`BoundedHistogram`] itself and records into it
//! with relaxed atomics: no lock, no look-up by name. A [`Collector`] turns them into [`Family`]s when somebody
//! scrapes, under as many names as are wanted; a [`Registry`] gathers all collectors, and [`text`] and [`protobuf`]
//! write what it gathered. Labels come from the collector: a name that a client made up never becomes a series.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use wharf_metrics::{Family, Histogram, Kind, Registry, Sample, text};
//!
//! let latency = Arc::new(Histogram::of_durations());
//! let registry = Registry::default();
//! let read = Arc::clone(&latency);
//! registry.register(move |families: &mut Vec<Family>| {
//!     let mut family = Family::new("request_duration_seconds", Kind::Histogram).with_help("From arrival to answer.");
//!     family.push(Sample::histogram(read.snapshot()).with_label("model", "m"));
//!     families.push(family);
//! });
//! latency.record_duration(Duration::from_millis(3));
//! assert!(text::encode(&registry.gather()).contains("request_duration_seconds_count{model=\"m\"} 1\n"));
//! ```

mod bounded;
mod counter;
mod family;
mod histogram;
pub mod machine;
pub mod process;
pub mod protobuf;
mod registry;
mod snapshot;
pub mod text;

pub use bounded::BoundedHistogram;
pub use counter::{Counter, Gauge, TimeCounter};
pub use family::{Family, Kind, Sample, Value};
pub use histogram::Histogram;
pub use registry::{Collector, Registry};
pub use snapshot::{HistogramSnapshot, NativeBuckets};
