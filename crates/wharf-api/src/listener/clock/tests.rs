//! All of it in paused time: nothing here waits.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::timeout;

use super::*;

const LONG: Duration = Duration::from_secs(3600);

/// A server's stream with a buffer of 64 bytes each way, its clock, and the client's end.
fn connection(is_http2: bool) -> (Clocked<DuplexStream>, Arc<Clock>, DuplexStream) {
    let (server, client) = duplex(64);
    let limits = Arc::new(Limits { max_unsent_bytes: 1000, ..Limits::default() });
    let clock = Clock::start(is_http2, &limits);
    (Clocked::new(server, Arc::clone(&clock)), clock, client)
}

/// How the next read ends, and after how many seconds.
async fn read(stream: &mut Clocked<DuplexStream>) -> (Result<usize, io::ErrorKind>, u64) {
    let began = Instant::now();
    let outcome = stream.read(&mut [0; 64]).await.map_err(|error| error.kind());
    (outcome, began.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_head_has_ten_seconds_from_its_first_byte() {
    let (mut stream, clock, mut client) = connection(false);
    drop(clock.enter());
    tokio::time::sleep(Duration::from_secs(60)).await;
    client.write_all(b"GET").await.unwrap();
    assert_eq!(read(&mut stream).await, (Ok(3), 0));
    tokio::time::sleep(Duration::from_secs(6)).await;
    client.write_all(b" ").await.unwrap();
    assert_eq!(read(&mut stream).await, (Ok(1), 0));
    // A further byte buys no further time.
    assert_eq!(read(&mut stream).await, (Err(io::ErrorKind::TimedOut), 4));
}

#[tokio::test(start_paused = true)]
async fn between_requests_there_are_75_seconds_and_an_end_without_an_error() {
    let (mut stream, clock, _client) = connection(false);
    drop(clock.enter());
    assert_eq!(read(&mut stream).await, (Ok(0), 75));
}

#[tokio::test(start_paused = true)]
async fn while_the_server_works_there_is_no_limit() {
    let (mut stream, clock, mut client) = connection(false);
    let busy = clock.enter();
    assert!(timeout(LONG, read(&mut stream)).await.is_err());
    client.write_all(b"body").await.unwrap();
    assert_eq!(read(&mut stream).await, (Ok(4), 0));
    assert!(timeout(LONG, read(&mut stream)).await.is_err());
    drop(busy);
    assert_eq!(read(&mut stream).await, (Ok(0), 75));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_cut_off_after_30_seconds() {
    let (mut stream, clock, mut client) = connection(false);
    let _busy = clock.enter();
    let began = Instant::now();
    stream.write_all(&[0; 64]).await.unwrap();
    let taking = async {
        tokio::time::sleep(Duration::from_secs(29)).await;
        client.read_exact(&mut [0; 10]).await.unwrap();
        client
    };
    let (outcome, _client) = tokio::join!(stream.write_all(&[0; 64]), taking);
    assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(began.elapsed().as_secs(), 59);
}

#[tokio::test(start_paused = true)]
async fn over_http_2_idleness_is_free_and_a_reply_that_stands_still_is_not() {
    let (mut stream, clock, _client) = connection(true);
    let mut busy = clock.enter();
    assert!(timeout(LONG, read(&mut stream)).await.is_err());
    busy.will_send(500);
    tokio::time::sleep(Duration::from_secs(20)).await;
    busy.sent(100);
    // Other streams go on, which is nothing to this one.
    stream.write_all(b"a ping").await.unwrap();
    assert_eq!(read(&mut stream).await, (Err(io::ErrorKind::TimedOut), 30));
    drop(busy);
    assert!(timeout(LONG, read(&mut stream)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn replies_may_wait_up_to_a_limit_or_one_alone() {
    let (_stream, clock, _client) = connection(true);
    let mut large = clock.enter();
    assert!(clock.has_room_for(5000));
    large.will_send(5000);
    assert!(!clock.has_room_for(1));
    large.sent(4500);
    assert!(clock.has_room_for(500) && !clock.has_room_for(501));
    drop(large);
    assert!(clock.has_room_for(usize::MAX));
}

#[tokio::test(start_paused = true)]
async fn what_is_still_sent_after_the_last_reply_is_thrown_away_for_a_while() {
    for (is_unread, seconds) in [(false, 0), (true, 2)] {
        let (mut stream, clock, mut client) = connection(false);
        drop(clock.enter());
        if is_unread {
            clock.leave_unread();
        }
        let began = Instant::now();
        let sending = async {
            loop {
                client.write_all(b"more").await.unwrap();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            outcome = stream.shutdown() => outcome.unwrap(),
            () = sending => {}
        }
        assert_eq!(began.elapsed().as_secs(), seconds);
    }
}
