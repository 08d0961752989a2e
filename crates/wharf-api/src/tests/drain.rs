use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn requests_under_way_are_finished_and_new_ones_told_to_go() {
    let engine = FakeEngine::stepped();
    let server = Server::start(&engine, Limits::default()).await;
    let address = server.rest();
    let under_way = spawn(async move { exchange(address, &predict("{\"instances\": [5]}")).await });
    let run = tokio::task::spawn_blocking(move || engine.next_run()).await.unwrap();
    let stopping = spawn(server.handle.shutdown(PATIENCE));
    // Connections are accepted still; as soon as the gate is shut, they hear so.
    let refused = loop {
        let reply =
            exchange(address, b"GET /v1/models/m HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        if status_of(&reply) != 200 {
            break reply;
        }
    };
    assert_eq!(status_of(&refused), 503, "{refused}");
    assert!(refused.contains("connection: close") && refused.contains("retry-after"), "{refused}");
    assert!(!under_way.is_finished() && !stopping.is_finished());
    run.finish();
    assert!(under_way.await.unwrap().contains("\"predictions\": [5.0"));
    assert!(stopping.await.unwrap(), "everything was finished in time");
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_ends() {
    let engine = FakeEngine::stepped();
    let server = Server::start(&engine, Limits::default()).await;
    let address = server.rest();
    let under_way = spawn(async move { exchange(address, &predict("{\"instances\": [5]}")).await });
    let run = tokio::task::spawn_blocking(move || engine.next_run()).await.unwrap();
    assert!(!server.handle.shutdown(Duration::from_millis(20)).await, "a request was cut off");
    assert_eq!(under_way.await.unwrap(), "");
    run.finish();
}
