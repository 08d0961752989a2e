//! From a chat, as every wire reads one, to a request that a model takes.

use serde_json::{Value, json};
use wharf_chat::{
    ChatTemplate, Conversation, Tool, ToolChoice, ToolFormat, answer_or_calls, tool_constraint,
};
use wharf_infer::language::{Constraint, GenerateRequest, LanguageLease, LanguageModels, Prompt};
use wharf_infer::{ErrorCode, ServiceError};

use super::chat_run::ToolPlan;
use super::constraint::Asked;
use super::{ChatRun, Generation, Refusal};
use crate::rest::on_cpu;

/// A chat that is to be continued.
#[derive(Clone, Debug)]
pub(crate) struct ChatPlan {
    /// Which model.
    pub(crate) model: String,
    /// What was said, and the tools.
    pub(crate) conversation: Conversation,
    /// Whether tools are called.
    pub(crate) tool_choice: ToolChoice,
    /// Whether there may be several calls at once.
    pub(crate) is_parallel: bool,
    /// What the answer must look like.
    pub(crate) constraint: Asked,
    /// Everything but the prompt.
    pub(crate) request: GenerateRequest,
}

/// The prompt of nothing, until there is one.
pub(crate) fn no_prompt() -> Prompt {
    Prompt::Tokens(Vec::new())
}

impl ChatPlan {
    /// Renders the prompt and hands the request over.
    ///
    /// # Errors
    /// There is no such model, or it refuses.
    pub(crate) async fn start(self, models: &dyn LanguageModels) -> Result<ChatRun, Refusal> {
        let lease = find(models, &self.model, "model").await?;
        check_generates(&lease, &self.model)?;
        let choices = self.request.choices;
        let (lease, request, tools, asked) = self.prepare(lease).await?;
        let context = lease.model.card().context_tokens;
        let generation = Generation::start(lease, request).await;
        let generation = generation.map_err(|error| explained(error, context, "messages", asked))?;
        Ok(ChatRun::new(vec![generation], tools.as_ref(), choices))
    }

    /// Tokens of the prompt, as the model would see it.
    ///
    /// # Errors
    /// There is no such model, or it refuses.
    pub(crate) async fn count_tokens(self, models: &dyn LanguageModels) -> Result<usize, Refusal> {
        let lease = find(models, &self.model, "model").await?;
        let (lease, request, ..) = self.prepare(lease).await?;
        let Prompt::Text { parts, with_special } = request.prompt else { return Ok(0) };
        let (sender, counted) = tokio::sync::oneshot::channel();
        let reply = move |answer: Result<Vec<u32>, _>| drop(sender.send(answer.map(|tokens| tokens.len())));
        lease.model.tokenize(parts, with_special, Box::new(reply));
        Ok(received(counted).await?)
    }

    /// Templates take as long as they take: off the threads that serve connections.
    async fn prepare(self, lease: LanguageLease) -> Result<Prepared, Refusal> {
        on_cpu(true, move || self.prepared(lease)).await?
    }

    fn prepared(mut self, lease: LanguageLease) -> Result<Prepared, Refusal> {
        let template = ChatTemplate::of(lease.model.card());
        let has_tools = !self.conversation.tools.is_empty() && self.tool_choice != ToolChoice::None;
        if !has_tools {
            self.conversation.tools.clear();
        }
        let rendered = template.render(&self.conversation)?;
        let mut request = self.request;
        request.prompt = Prompt::Text { parts: rendered.parts, with_special: rendered.with_special };
        request.stop.extend(rendered.stop.map(str::to_owned));
        request.adapter.clone_from(&lease.adapter);
        let tools = &self.conversation.tools;
        let asked = match &self.constraint {
            Some((_, name)) => Some(*name),
            None => (!tools.is_empty()).then_some("tools"),
        };
        let parallel = self.is_parallel;
        request.constraint =
            constraint((template.tool_format(), tools), &self.tool_choice, parallel, self.constraint)?;
        let plan = has_tools.then(|| ToolPlan {
            format: template.tool_format(),
            names: tools.iter().map(|tool| tool.name.clone()).collect(),
            most_calls: if self.is_parallel { u32::MAX } else { 1 },
        });
        Ok((lease, request, plan, asked))
    }
}

/// What the answer must look like for the caller's wish, and for calls of tools, to be kept together.
fn constraint(
    (format, tools): (ToolFormat, &[Tool]),
    choice: &ToolChoice,
    is_parallel: bool,
    asked: Asked,
) -> Result<Option<Constraint>, Refusal> {
    let may_answer = tools.is_empty() || *choice == ToolChoice::Auto;
    let Some((constraint, name)) = asked.filter(|_| may_answer) else {
        return Ok(tool_constraint(format, tools, choice, is_parallel));
    };
    if tools.is_empty() {
        return Ok(Some(constraint));
    }
    let schema = match constraint {
        Constraint::JsonSchema(schema) => serde_json::from_str(&schema).unwrap_or(Value::Bool(true)),
        _ => json!({"type": "object"}),
    };
    let both = answer_or_calls(format, tools, is_parallel, &schema);
    let why = "cannot be kept where this model may call tools, expected `tool_choice` to be `none`";
    both.map(Some).ok_or_else(|| Refusal::field(name, why))
}

/// Checks that what the answer must look like can be kept where tools may be called.
///
/// # Errors
/// It is no JSON.
pub(crate) fn check_with_tools(
    asked: &Asked,
    conversation: &Conversation,
    choice: &ToolChoice,
) -> Result<(), Refusal> {
    let calls = !conversation.tools.is_empty() && *choice != ToolChoice::None;
    match asked {
        Some((Constraint::JsonSchema(_) | Constraint::JsonObject, _)) | None => Ok(()),
        Some(_) if !calls => Ok(()),
        Some((_, name)) => {
            Err(Refusal::field(*name, "cannot be kept where tools may be called, expected JSON or none"))
        }
    }
}

type Prepared = (LanguageLease, GenerateRequest, Option<ToolPlan>, Option<&'static str>);

/// The model of a name.
///
/// # Errors
/// There is none, or it cannot be loaded.
pub(crate) async fn find(
    models: &dyn LanguageModels,
    name: &str,
    param: &str,
) -> Result<LanguageLease, Refusal> {
    models.find(name).await.map_err(|error| match error.code() {
        ErrorCode::NotFound => Refusal::at(error, param).coded("model_not_found"),
        _ => error.into(),
    })
}

fn check_generates(lease: &LanguageLease, name: &str) -> Result<(), Refusal> {
    if lease.model.card().generates {
        return Ok(());
    }
    let text = format!("model `{}` writes no text, expected one that does", crate::shown::shown(name));
    Err(Refusal::at(ServiceError::invalid_argument(text), "model"))
}

/// What a [`wharf_infer::language::Reply`] has sent.
///
/// # Errors
/// What it says, or that it never came.
pub(crate) async fn received<T>(
    answer: tokio::sync::oneshot::Receiver<Result<T, ServiceError>>,
) -> Result<T, ServiceError> {
    answer.await.unwrap_or_else(|_| Err(ServiceError::new(ErrorCode::Unavailable, "the model has gone")))
}

/// A model's refusal in the words that clients look for. `prompt` is the field of the prompt, `asked` that of the
/// constraint.
pub(crate) fn explained(
    error: ServiceError,
    context: u32,
    prompt: &'static str,
    asked: Option<&'static str>,
) -> Refusal {
    match error.code() {
        ErrorCode::OutOfRange => {
            let known = "maximum context length";
            let text = match error.message().contains(known) {
                true => error.message().to_owned(),
                false => format!(
                    "This model's {known} is {context} tokens. However, {}. Please reduce the length of the \
                     messages or completion.",
                    error.message()
                ),
            };
            let error = ServiceError::new(ErrorCode::OutOfRange, text);
            Refusal::at(error, prompt).coded("context_length_exceeded")
        }
        ErrorCode::InvalidArgument => {
            let is_named = |name: &str| error.message().contains(&format!("`{name}`"));
            let named = NAMES.iter().find(|(name, _)| is_named(name)).map(|(_, field)| *field);
            match named.or(asked) {
                Some(name) => Refusal::at(error, name),
                None => error.into(),
            }
        }
        _ => error.into(),
    }
}

/// What a model may find fault with, and the field that clients know it by.
const NAMES: [(&str, &str); 8] = [
    ("choices", "n"),
    ("logit_bias", "logit_bias"),
    ("logprobs", "logprobs"),
    ("max_tokens", "max_tokens"),
    ("min_tokens", "min_tokens"),
    ("priority", "priority"),
    ("stop", "stop"),
    ("temperature", "temperature"),
];
