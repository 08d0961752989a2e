//! What is asked of a completion. Every field is honoured or refused by its name.

use serde_json::json;
use wharf_infer::language::GenerateRequest;

use crate::language::constraint::read_constraint;
use crate::language::plan::no_prompt;
use crate::language::sampling::read_sampling;
use crate::language::{Fields, Refusal};
use crate::openai::chat::{StreamOptions, read_stream};
use crate::openai::tokens::{Input, read_prompts};

/// Prompts of a request.
const MAX_PROMPTS: usize = 512;
/// Tokens of an answer where nobody says how many.
const DEFAULT_TOKENS: u32 = 16;

/// A request that is understood.
#[derive(Debug)]
pub(super) struct CompletionRequest {
    pub(super) model: String,
    pub(super) prompts: Vec<Input>,
    /// Everything but the prompt.
    pub(super) request: GenerateRequest,
    pub(super) echo: bool,
    /// Whether the answer itself is wanted, and not only the prompt's probabilities.
    pub(super) shows_answer: bool,
    pub(super) stream: Option<StreamOptions>,
    /// The field that says what the answer must look like.
    pub(super) constraint: Option<&'static str>,
}

/// Reads a request.
///
/// # Errors
/// A field is wrong, not known, or asks for what this server does not do: it is named.
pub(super) fn read(body: &[u8]) -> Result<CompletionRequest, Refusal> {
    let mut fields = Fields::parse(body)?;
    let model = fields.required_text("model")?;
    let prompts = read_prompts(&mut fields, "prompt", MAX_PROMPTS)?;
    let mut request = GenerateRequest::new(no_prompt());
    read_sampling(&mut fields, &mut request)?;
    let echo = fields.boolean("echo")?.unwrap_or(false);
    let most = fields.count("max_tokens", u32::from(!echo))?.unwrap_or(DEFAULT_TOKENS);
    // Whoever wants no answer gets none; the model has to be asked for one to look at the prompt.
    request.max_tokens = Some(most.max(1));
    let logprobs = fields.integer("logprobs", (0, 20))?.and_then(|top| u8::try_from(top).ok());
    request.logprobs = logprobs;
    request.prompt_logprobs = logprobs.filter(|_| echo);
    let constraint = read_constraint(&mut fields)?;
    let stream = read_stream(&mut fields)?;
    fields.only("suffix", &[json!("")])?;
    let best = fields.integer("best_of", (1, crate::language::sampling::MAX_CHOICES))?;
    if best.is_some_and(|best| best != i64::from(request.choices)) {
        return Err(fields
            .refused("best_of", "is not supported, expected it to be `n`")
            .coded("unsupported_value"));
    }
    fields.finish()?;
    if most.max(1) < request.min_tokens {
        let text = format!("is {}, expected at most `max_tokens`, {most}", request.min_tokens);
        return Err(Refusal::field("min_tokens", &text));
    }
    let (constraint, asked) = constraint.unzip();
    request.constraint = constraint;
    Ok(CompletionRequest { model, prompts, request, echo, shows_answer: most > 0, stream, constraint: asked })
}
