//! `/v1/chat/completions`.

mod answer;
mod messages;
mod request;
mod stream;
mod tools;

use wharf_infer::Deadline;
use wharf_infer::language::LanguageModels;

pub(crate) use self::answer::reason;
pub(crate) use self::messages::read_content;
pub(crate) use self::request::{StreamOptions, read_stream};
pub(crate) use self::stream::write;
pub(crate) use self::tools::{read_function, read_word};

use self::request::ChatRequest;
use self::stream::ChunkWriter;
use super::Answer;
use super::head::Head;
use crate::language::{Refusal, stream_body};

/// Answers a chat.
pub(super) async fn answer(
    models: &dyn LanguageModels,
    body: &[u8],
    deadline: Deadline,
) -> Result<Answer, Refusal> {
    let ChatRequest { mut plan, stream, has_logprobs } = request::read(body)?;
    let head = Head::new("chatcmpl-", &plan.model);
    match stream {
        Some(options) => {
            let run = plan.start(models).await?;
            let writer = ChunkWriter::new(head, run.choices(), options.include_usage, has_logprobs);
            Ok(Answer::Stream(stream_body(run, writer)))
        }
        None => {
            plan.request.deadline = deadline;
            let run = plan.start(models).await?;
            answer::whole(run, &head, has_logprobs).await.map(Answer::Whole)
        }
    }
}

/// Reads a request, for fuzzing.
pub(super) fn read(body: &[u8]) -> bool {
    request::read(body).is_ok()
}
