//! Load for model servers, and what it measured.
//!
//! A [`Target`] is a server and the [`Call`]s to send it, encoded once for one [`Wire`]. [`drive()`] sends them as a
//! [`Plan`] says and gives a [`Summary`]:
//!
//! - **closed loop**: so many callers, each of whom asks again when answered. Measures what a server can do.
//! - **open loop**: requests at times fixed beforehand ([`Schedule`], Poisson or even), whether or not earlier ones
//!   were answered. Latency counts from the scheduled time, so a server that stalls is charged for everyone who
//!   would have come meanwhile (no "coordinated omission").
//!
//! Requests are encoded before they are sent, replies are read but not decoded: the load costs little of the machine
//! that it shares with the server.
//!
//! ```
//! use std::time::Duration;
//! use wharf_load::{Arrivals, Histogram, Schedule};
//!
//! let times: Vec<Duration> = Schedule::new(1000.0, Arrivals::Poisson, 7).take(1000).collect();
//! assert!(times.is_sorted() && times[999] > Duration::from_millis(800));
//!
//! let mut latencies = Histogram::default();
//! (1..=100).for_each(|ms| latencies.record(Duration::from_millis(ms)));
//! let p99 = latencies.quantile(0.99).unwrap();
//! assert!(p99 >= Duration::from_millis(99) && p99 < Duration::from_millis(100));
//! ```

mod arrivals;
mod closed;
mod connection;
mod drive;
mod error;
mod histogram;
mod open;
mod outcome;
mod pacer;
mod plot;
mod recorder;
mod slo;
mod summary;
#[cfg(test)]
mod tests;
mod wire;

pub use arrivals::{Arrivals, Schedule};
pub use drive::{Bound, Pacing, Plan, Target, drive};
pub use error::{LoadError, LoadErrorKind};
pub use histogram::Histogram;
pub use outcome::Outcome;
pub use plot::{latency_chart, rate_chart};
pub use slo::{RateSearch, Slo};
pub use summary::{Latencies, Summary};
pub use wire::{Call, Request, Wire, encode};
