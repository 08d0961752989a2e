//! What the scheduler and its sampler cost for each token, without any forward pass: eight answers at once over rows of
//! logits that are there already. `cargo run --release -p wharf-llm --example overhead`

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use wharf_infer::language::{
    GenerateEvent, GenerateRequest, GenerateSink, Prompt, Sampling, TextPart, TokenId,
};
use wharf_llm::{
    AdapterId, BatchToken, DecodeFault, Decoder, DecoderShape, Scheduler, SchedulerConfig, SequenceId, Step,
    Vocabulary,
};

const ANSWERS: u32 = 8;
const TOKENS: u32 = 200;

/// Logits that look like a model's: most far below a few.
struct Rows {
    shape: DecoderShape,
    rows: Vec<Vec<f32>>,
    next: usize,
}

impl Rows {
    fn new(vocabulary: usize) -> Self {
        let row = |seed: u64| {
            let mut state = seed;
            let mut uniform = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f32 / (1u64 << 24) as f32
            };
            // The sum of uniform numbers is nearly normal, with a deviation of about 2.5 here.
            (0..vocabulary).map(|_| (0..6).map(|_| uniform()).sum::<f32>() * 3.5 - 10.5).collect()
        };
        let shape = DecoderShape {
            vocabulary,
            cells: 1 << 20,
            sequences: ANSWERS,
            batch: 512,
            context: 4096,
            partial: true,
        };
        Self { shape, rows: (1..9).map(row).collect(), next: 0 }
    }
}

impl Decoder for Rows {
    fn shape(&self) -> DecoderShape {
        self.shape
    }

    fn decode(&mut self, _: &[BatchToken]) -> Result<(), DecodeFault> {
        self.next += 1;
        Ok(())
    }

    fn logits(&self, index: usize) -> &[f32] {
        &self.rows[(self.next + index) % self.rows.len()]
    }

    fn share(&mut self, _: SequenceId, _: SequenceId, _: u32) {}

    fn truncate(&mut self, _: SequenceId, _: u32) -> bool {
        true
    }

    fn save(&self, _: SequenceId) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _: SequenceId, _: &[u8]) -> bool {
        true
    }

    fn use_adapter(&mut self, _: Option<AdapterId>) -> Result<(), DecodeFault> {
        Ok(())
    }
}

struct Words(usize);

impl Vocabulary for Words {
    fn size(&self) -> usize {
        self.0
    }

    fn tokenize(&self, _: &[TextPart], _: bool) -> Vec<TokenId> {
        vec![1]
    }

    fn bytes(&self, _: TokenId) -> &[u8] {
        b"word "
    }

    fn control_name(&self, _: TokenId) -> Option<&str> {
        None
    }

    fn is_end(&self, token: TokenId) -> bool {
        token == 0
    }

    fn end(&self) -> Option<TokenId> {
        Some(0)
    }

    fn begin(&self) -> Option<TokenId> {
        None
    }
}

struct Nobody;

impl GenerateSink for Nobody {
    fn event(&mut self, _: GenerateEvent) -> bool {
        true
    }
}

/// The time for one token of one answer, the best of five.
fn measure(vocabulary: usize, change: &dyn Fn(&mut GenerateRequest)) -> Result<Duration, DecodeFault> {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let mut config = SchedulerConfig::default();
        config.guesses.most = 0;
        let mut scheduler = Scheduler::new(Rows::new(vocabulary), Arc::new(Words(vocabulary)), config);
        let mut tickets = Vec::new();
        for seed in 0..ANSWERS {
            let mut request = GenerateRequest::new(Prompt::Tokens(vec![seed + 1; 8]));
            request.max_tokens = Some(TOKENS);
            request.ignore_end = true;
            request.sampling = Sampling { seed: Some(u64::from(seed)), ..Sampling::default() };
            change(&mut request);
            tickets.push(scheduler.handle().generate(request, Box::new(Nobody)));
        }
        let start = Instant::now();
        while scheduler.step()? == Step::Passed {}
        best = best.min(start.elapsed() / (ANSWERS * TOKENS));
    }
    Ok(best)
}

fn main() -> Result<(), DecodeFault> {
    type Change = &'static dyn Fn(&mut GenerateRequest);
    let cases: [(&str, Change); 9] = [
        ("greedy", &|r| r.sampling.temperature = 0.0),
        ("greedy, repetition penalty", &|r| {
            r.sampling.temperature = 0.0;
            r.sampling.repetition_penalty = 1.1;
        }),
        ("greedy, 20 log-probabilities", &|r| {
            r.sampling.temperature = 0.0;
            r.logprobs = Some(20);
        }),
        ("temperature 1", &|_| {}),
        ("temperature 0.7, top-p 0.9", &|r| (r.sampling.temperature, r.sampling.top_p) = (0.7, 0.9)),
        ("temperature 1, top-p 0.99", &|r| r.sampling.top_p = 0.99),
        ("top-k 40, top-p 0.95", &|r| (r.sampling.top_k, r.sampling.top_p) = (40, 0.95)),
        ("min-p 0.05", &|r| r.sampling.min_p = 0.05),
        ("typical 0.95", &|r| r.sampling.typical_p = 0.95),
    ];
    println!("{:32} {:>12} {:>12}", "microseconds a token", "49,152", "151,936");
    for (name, change) in cases {
        let small = measure(49_152, change)?.as_secs_f64() * 1e6;
        let large = measure(151_936, change)?.as_secs_f64() * 1e6;
        println!("{name:32} {small:12.1} {large:12.1}");
    }
    Ok(())
}
