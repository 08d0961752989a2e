//! A decoder whose logits are a hash of the tokens that its cells hold: any wrong sharing, truncation, position or adapter
//! changes what is generated. It refuses what a real one would not survive.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wharf_infer::language::{GenerateEvent, GenerateSink, TextPart, TokenId};

use crate::scheduler::Clock;
use crate::{AdapterId, BatchToken, DecodeFault, Decoder, DecoderShape, SequenceId, Vocabulary};

/// Tokens of the fake vocabulary.
pub(crate) const TOKENS: usize = 300;
/// The end token: the one after the bytes.
pub(crate) const END: TokenId = 256;

/// Time that passes only where a test or the fake decoder says so.
pub(crate) struct StepClock {
    start: Instant,
    microseconds: AtomicU64,
}

impl StepClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), microseconds: AtomicU64::new(0) })
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.microseconds.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
    }
}

impl Clock for StepClock {
    fn now(&self) -> Instant {
        self.start + Duration::from_micros(self.microseconds.load(Ordering::Relaxed))
    }
}

/// What tests may look at and change while the scheduler owns the decoder.
#[derive(Default)]
pub(crate) struct Watch {
    /// The sizes of the batches so far.
    pub(crate) batches: Vec<Vec<BatchToken>>,
    /// Answers to the next passes, before they are made.
    pub(crate) faults: Vec<DecodeFault>,
}

/// The decoder.
pub(crate) struct FakeDecoder {
    shape: DecoderShape,
    /// For each sequence, its cells: token and adapter, and a number that is equal where cells are shared.
    sequences: HashMap<SequenceId, Vec<(TokenId, u64, u64)>>,
    holders: HashMap<u64, u32>,
    next_cell: u64,
    rows: Vec<Option<Vec<f32>>>,
    adapter: u64,
    /// How the rows of a draft differ: one prefix in so many is another.
    pub(crate) errs_every: u64,
    /// The same continuation again and again after this many tokens, for guesses.
    pub(crate) period: Option<usize>,
    pub(crate) watch: Arc<Mutex<Watch>>,
    clock: Option<(Arc<StepClock>, Duration, Duration)>,
    /// Whether tokens may end an answer at all.
    pub(crate) ends: bool,
}

impl FakeDecoder {
    pub(crate) fn new(cells: u32, sequences: u32, batch: u32) -> Self {
        let shape =
            DecoderShape { vocabulary: TOKENS, cells, sequences, batch, context: cells, partial: true };
        Self {
            shape,
            sequences: HashMap::new(),
            holders: HashMap::new(),
            next_cell: 0,
            rows: Vec::new(),
            adapter: 0,
            errs_every: 0,
            period: None,
            watch: Arc::default(),
            clock: None,
            ends: true,
        }
    }

    pub(crate) fn whole_sequences_only(mut self) -> Self {
        self.shape.partial = false;
        self
    }

    /// Every pass takes `pass`, and every token of it `token`.
    pub(crate) fn with_times(mut self, clock: Arc<StepClock>, pass: Duration, token: Duration) -> Self {
        self.clock = Some((clock, pass, token));
        self
    }

    /// Cells that any sequence holds.
    pub(crate) fn cells_used(&self) -> usize {
        self.holders.len()
    }

    /// The logits after these tokens.
    fn row(&self, sequence: SequenceId) -> Vec<f32> {
        let cells = self.sequences.get(&sequence).map(Vec::as_slice).unwrap_or_default();
        let skipped = self.period.map_or(0, |period| cells.len().saturating_sub(period));
        let mut hash = if self.period.is_some() { 0 } else { cells.len() as u64 };
        for (token, adapter, _) in &cells[skipped..] {
            hash = mix(hash ^ u64::from(*token) ^ (adapter << 32));
        }
        if self.errs_every > 0 && mix(hash ^ 77).is_multiple_of(self.errs_every) {
            hash = !hash;
        }
        let mut row: Vec<f32> =
            (0..TOKENS as u64).map(|token| (mix(hash ^ token.wrapping_mul(31)) >> 40) as f32 / 4e6).collect();
        if !self.ends {
            row[END as usize] = -100.0;
        }
        row
    }

    fn hold(&mut self, cell: u64, change: i32) {
        let holders = self.holders.entry(cell).or_insert(0);
        *holders = holders.checked_add_signed(change).expect("a cell is let go once for each hold");
        if *holders == 0 {
            self.holders.remove(&cell);
        }
    }
}

pub(crate) fn mix(mut value: u64) -> u64 {
    value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

impl Decoder for FakeDecoder {
    fn shape(&self) -> DecoderShape {
        self.shape
    }

    fn decode(&mut self, batch: &[BatchToken]) -> Result<(), DecodeFault> {
        assert!(!batch.is_empty() && batch.len() <= self.shape.batch as usize, "batch of {}", batch.len());
        let fault = self.watch.lock().unwrap().faults.pop();
        if let Some(fault) = fault {
            return Err(fault);
        }
        if self.holders.len() + batch.len() > self.shape.cells as usize {
            return Err(DecodeFault::NoRoom);
        }
        self.watch.lock().unwrap().batches.push(batch.to_vec());
        if let Some((clock, pass, token)) = &self.clock {
            clock.advance(*pass + *token * batch.len() as u32);
        }
        self.rows = vec![None; batch.len()];
        for (index, token) in batch.iter().enumerate() {
            assert!(token.sequence < self.shape.sequences);
            let cell = self.next_cell;
            self.next_cell += 1;
            self.hold(cell, 1);
            let cells = self.sequences.entry(token.sequence).or_default();
            assert_eq!(cells.len(), token.position as usize, "position of sequence {}", token.sequence);
            assert!(cells.iter().all(|(_, adapter, _)| *adapter == self.adapter), "cells of another adapter");
            cells.push((token.token, self.adapter, cell));
            assert!(cells.len() <= self.shape.context as usize);
            self.rows[index] = token.wants_logits.then(|| self.row(token.sequence));
        }
        Ok(())
    }

    fn logits(&self, index: usize) -> &[f32] {
        self.rows[index].as_deref().expect("logits that were wanted")
    }

    fn share(&mut self, from: SequenceId, to: SequenceId, end: u32) {
        let cells = self.sequences.get(&from).expect("a source")[..end as usize].to_vec();
        assert!(self.shape.partial || cells.len() == self.sequences[&from].len(), "a whole sequence");
        cells.iter().for_each(|cell| self.hold(cell.2, 1));
        assert!(self.sequences.insert(to, cells).is_none_or(|old| old.is_empty()), "an empty target");
    }

    fn truncate(&mut self, sequence: SequenceId, position: u32) -> bool {
        let Some(cells) = self.sequences.get_mut(&sequence) else { return true };
        if !self.shape.partial && position > 0 && (position as usize) < cells.len() {
            return false;
        }
        let gone = cells.split_off((position as usize).min(cells.len()));
        gone.iter().for_each(|cell| self.hold(cell.2, -1));
        true
    }

    fn save(&self, sequence: SequenceId) -> Vec<u8> {
        let cells = self.sequences.get(&sequence).map(Vec::as_slice).unwrap_or_default();
        cells
            .iter()
            .flat_map(|(token, adapter, _)| [token.to_le_bytes(), (*adapter as u32).to_le_bytes()].concat())
            .collect()
    }

    fn restore(&mut self, sequence: SequenceId, state: &[u8]) -> bool {
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
        if self.holders.len() + state.len() / 8 > self.shape.cells as usize {
            return false;
        }
        let mut cells = Vec::new();
        for bytes in state.chunks(8) {
            self.hold(self.next_cell, 1);
            cells.push((number(&bytes[..4]), u64::from(number(&bytes[4..])), self.next_cell));
            self.next_cell += 1;
        }
        assert!(self.sequences.insert(sequence, cells).is_none_or(|old| old.is_empty()), "an empty target");
        true
    }

    fn use_adapter(&mut self, adapter: Option<AdapterId>) -> Result<(), DecodeFault> {
        self.adapter = adapter.map_or(0, |adapter| u64::from(adapter.0) + 1);
        Ok(())
    }
}

/// Bytes, an end token, and some longer tokens.
pub(crate) struct FakeVocabulary {
    bytes: Vec<Vec<u8>>,
}

impl FakeVocabulary {
    pub(crate) fn shared() -> Arc<dyn Vocabulary> {
        let mut bytes: Vec<Vec<u8>> = (0..=255u8).map(|byte| vec![byte]).collect();
        bytes.push(Vec::new());
        let longer = ["the ", "ab", "cd", "\": ", "{\"", "true", "null", "é", " world", "call(", ")>"];
        bytes.extend(longer.iter().map(|text| text.as_bytes().to_vec()));
        bytes.extend((bytes.len()..TOKENS).map(|token| format!("w{token}").into_bytes()));
        Arc::new(Self { bytes })
    }
}

impl Vocabulary for FakeVocabulary {
    fn size(&self) -> usize {
        self.bytes.len()
    }

    fn tokenize(&self, parts: &[TextPart], _with_special: bool) -> Vec<TokenId> {
        parts.iter().flat_map(|part| part.text.bytes().map(TokenId::from)).collect()
    }

    fn bytes(&self, token: TokenId) -> &[u8] {
        self.bytes.get(token as usize).map(Vec::as_slice).unwrap_or_default()
    }

    fn control_name(&self, token: TokenId) -> Option<&str> {
        (token == END).then_some("<end>")
    }

    fn is_end(&self, token: TokenId) -> bool {
        token == END
    }

    fn end(&self) -> Option<TokenId> {
        Some(END)
    }

    fn begin(&self) -> Option<TokenId> {
        None
    }
}

/// An event and when it came.
type Timed = (GenerateEvent, Option<Instant>);

/// Everything that came back for a request, with the time of each.
#[derive(Clone, Default)]
pub(crate) struct Events(pub(crate) Arc<Mutex<Vec<Timed>>>);

/// Writes down what comes, until it has had enough.
pub(crate) struct Writer {
    pub(crate) events: Events,
    pub(crate) clock: Option<Arc<StepClock>>,
    pub(crate) patience: usize,
}

impl GenerateSink for Writer {
    fn event(&mut self, event: GenerateEvent) -> bool {
        let mut events = self.events.0.lock().unwrap();
        assert!(!events.last().is_some_and(|(last, _)| last.is_last()), "nothing comes after the last event");
        events.push((event, self.clock.as_ref().map(|clock| clock.now())));
        events.len() < self.patience
    }
}

/// What a choice amounts to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) tokens: Vec<TokenId>,
    pub(crate) finish: Option<wharf_infer::language::Finish>,
}

impl Events {
    pub(crate) fn all(&self) -> Vec<GenerateEvent> {
        self.0.lock().unwrap().iter().map(|(event, _)| event.clone()).collect()
    }

    /// What has come for a choice.
    pub(crate) fn outcome(&self, wanted: u32) -> Outcome {
        let mut outcome = Outcome::default();
        for event in self.all() {
            match event {
                GenerateEvent::Text { choice, text, tokens } if choice == wanted => {
                    outcome.text += &text;
                    outcome.tokens.extend(tokens.iter().map(|token| token.chosen.token));
                }
                GenerateEvent::Finished { choice, finish } if choice == wanted => {
                    outcome.finish = Some(finish)
                }
                _ => {}
            }
        }
        outcome
    }

    /// The counts at the end, if it came to one.
    pub(crate) fn usage(&self) -> Option<wharf_infer::language::Usage> {
        self.all().into_iter().find_map(|event| match event {
            GenerateEvent::Done(usage) => Some(usage),
            _ => None,
        })
    }

    /// The failure, if it came to one.
    pub(crate) fn failure(&self) -> Option<wharf_infer::ServiceError> {
        self.all().into_iter().find_map(|event| match event {
            GenerateEvent::Failed(error) => Some(error),
            _ => None,
        })
    }

    /// When the first token came.
    pub(crate) fn first_token(&self) -> Option<Instant> {
        let events = self.0.lock().unwrap();
        events
            .iter()
            .find(|(event, _)| matches!(event, GenerateEvent::Text { .. }))
            .and_then(|(_, time)| *time)
    }
}
