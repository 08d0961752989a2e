//! `/v1/completions`: text that goes on from a text.

mod request;
mod writer;

use wharf_infer::Deadline;
use wharf_infer::language::LanguageModels;

use self::request::CompletionRequest;
use self::writer::CompletionWriter;
use super::head::Head;
use super::tokens::{Input, text_of};
use super::{Answer, unable};
use crate::language::plan::{explained, find};
use crate::language::{ChatRun, Generation, Refusal, stream_body};

/// Answers a request. Each of its prompts is a request of its own to the model.
pub(super) async fn answer(
    models: &dyn LanguageModels,
    body: &[u8],
    deadline: Deadline,
) -> Result<Answer, Refusal> {
    let CompletionRequest { model, prompts, request, echo, shows_answer, stream, constraint } =
        request::read(body)?;
    let head = Head::new("cmpl-", &model);
    let (choices, has_logprobs) = (request.choices, request.logprobs.is_some());
    let mut echoed = Vec::new();
    let mut generations = Vec::new();
    for prompt in prompts {
        let lease = find(models, &model, "model").await?;
        if !lease.model.card().generates {
            return Err(unable(&model, "writes no text, expected one that does"));
        }
        echoed.push(match (&prompt, echo) {
            (_, false) => String::new(),
            (Input::Text(text), true) => text.clone(),
            (Input::Tokens(tokens), true) => text_of(&lease, tokens.clone()).await?,
        });
        let mut request = request.clone();
        request.prompt = prompt.prompt(true);
        request.adapter.clone_from(&lease.adapter);
        request.deadline = if stream.is_some() { Deadline::NONE } else { deadline };
        let context = lease.model.card().context_tokens;
        let started = Generation::start(lease, request).await;
        generations.push(started.map_err(|error| explained(error, context, "prompt", constraint))?);
    }
    let run = ChatRun::new(generations, None, choices);
    let writer = CompletionWriter::new(head, choices, echoed, (has_logprobs, shows_answer));
    match stream {
        Some(options) => Ok(Answer::Stream(stream_body(run, writer.streaming(options.include_usage)))),
        None => writer.whole(run).await.map(Answer::Whole),
    }
}

/// Reads a request, for fuzzing.
pub(super) fn read(body: &[u8]) -> bool {
    request::read(body).is_ok()
}
