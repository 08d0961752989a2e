//! V-6 and V-7: a server that is told to stop, with clients in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

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
