//! Playing the rows of a file.

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::canary::Canary;
use crate::frames;
use crate::grpc::Caller;
use crate::http::{self, Manner};
use crate::mutate::broken;
use crate::oracle::{Footprint, Peak, descriptors_settle, settle};
use crate::reply::Reply;
use crate::row::{Port, Row, RowFile};
use crate::server::Server;

/// How many times more bodies are broken under `WHARF_SOAK=1`: a hundred thousand over all rows.
const SOAK: u64 = 20;
/// How often replies that nobody reads warm the server up: what is freed by a thread that then has nothing to do stays
/// with it, so that the first time does not show all that is kept.
const WARM: usize = 2;

/// Plays `NAME.toml` against a server with these arguments more, and expects every row to end as it says, and the
/// server to be as it was.
pub(crate) async fn file(name: &str, arguments: &[&str]) {
    on(Server::start(arguments), name).await;
}

/// The same against this server.
pub(crate) async fn on(mut server: Server, name: &str) {
    let rows = RowFile::read(name).row;
    let canary = Canary::start(&server).await;
    let mut faults = round(&server, &rows, WARM).await;
    let before = Footprint::of(&server);
    // Said once is enough.
    if faults.is_empty() {
        faults = round(&server, &rows, 1).await;
        faults.extend(settle(&server, &before).await.err());
    }
    let (calls, failures) = canary.end().await;
    faults.extend(failures.into_iter().map(|failure| format!("canary: {failure}")));
    if !server.runs() {
        faults.push("the server has ended".to_owned());
    }
    assert!(faults.is_empty(), "{} faults in {name}.toml:\n{}", faults.len(), faults.join("\n"));
    assert!(calls > 0, "the canary was not asked");
    server.stop();
}

/// Plays all rows once, and those whose replies nobody reads so many times.
async fn round(server: &Server, rows: &[Row], unread: usize) -> Vec<String> {
    let mut faults = Vec::new();
    for row in rows {
        let peak = row.peak_mib.map(|limit| (limit, Peak::watch(server)));
        if row.unread {
            for _ in 0..unread {
                faults.extend(hold(server, row).await);
            }
        } else {
            faults.extend(on_every_port(server, row).await);
        }
        if let Some((limit, peak)) = peak {
            let grown = peak.grown_mib(server);
            if grown > limit {
                faults.push(format!("{} {}: {grown} MiB more, expected {limit}", row.id, row.what));
            }
        }
    }
    faults
}

/// Plays a row on its ports, at the same time where it is mostly waiting; what went wrong.
async fn on_every_port(server: &Server, row: &Row) -> Vec<String> {
    let is_light = row.mutations == 0 && row.peak_mib.is_none();
    let (mut played, mut faults) = (JoinSet::new(), Vec::new());
    for &port in &row.on {
        played.spawn(play(server.address(port), row.clone(), port));
        if !is_light {
            faults.extend(std::mem::take(&mut played).join_all().await);
        }
    }
    faults.extend(played.join_all().await);
    faults.concat()
}

/// Plays a row on one port; what went wrong.
async fn play(address: String, row: Row, port: Port) -> Vec<String> {
    let mut caller = if row.call.is_some() { Some(Caller::connect(&address).await) } else { None };
    let mut faults = Vec::new();
    let eaches = match row.numbers {
        None => row.each.clone(),
        Some(most) => (1..=most * soak()).map(|number| number.to_string()).collect(),
    };
    for each in &eaches {
        let whole = if caller.is_some() { row.message.bytes(each) } else { row.body.bytes(each) };
        let mutations = if row.soak { row.mutations * soak() } else { row.mutations };
        for seed in 0..=mutations {
            let bytes = if seed == 0 { whole.clone() } else { broken(&whole, seed) };
            let replies = match &mut caller {
                Some(caller) => vec![caller.call(&row, each, &bytes).await],
                None => over_connections(&row, &address, &http::request(&row, each, &bytes)).await,
            };
            let found = replies.iter().filter_map(|reply| reply.fault(&row)).take(3);
            faults.extend(
                found.map(|fault| format!("{} {} ({port:?}, `{each}`, {seed}): {fault}", row.id, row.what)),
            );
        }
    }
    faults
}

fn soak() -> u64 {
    if std::env::var_os("WHARF_SOAK").is_some() { SOAK } else { 1 }
}

/// Sends `bytes` over as many connections as the row says, at the same time.
async fn over_connections(row: &Row, address: &str, bytes: &[u8]) -> Vec<Reply> {
    let mut exchanges = JoinSet::new();
    for _ in 0..row.connections {
        let (address, bytes, is_http2) = (address.to_owned(), bytes.to_vec(), row.http2);
        let (drip, half_close) = (row.drip.as_ref().map(|drip| drip.bytes("")), row.half_close);
        exchanges.spawn(async move {
            let manner = Manner { drip: drip.as_deref(), half_close };
            if is_http2 {
                frames::exchange(&address, &bytes).await
            } else {
                http::exchange(&address, &bytes, manner).await
            }
        });
    }
    exchanges.join_all().await
}

/// Sends a row to all of its ports and reads nothing, until the server has had enough.
async fn hold(server: &Server, row: &Row) -> Option<String> {
    let before = Footprint::of(server);
    let mut held: Vec<TcpStream> = Vec::new();
    for (&port, each) in row.on.iter().flat_map(|port| row.each.iter().map(move |each| (port, each))) {
        let request = http::request(row, each, &row.body.bytes(each));
        let bytes = if row.http2 { [frames::PREFACE, &request].concat() } else { request };
        for _ in 0..row.connections {
            held.push(http::send_only(&server.address(port), &bytes).await);
        }
    }
    let fault = descriptors_settle(server, &before).await.err()?;
    Some(format!("{} {}: {fault}", row.id, row.what))
}
