//! With a collector of our own, which decodes what arrives.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use prost::Message as _;
use wharf_infer::ErrorCode;
use wharf_metrics::{Registry, text};

use super::*;
use crate::otlp;

/// Longer than anything here should take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A collector that answers its requests with `statuses`, one after the other, and then is away.
fn collector(statuses: &'static [u16]) -> (String, Receiver<otlp::ExportTraceServiceRequest>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", socket.local_addr().unwrap());
    let (arrives, arrived) = channel();
    thread::spawn(move || {
        for status in statuses {
            let (stream, _) = socket.accept().unwrap();
            let mut stream = BufReader::new(stream);
            let body = read_request(&mut stream);
            let reply = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.get_mut().write_all(reply.as_bytes()).unwrap();
            let _ = arrives.send(otlp::ExportTraceServiceRequest::decode(&body[..]).unwrap());
        }
    });
    (endpoint, arrived)
}

fn read_request(stream: &mut impl BufRead) -> Vec<u8> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_ascii_lowercase());
    }
    assert_eq!(head[0], "post /v1/traces http/1.1");
    assert!(head.iter().any(|line| line == "content-type: application/x-protobuf"), "{head:?}");
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    body
}

fn parent(is_sampled: bool) -> Option<TraceContext> {
    Some(TraceContext { trace_id: 7, span_id: 8, is_sampled })
}

fn counts(tracer: &Tracer) -> String {
    let registry = Registry::default();
    registry.register(tracer.collector());
    text::encode(&registry.gather())
}

#[track_caller]
fn assert_counts(tracer: &Tracer, outcome: &str, count: u64) {
    let line = format!("wharf_trace_spans_total{{outcome=\"{outcome}\"}} {count}\n");
    let text = counts(tracer);
    assert!(text.contains(&line), "no {line} in\n{text}");
}

#[test]
fn spans_arrive_with_what_is_known_of_them() {
    let (endpoint, arrived) = collector(&[200]);
    let tracer = Tracer::start(TraceConfig::new(endpoint).with_service("s")).unwrap();
    let trace = tracer.begin(parent(true)).unwrap();
    let start = Instant::now();
    let end = start + Duration::from_millis(3);
    trace.part("compute", (start, end), vec![("model.name", "m".into()), ("rows", 4.into())]);
    trace.request(Some(8), (start, end), Vec::new(), Some(ErrorCode::Overloaded));
    assert!(tracer.shutdown(PATIENCE));
    let message = arrived.recv_timeout(PATIENCE).unwrap();
    let of_service = &message.resource_spans[0];
    let resource = of_service.resource.as_ref().unwrap();
    assert_eq!(resource.attributes[0], otlp::KeyValue::text("service.name", "s"));
    let [part, request] = &of_service.scope_spans[0].spans[..] else { panic!("{message:?}") };
    assert_eq!((part.name.as_str(), part.kind), ("compute", otlp::KIND_INTERNAL));
    assert_eq!(part.trace_id, 7_u128.to_be_bytes());
    assert_eq!(part.parent_span_id, request.span_id);
    assert_eq!(part.end_time_unix_nano - part.start_time_unix_nano, 3_000_000);
    assert!(part.start_time_unix_nano > 1_700_000_000_000_000_000);
    let known = [otlp::KeyValue::text("model.name", "m"), otlp::KeyValue::int("rows", 4)];
    assert_eq!(part.attributes, known);
    assert_eq!(part.status, None);
    assert_eq!((request.name.as_str(), request.kind), ("request", otlp::KIND_SERVER));
    assert_eq!(request.parent_span_id, 8_u64.to_be_bytes());
    let status = request.status.as_ref().unwrap();
    assert_eq!((status.code, status.message.as_str()), (otlp::STATUS_ERROR, "OVERLOADED"));
    assert_counts(&tracer, "sent", 2);
}

#[test]
fn callers_decide_and_of_the_others_a_share_is_traced() {
    let never = Tracer::start(TraceConfig::new("http://127.0.0.1:1")).unwrap();
    let always = Tracer::start(TraceConfig::new("http://127.0.0.1:1").with_sample(1.0)).unwrap();
    for (tracer, parent, is_traced) in [
        (&never, parent(true), true),
        (&never, parent(false), false),
        (&never, None, false),
        (&always, parent(true), true),
        (&always, parent(false), false),
        (&always, None, true),
        (&Tracer::default(), self::parent(true), false),
    ] {
        assert_eq!(tracer.begin(parent).is_some(), is_traced, "{tracer:?} {parent:?}");
    }
    never.set(TraceSettings { is_on: true, sample: 1.0 });
    assert!(never.begin(None).is_some());
    never.set(TraceSettings { is_on: false, sample: 1.0 });
    assert!(never.begin(parent(true)).is_none());
    assert_eq!(never.settings_at_start(), Some(TraceSettings { is_on: true, sample: 0.0 }));
}

#[test]
fn a_collector_that_is_away_costs_spans_and_no_time() {
    // Nobody listens on the port of a socket that is gone.
    let endpoint = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let tracer = Tracer::start(TraceConfig::new(endpoint).with_max_waiting(4)).unwrap();
    let trace = tracer.begin(parent(true)).unwrap();
    // The thread may have taken a batch away from the queue, and no more until that is given up.
    for _ in 0..10_000 {
        trace.part("compute", (Instant::now(), Instant::now()), Vec::new());
    }
    assert!(tracer.shutdown(PATIENCE));
    let text = counts(&tracer);
    assert!(text.contains("{outcome=\"sent\"} 0\n"), "{text}");
    let numbers = text.lines().filter(|line| !line.starts_with('#'));
    let total: u64 = numbers.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(total, 10_000, "{text}");
    assert!(!text.contains("{outcome=\"queue_full\"} 0\n"), "{text}");
}

#[test]
fn a_busy_collector_is_asked_again_and_a_refusal_is_final() {
    let (endpoint, arrived) = collector(&[503, 200, 400]);
    let tracer = Tracer::start(TraceConfig::new(endpoint)).unwrap();
    let trace = tracer.begin(parent(true)).unwrap();
    trace.part("compute", (Instant::now(), Instant::now()), Vec::new());
    let first = arrived.recv_timeout(PATIENCE).unwrap();
    assert_eq!(arrived.recv_timeout(PATIENCE).unwrap(), first);
    trace.part("queue", (Instant::now(), Instant::now()), Vec::new());
    arrived.recv_timeout(PATIENCE).unwrap();
    assert!(tracer.shutdown(PATIENCE));
    assert_counts(&tracer, "sent", 1);
    assert_counts(&tracer, "refused", 1);
    trace.part("compute", (Instant::now(), Instant::now()), Vec::new());
    assert_counts(&tracer, "queue_full", 1);
}
