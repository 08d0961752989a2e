//! What `wharf serve` holds its clients to.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use wharf_api::ApiConfig;

/// Sockets, browsers and limits. The defaults are those of `wharf_api::Limits`.
#[derive(Args, Debug)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArgs {
    /// Folder for sockets `grpc.sock`, `rest.sock`, `oip-rest.sock` and `http.sock`; or a file that becomes one socket
    /// for gRPC and REST
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) unix_socket: Option<PathBuf>,
    /// Origin whose pages may read replies in a browser, `https://app.example` or `*`; may be repeated [default: none]
    #[arg(long, value_name = "ORIGIN", value_parser = parse_origin)]
    pub(crate) cors_origin: Vec<String>,
    /// Name that clients may call this server by; may be repeated [default: those of this machine when it listens on
    /// loopback, any otherwise]
    #[arg(long, value_name = "NAME", value_parser = parse_host)]
    pub(crate) allowed_host: Vec<String>,
    /// Answer nothing below /admin/ on the http port: traffic between versions stays as it is
    #[arg(long)]
    pub(crate) no_admin: bool,
    /// Largest request body or message, before and after decompression
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=4096))]
    pub(crate) max_body: u64,
    /// Most memory that the bodies of all requests under way may take together
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub(crate) max_request_memory: u64,
    /// Most connections at a time
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_connections: u32,
    /// Seconds that the head of a request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub(crate) header_timeout: u64,
    /// Seconds that an HTTP/1 connection may lie idle between two requests
    #[arg(long, value_name = "SECONDS", default_value_t = 75, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub(crate) idle_timeout: u64,
    /// Milliseconds that a gRPC call may take whose client sets no deadline; 0 leaves that to the clients
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) grpc_timeout_ms: u64,
    /// Seconds that a client may take nothing of a reply
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub(crate) write_timeout: u64,
}

impl NetworkArgs {
    /// Sets what was asked for.
    pub(crate) fn apply_to(&self, config: &mut ApiConfig) {
        config.unix_socket.clone_from(&self.unix_socket);
        config.admin = !self.no_admin;
        config.cors_origins.clone_from(&self.cors_origin);
        config.allowed_hosts.clone_from(&self.allowed_host);
        let limits = &mut config.limits;
        limits.max_body_bytes = usize::try_from(self.max_body << 20).unwrap_or(usize::MAX);
        limits.max_held_bytes = usize::try_from(self.max_request_memory << 20).unwrap_or(usize::MAX);
        limits.max_connections = usize::try_from(self.max_connections).unwrap_or(usize::MAX);
        limits.header_read_timeout = Duration::from_secs(self.header_timeout);
        limits.idle_timeout = Duration::from_secs(self.idle_timeout);
        let timeout = Duration::from_millis(self.grpc_timeout_ms);
        limits.grpc_timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
        limits.write_timeout = Duration::from_secs(self.write_timeout);
    }
}

fn parse_origin(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_origin = rest.is_some_and(|rest| {
        let host = rest.strip_suffix('/').unwrap_or(rest);
        !host.is_empty() && !host.contains(['/', '*', '@', ' '])
    });
    if text == "*" || is_origin {
        return Ok(text.to_owned());
    }
    Err("expected `*`, `https://HOST` or `http://HOST:PORT`".to_owned())
}

fn parse_host(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['/', ':', '*', '@', ' ']) {
        return Err("expected a name without a port, such as `model.example`".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use wharf_api::Limits;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        network: NetworkArgs,
    }

    #[test]
    fn the_defaults_are_those_of_the_listeners() {
        let mut config = ApiConfig::default();
        Command::parse_from(["wharf"]).network.apply_to(&mut config);
        assert_eq!((config.limits, config.admin), (Limits::default(), true));
        assert!(
            config.unix_socket.is_none() && config.cors_origins.is_empty() && config.allowed_hosts.is_empty()
        );
    }

    #[test]
    fn origins_and_hosts_are_looked_at() {
        for (origin, is_good) in [
            ("*", true),
            ("https://a.example", true),
            ("http://localhost:3000", true),
            ("https://a.example/", true),
            ("a.example", false),
            ("https://", false),
            ("https://a.example/path", false),
            ("https://*.example", false),
        ] {
            assert_eq!(parse_origin(origin).is_ok(), is_good, "{origin}");
        }
        for (host, is_good) in
            [("a.example", true), ("", false), ("a.example:80", false), ("https://a", false), ("*", false)]
        {
            assert_eq!(parse_host(host).is_ok(), is_good, "{host}");
        }
    }
}
