//! Answers under way, told apart into text and calls of tools.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use wharf_chat::{Piece, ToolFormat, ToolParser};
use wharf_infer::ServiceError;
use wharf_infer::language::{Finish, GenerateEvent, GeneratedToken, Usage};

use super::Generation;

/// Why a choice ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The model ended it.
    End,
    /// This string occurred.
    StopString(String),
    /// It has as many tokens as it may.
    Length,
    /// It calls tools.
    ToolCalls,
}

/// One step of an answer.
#[derive(Debug)]
pub(crate) enum ChatEvent {
    /// The tokens of a prompt.
    Prompt { prompt: u32, tokens: Vec<GeneratedToken> },
    /// More of a choice; the tokens are those of the step, whether they show or not.
    Pieces { choice: u32, pieces: Vec<Piece>, tokens: Vec<GeneratedToken> },
    /// A choice is complete.
    Finished { choice: u32, ended: Ended },
    /// All are.
    Done(Usage),
    /// There will be no more.
    Failed(ServiceError),
}

/// What is needed to find the calls in an answer.
#[derive(Clone, Debug)]
pub(crate) struct ToolPlan {
    /// How the model writes them.
    pub(crate) format: ToolFormat,
    /// The tools that there are.
    pub(crate) names: Vec<String>,
    /// The most calls of a choice.
    pub(crate) most_calls: u32,
}

/// Answers under way: those to one prompt, or to several that came in one request.
pub(crate) struct ChatRun {
    generations: Vec<Generation>,
    /// Choices of each prompt.
    choices: u32,
    done: usize,
    usage: Usage,
    is_over: bool,
    /// One for each choice, where there are tools.
    parsers: Vec<ToolParser>,
    ready: VecDeque<ChatEvent>,
}

impl ChatRun {
    /// Follows `generations`, each of so many `choices`; those of the second are counted on from those of the first.
    pub(crate) fn new(generations: Vec<Generation>, tools: Option<&ToolPlan>, choices: u32) -> Self {
        let parser = |plan: &ToolPlan| ToolParser::new(plan.format, plan.names.clone(), plan.most_calls);
        let parsers = tools.map_or(Vec::new(), |plan| (0..choices).map(|_| parser(plan)).collect());
        let (usage, ready) = (Usage::default(), VecDeque::new());
        Self { generations, choices, done: 0, usage, is_over: false, parsers, ready }
    }

    /// Tokens of all prompts.
    pub(crate) fn prompt_tokens(&self) -> u32 {
        self.generations.iter().map(Generation::prompt_tokens).fold(0, u32::saturating_add)
    }

    /// Choices of all prompts.
    pub(crate) fn choices(&self) -> u32 {
        self.choices.saturating_mul(u32::try_from(self.generations.len()).unwrap_or(u32::MAX))
    }

    /// The next event; nothing after the last.
    pub(crate) async fn next(&mut self) -> Option<ChatEvent> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    /// The next event; nothing after the last.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<ChatEvent>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(event));
            }
            if self.is_over {
                return Poll::Ready(None);
            }
            let Some((prompt, event)) = self.poll_any(context) else { return Poll::Pending };
            self.take(prompt, event);
        }
    }

    fn poll_any(&mut self, context: &mut Context<'_>) -> Option<(u32, GenerateEvent)> {
        for (prompt, generation) in (0..).zip(&mut self.generations) {
            if let Poll::Ready(Some(event)) = generation.poll_next(context) {
                return Some((prompt, event));
            }
        }
        None
    }

    fn take(&mut self, prompt: u32, event: GenerateEvent) {
        let of = |choice: u32| prompt.saturating_mul(self.choices).saturating_add(choice);
        match event {
            GenerateEvent::Accepted { .. } => {}
            GenerateEvent::Prompt(tokens) => self.ready.push_back(ChatEvent::Prompt { prompt, tokens }),
            GenerateEvent::Text { choice, text, tokens } => {
                let choice = of(choice);
                let mut pieces = Vec::new();
                match self.parsers.get_mut(choice as usize) {
                    Some(parser) => parser.push(&text, &mut pieces),
                    None if text.is_empty() => {}
                    None => pieces.push(Piece::Text(text)),
                }
                if !pieces.is_empty() || !tokens.is_empty() {
                    self.ready.push_back(ChatEvent::Pieces { choice, pieces, tokens });
                }
            }
            GenerateEvent::Finished { choice, finish } => self.finish(of(choice), finish),
            GenerateEvent::Done(usage) => self.add(usage),
            GenerateEvent::Failed(error) => {
                self.is_over = true;
                self.generations.clear();
                self.ready.push_back(ChatEvent::Failed(error));
            }
        }
    }

    fn add(&mut self, usage: Usage) {
        let all = &mut self.usage;
        for (sum, more) in [
            (&mut all.prompt_tokens, usage.prompt_tokens),
            (&mut all.cached_tokens, usage.cached_tokens),
            (&mut all.completion_tokens, usage.completion_tokens),
            (&mut all.accepted_guesses, usage.accepted_guesses),
            (&mut all.rejected_guesses, usage.rejected_guesses),
        ] {
            *sum = sum.saturating_add(more);
        }
        self.done += 1;
        if self.done >= self.generations.len() {
            self.is_over = true;
            self.ready.push_back(ChatEvent::Done(self.usage));
        }
    }

    fn finish(&mut self, choice: u32, finish: Finish) {
        let mut calls = 0;
        if let Some(parser) = self.parsers.get_mut(choice as usize) {
            let mut pieces = Vec::new();
            parser.finish(&mut pieces);
            calls = parser.calls();
            if !pieces.is_empty() {
                self.ready.push_back(ChatEvent::Pieces { choice, pieces, tokens: Vec::new() });
            }
        }
        let ended = match finish {
            Finish::Length => Ended::Length,
            _ if calls > 0 => Ended::ToolCalls,
            Finish::End => Ended::End,
            Finish::StopString(stop) => Ended::StopString(stop),
        };
        self.ready.push_back(ChatEvent::Finished { choice, ended });
    }
}
