use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use wharf_infer::NamedTensor;
use wharf_metrics::{Registry, text};
use wharf_tensor::{DType, Shape, Tensor};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn record(model: &str) -> Record {
    let floats = Tensor::from_vec(Shape::new(&[2, 1]).unwrap(), vec![1.5_f32, f32::NAN]).unwrap();
    let texts = vec![Bytes::from_static(b"\xff\n"), Bytes::new()];
    let texts = Tensor::from_strings(Shape::new(&[2]).unwrap(), texts).unwrap();
    let nothing = Tensor::from_bytes(DType::Bool, Shape::new(&[0, 3]).unwrap(), Bytes::new()).unwrap();
    Record {
        time_micros: 1_700_000_000_000_000,
        model: model.to_owned(),
        version: u64::MAX,
        signature: "serving_default".to_owned(),
        inputs: vec![
            NamedTensor::new("x", floats),
            NamedTensor::new("t", texts),
            NamedTensor::new("\"\u{1b}", nothing),
        ],
        outputs: vec!["y".to_owned()],
        status: "OK".to_owned(),
        duration: Duration::from_micros(312),
        trace_id: Some(7),
    }
}

fn names(path: &Path) -> Vec<String> {
    read(path).unwrap().map(|record| record.unwrap().model).collect()
}

#[test]
fn requests_come_back_as_they_went() {
    let line = String::from_utf8(record("m").to_line(Format::Lines)).unwrap();
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    assert!(!line.contains('\u{1b}'), "{line}");
    let back = Record::from_line(&line).unwrap();
    // Not a number is not equal to itself.
    assert_eq!(back.to_line(Format::Lines), line.as_bytes());
    let bits = back.inputs[0].tensor.to_vec::<f32>().unwrap()[1].to_bits();
    assert_eq!(bits, f32::NAN.to_bits());
    assert_eq!(back.inputs[1], record("m").inputs[1]);
    assert_eq!((back.version, back.trace_id, back.outputs), (u64::MAX, Some(7), vec!["y".to_owned()]));
}

/// A tensor of every type, with its extremes.
fn every_type() -> Vec<NamedTensor> {
    fn of<T: wharf_tensor::Element>(values: &[T]) -> Tensor {
        Tensor::from_vec(Shape::new(&[values.len()]).unwrap(), values.to_vec()).unwrap()
    }
    let half = |values: [f32; 3]| values.map(half::f16::from_f32);
    let brain = |values: [f32; 3]| values.map(half::bf16::from_f32);
    let texts = vec![Bytes::from_static(b""), Bytes::from("ä\"\n".to_owned())];
    let tensors = [
        Tensor::from_bools(Shape::new(&[2]).unwrap(), vec![true, false]).unwrap(),
        of(&[0, u8::MAX]),
        of(&[0, u16::MAX]),
        of(&[0, u32::MAX]),
        of(&[0, u64::MAX]),
        of(&[i8::MIN, i8::MAX]),
        of(&[i16::MIN, i16::MAX]),
        of(&[i32::MIN, i32::MAX]),
        of(&[i64::MIN, i64::MAX]),
        of(&half([0.1, -0.0, 65504.0])),
        of(&brain([0.1, -0.0, 3e38])),
        of(&[0.1, -0.0, f32::MAX, f32::MIN_POSITIVE, 1e-45]),
        of(&[0.1, -0.0, f64::MAX, 5e-324, 2.225_073_858_507_201e-308]),
        Tensor::from_strings(Shape::new(&[2, 1]).unwrap(), texts).unwrap(),
        of(&[f32::INFINITY]),
        Tensor::from_strings(Shape::scalar(), vec![Bytes::from_static(b"\xff")]).unwrap(),
    ];
    (0..).zip(tensors).map(|(number, tensor)| NamedTensor::new(format!("x{number}"), tensor)).collect()
}

#[test]
fn events_come_back_as_they_went() {
    let sent = Record { inputs: every_type(), time_micros: 1_700_000_000_123_456, ..record("m") };
    let line = String::from_utf8(sent.to_line(Format::CloudEvents)).unwrap();
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    assert_eq!(Record::from_line(&line).unwrap(), sent);
    let nan =
        Record::from_line(std::str::from_utf8(&record("m").to_line(Format::CloudEvents)).unwrap()).unwrap();
    assert_eq!(nan.to_line(Format::Lines), record("m").to_line(Format::Lines));
}

#[test]
fn events_are_those_of_the_specification_under_names_of_kserve() {
    let tensor = Tensor::from_vec(Shape::new(&[1, 2]).unwrap(), vec![1.5_f32, 2.0]).unwrap();
    let sent = Record { inputs: vec![NamedTensor::new("x", tensor)], version: 3, ..record("m") };
    let ids: Vec<serde_json::Value> = [0, 1]
        .map(|_| {
            let mut event: serde_json::Value =
                serde_json::from_slice(&sent.to_line(Format::CloudEvents)).unwrap();
            let id = event["id"].take();
            assert_eq!(
                event,
                serde_json::json!({
                    "specversion": "1.0",
                    "id": null,
                    "source": "/v2/models/m/versions/3",
                    "type": "org.kubeflow.serving.inference.request",
                    "time": "2023-11-14T22:13:20.000000Z",
                    "datacontenttype": "application/json",
                    "inferenceservicename": "m",
                    "component": "predictor",
                    "modelversion": "3",
                    "signature": "serving_default",
                    "status": "OK",
                    "durationus": "312",
                    "traceid": "00000000000000000000000000000007",
                    "data": {
                        "inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.5, 2.0]}],
                        "outputs": [{"name": "y"}],
                    },
                })
            );
            id
        })
        .to_vec();
    assert_ne!(ids[0], ids[1], "each has one of its own");
}

#[test]
fn events_of_another_form_are_refused() {
    let tensor = Tensor::from_vec(Shape::new(&[2]).unwrap(), vec![1_u8, 2]).unwrap();
    let sent = Record { inputs: vec![NamedTensor::new("x", tensor)], ..record("m") };
    let good = String::from_utf8(sent.to_line(Format::CloudEvents)).unwrap();
    assert!(Record::from_line(&good).is_ok());
    for (from, to, expected) in [
        ("\"1.0\"", "\"0.3\"", "`specversion` is `0.3`, expected `1.0`"),
        ("inference.request", "inference.response", "`type` is `org.kubeflow.serving.inference.response`"),
        ("2023-11", "2023-13", "`time` is no moment"),
        ("UINT8", "UINT9", "input `x`: unknown datatype `UINT9`"),
        ("[1,2]", "[1,256]", "input `x`: an element of `data` is no uint8"),
        ("[1,2]", "[1,\"2\"]", "an element of `data` is no uint8"),
        ("[1,2]", "[1]", "input `x`: "),
        (
            "\"data\":[1,2]",
            "\"parameters\":{\"content_base64\":\"AQI=\"},\"data\":[1,2]",
            "expected `data`, or",
        ),
        ("\"data\":[1,2]", "\"parameters\":{\"content_base64\":\"*\"}", "input `x`: "),
        ("\"durationus\":\"312\"", "\"durationus\":\"-1\"", "`durationus` is no whole number"),
        ("\"traceid\":\"0", "\"traceid\":\"g", "`traceid` is no hexadecimal number"),
        ("\"inputs\"", "\"input\"", "missing field `inputs`"),
    ] {
        let line = good.replacen(from, to, 1);
        assert_ne!(line, good, "{from}");
        let error = Record::from_line(&line).unwrap_err();
        assert!(error.contains(expected), "{to}: {error}");
    }
}

#[test]
fn lines_of_another_form_are_refused_with_their_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let good = String::from_utf8(record("m").to_line(Format::Lines)).unwrap();
    for (from, to, expected) in [
        ("\"v\":1", "\"v\":2", "line 2: `v` is 2, expected 1"),
        ("\"dtype\":\"float32\"", "\"dtype\":\"float64\"", "line 2: input `x`: "),
        ("\"shape\":[2,1]", "\"shape\":[2,2]", "line 2: input `x`: "),
        ("\"data\":\"", "\"data\":\"*", "line 2: input `x`: "),
        ("\"strings\":[", "\"data\":\"\",\"strings\":[", "expected `data`, or `strings`"),
        ("{", "", "line 2: "),
        ("\"trace_id\":\"0", "\"trace_id\":\"g", "`trace_id`"),
    ] {
        fs::write(&path, format!("{good}{}", good.replacen(from, to, 1))).unwrap();
        let records: Vec<_> = read(&path).unwrap().collect();
        assert!(records[0].is_ok());
        let error = records[1].as_ref().unwrap_err().to_string();
        assert!(error.contains(expected), "{to}: {error}");
    }
    assert!(read(&folder.path().join("absent")).is_err());
}

#[test]
fn a_share_of_the_requests_is_written_and_the_file_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    for round in 0..2 {
        let log = RequestLog::start(RequestLogConfig::new(&path).with_sample(0.25)).unwrap();
        for number in 0..8 {
            if log.wants() {
                log.record(record(&format!("{round}-{number}")));
            }
        }
        assert!(log.shutdown(PATIENCE));
    }
    assert_eq!(names(&path), ["0-0", "0-4", "1-0", "1-4"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn files_are_cut_off_between_lines_and_the_oldest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let two_lines = 2 * record("0").to_line(Format::Lines).len() as u64;
    let log = RequestLog::start(RequestLogConfig::new(&path).with_files(two_lines, 2)).unwrap();
    for number in 0..7 {
        log.record(record(&number.to_string()));
    }
    assert!(log.shutdown(PATIENCE));
    let older = |number: u32| folder.path().join(format!("log.jsonl.{number}"));
    assert_eq!(names(&path), ["6"]);
    assert_eq!(names(&older(1)), ["4", "5"]);
    assert_eq!(names(&older(2)), ["2", "3"]);
    assert!(!older(3).exists());
}

#[test]
fn what_finds_no_room_is_dropped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let size = record("m").size_bytes();
    // No room for one.
    let config = RequestLogConfig::new(&path).with_max_waiting(8, size - 1);
    let log = RequestLog::start(config).unwrap();
    let registry = Registry::default();
    registry.register(log.collector());
    log.record(record("m"));
    assert!(log.shutdown(PATIENCE));
    // Nor after the end.
    log.record(record("m"));
    let scrape = text::encode(&registry.gather());
    assert!(scrape.contains("wharf_request_log_total{outcome=\"queue_full\"} 2\n"), "{scrape}");
    assert!(scrape.contains("wharf_request_log_total{outcome=\"written\"} 0\n"), "{scrape}");
    assert_eq!(names(&path), Vec::<String>::new());
    assert!(!RequestLog::default().wants());
}

#[test]
fn a_log_that_cannot_be_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let error = RequestLog::start(RequestLogConfig::new(folder.path())).unwrap_err();
    assert!(error.to_string().contains("cannot be opened"), "{error}");
    let config = RequestLogConfig::new(folder.path().join("x")).with_sample(1.5);
    assert_eq!(RequestLog::start(config).unwrap_err().to_string(), "sample is 1.5, expected 0 to 1");
}
