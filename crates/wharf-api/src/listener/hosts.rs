//! Which names the server answers to.
//!
//! A page in a browser may have its own name lead to this machine's loopback address, and then read what is served
//! there as if it were its own (DNS rebinding). Such requests give themselves away by the name in `Host`.

use std::net::IpAddr;

use http::Request;
use http::header::HOST;
use wharf_infer::{ErrorCode, ServiceError};

use crate::shown::shown;

/// The names that requests may be for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hosts {
    /// Lower case, without a port.
    names: Vec<String>,
}

impl Hosts {
    /// The names of this machine, and `allowed`. `None` where every name may be asked for: the server is open to
    /// the network, which knows it by names that it does not know itself, and nobody said which.
    pub(crate) fn of(bind: IpAddr, allowed: &[String]) -> Option<Self> {
        if allowed.is_empty() && !bind.is_loopback() {
            return None;
        }
        let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let names = allowed.iter().map(String::as_str).chain([own.trim(), "localhost"]);
        Some(Self { names: names.filter(|name| !name.is_empty()).map(str::to_ascii_lowercase).collect() })
    }

    /// Refuses requests for other names. Those that name none come from no browser.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), ServiceError> {
        if let Some(authority) = request.uri().authority() {
            self.check_name(authority.as_str())?;
        }
        for value in request.headers().get_all(HOST) {
            self.check_name(value.to_str().unwrap_or("?"))?;
        }
        Ok(())
    }

    fn check_name(&self, authority: &str) -> Result<(), ServiceError> {
        if self.is_own(authority) {
            return Ok(());
        }
        let text = format!(
            "host `{}` is not served here, expected `localhost`, a loopback address or an allowed host",
            shown(authority)
        );
        Err(ServiceError::new(ErrorCode::PermissionDenied, text))
    }

    fn is_own(&self, authority: &str) -> bool {
        let name = without_port(authority);
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if address.is_ok_and(|address| address.to_canonical().is_loopback()) {
            return true;
        }
        let name = name.to_ascii_lowercase();
        self.names.contains(&name) || name.ends_with(".localhost")
    }
}

/// The name of `name:port`. An address of IPv6 has colons of its own, and brackets around them.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn only_names_of_this_machine_and_allowed_ones_are_its_own() {
        let hosts = Hosts::of(Ipv4Addr::LOCALHOST.into(), &["Model.Example".to_owned()]).unwrap();
        for own in [
            "localhost",
            "LOCALHOST:8501",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.9.9.9",
            "[::1]",
            "[::1]:8501",
            "[::ffff:127.0.0.1]:1",
            "model.example",
            "MODEL.example:8501",
            "a.localhost",
        ] {
            assert!(hosts.is_own(own), "{own}");
        }
        for foreign in [
            "",
            "evil.example",
            "evil.example:8501",
            "localhost.evil.example",
            "localhost.",
            "notlocalhost",
            "127.0.0.1.evil",
            "10.0.0.1",
            "[2001:db8::1]",
            "localhost@evil.example",
            "evil.example#localhost",
            "model.example.",
            "0.0.0.0",
            "localhost:80:80",
            "2130706433",
            "127.1",
        ] {
            assert!(!hosts.is_own(foreign), "{foreign}");
        }
    }

    #[test]
    fn an_open_server_takes_every_name_unless_it_is_told_which() {
        let anywhere = Ipv4Addr::UNSPECIFIED.into();
        assert_eq!(Hosts::of(anywhere, &[]), None);
        assert!(Hosts::of(Ipv6Addr::LOCALHOST.into(), &[]).is_some());
        let told = Hosts::of(anywhere, &["a.example".to_owned()]).unwrap();
        assert!(told.is_own("a.example") && !told.is_own("b.example"));
    }

    #[test]
    fn every_place_that_names_the_host_is_looked_at() {
        let hosts = Hosts::of(Ipv4Addr::LOCALHOST.into(), &[]).unwrap();
        let check = |uri: &str, host: &[&str]| {
            let mut request = Request::get(uri);
            for host in host {
                request = request.header(HOST, *host);
            }
            hosts.check(&request.body(()).unwrap()).is_ok()
        };
        assert!(check("/", &["localhost"]) && check("/", &[]) && check("http://localhost/", &[]));
        assert!(!check("/", &["evil.example"]) && !check("http://evil.example/", &["localhost"]));
        assert!(
            !check("http://localhost/", &["evil.example"]) && !check("/", &["localhost", "evil.example"])
        );
    }
}
