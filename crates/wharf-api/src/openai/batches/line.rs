//! One request of a batch.

use serde_json::{Map, Value, json};
use wharf_infer::{Deadline, ErrorCode, ServiceError};

use super::Batches;
use crate::language::{Fields, Ids, Refusal};
use crate::openai::{Answer, chat, completions, embeddings, error, responses};

/// What a batch may ask.
pub(super) const ENDPOINTS: [&str; 4] =
    ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses"];

/// A line that is understood.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) custom_id: String,
    body: Map<String, Value>,
}

impl Line {
    /// Reads a line of a batch of `endpoint`.
    ///
    /// # Errors
    /// It is no request for it.
    pub(super) fn read(text: &[u8], endpoint: &str) -> Result<Self, Refusal> {
        let mut fields = Fields::parse(text)?;
        let custom_id = fields.required_text("custom_id")?;
        fields.only("method", &[json!("POST")])?;
        fields.only("url", &[json!(endpoint)])?;
        let body =
            fields.object("body")?.ok_or_else(|| fields.refused("body", "is missing, expected an object"))?;
        fields.finish()?;
        Ok(Self { custom_id, body: body.rest() })
    }

    /// Its answer: the status and the body.
    ///
    /// # Errors
    /// There is no room for it now: it is to be tried again.
    pub(super) async fn answer(
        mut self,
        batches: &Batches,
        endpoint: &str,
    ) -> Result<(u16, Value), ServiceError> {
        if matches!(endpoint, "/v1/chat/completions" | "/v1/completions") {
            // Whatever else there is goes first.
            self.body.entry("priority").or_insert(json!(i32::MAX));
        }
        let body = Value::Object(self.body).to_string();
        let (models, deadline) = (&*batches.models, Deadline::NONE);
        let answered = match endpoint {
            "/v1/chat/completions" => chat::answer(models, body.as_bytes(), deadline).await,
            "/v1/completions" => completions::answer(models, body.as_bytes(), deadline).await,
            "/v1/responses" => {
                let post = (&http::Method::POST, endpoint);
                responses::answer(models, &batches.responses, post, body.as_bytes(), deadline).await
            }
            _ => match Fields::parse(body.as_bytes()) {
                Ok(fields) => embeddings::embed(models, fields).await.map(Answer::Whole),
                Err(refusal) => Err(refusal),
            },
        };
        match answered {
            Ok(Answer::Whole(document)) => Ok((200, document)),
            Ok(Answer::Stream(_) | Answer::Content(_)) => {
                let refusal =
                    Refusal::field("stream", "is true, expected an answer that comes whole in a batch");
                Ok((400, error::body(&refusal)))
            }
            Err(refusal) => match refusal.failure.code() {
                ErrorCode::Overloaded | ErrorCode::Unavailable | ErrorCode::QuotaExceeded => {
                    Err(ServiceError::new(ErrorCode::Overloaded, refusal.failure.message()))
                }
                _ => Ok((refusal.failure.status().as_u16(), error::body(&refusal))),
            },
        }
    }
}

/// The line that a file has of an answer.
pub(super) fn written(custom_id: &str, (status, body): &(u16, Value)) -> String {
    let response = json!({"status_code": status, "request_id": Ids::with("req_"), "body": body});
    let line =
        json!({"id": Ids::with("batch_req_"), "custom_id": custom_id, "response": response, "error": null});
    format!("{line}\n")
}
