//! Rows of tokens, and tensors of several.

use wharf_tensor::{DType, Shape, Tensor, TensorError};

/// The tokens of one text, or of two that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRow {
    /// The tokens.
    pub ids: Vec<u32>,
    /// For each of them to which of the two texts it belongs: 0 or 1.
    pub types: Vec<u32>,
}

impl TokenRow {
    /// Tokens of one text.
    pub fn of_ids(ids: Vec<u32>) -> Self {
        let types = vec![0; ids.len()];
        Self { ids, types }
    }

    /// How many tokens it has.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// Rows of one length, as tensors of 32- or 64-bit integers.
///
/// # Shapes
/// All `[rows, tokens]`.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenBatch {
    /// The tokens, and after them padding.
    pub ids: Tensor,
    /// Ones for tokens, zeros for padding.
    pub mask: Tensor,
    /// To which text a token belongs.
    pub types: Tensor,
}

impl TokenBatch {
    /// Fills rows up to `tokens`, or to the longest where that is more, with the token `pad`. Numbers are
    /// 32-bit where `dtype` says so, otherwise 64-bit.
    ///
    /// # Errors
    /// There are too many.
    pub fn new(rows: &[TokenRow], tokens: usize, pad: u32, dtype: DType) -> Result<Self, TensorError> {
        let tokens = rows.iter().map(TokenRow::len).max().unwrap_or(0).max(tokens);
        let shape = Shape::new(&[rows.len(), tokens])?;
        let filled = |numbers: &dyn Fn(&TokenRow) -> Vec<u32>, padding: u32| {
            let mut all = Vec::with_capacity(shape.num_elements());
            for row in rows {
                let end = all.len() + tokens;
                all.extend(numbers(row));
                all.resize(end, padding);
            }
            tensor(all, &shape, dtype)
        };
        Ok(Self {
            ids: filled(&|row| row.ids.clone(), pad)?,
            mask: filled(&|row| vec![1; row.len()], 0)?,
            types: filled(&|row| row.types.clone(), 0)?,
        })
    }
}

/// Ids are less than 2^31: a tokenizer with others does not load.
fn tensor(numbers: Vec<u32>, shape: &Shape, dtype: DType) -> Result<Tensor, TensorError> {
    match dtype {
        DType::I32 => {
            let numbers = numbers.into_iter().map(|number| i32::try_from(number).unwrap_or(i32::MAX));
            Tensor::from_vec(shape.clone(), numbers.collect())
        }
        _ => Tensor::from_vec(shape.clone(), numbers.into_iter().map(i64::from).collect()),
    }
}
