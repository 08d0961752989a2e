//! ONNX models of a few kilobytes, made by `models/make_models.py`.

use wharf_tensor::DType;

/// `y = x / 2 + 2`, float32 `[N]`: the model of TensorFlow Serving's own tests.
pub const HALF_PLUS_TWO: &[u8] = include_bytes!("../models/half_plus_two.onnx");

/// `sum = a + b` and `difference = a - b`, all float32 `[N, 2]`.
pub const ADD: &[u8] = include_bytes!("../models/add.onnx");

/// `y = [10, 20, 30][index]`, int64 `[N]` to float32 `[N]`; fails within the run for other indices.
pub const GATHER: &[u8] = include_bytes!("../models/gather.onnx");

/// `size`, int64 `[1]`, to so many zeros `y`, float32 `[N]`.
pub const GROW: &[u8] = include_bytes!("../models/grow.onnx");

/// `image`, float32 `[N, 4, 4, 3]` in 0..1, to `logits` and `probabilities`, float32 `[N, 3]`, and `classes`,
/// int64 `[N]`: the brightest channel.
pub const CLASSIFIER_FLOAT: &[u8] = include_bytes!("../models/classifier_float.onnx");

/// The same for `image`, uint8 `[N, 4, 4, 3]`.
pub const CLASSIFIER_UINT8: &[u8] = include_bytes!("../models/classifier_uint8.onnx");

/// The seed's network: `image`, float32 `[N, 32, 32, 3]`, to `logits`, `probabilities` and `classes`.
pub const LENET: &[u8] = include_bytes!("../models/lenet.onnx");

/// Multiplies a 64 x 64 matrix with itself `times` times (int64 scalar), to `y`, float32 scalar.
pub const SLOW: &[u8] = include_bytes!("../models/slow.onnx");

/// `y = x`, plus `total` unless `start` is 1, float32 `[N, 1]`, and `total_out`, the same; `flags` is `start`, `end` and
/// `ready` as bits 0, 1 and 2, and `said` is `id`.
pub const ACCUMULATE: &[u8] = include_bytes!("../models/accumulate.onnx");

/// `seen_out` is `seen` with `x` behind it, float32 `[N, M]`, and `y` is its sum, float32 `[N, 1]`.
pub const RECALL: &[u8] = include_bytes!("../models/recall.onnx");

/// `y = x + w`, float32 `[4]`, with `w` in `../outside.bin`, which a loader must not follow.
pub const ESCAPING: &[u8] = include_bytes!("../models/escaping.onnx");

/// `y = x`, float32 of any number of dimensions.
pub const UNRANKED: &[u8] = include_bytes!("../models/unranked.onnx");

/// What cuts texts into the tokens of [`ENCODER`] and [`RANKER`]: WordPiece over a few words, letters and control tokens.
pub const ENCODER_TOKENIZER: &[u8] = include_bytes!("../models/encoder_tokenizer.json");

/// `input_ids`, `attention_mask` and `token_type_ids`, int64 `[batch, sequence]`, at most 64 tokens, to `last_hidden_state`,
/// float32 `[batch, sequence, 16]`: a layer of attention with random weights.
pub const ENCODER: &[u8] = include_bytes!("../models/encoder.onnx");

/// The same with a head of one label: `logits`, float32 `[batch, 1]`.
pub const RANKER: &[u8] = include_bytes!("../models/ranker.onnx");

/// `y = x` of shape `[N, M]`, for any element type.
pub const fn identity(dtype: DType) -> &'static [u8] {
    match dtype {
        DType::Bool => include_bytes!("../models/identity_bool.onnx"),
        DType::U8 => include_bytes!("../models/identity_uint8.onnx"),
        DType::U16 => include_bytes!("../models/identity_uint16.onnx"),
        DType::U32 => include_bytes!("../models/identity_uint32.onnx"),
        DType::U64 => include_bytes!("../models/identity_uint64.onnx"),
        DType::I8 => include_bytes!("../models/identity_int8.onnx"),
        DType::I16 => include_bytes!("../models/identity_int16.onnx"),
        DType::I32 => include_bytes!("../models/identity_int32.onnx"),
        DType::I64 => include_bytes!("../models/identity_int64.onnx"),
        DType::F16 => include_bytes!("../models/identity_float16.onnx"),
        DType::BF16 => include_bytes!("../models/identity_bfloat16.onnx"),
        DType::F32 => include_bytes!("../models/identity_float32.onnx"),
        DType::F64 => include_bytes!("../models/identity_float64.onnx"),
        DType::String => include_bytes!("../models/identity_string.onnx"),
    }
}
