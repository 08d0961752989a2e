//! The decoders.

#![expect(
    clippy::expect_used,
    reason = "what cannot be set up must fail the test, not pass it with nothing fed"
)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use wharf_api::fuzz::{self, OipWire};
use wharf_bundle::{Goldens, Manifest};
use wharf_chat::{ChatTemplate, Conversation, Message, Role, ToolFormat, ToolParser};
use wharf_data::Part;
use wharf_data::fetch::{HostList, ModelAddress};
use wharf_encode::TextTokenizer;
use wharf_infer::language::LanguageCard;
use wharf_pickle::{CIFAR_GLOBALS, Limits, Pickle};
use wharf_serve::{ServeConfig, TritonConfig};
use wharf_tensor::{Shape, Tensor};
use wharf_testing::FakeEngine;
use wharf_transform::{Pipeline, Step};

/// A decoder by its name.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The folder of its corpus.
    pub name: &'static str,
    /// Gives it bytes.
    pub run: fn(&[u8]),
    /// Where it is slower than the others by so much that it gets less.
    pub is_slow: bool,
}

/// Every decoder of bytes from outside.
pub const TARGETS: [Target; 37] = [
    fast("tfs_predict_json", fuzz::tfs_predict_json),
    fast("tfs_examples_json", fuzz::tfs_examples_json),
    fast("tfs_predict_message", fuzz::tfs_predict_message),
    fast("tfs_classify_message", fuzz::tfs_classify_message),
    fast("oip_json", |bytes| with_oip(|wire| wire.json(bytes))),
    fast("oip_binary", |bytes| with_oip(|wire| wire.binary(bytes))),
    fast("oip_message", |bytes| with_oip(|wire| wire.message(bytes))),
    fast("oip_settings", fuzz::oip_settings),
    fast("grpc_body", fuzz::grpc_body),
    fast("traffic", fuzz::traffic),
    fast("language_requests", fuzz::language_requests),
    fast("multipart_body", fuzz::multipart_body),
    fast("model_address", |bytes| {
        with_text(bytes, |text| drop((text.parse::<ModelAddress>(), text.parse::<HostList>())))
    }),
    fast("tool_parse", tool_parse),
    fast("chat_template", |bytes| with_text(bytes, chat_template)),
    fast("packed_body", fuzz::packed_body),
    fast("header", fuzz::header),
    fast("warm_up_file", fuzz::warm_up_file),
    fast("ssl_config", fuzz::ssl_config),
    fast("request_log", |bytes| with_text(bytes, |text| drop(wharf_request_log::Record::from_line(text)))),
    fast("textproto", |bytes| with_text(bytes, |text| drop(wharf_textproto::parse(text)))),
    fast("model_server_config", |bytes| {
        with_text(bytes, |text| drop(wharf_serve::read_model_server_config(text)))
    }),
    fast("triton_config", |bytes| with_text(bytes, |text| drop(TritonConfig::parse(text, "m")))),
    fast("batching_parameters", |bytes| {
        with_text(bytes, |text| drop(wharf_serve::read_batching_parameters(text)))
    }),
    fast("monitoring_config", |bytes| with_text(bytes, |text| drop(wharf_api::read_monitoring_config(text)))),
    fast("onnx", onnx),
    fast("manifest", |bytes| drop(Manifest::from_json(bytes))),
    fast("goldens", |bytes| drop(Goldens::from_bytes(&Bytes::copy_from_slice(bytes)))),
    fast("gguf", gguf),
    fast("pickle", pickle),
    fast("pth", |bytes| drop(wharf_pickle::read_pth(&Bytes::copy_from_slice(bytes)))),
    slow("tar", |bytes| with_file("a.tar", bytes, |path| drop(wharf_data::read_tar(path, Part::Train)))),
    slow("idx", |bytes| with_file("a-ubyte", bytes, idx)),
    slow("cifar_binary", |bytes| {
        with_file("data_batch_1.bin", bytes, |path| {
            drop(wharf_data::read_cifar10_binary(folder(path), Part::Train))
        })
    }),
    slow("cifar_python", |bytes| {
        with_file("data_batch_1", bytes, |path| {
            drop(wharf_data::read_cifar10_python(folder(path), Part::Train))
        })
    }),
    slow("picture", picture),
    slow("tokenizer", tokenizer),
];

const fn fast(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run, is_slow: false }
}

const fn slow(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run, is_slow: true }
}

fn with_oip(run: impl FnOnce(&OipWire)) {
    static WIRE: LazyLock<OipWire> = LazyLock::new(|| {
        let manager = ServeConfig::default().build(FakeEngine::free_running() as Arc<_>);
        OipWire::new(manager.expect("a server of no models can be made"))
    });
    run(&WIRE);
}

/// What a model may write where there are tools, in pieces of the first byte's size.
fn tool_parse(bytes: &[u8]) {
    let Some((size, rest)) = bytes.split_first() else { return };
    let text: Vec<char> = String::from_utf8_lossy(rest).chars().collect();
    for format in [ToolFormat::Hermes, ToolFormat::Llama3, ToolFormat::Mistral] {
        let mut parser = ToolParser::new(format, vec!["f".to_owned()], 4);
        let mut pieces = Vec::new();
        for piece in text.chunks(usize::from(*size).max(1)) {
            parser.push(&piece.iter().collect::<String>(), &mut pieces);
        }
        parser.finish(&mut pieces);
    }
}

/// A tokenizer of somebody else's, and a text for it.
fn tokenizer(bytes: &[u8]) {
    let Ok(tokenizer) = TextTokenizer::from_json(bytes) else { return };
    for text in ["the cats sit, [SEP] caf\u{e9} \u{4e2d}", ""] {
        if let Ok(row) = tokenizer.encode(text, true) {
            assert!(row.ids.len() == row.types.len(), "a token has no type, or a type no token");
            drop(tokenizer.pieces(&row.ids, true));
        }
        drop(tokenizer.encode_pair(text, text));
    }
    drop((tokenizer.special_tokens(), tokenizer.control_texts()));
}

/// A template of somebody else's.
fn chat_template(text: &str) {
    let card = LanguageCard { chat_template: Some(text.to_owned()), ..LanguageCard::default() };
    let chat = Conversation::new(vec![Message::new(Role::User, "hello")]);
    drop(ChatTemplate::of(&card).render(&chat));
}

fn with_file(name: &str, bytes: &[u8], run: impl FnOnce(&Path)) {
    static FOLDER: LazyLock<tempfile::TempDir> =
        LazyLock::new(|| tempfile::tempdir().expect("the test has a place for files"));
    let folder: PathBuf = FOLDER.path().join(name).with_extension("dir");
    let path = folder.join(name);
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, bytes));
    written.expect("the place for files takes them");
    run(&path);
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn with_text(bytes: &[u8], run: impl FnOnce(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        run(text);
    }
}

fn onnx(bytes: &[u8]) {
    let Ok(model) = wharf_onnx::read_model(Bytes::copy_from_slice(bytes)) else { return };
    drop((model.inputs(), model.outputs(), model.to_bytes()));
}

fn gguf(bytes: &[u8]) {
    let Ok(header) = wharf_gguf::Header::read(bytes, bytes.len() as u64) else { return };
    let plan = wharf_gguf::MemoryPlan::default();
    drop((wharf_gguf::Facts::of(&header), wharf_gguf::estimate(&header, &plan), header.check_adapter()));
}

fn pickle(bytes: &[u8]) {
    let content = Bytes::copy_from_slice(bytes);
    let Ok(pickle) = Pickle::parse(&content, CIFAR_GLOBALS, &Limits::default()) else { return };
    let root = pickle.root();
    for name in ["labels", "data", "fine_labels"] {
        if let Ok(value) = root.field(name) {
            drop((value.ints(), wharf_pickle::numpy_array(value).map(|array| array.into_tensor())));
        }
    }
}

/// The same bytes as pictures and as labels: one of the two is wrong most times.
fn idx(path: &Path) {
    drop(wharf_data::read_idx(path, path, None));
}

/// An encoded picture as a client may send one.
fn picture(bytes: &[u8]) {
    static PIPELINE: LazyLock<Pipeline> = LazyLock::new(|| {
        let steps = [Step::Decode, Step::Rgb, Step::Resize { height: 8, width: 8 }, Step::ToFloat];
        Pipeline::always(steps).expect("the steps fit each other")
    });
    let shape = Shape::new(&[1]).expect("one is a size");
    let input = Tensor::from_strings(shape, vec![Bytes::copy_from_slice(bytes)]);
    drop(PIPELINE.apply_tensor(&input.expect("one string fills it")));
}
