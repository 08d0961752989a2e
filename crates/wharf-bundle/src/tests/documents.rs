//! The manifest as text, and the goldens as bytes.

use wharf_transform::columns::ColumnProgram;

use super::*;

/// Schema 1 as it was first written. The file never changes: a build that reads schema 1 reads it.
const V1: &str = include_str!("../../goldens/v1.json");

/// What is read from it, written again without the seal.
const V1_EXPECTED: &str = include_str!("../../goldens/v1.expected.json");

#[test]
fn schema_1_reads_as_it_always_did() {
    let mut manifest = Manifest::from_json(V1.as_bytes()).unwrap();
    assert_eq!(manifest.to_sealed_json().unwrap(), V1.as_bytes(), "and writes to the same bytes");
    manifest.manifest_sha256 = None;
    let plain = serde_json::to_string_pretty(&manifest).unwrap() + "\n";
    assert_eq!(plain, V1_EXPECTED);
    let mut expected = full_manifest();
    expected.files = manifest.files.clone();
    expected.version = 7;
    assert_eq!(manifest, expected);
}

#[test]
fn documents_without_a_seal_are_read() {
    assert!(Manifest::from_json(V1_EXPECTED.as_bytes()).unwrap().manifest_sha256.is_none());
    let least = br#"{"schema":1,"name":"m","version":1,"task":"other","engine":"onnx"}"#;
    assert_eq!(Manifest::from_json(least).unwrap(), Manifest::new("m", Task::Other, EngineKind::Onnx));
}

#[test]
fn every_truncation_is_an_error() {
    // The last byte is the line feed, without which the document is not what was sealed.
    for length in 0..V1.len() {
        assert!(Manifest::from_json(&V1.as_bytes()[..length]).is_err(), "cut to {length}");
    }
}

#[test]
fn every_changed_byte_is_an_error() {
    for at in 0..V1.len() {
        for flip in [1, 0x20, 0x80] {
            let mut text = V1.as_bytes().to_vec();
            text[at] ^= flip;
            assert!(Manifest::from_json(&text).is_err(), "byte {at} ^ {flip}");
        }
    }
}

#[test]
fn other_schemas_are_named() {
    for (schema, expected) in [("2", "schema 2"), ("0", "schema 0"), ("4294967297", "schema 4294967297")] {
        let text = V1.replacen("\"schema\": 1", &format!("\"schema\": {schema}"), 1);
        let error = Manifest::from_json(text.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), BundleErrorKind::Schema);
        assert_eq!(error.to_string(), format!("manifest has {expected}, expected 1"));
    }
    // Even when the rest of it means nothing to this build.
    let error = Manifest::from_json(br#"{"schema": 9, "weights": {}}"#).unwrap_err();
    assert_eq!(error.kind(), BundleErrorKind::Schema);
}

#[test]
fn documents_that_contradict_themselves_are_errors() {
    type Change = fn(&mut Manifest);
    let output = |m: &mut Manifest| m.signatures.get_mut("float").unwrap().outputs[0].clone();
    let cases: Vec<(Change, &str)> = vec![
        (|m| m.name = "../up".into(), "no model name"),
        (|m| m.version = 0, "out of range"),
        (|m| m.version = 1 << 63, "out of range"),
        (|m| m.files[0].path = "../../etc/passwd".into(), "no file name"),
        (|m| m.files[0].path = "sub/model.onnx".into(), "no file name"),
        (|m| m.files[0].path = "wharf.json".into(), "listed twice"),
        (|m| m.files.push(m.files[0].clone()), "listed twice"),
        (|m| m.files[0].sha256 = "AB".repeat(32), "not 64 lowercase digits"),
        (|m| m.files[0].sha256.push('0'), "not 64 lowercase digits"),
        (|m| m.limits.max_batch_size = Some(0), "`max_batch_size` is 0"),
        (|m| m.labels.clear(), "gives labels, but the manifest has none"),
        (|m| m.signatures.get_mut("float").unwrap().inputs.clear(), "lacks a name"),
        (|m| m.signatures.get_mut("float").unwrap().outputs[1].spec.name = "probabilities".into(), "twice"),
        (|m| m.metrics.extend([("x".into(), f64::NAN)]), "metric `x` is NaN"),
    ];
    for (change, expected) in cases {
        let mut manifest = Manifest::from_json(V1_EXPECTED.as_bytes()).unwrap();
        assert_eq!(output(&mut manifest).spec.name, "probabilities");
        change(&mut manifest);
        let message = manifest.to_sealed_json().unwrap_err().to_string();
        assert!(message.contains(expected), "{message}, expected {expected}");
        let text = serde_json::to_vec(&manifest).unwrap();
        assert!(Manifest::from_json(&text).is_err(), "{expected}");
    }
}

/// A manifest whose only signature takes two columns.
fn with_columns() -> Manifest {
    let program: ColumnProgram = serde_json::from_str(
        r#"{ "columns": [
            { "name": "age", "takes": "number", "encoding": { "as": "number", "impute": 0.1 } },
            { "name": "sex", "takes": "text", "encoding": { "as": "one_hot", "levels": ["f", "m"] } }
        ], "missing": ["?"], "selected": [0, 2] }"#,
    )
    .unwrap();
    let mut manifest = Manifest::from_json(V1_EXPECTED.as_bytes()).unwrap();
    manifest.signatures.retain(|name, _| name == "float");
    let signature = manifest.signatures.get_mut("float").unwrap();
    let input = |spec| SignatureInput { spec, graph_input: "features".to_owned(), transform: Vec::new() };
    signature.inputs = program.inputs().into_iter().map(input).collect();
    signature.columns = Some(program);
    manifest
}

#[test]
fn columns_round_trip_and_are_held_against_the_inputs() {
    let manifest = with_columns();
    let text = serde_json::to_vec(&manifest).unwrap();
    assert_eq!(Manifest::from_json(&text).unwrap(), manifest);
    type Change = fn(&mut Signature);
    let cases: [(Change, &str); 5] = [
        (|s| s.inputs.truncate(1), "has the column `sex` in its program and not in its inputs"),
        (|s| s.inputs[0].spec.name = "aged".into(), "has the column `age` in its program"),
        (|s| s.inputs[1].graph_input = "x".into(), "columns of which `sex` goes a way of its own"),
        (|s| s.inputs[0].transform = vec![Step::ToFloat], "columns of which `age` goes a way of its own"),
        (|s| s.columns.as_mut().unwrap().selected = Some(vec![9]), "a column program that cannot run"),
    ];
    for (change, expected) in cases {
        let mut manifest = with_columns();
        change(manifest.signatures.get_mut("float").unwrap());
        let message = manifest.check().unwrap_err().to_string();
        assert!(message.contains("signature `float` has ") && message.contains(expected), "{message}");
    }
}

#[test]
fn unknown_and_repeated_keys_are_errors() {
    for (from, to, expected) in [
        ("\"labels\": [", "\"lables\": [], \"labels\": [", "unknown field `lables`"),
        ("\"labels\": [", "\"name\": \"other\", \"labels\": [", "duplicate field `name`"),
        ("\"graph_input\":", "\"shape\": [], \"graph_input\":", "unknown field `shape`"),
        ("\"from\": \"labels\"", "\"from\": \"disk\"", "unknown variant `disk`"),
        ("\"op\": \"grayscale\"", "\"op\": \"exec\"", "exec"),
        ("\"dtype\": \"int64\"", "\"dtype\": \"object\"", "`object` is no element type"),
        ("\"engine\": \"onnx\"", "\"engine\": \"pickle\"", "unknown variant `pickle`"),
    ] {
        let text = V1_EXPECTED.replacen(from, to, 1);
        assert_ne!(text, V1_EXPECTED, "{from}");
        let message = Manifest::from_json(text.as_bytes()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}, expected {expected}");
    }
}

#[test]
fn size_and_depth_are_limited() {
    let long = [b"{".as_slice(), &vec![b' '; MAX_MANIFEST_BYTES]].concat();
    assert!(Manifest::from_json(&long).unwrap_err().to_string().contains("expected at most"));
    for open in ["[", "{\"a\":"] {
        let deep = format!(r#"{{"schema":1,"labels":{}"#, open.repeat(100_000));
        assert_eq!(Manifest::from_json(deep.as_bytes()).unwrap_err().kind(), BundleErrorKind::Manifest);
    }
}

#[test]
fn goldens_round_trip_with_strings_of_any_bytes() {
    let bytes = goldens().to_bytes().unwrap();
    assert_eq!(Goldens::from_bytes(&bytes.into()).unwrap(), goldens());
    let outputs = DType::ALL.iter().filter(|dtype| dtype.size_bytes().is_some());
    let outputs = outputs.map(|&dtype| (dtype.name().to_owned(), zeros(dtype))).collect();
    let case = GoldenCase { outputs, ..GoldenCase::default() };
    let all = Goldens { cases: BTreeMap::from([("s".into(), case)]) };
    assert_eq!(Goldens::from_bytes(&all.to_bytes().unwrap().into()).unwrap(), all);
}

#[test]
fn goldens_cut_or_changed_never_panic() {
    let bytes = goldens().to_bytes().unwrap();
    for length in 0..bytes.len() {
        assert!(Goldens::from_bytes(&bytes[..length].to_vec().into()).is_err(), "cut to {length}");
    }
    for at in 0..bytes.len() {
        for flip in [1, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            let _ = Goldens::from_bytes(&changed.into());
        }
    }
}

#[test]
fn goldens_that_are_called_or_shaped_wrongly_are_errors() {
    let file = |header: &str, data: &[u8]| {
        let length = u64::try_from(header.len()).unwrap().to_le_bytes();
        Goldens::from_bytes(&[&length, header.as_bytes(), data].concat().into())
    };
    let tensor = |dtype: &str, dims: &str, start: usize, end: usize| {
        format!(r#"{{"dtype":"{dtype}","shape":[{dims}],"data_offsets":[{start},{end}]}}"#)
    };
    for (header, data, expected) in [
        (
            format!(r#"{{"weight":{}}}"#, tensor("U8", "1", 0, 1)),
            &[0][..],
            "is not `<role>.<signature>.<name>`",
        ),
        (format!(r#"{{"state.s.x":{}}}"#, tensor("U8", "1", 0, 1)), &[0], "neither an input nor an output"),
        (format!(r#"{{"input.s.x":{}}}"#, tensor("C64", "1", 0, 8)), &[0; 8], "no element type"),
        (format!(r#"{{"input.s.x#bytes":{}}}"#, tensor("U8", "1", 0, 1)), &[0], "input.s.x#lengths"),
        (format!(r#"{{"input.s.x#lengths":{}}}"#, tensor("U64", "1", 0, 8)), &[0; 8], "input.s.x#bytes"),
        (
            format!(
                r#"{{"input.s.x#bytes":{},"input.s.x#lengths":{}}}"#,
                tensor("U8", "1", 0, 1),
                tensor("U64", "1", 1, 9)
            ),
            &[0, 2, 0, 0, 0, 0, 0, 0, 0],
            "too short",
        ),
        (
            format!(
                r#"{{"input.s.x#bytes":{},"input.s.x#lengths":{}}}"#,
                tensor("U8", "1", 0, 1),
                tensor("U64", "1", 1, 9)
            ),
            &[0; 9],
            "too long",
        ),
        (format!(r#"{{"input.s.x":{}}}"#, tensor("U8", "18446744073709551615, 2", 0, 1)), &[0], "overflow"),
    ] {
        let error = file(&header, data).unwrap_err();
        assert_eq!(error.kind(), BundleErrorKind::Goldens);
        assert!(error.to_string().contains(expected), "{error}, expected {expected}");
    }
    for (signature, name) in [("a.b", "x"), ("", "x"), ("s", "x#bytes")] {
        let inputs = BTreeMap::from([(name.into(), zeros(DType::U8))]);
        let case = GoldenCase { inputs, ..GoldenCase::default() };
        let goldens = Goldens { cases: BTreeMap::from([(signature.into(), case)]) };
        assert_eq!(goldens.to_bytes().unwrap_err().kind(), BundleErrorKind::Goldens);
    }
}
