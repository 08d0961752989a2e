//! Playing the rows of a file.

use crate::canary::Canary;
use crate::grpc::Caller;
use crate::http;
use crate::mutate::broken;
use crate::oracle::{Footprint, Peak, settle};
use crate::row::{Port, Row, RowFile};
use crate::server::Server;

/// Plays `NAME.toml` and expects every row to end as it says, and the server to be as it was.
pub(crate) async fn file(name: &str) {
    let rows = RowFile::read(name).row;
    let mut server = Server::start(&[]);
    let canary = Canary::start(&server).await;
    let mut faults = round(&server, &rows).await;
    let before = Footprint::of(&server);
    // Said once is enough.
    if faults.is_empty() {
        faults = round(&server, &rows).await;
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

async fn round(server: &Server, rows: &[Row]) -> Vec<String> {
    let mut faults = Vec::new();
    for row in rows {
        for &port in &row.on {
            let peak = row.peak_mib.map(|limit| (limit, Peak::watch(server)));
            faults.extend(play(server, row, port).await);
            if let Some((limit, peak)) = peak {
                let grown = peak.grown_mib(server);
                if grown > limit {
                    faults.push(format!("{} {}: {grown} MiB more, expected {limit}", row.id, row.what));
                }
            }
        }
    }
    faults
}

/// Plays a row on one port; what went wrong.
async fn play(server: &Server, row: &Row, port: Port) -> Vec<String> {
    let address = server.address(port);
    let is_call = row.call.is_some();
    let mut caller = if is_call { Some(Caller::connect(&address).await) } else { None };
    let mut faults = Vec::new();
    for each in &row.each {
        let whole = if is_call { row.message.bytes(each) } else { row.body.bytes(each) };
        for seed in 0..=row.mutations {
            let bytes = if seed == 0 { whole.clone() } else { broken(&whole, seed) };
            let reply = match &mut caller {
                Some(caller) => caller.call(row, each, &bytes).await,
                None => http::exchange(&address, &http::request(row, each, &bytes)).await,
            };
            let fault = reply.fault(row);
            faults.extend(
                fault.map(|fault| format!("{} {} ({port:?}, `{each}`, {seed}): {fault}", row.id, row.what)),
            );
        }
    }
    faults
}
