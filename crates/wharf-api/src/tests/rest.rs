use super::*;

#[tokio::test]
async fn calls_are_answered_on_connections_that_stay() {
    let server = Server::running(Limits::default()).await;
    let one =
        "POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\ncontent-length: 18\r\n\r\n{\"instances\": [1]}";
    let two = String::from_utf8(predict("{\"instances\": [2, 0.5]}")).unwrap();
    let reply = exchange(server.rest(), format!("{one}{two}").as_bytes()).await;
    assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");
    assert!(
        reply.contains("\"predictions\": [1.0\n") && reply.contains("\"predictions\": [2.0, 0.5\n"),
        "{reply}"
    );
}

#[tokio::test]
async fn chunked_bodies_are_put_together() {
    let server = Server::running(Limits::default()).await;
    let head = "POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunks: String = "{\"instances\": [7]}".chars().map(|byte| format!("1;x=y\r\n{byte}\r\n")).collect();
    let reply = exchange(server.rest(), format!("{head}{chunks}0\r\n\r\n").as_bytes()).await;
    assert!(reply.contains("\"predictions\": [7.0"), "{reply}");
}

#[tokio::test]
async fn heads_that_break_the_rules_or_the_limits_are_refused() {
    let server = Server::running(Limits::default()).await;
    let get =
        |headers: &str| format!("GET /v1/models/m HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    let many: String = (0..10_000).map(|index| format!("h{index}: v\r\n")).collect();
    let long = format!("h: {}\r\n", "v".repeat(1 << 20));
    let uri = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "u".repeat(100 << 10));
    for (head, statuses) in [
        (get(""), &[200][..]),
        (get(&many), &[431]),
        (get(&long), &[431]),
        (uri, &[414, 431]),
        (get("h: a\r\n folded\r\n"), &[400]),
        (get("content-length: 1\r\ncontent-length: 2\r\n"), &[400]),
        (get("content-length: -1\r\n"), &[400]),
        (get("transfer-encoding: gzip\r\n"), &[400]),
        ("nonsense\r\n\r\n".to_owned(), &[400]),
    ] {
        let reply = exchange(server.rest(), head.as_bytes()).await;
        assert!(statuses.contains(&status_of(&reply)), "{statuses:?}: {}", &reply[..reply.len().min(80)]);
    }
}

#[tokio::test]
async fn bodies_past_the_limit_are_refused_early_and_the_connection_closed() {
    let limits = Limits { max_body_bytes: 1000, ..Limits::default() };
    let server = Server::running(limits).await;
    let declared = "POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n\r\n";
    let reply = exchange(server.rest(), declared.as_bytes()).await;
    assert_eq!(status_of(&reply), 413, "{reply}");
    assert!(reply.contains("connection: close"), "{reply}");
    let chunk = format!("400\r\n{}\r\n", " ".repeat(0x400));
    let head = "POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    let smuggled = "GET /v1/models/m HTTP/1.1\r\nhost: x\r\n\r\n";
    let reply = exchange(server.rest(), format!("{head}{chunk}{smuggled}").as_bytes()).await;
    assert_eq!((status_of(&reply), reply.matches("HTTP/1.1").count()), (413, 1), "{reply}");
}

#[tokio::test]
async fn malformed_input_is_never_our_fault() {
    let server = Server::running(Limits::default()).await;
    let deep = format!("{{\"unknown\": {}{}, \"instances\": [1]}}", "[".repeat(500_000), "]".repeat(500_000));
    let known = format!("{{\"instances\": {}", "[".repeat(500_000));
    for (request, status) in [
        (predict(&deep), 200),
        (predict(&known), 400),
        (predict(""), 400),
        (predict("\u{feff}{}"), 400),
        (predict("{\"instances\": [[1]]}"), 400),
        (predict("{\"instances\": [\"\\ud800\"]}"), 400),
        (post("/v1/models/m/versions/4:predict", "", "{\"instances\": [1]}"), 404),
        (post("/v1/models/m:predict", "content-encoding: br\r\n", "x"), 415),
        (post("/v1/models/m:predict", "content-encoding: gzip\r\n", "x"), 400),
        (post("/v1/models/m:predict", "content-encoding: gzip\r\ncontent-encoding: gzip\r\n", "x"), 415),
        (
            post(
                "/v1/models/m:predict",
                "content-type: text/plain; charset=utf-16\r\n",
                "{\"instances\": [1]}",
            ),
            200,
        ),
        (post("/v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd:predict", "", "{\"instances\": [1]}"), 404),
        (post("/v1/models/..%252f:predict", "", "{\"instances\": [1]}"), 404),
        (post("/v2/models", "", ""), 404),
    ] {
        let reply = exchange(server.rest(), &request).await;
        assert_eq!(status_of(&reply), status, "{}", &reply[..reply.len().min(400)]);
    }
}

#[tokio::test]
async fn options_answer_browsers_alone() {
    let server = Server::running(Limits::default()).await;
    for (origin, status) in [("origin: https://a.example\r\n", 200), ("origin: file://x\r\n", 400), ("", 400)]
    {
        let request =
            format!("OPTIONS /v1/models/m:predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{origin}\r\n");
        assert_eq!(status_of(&exchange(server.rest(), request.as_bytes()).await), status, "{origin}");
    }
}

#[tokio::test]
async fn those_who_dawdle_are_shown_out() {
    let limits = Limits {
        header_read_timeout: Duration::from_millis(30),
        body_grace: Duration::from_millis(30),
        min_body_bytes_per_second: 1 << 30,
        ..Limits::default()
    };
    let server = Server::running(limits).await;
    for silence in ["", "P", "PRI * HTTP", "GET /v1/models/m HTTP/1.1\r\nhost:"] {
        let reply = exchange(server.rest(), silence.as_bytes()).await;
        assert!(!reply.contains("200 OK"), "{silence}: {reply}");
    }
    let stalled = "POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    let reply = exchange(server.rest(), stalled.as_bytes()).await;
    assert_eq!(status_of(&reply), 408, "{reply}");
}

#[tokio::test]
async fn every_port_says_what_it_answers() {
    let server = Server::running(Limits::default()).await;
    let addresses = server.handle.addresses();
    for (address, has) in [
        (addresses.rest, "/v1/models/{model}:classify"),
        (addresses.oip_rest, "/v2/models/{model}/infer"),
        (addresses.http, "/v1/models/{model}:predict"),
    ] {
        let request = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let reply = exchange(address.unwrap(), request).await;
        assert!(status_of(&reply) == 200 && reply.contains(has), "{has}: {reply}");
    }
}
