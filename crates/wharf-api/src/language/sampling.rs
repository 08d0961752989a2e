//! The parameters that say how tokens are drawn, which most wires know by the same names.

use std::collections::BTreeMap;

use serde_json::Value;
use wharf_infer::language::{GenerateRequest, TokenId};

use super::{Fields, Refusal};

/// Stop strings that a request may have.
const MAX_STOPS: usize = 16;
/// The longest of them, in bytes.
const MAX_STOP: usize = 1024;
/// Tokens with a bias.
const MAX_BIASES: usize = 4096;
/// Answers to one request.
pub(crate) const MAX_CHOICES: i64 = 128;
const LEAST_PENALTY: f64 = 0.01;

/// Reads how tokens are drawn, and for whom.
///
/// # Errors
/// A field is wrong: it is named.
pub(crate) fn read_sampling(fields: &mut Fields, request: &mut GenerateRequest) -> Result<(), Refusal> {
    let sampling = &mut request.sampling;
    let set = |value: Option<f32>, place: &mut f32| *place = value.unwrap_or(*place);
    set(fields.number("temperature", (0.0, 2.0))?, &mut sampling.temperature);
    set(fields.number("top_p", (0.0, 1.0))?, &mut sampling.top_p);
    set(fields.number("min_p", (0.0, 1.0))?, &mut sampling.min_p);
    set(fields.number("typical_p", (0.0, 1.0))?, &mut sampling.typical_p);
    set(fields.number("repetition_penalty", (LEAST_PENALTY, 10.0))?, &mut sampling.repetition_penalty);
    set(fields.number("frequency_penalty", (-2.0, 2.0))?, &mut sampling.frequency_penalty);
    set(fields.number("presence_penalty", (-2.0, 2.0))?, &mut sampling.presence_penalty);
    // None at all leaves the likeliest, as it does at OpenAI's.
    sampling.top_p = sampling.top_p.max(f32::MIN_POSITIVE);
    sampling.typical_p = sampling.typical_p.max(f32::MIN_POSITIVE);
    // -1 means all, as vLLM has it.
    let top_k = fields.integer("top_k", (-1, u32::MAX.into()))?.unwrap_or(0);
    sampling.top_k = u32::try_from(top_k).unwrap_or(0);
    sampling.seed = fields.integer("seed", (i64::MIN, i64::MAX))?.map(i64::cast_unsigned);
    sampling.logit_bias = read_biases(fields)?;
    request.stop = read_stops(fields, "stop")?;
    request.min_tokens = fields.count("min_tokens", 0)?.unwrap_or(0);
    request.ignore_end = fields.boolean("ignore_eos")?.unwrap_or(false);
    let choices = fields.integer("n", (1, MAX_CHOICES))?.unwrap_or(1);
    request.choices = u32::try_from(choices).unwrap_or(1);
    read_share(fields, request)
}

/// Whose work it is. A name that the client gives is taken for one: it parts the client's own users from each other.
fn read_share(fields: &mut Fields, request: &mut GenerateRequest) -> Result<(), Refusal> {
    let user = fields.text("user")?;
    let safety = fields.text("safety_identifier")?;
    request.share.caller = safety.or(user).unwrap_or_default();
    let salt = fields.text("cache_salt")?;
    let key = fields.text("prompt_cache_key")?;
    request.share.cache_salt = salt.or(key).unwrap_or_default();
    let priority = fields.integer("priority", (i32::MIN.into(), i32::MAX.into()))?.unwrap_or(0);
    request.share.priority = i32::try_from(priority).unwrap_or(0);
    Ok(())
}

/// A string, or a list of them.
pub(crate) fn read_stops(fields: &mut Fields, name: &str) -> Result<Vec<String>, Refusal> {
    let stops = match fields.take(name) {
        None => return Ok(Vec::new()),
        Some(Value::String(stop)) => vec![stop],
        Some(Value::Array(items)) => {
            let text = |item: &Value| item.as_str().map(str::to_owned);
            let texts: Option<Vec<String>> = items.iter().map(text).collect();
            texts.ok_or_else(|| fields.refused(name, "has an element that is not a string"))?
        }
        Some(other) => return Err(fields.wrong(name, &other, "a string or a list of strings")),
    };
    if stops.len() > MAX_STOPS {
        let text = format!("has {} strings, expected at most {MAX_STOPS}", stops.len());
        return Err(fields.refused(name, &text));
    }
    match stops.iter().find(|stop| stop.is_empty() || stop.len() > MAX_STOP) {
        None => Ok(stops),
        Some(stop) => {
            let text = format!("has a string of {} bytes, expected 1 to {MAX_STOP}", stop.len());
            Err(fields.refused(name, &text))
        }
    }
}

fn read_biases(fields: &mut Fields) -> Result<BTreeMap<TokenId, f32>, Refusal> {
    let Some(biases) = fields.object("logit_bias")? else { return Ok(BTreeMap::new()) };
    let biases = biases.rest();
    if biases.len() > MAX_BIASES {
        let text = format!("has {} tokens, expected at most {MAX_BIASES}", biases.len());
        return Err(fields.refused("logit_bias", &text));
    }
    let bias = |(token, bias): (String, Value)| {
        let number = token.parse().ok().zip(bias.as_f64().filter(|bias| bias.abs() <= 100.0));
        let (token, bias) = number.ok_or_else(|| {
            fields.refused(
                "logit_bias",
                "is wrong, expected numbers of tokens, each with a number from -100 to 100",
            )
        })?;
        Ok((token, bias as f32))
    };
    biases.into_iter().map(bias).collect()
}
