//! V-6 and V-7: a server that is told to stop, with clients in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use wharf_testing::models;

use crate::grpc::Caller;
use crate::http::{self, Manner};
use crate::reply::Reply;
use crate::row::{Port, RowFile};
use crate::server::Server;

/// Whether a reply has as many bytes as it says.
fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| length.parse() == Ok(body.len()))
}

/// Asks on new connections until there is no port any more; what was no good answer.
async fn ask_until_closed(address: String, request: Arc<[u8]>, answered: Arc<AtomicUsize>) -> Vec<String> {
    let mut faults = Vec::new();
    while TcpStream::connect(&address).await.is_ok() {
        match http::exchange(&address, &request, Manner::default()).await {
            Reply::Http { status: 200, text, .. } if is_whole(&text) => {
                answered.fetch_add(1, Ordering::SeqCst);
            }
            Reply::Http { status: 503, text, .. } if is_whole(&text) => {}
            // The port was closed before the request was read.
            Reply::Nothing(text) if !text.contains("HTTP") => {}
            other => faults.push(format!("{other:?}")),
        }
    }
    faults
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_answers_every_request_that_was_taken() {
    let server = Server::start(&[]);
    let address = server.address(Port::Tfs);
    let [rest, grpc] = RowFile::read("canary").row.try_into().ok().unwrap();
    let request: Arc<[u8]> = http::request(&rest, "", &rest.body.bytes("")).into();
    // One that is idle, one in the middle of its head and one of HTTP/2 must not hold the server up.
    let idle = TcpStream::connect(&address).await.unwrap();
    let mut halfway = TcpStream::connect(&address).await.unwrap();
    halfway.write_all(b"GET /").await.unwrap();
    let mut caller = Caller::connect(&server.address(Port::Grpc)).await;
    assert_eq!(caller.call(&grpc, "", &grpc.message.bytes("")).await.fault(&grpc), None);

    let answered = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        clients.spawn(ask_until_closed(address.clone(), Arc::clone(&request), Arc::clone(&answered)));
    }
    while answered.load(Ordering::SeqCst) < 100 {
        tokio::task::yield_now().await;
    }
    tokio::task::spawn_blocking(move || server.stop()).await.unwrap();
    let faults = clients.join_all().await.concat();
    assert!(faults.is_empty(), "{faults:?}");
    drop((idle, halfway));
}

/// A model whose warm-up takes days.
fn put_one_that_loads_for_ever(repository: &std::path::Path) {
    let folder = repository.join("m");
    std::fs::create_dir_all(folder.join("1")).unwrap();
    std::fs::create_dir(folder.join("warmup")).unwrap();
    std::fs::write(folder.join("warmup/times"), i64::MAX.to_le_bytes()).unwrap();
    let input = r#"inputs { key: "times" value { data_type: TYPE_INT64 input_data_file: "times" } }"#;
    std::fs::write(folder.join("config.pbtxt"), format!("model_warmup {{ name: 'w' {input} }}")).unwrap();
    std::fs::write(folder.join("1/model.onnx"), models::SLOW).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_does_not_wait_for_a_model_that_loads() {
    let server = Server::start_empty("poll");
    put_one_that_loads_for_ever(&server.repository());
    let address = server.address(Port::Tfs);
    let request = b"GET /v1/models/m HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    loop {
        match http::exchange(&address, request, Manner::default()).await {
            Reply::Http { text, .. } if text.contains("LOADING") => break,
            Reply::Http { text, .. } => assert!(!text.contains("END"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    tokio::task::spawn_blocking(move || server.stop()).await.unwrap();
}
