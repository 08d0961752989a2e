//! What a request may ask for.

use wharf_infer::language::{GenerateRequest, Sampling};
use wharf_infer::{ErrorCode, ServiceError};

use super::config::SchedulerConfig;
use crate::Vocabulary;

/// Bytes of text that are cut into tokens for any model, whatever its context: a second's work, about.
const LEAST_TEXT: usize = 1 << 20;

/// Bounds that every request is held against before anything is computed.
pub(super) struct Limits {
    /// Tokens that prompt and answer may have together.
    pub(super) context: usize,
    /// Bytes of text that one token takes up at most.
    pub(super) longest_token: usize,
    vocabulary: usize,
    choices: u32,
    stop_strings: usize,
    stop_bytes: usize,
}

impl Limits {
    pub(super) fn new(vocabulary: &dyn Vocabulary, context: usize, config: &SchedulerConfig) -> Self {
        let longest = |token: u32| {
            let name = vocabulary.control_name(token).map_or(0, str::len);
            vocabulary.bytes(token).len().max(name)
        };
        Self {
            context,
            longest_token: (0..vocabulary.size() as u32).map(longest).max().unwrap_or(1).max(1),
            vocabulary: vocabulary.size(),
            choices: config.choices,
            stop_strings: config.stop_strings,
            stop_bytes: config.stop_bytes,
        }
    }

    /// Holds text that is no prompt to what could be one, or a MiB: cutting it into tokens is work too.
    ///
    /// # Errors
    /// [`ErrorCode::OutOfRange`]: it is longer.
    pub(super) fn check_text(&self, bytes: usize) -> Result<(), ServiceError> {
        let most = self.context.saturating_mul(self.longest_token).max(LEAST_TEXT);
        if bytes <= most {
            return Ok(());
        }
        let text = format!("the text has {bytes} bytes, expected at most {most}");
        Err(ServiceError::new(ErrorCode::OutOfRange, text))
    }

    /// # Errors
    /// A number is out of its range; the message names it.
    pub(super) fn check(&self, request: &GenerateRequest) -> Result<(), ServiceError> {
        if request.choices == 0 || request.choices > self.choices {
            return Err(out_of_range("choices", request.choices, &format!("1 to {}", self.choices)));
        }
        if let Some(max) = request.max_tokens.filter(|&max| request.min_tokens > max) {
            return Err(out_of_range(
                "min_tokens",
                request.min_tokens,
                &format!("at most `max_tokens`, {max}"),
            ));
        }
        let stop_bytes: usize = request.stop.iter().map(String::len).sum();
        if request.stop.len() > self.stop_strings {
            return Err(out_of_range(
                "stop",
                request.stop.len(),
                &format!("at most {} strings", self.stop_strings),
            ));
        }
        if stop_bytes > self.stop_bytes {
            return Err(out_of_range(
                "stop",
                stop_bytes,
                &format!("at most {} bytes in all", self.stop_bytes),
            ));
        }
        if request.stop.iter().any(String::is_empty) {
            return Err(ServiceError::invalid_argument(
                "`stop` has an empty string, expected at least 1 byte in each",
            ));
        }
        self.check_sampling(&request.sampling)
    }

    fn check_sampling(&self, sampling: &Sampling) -> Result<(), ServiceError> {
        let any = f32::MIN..=f32::MAX;
        let ranges = [
            ("temperature", sampling.temperature, 0.0..=f32::MAX, "a finite number, at least 0"),
            ("top_p", sampling.top_p, f32::MIN_POSITIVE..=1.0, "more than 0 and at most 1"),
            ("min_p", sampling.min_p, 0.0..=1.0, "0 to 1"),
            ("typical_p", sampling.typical_p, f32::MIN_POSITIVE..=1.0, "more than 0 and at most 1"),
            ("repetition_penalty", sampling.repetition_penalty, f32::MIN_POSITIVE..=f32::MAX, "more than 0"),
            ("frequency_penalty", sampling.frequency_penalty, any.clone(), "a finite number"),
            ("presence_penalty", sampling.presence_penalty, any.clone(), "a finite number"),
        ];
        for (name, value, range, expected) in ranges {
            if !range.contains(&value) {
                return Err(out_of_range(name, value, expected));
            }
        }
        for (&token, bias) in &sampling.logit_bias {
            if token as usize >= self.vocabulary {
                let expected = format!("tokens of the vocabulary, less than {}", self.vocabulary);
                return Err(out_of_range("logit_bias", token, &expected));
            }
            if !any.contains(bias) {
                return Err(out_of_range("logit_bias", bias, "finite numbers"));
            }
        }
        Ok(())
    }
}

fn out_of_range(name: &str, value: impl std::fmt::Display, expected: &str) -> ServiceError {
    ServiceError::invalid_argument(format!("`{name}` is {value}, expected {expected}"))
}

/// The most tokens that an answer to a prompt of this length may have.
///
/// # Errors
/// [`ErrorCode::OutOfRange`] with the text that clients of language models look for.
pub(super) fn check_context(
    context: usize,
    prompt: usize,
    asked: Option<u32>,
) -> Result<usize, ServiceError> {
    let answer = asked.map_or(1, |asked| asked as usize);
    let total = prompt.saturating_add(answer);
    if total > context {
        return Err(ServiceError::new(
            ErrorCode::OutOfRange,
            format!(
                "This model's maximum context length is {context} tokens. However, you requested {total} tokens \
                 ({prompt} in the messages, {answer} in the completion). Please reduce the length of the messages or \
                 completion."
            ),
        ));
    }
    Ok(asked.map_or(context - prompt, |asked| asked as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlong_requests_get_the_text_that_clients_look_for() {
        let error = check_context(100, 90, Some(20)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::OutOfRange);
        assert_eq!(
            error.message(),
            "This model's maximum context length is 100 tokens. However, you requested 110 tokens (90 in the messages, \
             20 in the completion). Please reduce the length of the messages or completion."
        );
        assert_eq!(check_context(100, 90, Some(10)).unwrap(), 10);
        assert_eq!(check_context(100, 90, None).unwrap(), 10);
        assert!(check_context(100, 100, None).is_err());
        assert!(check_context(100, 1, Some(u32::MAX)).is_err());
    }
}
