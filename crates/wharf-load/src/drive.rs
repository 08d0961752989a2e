//! What to drive, how, and the driving.

use std::sync::Arc;
use std::time::Duration;

use crate::connection::Connections;
use crate::recorder::Recorder;
use crate::{Arrivals, Call, LoadError, Summary, closed, open};

/// A server and what to send it.
#[derive(Clone, Debug)]
pub struct Target {
    /// `HOST:PORT`
    pub server: String,
    /// The requests, sent in turn.
    pub calls: Vec<Call>,
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pacing {
    /// So many callers, each of whom asks again when answered.
    Closed {
        /// How many.
        concurrency: usize,
    },
    /// At times that do not depend on the answers.
    Open {
        /// Requests a second, on average.
        rate: f64,
        /// How they are spread.
        arrivals: Arrivals,
        /// What the times are made of.
        seed: u64,
    },
}

/// When enough was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// After this time.
    Time(Duration),
    /// After this many requests.
    Requests(u64),
}

/// How to drive a target.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// When requests are sent.
    pub pacing: Pacing,
    /// When enough was measured.
    pub bound: Bound,
    /// Time that is driven but not measured, so that connections, caches and pools are warm.
    pub warm_up: Duration,
    /// Connections; 0 stands for one for each caller, or for 64 (HTTP/1) or 4 (gRPC) in an open loop.
    pub connections: usize,
    /// How long replies are waited for after the last request of an open loop.
    pub patience: Duration,
    /// Requests under way at most in an open loop; one more counts as timed out without being sent.
    pub max_in_flight: usize,
}

impl Plan {
    /// Half a second of warm-up, then five seconds.
    pub fn new(pacing: Pacing) -> Self {
        Self {
            pacing,
            bound: Bound::Time(Duration::from_secs(5)),
            warm_up: Duration::from_millis(500),
            connections: 0,
            patience: Duration::from_secs(10),
            max_in_flight: 20_000,
        }
    }

    /// With this pacing.
    #[must_use]
    pub fn with_pacing(mut self, pacing: Pacing) -> Self {
        self.pacing = pacing;
        self
    }

    /// With this bound.
    #[must_use]
    pub fn with_bound(mut self, bound: Bound) -> Self {
        self.bound = bound;
        self
    }

    /// With this warm-up.
    #[must_use]
    pub fn with_warm_up(mut self, warm_up: Duration) -> Self {
        self.warm_up = warm_up;
        self
    }

    /// With so many connections.
    #[must_use]
    pub fn with_connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    fn check(&self) -> Result<(), LoadError> {
        match self.pacing {
            Pacing::Closed { concurrency: 0 } => {
                Err(LoadError::argument("concurrency is 0, expected at least 1"))
            }
            Pacing::Open { rate, .. } if !(rate > 0.0 && rate.is_finite()) => {
                Err(LoadError::argument(format!("rate is {rate}, expected more than 0 a second")))
            }
            _ => Ok(()),
        }
    }

    fn connections_of(&self, is_grpc: bool) -> usize {
        match (self.connections, self.pacing) {
            (0, Pacing::Closed { concurrency }) => concurrency,
            (0, Pacing::Open { .. }) => {
                if is_grpc {
                    4
                } else {
                    64
                }
            }
            (count, _) => count,
        }
    }
}

/// Drives `target` as `plan` says.
///
/// # Errors
/// The plan makes no sense, there is nothing to send, or the server cannot be reached. Errors that the server
/// answers are counted in the summary.
pub async fn drive(target: &Target, plan: &Plan) -> Result<Summary, LoadError> {
    plan.check()?;
    let Some(first) = target.calls.first() else {
        return Err(LoadError::argument("there is no request to send"));
    };
    let count = plan.connections_of(first.is_grpc);
    let connections = Connections::open(&target.server, first.is_grpc, count).await?;
    let recorder = Arc::new(Recorder::default());
    let calls: Arc<[Call]> = target.calls.clone().into();
    let elapsed = match plan.pacing {
        Pacing::Closed { concurrency } => closed::run(connections, calls, concurrency, plan, &recorder).await,
        Pacing::Open { .. } => open::run(connections, calls, plan, &recorder).await,
    };
    Ok(Summary::new(recorder.take(), elapsed))
}
