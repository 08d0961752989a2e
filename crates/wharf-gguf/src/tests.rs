//! Headers that are made here, broken in every way.

use proptest::prelude::*;

use super::*;

/// A file in the making.
#[derive(Clone, Default)]
struct Writer {
    entries: Vec<Vec<u8>>,
    tensors: Vec<Vec<u8>>,
    data: usize,
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

impl Writer {
    fn entry(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        self.entries.push([&text(key)[..], &kind.to_le_bytes(), value].concat());
        self
    }

    fn string(self, key: &str, value: &str) -> Self {
        self.entry(key, 8, &text(value))
    }

    fn number(self, key: &str, value: u32) -> Self {
        self.entry(key, 4, &value.to_le_bytes())
    }

    fn array(self, key: &str, kind: u32, elements: &[Vec<u8>]) -> Self {
        let mut value = [&kind.to_le_bytes()[..], &(elements.len() as u64).to_le_bytes()].concat();
        value.extend(elements.concat());
        self.entry(key, 9, &value)
    }

    fn tensor(mut self, name: &str, dimensions: &[u64], kind: u32, size: usize) -> Self {
        let offset = self.data as u64;
        self.data += size.next_multiple_of(32);
        self.tensor_at(name, dimensions, kind, offset)
    }

    fn tensor_at(mut self, name: &str, dimensions: &[u64], kind: u32, offset: u64) -> Self {
        let mut info = [&text(name)[..], &(dimensions.len() as u32).to_le_bytes()].concat();
        dimensions.iter().for_each(|size| info.extend(size.to_le_bytes()));
        info.extend(kind.to_le_bytes());
        info.extend(offset.to_le_bytes());
        self.tensors.push(info);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        file.extend((self.tensors.len() as u64).to_le_bytes());
        file.extend((self.entries.len() as u64).to_le_bytes());
        file.extend(self.entries.concat());
        file.extend(self.tensors.concat());
        file.resize(file.len().next_multiple_of(32) + self.data, 0);
        file
    }
}

fn base() -> Writer {
    let tokens = ["<unk>", "<s>", "</s>", "a"].map(text);
    Writer::default()
        .string("general.architecture", "llama")
        .string("general.name", "tiny")
        .number("general.file_type", 15)
        .number("llama.context_length", 128)
        .number("llama.embedding_length", 64)
        .number("llama.block_count", 2)
        .number("llama.attention.head_count", 8)
        .number("llama.attention.head_count_kv", 4)
        .number("llama.feed_forward_length", 172)
        .string("tokenizer.ggml.model", "llama")
        .array("tokenizer.ggml.tokens", 8, &tokens)
        .array("tokenizer.ggml.scores", 6, &[(); 4].map(|()| 0.5_f32.to_le_bytes().to_vec()))
        .array("tokenizer.ggml.token_type", 5, &[2, 3, 3, 1].map(|kind: i32| kind.to_le_bytes().to_vec()))
        .number("tokenizer.ggml.bos_token_id", 1)
        .number("tokenizer.ggml.eos_token_id", 2)
        .string("tokenizer.chat_template", "{{ messages }}")
        .entry("general.quantized", 7, &[1])
}

fn model() -> Writer {
    base().tensor("token_embd.weight", &[64, 4], 0, 1024).tensor("blk.0.attn_q.weight", &[256, 64], 12, 9216)
}

fn read(bytes: &[u8]) -> Result<Header, GgufError> {
    Header::read(bytes, bytes.len() as u64)
}

#[test]
fn facts_are_those_of_the_file() {
    let header = read(&model().bytes()).unwrap();
    let facts = Facts::of(&header).unwrap();
    assert_eq!((facts.architecture.as_str(), facts.name.as_deref()), ("llama", Some("tiny")));
    assert_eq!((facts.context_length, facts.embedding_length, facts.layers), (128, 64, 2));
    assert_eq!((facts.vocabulary_size, facts.parameters, facts.weight_bytes), (4, 16_640, 10_240));
    assert_eq!(facts.quantization, "Q4_K_M");
    assert_eq!(facts.chat_template.as_deref(), Some("{{ messages }}"));
    let special: Vec<_> = facts.special_tokens.iter().map(|(role, text)| (&role[..], &text[..])).collect();
    assert_eq!(special, [("bos", "<s>"), ("eos", "</s>")]);
    assert_eq!(facts.control_texts, ["<unk>", "<s>", "</s>"]);
    assert!(facts.generates && !facts.ranks);
    assert_eq!(header.get("general.quantized"), Some(&Value::Bool(true)));
    assert_eq!(header.data_offset() % 32, 0);
}

#[test]
fn quantization_without_a_number_is_what_most_weights_are() {
    let mut writer = model();
    writer.entries.remove(2);
    assert_eq!(Facts::of(&read(&writer.bytes()).unwrap()).unwrap().quantization, "Q4_K");
}

#[test]
fn estimate_counts_weights_cache_and_passes() {
    let header = read(&model().bytes()).unwrap();
    let plan = MemoryPlan { cells: 1024, ..MemoryPlan::default() };
    let estimated = estimate(&header, &plan).unwrap();
    // Two layers with 4 heads of 8 numbers, keys and values of two bytes, 1024 cells.
    assert_eq!((estimated.weights, estimated.cache), (10_240, 2 * 4 * (8 + 8) * 2 * 1024));
    assert!(estimated.total() < 64 << 20, "{estimated:?}");
    let small = estimate(&header, &MemoryPlan { key_bits: 8, value_bits: 8, ..plan }).unwrap();
    assert_eq!(small.cache, 2 * 4 * (8 + 8) * 1024 * 17 / 16);
    let trained = estimate(&header, &MemoryPlan::default()).unwrap();
    assert_eq!(trained.cache, 2 * 4 * (8 + 8) * 2 * 256);
}

#[test]
fn refuses_headers_that_contradict_themselves() {
    let huge = u64::MAX.to_le_bytes();
    let counts = |tensors: u64, entries: u64| {
        let counts = [tensors.to_le_bytes(), entries.to_le_bytes()].concat();
        [&b"GGUF\x03\0\0\0"[..], &counts].concat()
    };
    for (bytes, expected) in [
        (Vec::new(), "the file is too short for a GGUF file"),
        (b"PK\x03\x04".to_vec(), "does not begin with `GGUF`"),
        (b"GGUF\x01\0\0\0".to_vec(), "GGUF version 1, expected 2 or 3"),
        (b"GGUF\0\0\0\x03".to_vec(), "big-endian"),
        (counts(u64::MAX, 0), "18446744073709551615 tensors, the file has room for 0 at most"),
        (counts(0, 1), "1 keys, the file has room for 0 at most"),
        (base().entry("k", 8, &huge).bytes(), "a text of 18446744073709551615 bytes"),
        (base().entry("k", 9, &[&4_u32.to_le_bytes()[..], &huge].concat()).bytes(), "elements of an array"),
        (base().entry("k", 9, &[9, 0, 0, 0]).bytes(), "key `k` has an array of arrays"),
        (base().entry("k", 9, &[13, 0, 0, 0]).bytes(), "key `k` has an array of type 13"),
        (base().entry("k", 13, &[]).bytes(), "key `k` has a value of type 13"),
        (base().entry("k", 7, &[2]).bytes(), "key `k` is the boolean 2"),
        (base().number("general.file_type", 1).bytes(), "key `general.file_type` occurs twice"),
        (base().entry("", 7, &[1]).bytes(), "a key of 0 bytes"),
        (base().number("general.alignment", 24).bytes(), "`general.alignment` is Integer(24)"),
        (base().number("general.alignment", 0).bytes(), "expected a power of two"),
        (model().tensor("token_embd.weight", &[1], 0, 4).bytes(), "tensor `token_embd.weight` occurs twice"),
        (base().tensor("t", &[1; 5], 0, 4).bytes(), "tensor `t` has 5 dimensions, expected 4 at most"),
        (base().tensor("t", &[1], 4, 4).bytes(), "tensor `t` has elements of type 4"),
        (base().tensor(&"t".repeat(64), &[1], 0, 4).bytes(), "a name of 64 bytes, expected below 64"),
        (base().tensor_at("t", &[1], 0, 32).bytes(), "tensor `t` is at 32 of the data, expected 0"),
        (base().tensor("t", &[1 << 20], 0, 32).bytes(), "past the end of the file"),
    ] {
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, expected {expected}");
    }
}

#[test]
fn refuses_models_that_llama_cpp_would_trip_over() {
    let without = |key: &str| {
        let mut writer = model();
        writer.entries.retain(|entry| !entry[8..].starts_with(key.as_bytes()));
        writer
    };
    let floats = |count: usize| vec![0.5_f32.to_le_bytes().to_vec(); count];
    for (writer, expected) in [
        (without("llama.block_count"), "key `llama.block_count` is missing"),
        (without("llama.block_count").number("llama.block_count", 513), "is 513, expected 1 to 512"),
        (
            without("llama.context_length").string("llama.context_length", "x"),
            "is a text, expected an integer",
        ),
        (without("general.architecture").number("general.architecture", 1), "is an integer, expected a text"),
        (without("tokenizer.ggml.tokens"), "key `tokenizer.ggml.tokens` has no texts"),
        (without("tokenizer.ggml.model"), "the model has no vocabulary"),
        (
            without("tokenizer.ggml.scores").array("tokenizer.ggml.scores", 6, &floats(3)),
            "has 3 elements, expected 4",
        ),
        (
            without("tokenizer.ggml.scores").array("tokenizer.ggml.scores", 0, &vec![vec![1]; 4]),
            "expected an array of 32-bit floats",
        ),
        (
            without("tokenizer.ggml.eos").number("tokenizer.ggml.eos_token_id", 4),
            "`tokenizer.ggml.eos_token_id` is Integer(4), expected a token below 4",
        ),
        (model().number("split.count", 3), "one of 3 parts"),
        (model().string("general.type", "adapter"), "is of type `adapter`, expected `model`"),
        (base(), "the model has no tensors"),
    ] {
        let error = read(&writer.bytes()).unwrap().check_model().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, expected {expected}");
    }
    let kinds = without("tokenizer.ggml.token_type").array("tokenizer.ggml.token_type", 0, &vec![vec![1]; 4]);
    assert!(read(&kinds.bytes()).unwrap_err().to_string().contains("type 0, expected 4 or 5"));
    let none = model().number("tokenizer.ggml.unknown_token_id", u32::MAX);
    read(&none.bytes()).unwrap().check_model().unwrap();
}

#[test]
fn adapters_are_told_from_models() {
    let adapter =
        || {
            Writer::default()
                .string("general.type", "adapter")
                .string("general.architecture", "llama")
                .tensor("blk.0.attn_q.weight.lora_a", &[4], 0, 16)
        };
    read(&adapter().string("adapter.type", "lora").bytes()).unwrap().check_adapter().unwrap();
    for (writer, expected) in [
        (adapter(), "key `adapter.type` is missing"),
        (adapter().string("adapter.type", "x"), "an adapter of type `x`, expected `lora`"),
        (model(), "is of type `model`, expected `adapter`"),
    ] {
        let error = read(&writer.bytes()).unwrap().check_adapter().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn encoders_and_rankers_are_told_from_writers() {
    let with = |architecture: &str, pooling: u32| {
        let number =
            |writer: Writer, key: &str, value| writer.number(&format!("{architecture}.{key}"), value);
        let mut writer = model();
        writer.entries.remove(0);
        let writer = writer.string("general.architecture", architecture);
        let writer = number(writer, "pooling_type", pooling);
        ["context_length", "embedding_length", "block_count"]
            .into_iter()
            .filter(|_| architecture != "llama")
            .fold(writer, |writer, key| number(writer, key, 64))
    };
    for (architecture, pooling, generates, ranks) in [
        ("llama", 3, true, false),
        ("bert", 2, false, false),
        ("bert", 4, false, true),
        ("llama", 4, false, true),
    ] {
        let facts = Facts::of(&read(&with(architecture, pooling).bytes()).unwrap()).unwrap();
        assert_eq!((facts.generates, facts.ranks), (generates, ranks), "{architecture} {pooling}");
    }
}

#[test]
fn file_cut_anywhere_is_refused() {
    let whole = model().bytes();
    // The last tensor ends 0 bytes before the end of the file.
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{length} of {}", whole.len());
        let lying = Header::read(&whole[..length], whole.len() as u64);
        assert!(lying.is_err() || length as u64 >= read(&whole).unwrap().data_offset() - 31, "{length}");
    }
}

proptest! {
    #[test]
    fn broken_headers_are_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = model().bytes();
        let header = read(&bytes).unwrap().data_offset() as usize;
        for (place, byte) in &changes {
            bytes[place.index(header)] = *byte;
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Ok(header) = read(bytes) {
                let _facts = (Facts::of(&header), estimate(&header, &MemoryPlan::default()), header.check_adapter());
                for tensor in header.tensors() {
                    let end = header.data_offset() + tensor.offset + tensor.size_bytes;
                    prop_assert!(end <= bytes.len() as u64);
                }
            }
        }
    }

    #[test]
    fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(read(&bytes).is_err());
    }
}
