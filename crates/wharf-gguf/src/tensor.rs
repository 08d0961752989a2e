//! Where tensors are, and what their elements are.

use std::io::Read;

use crate::GgufError;
use crate::source::Source;
use crate::value::shown;

/// The most dimensions of a tensor.
const MAX_DIMENSIONS: u32 = 4;
/// Names are shorter than this in llama.cpp, which keeps a zero after them.
const MAX_NAME: usize = 64;

/// How elements are stored: in blocks of `elements` that take `bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementType {
    /// The number in the file.
    pub number: u32,
    /// The name, as llama.cpp writes it.
    pub name: &'static str,
    /// Elements of a block.
    pub elements: u64,
    /// Bytes of a block.
    pub bytes: u64,
}

/// Every type of llama.cpp that files may have, from the tables of `ggml.h`; the numbers between were taken back.
const TYPES: [ElementType; 35] = [
    of(0, "F32", 1, 4),
    of(1, "F16", 1, 2),
    of(2, "Q4_0", 32, 18),
    of(3, "Q4_1", 32, 20),
    of(6, "Q5_0", 32, 22),
    of(7, "Q5_1", 32, 24),
    of(8, "Q8_0", 32, 34),
    of(9, "Q8_1", 32, 36),
    of(10, "Q2_K", 256, 84),
    of(11, "Q3_K", 256, 110),
    of(12, "Q4_K", 256, 144),
    of(13, "Q5_K", 256, 176),
    of(14, "Q6_K", 256, 210),
    of(15, "Q8_K", 256, 292),
    of(16, "IQ2_XXS", 256, 66),
    of(17, "IQ2_XS", 256, 74),
    of(18, "IQ3_XXS", 256, 98),
    of(19, "IQ1_S", 256, 50),
    of(20, "IQ4_NL", 32, 18),
    of(21, "IQ3_S", 256, 110),
    of(22, "IQ2_S", 256, 82),
    of(23, "IQ4_XS", 256, 136),
    of(24, "I8", 1, 1),
    of(25, "I16", 1, 2),
    of(26, "I32", 1, 4),
    of(27, "I64", 1, 8),
    of(28, "F64", 1, 8),
    of(29, "IQ1_M", 256, 56),
    of(30, "BF16", 1, 2),
    of(34, "TQ1_0", 256, 54),
    of(35, "TQ2_0", 256, 66),
    of(39, "MXFP4", 32, 17),
    of(40, "NVFP4", 64, 36),
    of(41, "Q1_0", 128, 18),
    of(42, "Q2_0", 64, 18),
];

const fn of(number: u32, name: &'static str, elements: u64, bytes: u64) -> ElementType {
    ElementType { number, name, elements, bytes }
}

impl ElementType {
    /// The type of this number.
    pub fn from_number(number: u32) -> Option<Self> {
        TYPES.into_iter().find(|known| known.number == number)
    }
}

/// One tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name.
    pub name: String,
    /// Its dimensions, the one that changes fastest first.
    pub dimensions: Vec<u64>,
    /// What its elements are.
    pub element_type: ElementType,
    /// Where it begins, from the start of the data.
    pub offset: u64,
    /// How many elements it has.
    pub elements: u64,
    /// How many bytes it takes.
    pub size_bytes: u64,
}

impl TensorInfo {
    pub(crate) fn read<R: Read>(source: &mut Source<R>) -> Result<Self, GgufError> {
        let name = source.text()?;
        if name.len() >= MAX_NAME {
            let length = name.len();
            return Err(GgufError::malformed(format!(
                "tensor `{}` has a name of {length} bytes, expected below {MAX_NAME}",
                shown(&name)
            )));
        }
        let dimensions = read_dimensions(&name, source)?;
        let number = source.u32()?;
        let element_type = ElementType::from_number(number).ok_or_else(|| {
            GgufError::unsupported(format!("tensor `{}` has elements of type {number}", shown(&name)))
        })?;
        let offset = source.u64()?;
        let (elements, size_bytes) = size(&name, &dimensions, element_type)?;
        Ok(Self { name, dimensions, element_type, offset, elements, size_bytes })
    }
}

fn read_dimensions<R: Read>(name: &str, source: &mut Source<R>) -> Result<Vec<u64>, GgufError> {
    let count = source.u32()?;
    if count > MAX_DIMENSIONS {
        return Err(GgufError::malformed(format!(
            "tensor `{}` has {count} dimensions, expected {MAX_DIMENSIONS} at most",
            shown(name)
        )));
    }
    (0..count).map(|_| source.u64()).collect()
}

/// Elements and bytes.
fn size(name: &str, dimensions: &[u64], kind: ElementType) -> Result<(u64, u64), GgufError> {
    let bad = |why: &str| GgufError::malformed(format!("tensor `{}` of {dimensions:?} {why}", shown(name)));
    let elements = dimensions.iter().try_fold(1_u64, |product, &size| product.checked_mul(size));
    let elements = elements.filter(|&elements| i64::try_from(elements).is_ok());
    let elements = elements.ok_or_else(|| bad("is too large"))?;
    if elements == 0 {
        return Err(bad("has no elements"));
    }
    let row = dimensions.first().copied().unwrap_or(1);
    if row % kind.elements != 0 {
        return Err(bad(&format!("has rows that are no multiple of {} for {}", kind.elements, kind.name)));
    }
    let bytes = (elements / kind.elements).checked_mul(kind.bytes).ok_or_else(|| bad("is too large"))?;
    Ok((elements, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_whole_blocks() {
        let kind = |number| ElementType::from_number(number).unwrap();
        assert_eq!(size("t", &[], kind(0)).unwrap(), (1, 4));
        assert_eq!(size("t", &[576, 3], kind(3)).unwrap(), (1728, 1080));
        for (dimensions, number, expected) in [
            (&[33_u64][..], 2, "rows that are no multiple of 32 for Q4_0"),
            (&[0, 4], 0, "has no elements"),
            (&[1 << 32, 1 << 32], 0, "is too large"),
            (&[1 << 62], 0, "is too large"),
            (&[u64::MAX], 24, "is too large"),
        ] {
            let error = size("t", dimensions, kind(number)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn numbers_taken_back_are_unknown() {
        for number in [4, 5, 31, 33, 36, 38, 43, u32::MAX] {
            assert_eq!(ElementType::from_number(number), None);
        }
    }
}
