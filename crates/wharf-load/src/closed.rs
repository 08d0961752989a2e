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
    bound: Bound,
    /// Requests sent to be measured.
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
    let recorder = Arc::clone(recorder);
    let sent = AtomicU64::new(0);
    let bound = plan.bound;
    let shared = Arc::new(Loop { connections, calls, recorder, measured_from, bound, sent });
    let mut callers = JoinSet::new();
    for caller in 0..concurrency {
        callers.spawn(Arc::clone(&shared).call_again_and_again(caller));
    }
    while callers.join_next().await.is_some() {}
    match bound {
        Bound::Time(duration) => duration,
        Bound::Requests(_) => Instant::now().saturating_duration_since(measured_from),
    }
}

impl Loop {
    async fn call_again_and_again(self: Arc<Self>, caller: usize) {
        for turn in caller.. {
            let Some(call) = self.calls.get(turn % self.calls.len()) else { return };
            let asked = Instant::now();
            if self.has_enough(asked) {
                return;
            }
            let (sent, reply) = self.connections.ask(call).await;
            let now = Instant::now();
            let is_answered = reply.outcome == Outcome::Answered;
            if self.is_measured(asked, now) {
                self.recorder.note(reply, asked, sent, now);
            }
            if !is_answered {
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }

    fn has_enough(&self, now: Instant) -> bool {
        match self.bound {
            Bound::Time(duration) => now >= self.measured_from + duration,
            Bound::Requests(count) => {
                now >= self.measured_from && self.sent.fetch_add(1, Ordering::Relaxed) >= count
            }
        }
    }

    /// A time is measured by the answers that fall into it: those that were asked for before it are as many as
    /// those that come after it.
    fn is_measured(&self, asked: Instant, now: Instant) -> bool {
        match self.bound {
            Bound::Time(duration) => (self.measured_from..self.measured_from + duration).contains(&now),
            Bound::Requests(_) => asked >= self.measured_from,
        }
    }
}
