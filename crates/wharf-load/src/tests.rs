//! Both loops against a server that answers by the path it is asked for.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::{Arrivals, Bound, LoadErrorKind, Pacing, Plan, Target, Wire, drive, encode};

/// A server of one protocol; dropping it stops it.
struct Server {
    address: String,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start(is_grpc: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(TokioIo::new(stream), is_grpc));
            }
        });
        Self { address, _tasks: tasks }
    }

    fn target(&self, wire: Wire, models: &[&str]) -> Target {
        let call = |model: &&str| {
            let request = crate::Request { model, version: None, signature: None, inputs: &[], outputs: &[] };
            encode(wire, &request).unwrap()
        };
        Target { server: self.address.clone(), calls: models.iter().map(call).collect() }
    }
}

async fn serve(stream: TokioIo<tokio::net::TcpStream>, is_grpc: bool) {
    // A client that goes away ends the connection, which is no matter here.
    if is_grpc {
        let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let _ended = http.serve_connection(stream, service_fn(answer_grpc)).await;
    } else {
        let http = hyper::server::conn::http1::Builder::new();
        let _ended = http.serve_connection(stream, service_fn(answer_rest)).await;
    }
}

async fn answer_rest(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let status = match request.uri().path() {
        "/v1/models/full:predict" => 503,
        "/v1/models/slow:predict" => 504,
        "/v1/models/none:predict" => 404,
        _ => 200,
    };
    let response = Response::builder().status(status).body(Full::new(Bytes::from_static(b"0123456789")));
    Ok(response.unwrap())
}

async fn answer_grpc(request: Request<Incoming>) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let is_full = body.windows(4).any(|window| window == b"full");
    let code = HeaderValue::from_static(if is_full { "8" } else { "0" });
    let text = HeaderValue::from_static("too%20much");
    let fields = HeaderMap::from_iter(
        [("grpc-status", code), ("grpc-message", text)]
            .map(|(name, value)| (http::HeaderName::from_static(name), value)),
    );
    if is_full {
        // Only a status, in the headers.
        let mut response = Response::new(Full::default().boxed());
        response.headers_mut().extend(fields);
        return Ok(response);
    }
    let reply = Full::new(Bytes::from_static(b"\0\0\0\0\0")).with_trailers(async { Some(Ok(fields)) });
    Ok(Response::new(reply.boxed()))
}

fn plan(pacing: Pacing) -> Plan {
    Plan::new(pacing).with_bound(Bound::Requests(60)).with_warm_up(Duration::ZERO)
}

const CLOSED: Pacing = Pacing::Closed { concurrency: 3 };
const OPEN: Pacing = Pacing::Open { rate: 2000.0, arrivals: Arrivals::Poisson, seed: 3 };

#[tokio::test]
async fn both_loops_measure_as_many_requests_as_are_wanted() {
    for is_grpc in [true, false] {
        let server = Server::start(is_grpc).await;
        let wire = if is_grpc { Wire::TfsGrpc } else { Wire::TfsRest };
        for pacing in [CLOSED, OPEN] {
            let summary = drive(&server.target(wire, &["m"]), &plan(pacing)).await.unwrap();
            assert_eq!((summary.requests, summary.answered), (60, 60), "{wire} {pacing:?}");
            assert_eq!(summary.received_bytes, 60 * if is_grpc { 5 } else { 10 });
            assert!(summary.latency.is_some() && summary.seconds > 0.0);
        }
    }
}

#[tokio::test]
async fn statuses_of_http_are_told_apart() {
    let server = Server::start(false).await;
    let target = server.target(Wire::TfsRest, &["m", "full", "slow", "none"]);
    let summary = drive(&target, &plan(OPEN)).await.unwrap();
    let counts = (summary.answered, summary.refused, summary.timed_out, summary.failed);
    assert_eq!(counts, (15, 15, 15, 15));
    assert_eq!(summary.first_errors["failed"], "HTTP 404: 0123456789");
}

#[tokio::test]
async fn statuses_of_grpc_are_told_apart_in_headers_and_trailers() {
    let server = Server::start(true).await;
    let summary = drive(&server.target(Wire::TfsGrpc, &["m", "full"]), &plan(OPEN)).await.unwrap();
    assert_eq!((summary.answered, summary.refused), (30, 30));
    assert_eq!(summary.first_errors["refused"], "gRPC 8: too much");
}

#[tokio::test]
async fn plans_that_make_no_sense_are_refused() {
    let server = Server::start(false).await;
    let target = server.target(Wire::TfsRest, &["m"]);
    for (pacing, text) in [
        (Pacing::Closed { concurrency: 0 }, "concurrency is 0, expected at least 1"),
        (
            Pacing::Open { rate: 0.0, arrivals: Arrivals::Even, seed: 0 },
            "rate is 0, expected more than 0 a second",
        ),
    ] {
        let error = drive(&target, &plan(pacing)).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (LoadErrorKind::Argument, text));
    }
    let nothing = Target { calls: Vec::new(), ..target };
    assert_eq!(drive(&nothing, &plan(CLOSED)).await.unwrap_err().kind(), LoadErrorKind::Argument);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    for wire in [Wire::TfsGrpc, Wire::TfsRest] {
        let request =
            crate::Request { model: "m", version: None, signature: None, inputs: &[], outputs: &[] };
        let target = Target { server: free.clone(), calls: vec![encode(wire, &request).unwrap()] };
        let error = drive(&target, &plan(CLOSED)).await.unwrap_err();
        assert_eq!(error.kind(), LoadErrorKind::Unreachable);
        assert_eq!(error.to_string(), format!("cannot reach `{free}`"));
    }
}
