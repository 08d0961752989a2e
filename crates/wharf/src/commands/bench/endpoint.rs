//! Where the load goes: a server of our own, or one that runs already.

use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::{Context, bail};
use wharf_load::Wire;

use super::source::Source;
use crate::cli::BenchLoadArgs;
use crate::commands::own_server::Server;

/// A server to load.
pub(super) enum Endpoint {
    /// Started for the measurement.
    Own(Server),
    /// `HOST:PORT` of one that runs.
    Given(String),
}

impl Endpoint {
    /// The server that `arguments` name, or a new one that serves `source`.
    pub(super) fn new(arguments: &BenchLoadArgs, source: &Source) -> anyhow::Result<Self> {
        let Some(server) = &arguments.server else { return source.server(None).map(Self::Own) };
        if let [first, second, ..] = arguments.protocol.as_slice() {
            bail!("`--server` is one port, but {first} and {second} are wanted: name one protocol");
        }
        let addresses = server.to_socket_addrs().with_context(|| format!("`{server}` is no HOST:PORT"))?;
        check_loopback(server, addresses, arguments.allow_remote)?;
        Ok(Self::Given(server.clone()))
    }

    /// Where it listens for `wire`.
    pub(super) fn address(&self, wire: Wire) -> anyhow::Result<String> {
        match self {
            Self::Own(server) => server.address(wire),
            Self::Given(server) => Ok(server.clone()),
        }
    }
}

/// A load is an attack where it is not wanted: other machines must be meant.
fn check_loopback(
    server: &str,
    mut addresses: impl Iterator<Item = SocketAddr>,
    allow_remote: bool,
) -> anyhow::Result<()> {
    if !allow_remote && !addresses.all(|address| address.ip().to_canonical().is_loopback()) {
        bail!("`{server}` is another machine; `--allow-remote` says that it may be loaded");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_must_be_meant() {
        for (addresses, is_local) in [
            (&["127.0.0.1:1"][..], true),
            (&["[::1]:1", "127.0.0.2:1"], true),
            (&["[::ffff:127.0.0.1]:1"], true),
            (&["127.0.0.1:1", "192.0.2.1:1"], false),
            (&["[2001:db8::1]:1"], false),
        ] {
            let parsed = || addresses.iter().map(|address| address.parse().unwrap());
            assert_eq!(check_loopback("host:1", parsed(), false).is_ok(), is_local, "{addresses:?}");
            assert!(check_loopback("host:1", parsed(), true).is_ok());
        }
    }
}
