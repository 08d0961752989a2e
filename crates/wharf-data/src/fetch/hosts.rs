//! Which hosts may be asked for a file, and which addresses a name may lead to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ureq::http::Uri;

use super::networks::{Network, is_public};
use crate::{DataError, DataErrorKind};

/// Hosts that files may come from: `huggingface.co,*.hf.co,http://10.0.0.5:8080`.
///
/// A host is asked over HTTPS and by its own port, unless the list says otherwise. One that is listed by name and
/// turns out to be on this machine or in a private network is refused, unless its address is in the list too, alone or
/// as a network such as `10.0.0.0/8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostList(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    is_plain: bool,
    host: Host,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// In lower case.
    Name(String),
    /// Those below this one, which begins with a dot.
    Below(String),
    Network(Network),
}

impl HostList {
    /// Whether `url` may be asked for.
    ///
    /// # Errors
    /// [`DataErrorKind::Refused`]: its host, port or scheme is not in the list.
    pub(super) fn check(&self, url: &Uri) -> Result<(), DataError> {
        let is_plain = url.scheme_str() == Some("http");
        let own_port = if is_plain { 80 } else { 443 };
        let (host, port) = (host_of(url), url.port_u16().unwrap_or(own_port));
        let fits = |entry: &Entry| {
            entry.is_plain == is_plain && entry.port.unwrap_or(own_port) == port && entry.host.is(&host)
        };
        if self.0.iter().any(fits) {
            return Ok(());
        }
        let scheme = url.scheme_str().unwrap_or_default();
        Err(refused(format!("`{scheme}://{host}:{port}` is not among the hosts that models may come from")))
    }

    /// Whether a connection to this address may be made: it is public, or listed itself.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        let is_listed = |entry: &Entry| matches!(&entry.host, Host::Network(network) if network.has(address));
        is_public(address) || self.0.iter().any(is_listed)
    }
}

impl Host {
    fn is(&self, host: &str) -> bool {
        match self {
            Self::Name(name) => name == host,
            Self::Below(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
            Self::Network(network) => host.parse().is_ok_and(|address| network.has(address)),
        }
    }
}

/// The host of an address, in lower case and without the brackets of an IPv6 address.
pub(super) fn host_of(url: &Uri) -> String {
    url.host().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase()
}

pub(super) fn refused(why: impl Into<String>) -> DataError {
    DataError::new(DataErrorKind::Refused, why)
}

impl FromStr for HostList {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let entries: Vec<Entry> = text.split(',').map(entry).collect::<Result<_, _>>()?;
        Ok(Self(entries))
    }
}

impl fmt::Display for HostList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self
            .0
            .iter()
            .map(|entry| match &entry.host {
                Host::Name(name) => name.clone(),
                Host::Below(suffix) => format!("*{suffix}"),
                Host::Network(network) => network.to_string(),
            })
            .collect();
        f.write_str(&texts.join(", "))
    }
}

fn entry(text: &str) -> Result<Entry, DataError> {
    let wrong = || {
        DataError::setting(format!(
            "`{text}` is no host, expected `name`, `*.name`, an address or a network, perhaps with `http://` before and \
             a port behind it"
        ))
    };
    let lower = text.trim().to_ascii_lowercase();
    let (is_plain, rest) = match lower.strip_prefix("http://") {
        Some(rest) => (true, rest),
        None => (false, lower.strip_prefix("https://").unwrap_or(&lower)),
    };
    if let Ok(network) = rest.trim_matches(['[', ']']).parse() {
        return Ok(Entry { is_plain, host: Host::Network(network), port: None });
    }
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().map_err(|_| wrong())?)),
        None => (rest, None),
    };
    if let Ok(network) = host.trim_matches(['[', ']']).parse() {
        return Ok(Entry { is_plain, host: Host::Network(network), port });
    }
    let (is_below, name) = match host.strip_prefix('*') {
        Some(suffix) => (true, suffix.strip_prefix('.').ok_or_else(wrong)?),
        None => (false, host),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if !name.split('.').all(is_label) {
        return Err(wrong());
    }
    let host = if is_below { Host::Below(format!(".{name}")) } else { Host::Name(name.to_owned()) };
    Ok(Entry { is_plain, host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(list: &str, url: &str) -> bool {
        let list: HostList = list.parse().unwrap();
        list.check(&url.parse().unwrap()).is_ok()
    }

    #[test]
    fn hosts_are_those_of_the_list_by_scheme_and_port() {
        let list = "huggingface.co, *.hf.co,http://10.0.0.0/8,http://127.0.0.1:9000,https://[::1]:8443";
        for url in [
            "https://huggingface.co/a",
            "https://HuggingFace.co:443/a",
            "https://huggingface.co./a",
            "https://cdn.hf.co/a",
            "https://a.b.hf.co/a",
            "http://10.1.2.3/a",
            "http://127.0.0.1:9000/a",
            "https://[::1]:8443/a",
        ] {
            assert!(may(list, url), "{url}");
        }
        for url in [
            "http://huggingface.co/a",
            "https://huggingface.co:8443/a",
            "https://hf.co/a",
            "https://evilhf.co/a",
            "https://huggingface.co.evil.com/a",
            "https://10.1.2.3/a",
            "http://10.1.2.3:8080/a",
            "http://127.0.0.1/a",
            "http://127.0.0.2:9000/a",
            "http://2130706433:9000/a",
            "http://0177.0.0.1:9000/a",
            "http://localhost:9000/a",
            "http://[::ffff:127.0.0.2]:9000/a",
            "https://user@evil.com/a",
        ] {
            assert!(!may(list, url), "{url}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "*",
            "*x",
            "a b",
            "a/b",
            "a:b",
            "a:99999",
            "http://",
            "a,,b",
            "10.0.0.0/33",
            "ftp://a",
            "a@b",
        ] {
            assert!(text.parse::<HostList>().is_err(), "{text}");
        }
    }

    #[test]
    fn private_addresses_need_to_be_listed_themselves() {
        let list: HostList = "huggingface.co,10.0.0.0/8".parse().unwrap();
        for (address, may) in [
            ("8.8.8.8", true),
            ("10.9.9.9", true),
            ("::ffff:10.9.9.9", true),
            ("127.0.0.1", false),
            ("192.168.0.1", false),
            ("169.254.169.254", false),
            ("::1", false),
        ] {
            assert_eq!(list.allows(address.parse().unwrap()), may, "{address}");
        }
    }
}
