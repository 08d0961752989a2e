//! Triton's `generate` and `generate_stream`: text in, text out.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tonic::body::Body;
use wharf_chat::Piece;
use wharf_infer::ServiceError;
use wharf_infer::language::{GenerateRequest, LanguageLease, Prompt, TextPart};

use super::route::Target;
use super::{JSON, OipRestService};
use crate::language::sampling::read_sampling;
use crate::language::{
    ChatEvent, ChatRun, EventWriter, Fields, Generation, Refusal, stream_body, stream_reply,
};
use crate::listener::RequestBody;
use crate::oip::grpc::unimplemented;
use crate::rest::{Failure, body, reply};

/// What a stream's parts are sent as.
const EVENTS: &str = "text/event-stream; charset=utf-8";

/// A request that has been read.
#[derive(Debug)]
struct Asked {
    id: Option<String>,
    prompt: String,
    /// Whether the answer begins with the prompt.
    echoes: bool,
    /// Whether a stream's text comes in parts, not as one.
    in_parts: bool,
    request: GenerateRequest,
}

/// What stands beside the text in every answer.
#[derive(Clone, Debug)]
struct Named {
    id: Option<String>,
    model: String,
    version: u64,
}

impl OipRestService {
    /// Answers `generate`, or `generate_stream`.
    pub(super) async fn generate(
        &self,
        target: &Target,
        request: Request<RequestBody>,
        is_stream: bool,
    ) -> Result<Response<Body>, Failure> {
        let awake = self.backend.wake(&target.name, &target.version).await?;
        let found = self.backend.find(&target.name, &target.version)?;
        let Some(model) = found.info.language_model() else {
            return Err(unimplemented("generation by models of tensors").into());
        };
        let body = body::receive(request, &self.backend.backend.limits).await?;
        let asked = read(&body, is_stream).map_err(|refusal| refusal.failure)?;
        let named = Named { id: asked.id, model: found.info.name.clone(), version: found.info.version };
        let lease = LanguageLease { model, adapter: None, hold: Box::new((awake, found)) };
        let run = ChatRun::new(vec![Generation::start(lease, asked.request).await?], None, 1);
        if is_stream && asked.in_parts {
            return Ok(stream_reply(stream_body(run, Parts(named)), EVENTS));
        }
        let before = if asked.echoes { asked.prompt } else { String::new() };
        let answer = named.answer(&whole(run, before).await?);
        Ok(match is_stream {
            true => reply(StatusCode::OK, EVENTS, Bytes::from(event(&answer))),
            false => reply(StatusCode::OK, JSON, Bytes::from(answer.to_string())),
        })
    }
}

/// Parameters stand in an object of their own, or beside the text.
fn read(body: &[u8], is_stream: bool) -> Result<Asked, Refusal> {
    let mut fields = Fields::parse(body)?;
    let id = fields.text("id")?;
    let prompt = fields.required_text("text_input")?;
    let parts = vec![TextPart { text: prompt.clone(), is_markup: false }];
    let mut request = GenerateRequest::new(Prompt::Text { parts, with_special: true });
    let form = match fields.object("parameters")? {
        Some(mut parameters) => {
            let form = read_parameters(&mut parameters, &mut request, is_stream)?;
            parameters.finish()?;
            form
        }
        None => read_parameters(&mut fields, &mut request, is_stream)?,
    };
    fields.finish()?;
    Ok(Asked { id, prompt, echoes: form.echoes, in_parts: form.in_parts, request })
}

/// What an answer looks like.
struct Form {
    echoes: bool,
    in_parts: bool,
}

fn read_parameters(
    fields: &mut Fields,
    request: &mut GenerateRequest,
    is_stream: bool,
) -> Result<Form, Refusal> {
    read_sampling(fields, request)?;
    if request.choices > 1 {
        return Err(fields.refused("n", "is more than 1, expected 1: an answer has one text"));
    }
    request.max_tokens = fields.count("max_tokens", 1)?;
    let excludes = fields.boolean("exclude_input_in_output")?;
    let in_parts = fields.boolean("stream")?;
    match (is_stream, in_parts, excludes) {
        (false, Some(true), _) => {
            Err(fields.refused("stream", "is true, which `generate` cannot do: ask `generate_stream`"))
        }
        (true, None | Some(true), Some(false)) => {
            Err(fields.refused("exclude_input_in_output", "is false, which a stream in parts cannot do"))
        }
        _ => Ok(Form { echoes: !excludes.unwrap_or(is_stream), in_parts: in_parts.unwrap_or(true) }),
    }
}

/// The text of an answer, after what comes before it.
async fn whole(mut run: ChatRun, mut text: String) -> Result<String, ServiceError> {
    while let Some(event) = run.next().await {
        match event {
            ChatEvent::Pieces { pieces, .. } => text.extend(pieces.iter().filter_map(text_of)),
            ChatEvent::Failed(error) => return Err(error),
            ChatEvent::Prompt { .. } | ChatEvent::Finished { .. } | ChatEvent::Done(_) => {}
        }
    }
    Ok(text)
}

/// Without tools there is nothing else.
fn text_of(piece: &Piece) -> Option<&str> {
    match piece {
        Piece::Text(text) => Some(text),
        _ => None,
    }
}

impl Named {
    fn answer(&self, text: &str) -> Value {
        let mut answer = json!({
            "model_name": self.model, "model_version": self.version.to_string(), "text_output": text,
        });
        if let Some(id) = &self.id {
            answer["id"] = json!(id);
        }
        answer
    }
}

/// One event of a stream.
fn event(part: &Value) -> String {
    format!("data: {part}\n\n")
}

/// The parts of a stream.
struct Parts(Named);

impl EventWriter for Parts {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn event(&mut self, happened: ChatEvent, output: &mut Vec<u8>) {
        let part = match happened {
            ChatEvent::Pieces { pieces, .. } => {
                let text: String = pieces.iter().filter_map(text_of).collect();
                if text.is_empty() {
                    return;
                }
                self.0.answer(&text)
            }
            ChatEvent::Failed(error) => json!({"error": error.message()}),
            ChatEvent::Prompt { .. } | ChatEvent::Finished { .. } | ChatEvent::Done(_) => return,
        };
        output.extend_from_slice(event(&part).as_bytes());
    }

    fn ping(&self) -> &'static [u8] {
        b": ping\n\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_stand_in_an_object_or_beside_the_text() {
        for body in [
            r#"{"id": "7", "text_input": "a", "parameters": {"max_tokens": 5, "temperature": 0, "stop": ["x"], "stream": false}}"#,
            r#"{"id": "7", "text_input": "a", "max_tokens": 5, "temperature": 0, "stop": "x"}"#,
        ] {
            let asked = read(body.as_bytes(), false).unwrap();
            assert_eq!((asked.id.as_deref(), asked.echoes), (Some("7"), true));
            let request = asked.request;
            assert_eq!((request.max_tokens, request.sampling.temperature), (Some(5), 0.0));
            assert_eq!(request.stop, ["x"]);
        }
        let asked = read(br#"{"text_input": "a"}"#, true).unwrap();
        assert!(!asked.echoes && asked.in_parts);
    }

    #[test]
    fn a_stream_may_be_of_one_part_and_a_single_answer_is_no_stream() {
        let body = br#"{"text_input": "a", "stream": false, "exclude_input_in_output": false}"#;
        let asked = read(body, true).unwrap();
        assert!(asked.echoes && !asked.in_parts);
        let refusal = read(br#"{"text_input": "a", "stream": true}"#, false).unwrap_err();
        assert!(refusal.failure.message().contains("`stream` is true"), "{}", refusal.failure.message());
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (body, expected) in [
            (r#"{"prompt": "a"}"#, "`text_input` is missing"),
            (r#"{"text_input": 1}"#, "`text_input` is 1, expected a string"),
            (r#"{"text_input": "a", "beam_width": 2}"#, "`beam_width` is not known"),
            (
                r#"{"text_input": "a", "parameters": {"beam_width": 2}}"#,
                "`parameters.beam_width` is not known",
            ),
            (r#"{"text_input": "a", "parameters": {"n": 2}}"#, "`parameters.n` is more than 1"),
            (r#"{"text_input": "a", "exclude_input_in_output": false}"#, "which a stream in parts cannot do"),
            ("[]", "expected an object"),
        ] {
            let refusal = read(body.as_bytes(), true).unwrap_err();
            assert!(refusal.failure.message().contains(expected), "{}", refusal.failure.message());
        }
    }
}
