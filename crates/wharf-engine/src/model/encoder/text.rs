//! Texts as they come in tensors.

use std::ops::Range;

use bytes::Bytes;
use wharf_encode::TokenRow;
use wharf_infer::{NamedTensor, ServiceError};
use wharf_tensor::Tensor;

use super::{LoadedEncoder, PAIR_INPUT, TEXT_INPUT};

/// Rows that run together where nobody else decides: enough for every core, and little memory.
const ROWS_OF_A_RUN: usize = 32;

/// Texts of a request: their vectors are all held until the last one is there.
const MAX_TEXTS: usize = 2048;

impl LoadedEncoder {
    /// The tokens of the texts of a request by [`super::TEXT_SIGNATURE`].
    ///
    /// # Errors
    /// A text is no UTF-8, has no tokens or too many, or there are not as many documents as questions.
    pub fn rows(&self, inputs: &[NamedTensor]) -> Result<Vec<TokenRow>, ServiceError> {
        let first = texts(inputs, TEXT_INPUT)?;
        if !self.is_ranker() {
            return first.into_iter().map(|text| self.row(text, true)).collect();
        }
        let second = texts(inputs, PAIR_INPUT)?;
        if first.len() != second.len() {
            let (one, other) = (first.len(), second.len());
            let text =
                format!("input `{TEXT_INPUT}` has {one} texts, `{PAIR_INPUT}` has {other}, expected as many");
            return Err(ServiceError::invalid_argument(text));
        }
        first.into_iter().zip(second).map(|(first, second)| self.pair(first, second)).collect()
    }

    /// Which rows run together: those of about one length, at most `most` and a few dozen. The order is by length.
    pub(in super::super) fn runs(rows: &mut [(usize, TokenRow)], most: Option<usize>) -> Vec<Range<usize>> {
        rows.sort_by_key(|(_, row)| row.len());
        let size = most.unwrap_or(usize::MAX).clamp(1, ROWS_OF_A_RUN);
        (0..rows.len()).step_by(size).map(|start| start..(start + size).min(rows.len())).collect()
    }
}

fn texts<'a>(inputs: &'a [NamedTensor], name: &str) -> Result<Vec<&'a str>, ServiceError> {
    let input = inputs.iter().find(|input| input.name == name);
    let strings = input.and_then(|input| input.tensor.strings());
    let strings =
        strings.ok_or_else(|| ServiceError::invalid_argument(format!("input `{name}` is missing")))?;
    if strings.len() > MAX_TEXTS {
        let text = format!("input `{name}` has {} texts, expected at most {MAX_TEXTS}", strings.len());
        return Err(ServiceError::invalid_argument(text));
    }
    let text = |(index, bytes): (usize, &'a Bytes)| {
        std::str::from_utf8(bytes)
            .map_err(|_| ServiceError::invalid_argument(format!("input `{name}` is no UTF-8 at {index}")))
    };
    strings.iter().enumerate().map(text).collect()
}

/// Rows that were answered in another order, in their own.
///
/// # Errors
/// They do not fit each other.
pub(in super::super) fn in_order(mut answers: Vec<(usize, Tensor)>) -> Result<Tensor, ServiceError> {
    answers.sort_by_key(|(place, _)| *place);
    let parts: Vec<&Tensor> = answers.iter().map(|(_, tensor)| tensor).collect();
    Ok(Tensor::concat_rows(&parts)?)
}
