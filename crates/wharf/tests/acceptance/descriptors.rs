//! N-19: more connections than there are descriptors.

use tokio::net::TcpStream;

use crate::http::{self, Manner};
use crate::row::{Port, RowFile};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn running_out_of_descriptors_is_survived() {
    let mut server = Server::start_with_descriptors(256);
    let address = server.address(Port::Tfs);
    let row = RowFile::read("canary").row.remove(0);
    let request = http::request(&row, "", &row.body.bytes(""));
    for _ in 0..3 {
        let mut held = Vec::new();
        for _ in 0..300 {
            // Those that the server cannot take wait in the kernel's queue.
            held.push(TcpStream::connect(&address).await.unwrap());
        }
        assert!(server.runs());
        drop(held);
        let reply = http::exchange(&address, &request, Manner::default()).await;
        assert_eq!(reply.fault(&row), None);
    }
    server.stop();
}
