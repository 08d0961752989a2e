//! Which requests are traced, and where their spans go: to a collector, by OTLP over HTTP.
//!
//! A [`Tracer`] decides for every request. A caller that sends W3C's `traceparent` has decided already: its flag is
//! followed. Of the others a share is traced ([`TraceConfig::sample`]). Spans go into a bounded queue, from which a
//! thread of its own sends them in batches; where the collector is slow or away they are dropped and counted, and no
//! request waits for them.
//!
//! ```no_run
//! use std::time::{Duration, Instant};
//! use wharf_trace::{TraceConfig, Tracer};
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let tracer = Tracer::start(TraceConfig::new("http://localhost:4318").with_sample(0.01))?;
//! if let Some(trace) = tracer.begin(None) {
//!     let started = Instant::now();
//!     trace.part("compute", (started, Instant::now()), vec![("model.name", "m".into())]);
//! }
//! tracer.shutdown(Duration::from_secs(1));
//! # Ok(())
//! # }
//! ```

mod clock;
mod config;
mod export;
mod ids;
pub mod otlp;
mod tracer;

pub use config::{TraceConfig, TraceError};
pub use tracer::{TraceSettings, Tracer};
