//! Folders as others write them.

use std::fs;
use std::path::Path;

use super::*;
use crate::{Bundle, EngineKind, Manifest, Task};

/// A folder with these files, beside weights and a tokenizer of which nothing is read here.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("onnx/model.onnx", ""), (TOKENIZER_FILE, "{}")].iter().chain(files) {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn read(path: &Path) -> Result<Encoder, String> {
    let bundle = Bundle::open(path).map_err(|error| error.to_string())?;
    bundle.encoder().map(Option::unwrap).map_err(|error| error.to_string())
}

const MODULES: &str = r#"[{"type": "sentence_transformers.models.Transformer", "path": ""},
    {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
    {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"}]"#;

#[test]
fn a_folder_of_sentence_transformers_says_how_it_pools() {
    for (pooling, expected) in [
        (r#"{"pooling_mode_mean_tokens": true, "word_embedding_dimension": 8}"#, Pooling::Mean),
        (r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#, Pooling::Cls),
        (r#"{"pooling_mode_max_tokens": true}"#, Pooling::Max),
        (r#"{"pooling_mode_lasttoken": true}"#, Pooling::Last),
        (r#"{"pooling_mode": "mean_sqrt_len_tokens"}"#, Pooling::MeanSqrtLen),
    ] {
        let folder = folder(&[
            ("modules.json", MODULES),
            ("1_Pooling/config.json", pooling),
            ("sentence_bert_config.json", r#"{"max_seq_length": 256, "do_lower_case": false}"#),
            (
                "config.json",
                r#"{"architectures": ["BertModel"], "model_type": "bert", "max_position_embeddings": 512}"#,
            ),
        ]);
        let expected = Encoder {
            pooling: expected,
            normalize: true,
            max_tokens: Some(256),
            architecture: "bert".to_owned(),
            ..Encoder::default()
        };
        assert_eq!(read(folder.path()).unwrap(), expected);
    }
}

#[test]
fn what_is_not_said_is_as_the_libraries_have_it() {
    let roberta = r#"{"model_type": "xlm-roberta", "max_position_embeddings": 514}"#;
    for (config, tokenizer, expected) in [
        ("{}", r#"{"model_max_length": 1000000000000000019884624838656}"#, None),
        (r#"{"max_position_embeddings": 512}"#, r#"{"model_max_length": 128}"#, Some(128)),
        (r#"{"max_position_embeddings": 512}"#, "{}", Some(512)),
        (roberta, "{}", Some(512)),
    ] {
        let folder = folder(&[("config.json", config), ("tokenizer_config.json", tokenizer)]);
        let encoder = read(folder.path()).unwrap();
        assert_eq!(
            (encoder.pooling, encoder.normalize, encoder.max_tokens),
            (Pooling::Mean, false, expected)
        );
    }
}

#[test]
fn a_head_of_one_label_ranks() {
    let bert = r#""architectures": ["BertForSequenceClassification"]"#;
    let plain = format!(r#"{{{bert}, "id2label": {{"0": "LABEL_0"}}}}"#);
    let raw = format!(
        r#"{{{bert}, "num_labels": 1, "sentence_transformers": {{"activation_fn": "torch.nn.modules.linear.Identity"}}}}"#
    );
    for (config, normalize) in [(plain, true), (raw, false)] {
        let encoder = read(folder(&[("config.json", &config)]).path()).unwrap();
        assert_eq!((encoder.kind, encoder.pooling), (EncoderKind::Rank, Pooling::None));
        assert_eq!(encoder.normalize, normalize);
    }
}

#[test]
fn what_cannot_be_is_named_with_its_file() {
    let dense = r#"[{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}]"#;
    let out = r#"[{"type": "sentence_transformers.models.Pooling", "path": "../1_Pooling"}]"#;
    let pooled = "1_Pooling/config.json";
    for (name, text, expected) in [
        ("config.json", "{", "file `config.json` is not valid"),
        ("config.json", r#"{"max_position_embeddings": -1}"#, "file `config.json` is not valid"),
        ("modules.json", dense, "file `modules.json` has a module `Dense`"),
        ("modules.json", out, "file `modules.json` has the path `../1_Pooling`"),
        (pooled, r#"{"pooling_mode_weightedmean_tokens": true}"#, "pools by `weightedmean`"),
        (pooled, "{}", "file `1_Pooling/config.json` pools in 0 ways, expected one"),
        (pooled, r#"{"pooling_mode_cls_token": true, "pooling_mode_max_tokens": true}"#, "pools in 2 ways"),
    ] {
        let error = read(folder(&[(name, text)]).path()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_manifest_says_it_all_itself() {
    let mut manifest = Manifest::new("m", Task::Embedding, EngineKind::Onnx);
    manifest.encoder = Some(Encoder { max_tokens: Some(64), ..Encoder::default() });
    let text = manifest.to_sealed_json().unwrap();
    assert_eq!(Manifest::from_json(&text).unwrap(), manifest);
    for wrong in [
        Encoder { max_tokens: Some(0), ..Encoder::default() },
        Encoder { kind: EncoderKind::Rank, ..Encoder::default() },
    ] {
        manifest.encoder = Some(wrong);
        assert!(manifest.to_sealed_json().is_err());
    }
}

#[test]
fn what_classifies_is_no_encoder() {
    for (head, labels) in [
        ("BertForSequenceClassification", r#", "id2label": {"0": "a", "1": "b"}"#),
        ("BertForSequenceClassification", ""),
        ("BertForTokenClassification", ""),
    ] {
        let config = format!(r#"{{"architectures": ["{head}"]{labels}}}"#);
        let folder = folder(&[("config.json", &config)]);
        assert_eq!(Bundle::open(folder.path()).unwrap().encoder().unwrap(), None, "{config}");
    }
    let masked = folder(&[("config.json", r#"{"architectures": ["MPNetForMaskedLM"]}"#)]);
    assert_eq!(read(masked.path()).unwrap().kind, EncoderKind::Embed);
}

#[test]
fn ways_to_pool_are_called_what_manifests_call_them() {
    for pooling in
        [Pooling::Mean, Pooling::MeanSqrtLen, Pooling::Cls, Pooling::Last, Pooling::Max, Pooling::None]
    {
        assert_eq!(serde_json::to_value(pooling).unwrap(), pooling.name());
    }
}

#[test]
fn a_folder_without_a_tokenizer_is_no_encoder() {
    let folder = folder(&[("model.onnx", "")]);
    assert_eq!(encoder_weights(folder.path()), Some("model.onnx"));
    fs::remove_file(folder.path().join(TOKENIZER_FILE)).unwrap();
    assert_eq!(encoder_weights(folder.path()), None);
    assert_eq!(Bundle::open(folder.path()).unwrap().encoder().unwrap(), None);
}
