//! The closed loop: each caller asks again when answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::connection::Connections;
use crate::drive::{Bound, Plan};
use crate::recorder::Recorder;
use crate::{Call, Outcome};

/// After an error a caller waits this long, so that a server which is gone is not asked a million times.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(10);

/// What all callers share.
struct Loop {
    connections: Arc<Connections>,
    calls: Arc<[Call]>,
    recorder: Arc<Recorder>,
    measured_from: Instant,
    until: Option<Instant>,
    /// Requests to measure, counted as they are sent.
    requests: Option<u64>,
    sent: AtomicU64,
}

/// Drives `concurrency` callers and gives the time that was measured.
pub(crate) async fn run(
    connections: Arc<Connections>,
    calls: Arc<[Call]>,
    concurrency: usize,
    plan: &Plan,
    recorder: &Arc<Recorder>,
) -> Duration {
    let measured_from = Instant::now() + plan.warm_up;
    let (until, requests) = match plan.bound {
        Bound::Time(duration) => (Some(measured_from + duration), None),
        Bound::Requests(count) => (None, Some(count)),
    };
    let recorder = Arc::clone(recorder);
    let sent = AtomicU64::new(0);
    let shared = Arc::new(Loop { connections, calls, recorder, measured_from, until, requests, sent });
    let mut callers = JoinSet::new();
    for caller in 0..concurrency {
        callers.spawn(Arc::clone(&shared).call_again_and_again(caller));
    }
    while callers.join_next().await.is_some() {}
    until.unwrap_or_else(Instant::now).saturating_duration_since(measured_from)
}

impl Loop {
    async fn call_again_and_again(self: Arc<Self>, caller: usize) {
        for turn in caller.. {
            let Some(call) = self.calls.get(turn % self.calls.len()) else { return };
            let asked = Instant::now();
            let is_measured = asked >= self.measured_from;
            if is_measured && self.has_enough(asked) {
                return;
            }
            let (sent, reply) = self.connections.ask(call).await;
            let now = Instant::now();
            if self.until.is_some_and(|until| now >= until) {
                return;
            }
            let is_answered = reply.outcome == Outcome::Answered;
            if is_measured {
                self.recorder.note(reply, asked, sent, now);
            }
            if !is_answered {
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }

    fn has_enough(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now >= until)
            || self.requests.is_some_and(|count| self.sent.fetch_add(1, Ordering::Relaxed) >= count)
    }
}
