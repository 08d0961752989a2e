use std::path::Path;

use tokio::net::UnixStream;

use super::*;

fn get(host: &str, more: &str) -> Vec<u8> {
    format!("GET /v1/models/m HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{more}\r\n").into_bytes()
}

#[tokio::test]
async fn names_of_others_are_refused_on_loopback() {
    let server = Server::running(Limits::default()).await;
    let port = server.rest().port();
    for (host, status) in [
        ("localhost".to_owned(), 200),
        (format!("localhost:{port}"), 200),
        (format!("127.0.0.1:{port}"), 200),
        ("[::1]".to_owned(), 200),
        ("x".to_owned(), 200),
        ("evil.example".to_owned(), 403),
        (format!("evil.example:{port}"), 403),
        ("localhost.evil.example".to_owned(), 403),
        ("192.168.0.1".to_owned(), 403),
    ] {
        let reply = exchange(server.rest(), &get(&host, "")).await;
        assert_eq!(status_of(&reply), status, "{host}: {reply}");
    }
    let absolute =
        "GET http://evil.example/v1/models/m HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert_eq!(status_of(&exchange(server.rest(), absolute.as_bytes()).await), 403);
}

#[tokio::test]
async fn pages_of_other_origins_read_replies_only_where_they_may() {
    let config = ApiConfig { cors_origins: vec!["https://app.example".to_owned()], ..ApiConfig::default() };
    let server = Server::configured(&FakeEngine::free_running(), config).await;
    let allowed = exchange(server.rest(), &get("x", "origin: https://app.example\r\n")).await;
    assert!(allowed.contains("access-control-allow-origin: https://app.example"), "{allowed}");
    for other in ["", "origin: https://evil.example\r\n"] {
        let reply = exchange(server.rest(), &get("x", other)).await;
        assert!(status_of(&reply) == 200 && !reply.contains("access-control"), "{other}: {reply}");
    }
    let preflight = "OPTIONS /v1/models/m:predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\norigin: https://app.example\r\n\
        access-control-request-method: POST\r\naccess-control-request-headers: content-type\r\n\r\n";
    let reply = exchange(server.rest(), preflight.as_bytes()).await;
    assert!(
        status_of(&reply) == 200 && reply.contains("access-control-allow-headers: content-type"),
        "{reply}"
    );
}

async fn ask(path: &Path, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    String::from_utf8_lossy(&reply).into_owned()
}

#[tokio::test]
async fn socket_files_are_there_for_every_protocol_and_gone_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let config = ApiConfig { unix_socket: Some(folder.path().to_owned()), ..ApiConfig::default() };
    let server = Server::configured(&FakeEngine::free_running(), config).await;
    let list = || std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(list(), 4);
    // Nobody can be led here by a name, so any will do.
    let reply = ask(&folder.path().join("rest.sock"), &get("any.example", "")).await;
    assert_eq!(status_of(&reply), 200, "{reply}");
    let ready = b"GET /v2/health/ready HTTP/1.1\r\nhost: any\r\nconnection: close\r\n\r\n";
    for name in ["oip-rest.sock", "http.sock"] {
        assert_eq!(status_of(&ask(&folder.path().join(name), ready).await), 200, "{name}");
    }
    assert!(server.handle.shutdown(PATIENCE).await);
    assert_eq!(list(), 0, "a socket was left behind");
}

#[tokio::test]
async fn one_socket_file_answers_every_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.sock");
    let config = ApiConfig { unix_socket: Some(path.clone()), ..ApiConfig::default() };
    let _server = Server::configured(&FakeEngine::free_running(), config).await;
    let ready = b"GET /v2/health/ready HTTP/1.1\r\nhost: any\r\nconnection: close\r\n\r\n";
    for request in [get("any", ""), ready.to_vec()] {
        let reply = ask(&path, &request).await;
        assert_eq!(status_of(&reply), 200, "{reply}");
    }
    let call = "POST /grpc.health.v1.Health/Check HTTP/1.1\r\nhost: any\r\nconnection: close\r\n\
        content-type: application/grpc\r\ncontent-length: 5\r\n\r\n\0\0\0\0\0";
    let reply = ask(&path, call.as_bytes()).await;
    assert!(reply.contains("content-type: application/grpc") && !reply.contains("error"), "{reply}");
}

#[tokio::test]
async fn a_reply_to_a_body_that_was_not_read_arrives_whole() {
    let limits = Limits { max_body_bytes: 1000, ..Limits::default() };
    let server = Server::running(limits).await;
    // Ten megabytes are more than the buffers between the two hold.
    let body = " ".repeat(10 << 20);
    let reply = exchange(server.rest(), &predict(&body)).await;
    assert_eq!(status_of(&reply), 413, "{reply}");
}
