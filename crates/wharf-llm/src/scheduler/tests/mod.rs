mod fairness;
pub(crate) mod fake;
mod faults;
mod guessing;
mod requests;
mod schedules;
mod sharing;

use std::sync::Arc;

use wharf_infer::language::{GenerateRequest, Prompt, Sampling, Ticket, TokenId};

use super::{Scheduler, SchedulerConfig, Step};
use fake::{Events, FakeDecoder, FakeVocabulary, StepClock, Writer};

/// A scheduler over a fake decoder, stepped by the test.
pub(crate) struct Bench {
    pub(crate) scheduler: Scheduler<FakeDecoder>,
    pub(crate) clock: Arc<StepClock>,
}

impl Bench {
    pub(crate) fn new(decoder: FakeDecoder, config: SchedulerConfig) -> Self {
        Self::with_clock(decoder, config, StepClock::new())
    }

    pub(crate) fn with_clock(decoder: FakeDecoder, config: SchedulerConfig, clock: Arc<StepClock>) -> Self {
        let scheduler = Scheduler::new(decoder, FakeVocabulary::shared(), config).with_clock(clock.clone());
        Self { scheduler, clock }
    }

    /// Asks, and gives what comes back and the place in the queue.
    pub(crate) fn ask(&self, request: GenerateRequest) -> (Events, Ticket) {
        self.ask_for(request, usize::MAX)
    }

    /// The same for a caller who leaves after so many events.
    pub(crate) fn ask_for(&self, request: GenerateRequest, patience: usize) -> (Events, Ticket) {
        let events = Events::default();
        let clock = Some(self.clock.clone());
        let sink = Box::new(Writer { events: events.clone(), clock, patience });
        let ticket = self.scheduler.handle().generate(request, sink);
        (events, ticket)
    }

    /// Steps until nothing is left to do.
    pub(crate) fn finish(&mut self) {
        for _ in 0..100_000 {
            if self.scheduler.step().unwrap() == Step::Idle {
                return;
            }
        }
        panic!("the scheduler does not come to an end");
    }

    /// Runs a request to its end.
    pub(crate) fn run(&mut self, request: GenerateRequest) -> Events {
        let (events, _ticket) = self.ask(request);
        self.finish();
        events
    }
}

/// A greedy request for so many tokens.
pub(crate) fn greedy(prompt: &[TokenId], max_tokens: u32) -> GenerateRequest {
    let mut request = GenerateRequest::new(Prompt::Tokens(prompt.to_vec()));
    request.sampling = Sampling { temperature: 0.0, seed: Some(1), ..Sampling::default() };
    request.max_tokens = Some(max_tokens);
    request
}

/// The same by a caller.
pub(crate) fn by(caller: &str, mut request: GenerateRequest) -> GenerateRequest {
    request.share.caller = caller.to_owned();
    request
}

/// What a request gives on a decoder of its own with room for everything and no tricks.
pub(crate) fn alone(request: &GenerateRequest) -> Vec<fake::Outcome> {
    let mut config = SchedulerConfig { prefix_cache: false, ..SchedulerConfig::default() };
    config.guesses.most = 0;
    let decoder = FakeDecoder::new(100_000, 64, 512);
    let mut bench = Bench::new(decoder, config);
    for (id, name) in [(0, "a"), (1, "b")] {
        bench.scheduler.handle().add_adapter(name, crate::AdapterId(id));
    }
    let choices = request.choices;
    let events = bench.run(request.clone());
    (0..choices).map(|choice| events.outcome(choice)).collect()
}

/// A prompt of so many tokens that no other seed shares the beginning of.
pub(crate) fn prompt(seed: u32, length: usize) -> Vec<TokenId> {
    let mix = |place: usize| fake::mix((u64::from(seed) << 32) + place as u64) % 250;
    (0..length).map(|place| mix(place) as TokenId).collect()
}
