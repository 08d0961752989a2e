//! The open loop: requests at times fixed beforehand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::connection::Connections;
use crate::drive::{Bound, Pacing, Plan};
use crate::pacer::Pacer;
use crate::recorder::Recorder;
use crate::{Call, Schedule};

/// Sends at the due times and gives the time that was measured: from the first measured request on, to the end of
/// the schedule or the last reply, whichever is later.
pub(crate) async fn run(
    connections: Arc<Connections>,
    calls: Arc<[Call]>,
    plan: &Plan,
    recorder: &Arc<Recorder>,
) -> Duration {
    let start = Instant::now();
    let measured_from = start + plan.warm_up;
    let mut pacer = Pacer::start(start, offsets(plan));
    let mut under_way = JoinSet::new();
    let mut last_due = measured_from;
    let mut turn = 0;
    while let Some(due) = pacer.next().await {
        while under_way.try_join_next().is_some() {}
        let is_measured = due >= measured_from;
        last_due = last_due.max(due);
        if under_way.len() >= plan.max_in_flight {
            if is_measured {
                recorder.note_unanswered(Duration::ZERO);
            }
            continue;
        }
        let (connections, calls, recorder) =
            (Arc::clone(&connections), Arc::clone(&calls), Arc::clone(recorder));
        under_way.spawn(async move {
            let Some(call) = calls.get(turn % calls.len()) else { return };
            let (sent, reply) = connections.ask(call).await;
            if is_measured {
                recorder.note(reply, due, sent, Instant::now());
            }
        });
        turn += 1;
    }
    let all_answered = async { while under_way.join_next().await.is_some() {} };
    if tokio::time::timeout(plan.patience, all_answered).await.is_err() {
        let now = Instant::now();
        (0..under_way.len()).for_each(|_| recorder.note_unanswered(now.saturating_duration_since(last_due)));
    }
    let end = recorder.last().map_or(last_due, |last| last.max(last_due));
    end.saturating_duration_since(measured_from)
}

/// The due times of warm-up and measurement.
fn offsets(plan: &Plan) -> Box<dyn Iterator<Item = Duration> + Send> {
    let Pacing::Open { rate, arrivals, seed } = plan.pacing else { return Box::new(std::iter::empty()) };
    let schedule = Schedule::new(rate, arrivals, seed);
    let warm_up = plan.warm_up;
    match plan.bound {
        Bound::Time(duration) => Box::new(schedule.take_while(move |offset| *offset < warm_up + duration)),
        Bound::Requests(count) => {
            let mut measured = 0;
            Box::new(schedule.take_while(move |offset| {
                measured += u64::from(*offset >= warm_up);
                measured <= count
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Arrivals;

    fn plan(bound: Bound) -> Plan {
        Plan::new(Pacing::Open { rate: 100.0, arrivals: Arrivals::Even, seed: 0 })
            .with_bound(bound)
            .with_warm_up(Duration::from_secs(1))
    }

    #[test]
    fn a_schedule_covers_warm_up_and_bound() {
        let timed: Vec<_> = offsets(&plan(Bound::Time(Duration::from_secs(2)))).collect();
        assert_eq!((timed.len(), timed.last()), (299, Some(&Duration::from_millis(2990))));
        let counted: Vec<_> = offsets(&plan(Bound::Requests(10))).collect();
        assert_eq!(counted.iter().filter(|offset| **offset >= Duration::from_secs(1)).count(), 10);
    }
}
