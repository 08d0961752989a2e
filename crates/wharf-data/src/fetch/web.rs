//! Requests over HTTP, within the rules for where they may go.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use ureq::http::header::{AUTHORIZATION, LOCATION};
use ureq::http::{Method, Request, Response, Uri};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body};

use super::hosts::{HostList, host_of, refused};
use crate::{DataError, DataErrorKind};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// What the hub says of a file before it leads to where the file is.
pub(super) const LINKED_DIGEST: &str = "x-linked-etag";
/// Redirects that are followed.
const MOST_HOPS: usize = 5;

/// Who is asked, and how long they may take.
#[derive(Debug, Clone)]
pub struct Access {
    /// The only hosts that may be asked; `None` for any. Where there is a list, no proxy is used, and names are resolved
    /// once for the connection that is checked.
    pub hosts: Option<HostList>,
    /// Bytes that one file may have.
    pub most_bytes: u64,
    /// How slow a server may be.
    pub pace: Pace,
}

/// So many bytes must come in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The time.
    pub window: Duration,
    /// The bytes.
    pub least_bytes: u64,
}

impl Default for Access {
    /// Any host, files of up to 256 GiB, and at least a KiB a second over a minute.
    fn default() -> Self {
        let pace = Pace { window: Duration::from_secs(60), least_bytes: 60 << 10 };
        Self { hosts: None, most_bytes: 256 << 30, pace }
    }
}

/// Why a request has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Trying again may help.
    Broken(DataError),
    Final(DataError),
}

impl From<Failure> for DataError {
    fn from(failure: Failure) -> Self {
        let (Failure::Broken(error) | Failure::Final(error)) = failure;
        error
    }
}

/// Whether redirects to other hosts are followed too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    Everywhere,
    /// What the first host says of a file is wanted: no further than where it says so, and to no other host.
    OnThisHost,
}

/// A client with its headers. A token goes to the host of the first address alone.
#[derive(Debug)]
pub(super) struct Client<'a> {
    access: &'a Access,
    token: Option<&'a str>,
}

impl<'a> Client<'a> {
    pub(super) fn new(access: &'a Access, token: Option<&'a str>) -> Self {
        Self { access, token }
    }

    /// Asks for `url` with these header fields more, and follows where that leads. A redirect that is not followed is the
    /// answer.
    pub(super) fn ask(
        &self,
        (method, url): (&Method, &str),
        headers: &[(&str, String)],
        follow: Follow,
    ) -> Result<Response<Body>, Failure> {
        let first = parse(url).map_err(Failure::Final)?;
        let mut here = first.clone();
        for _ in 0..=MOST_HOPS {
            let token = self.token.filter(|_| same_host(&first, &here));
            let response = self.once((method, &here), headers, token)?;
            let target = location(&response).filter(|_| response.status().is_redirection());
            let Some(target) = target else { return Ok(response) };
            let next = joined(&here, target).and_then(|next| parse(&next)).map_err(Failure::Final)?;
            let is_said = response.headers().contains_key(LINKED_DIGEST) || !same_host(&first, &next);
            if follow == Follow::OnThisHost && is_said {
                return Ok(response);
            }
            here = next;
        }
        Err(Failure::Final(network(url, &format!("more than {MOST_HOPS} redirects"))))
    }

    fn once(
        &self,
        (method, url): (&Method, &Uri),
        headers: &[(&str, String)],
        token: Option<&str>,
    ) -> Result<Response<Body>, Failure> {
        let shown = shown(url);
        if let Some(hosts) = &self.access.hosts {
            hosts.check(url).map_err(Failure::Final)?;
        }
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request =
            request.body(()).map_err(|error| Failure::Final(network(&shown, &error.to_string())))?;
        self.agent(url).run(request).map_err(|error| failure(&shown, error))
    }

    /// Proxies come from the environment, but never stand between this machine and itself, nor before a host that is
    /// checked by its address.
    fn agent(&self, url: &Uri) -> Agent {
        let host = host_of(url);
        let is_loopback =
            host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        let mut config = Agent::config_builder()
            .user_agent(concat!("wharf/", env!("CARGO_PKG_VERSION")))
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(READ_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT));
        if is_loopback || self.access.hosts.is_some() {
            config = config.proxy(None);
        }
        let config = config.build();
        match &self.access.hosts {
            None => config.new_agent(),
            Some(hosts) => {
                let resolver = Guarded { inner: DefaultResolver::default(), hosts: hosts.clone() };
                Agent::with_parts(config, DefaultConnector::default(), resolver)
            }
        }
    }
}

/// Gives only addresses that may be connected to: what is checked here is what is connected to.
#[derive(Debug)]
struct Guarded {
    inner: DefaultResolver,
    hosts: HostList,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        match found.iter().find(|address| !self.hosts.allows(address.ip())) {
            None => Ok(found),
            Some(address) => {
                let why = format!("`{}` is {}, which is in no public network", host_of(uri), address.ip());
                Err(io::Error::new(io::ErrorKind::PermissionDenied, why).into())
            }
        }
    }
}

/// An address as one parser reads it, for every check.
fn parse(url: &str) -> Result<Uri, DataError> {
    let uri: Uri = url.parse().map_err(|error| network(url, &format!("the address is wrong: {error}")))?;
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    match uri.scheme_str() {
        Some("http" | "https") if has_user => Err(refused("the address has a user in it, expected none")),
        Some("http" | "https") if uri.host().is_some_and(|host| !host.is_empty()) => Ok(uri),
        _ => Err(refused(format!("`{url}` is no address, expected one with `https://` or `http://`"))),
    }
}

/// Where a redirect leads.
fn location(response: &Response<Body>) -> Option<&str> {
    response.headers().get(LOCATION).and_then(|value| value.to_str().ok())
}

/// `target` as seen from `here`.
fn joined(here: &Uri, target: &str) -> Result<String, DataError> {
    if target.starts_with("http://") || target.starts_with("https://") {
        return Ok(target.to_owned());
    }
    let scheme = here.scheme_str().unwrap_or_default();
    let authority = here.authority().map_or("", |authority| authority.as_str());
    let folder = here.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    match target {
        other if other.starts_with("//") => Ok(format!("{scheme}:{other}")),
        path if path.starts_with('/') => Ok(format!("{scheme}://{authority}{path}")),
        other if other.contains("://") || other.is_empty() => {
            Err(refused(format!("a redirect leads to `{other}`, expected `https://` or `http://`")))
        }
        file => Ok(format!("{scheme}://{authority}{folder}/{file}")),
    }
}

fn same_host(one: &Uri, other: &Uri) -> bool {
    one.scheme() == other.scheme() && host_of(one) == host_of(other) && one.port_u16() == other.port_u16()
}

/// An address without its query: signatures are secrets.
fn shown(url: &Uri) -> String {
    let authority = url.authority().map_or("", |authority| authority.as_str());
    format!("{}://{authority}{}", url.scheme_str().unwrap_or_default(), url.path())
}

/// A refusal is final, save for the server's own troubles; a broken connection is worth another attempt.
fn failure(url: &str, error: ureq::Error) -> Failure {
    if let ureq::Error::Io(inner) = &error
        && inner.kind() == io::ErrorKind::PermissionDenied
    {
        return Failure::Final(refused(inner.to_string()));
    }
    let is_final = match &error {
        ureq::Error::StatusCode(status) => *status < 500,
        ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::Protocol(_) => false,
        _ => true,
    };
    // The hub says 401 where there is no repository, for nobody is to learn which ones are hidden.
    let is_missing = matches!(error, ureq::Error::StatusCode(401 | 404 | 410));
    let kind = if is_missing { DataErrorKind::Missing } else { DataErrorKind::Network };
    let wrapped = DataError::new(kind, network(url, &error.to_string()).to_string()).with_source(error);
    if is_final { Failure::Final(wrapped) } else { Failure::Broken(wrapped) }
}

pub(super) fn network(url: &str, what: &str) -> DataError {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    DataError::new(DataErrorKind::Network, format!("cannot download `{bare}`: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_on_from_where_they_are() {
        let here: Uri = "https://a.example:8443/x/y?z".parse().unwrap();
        for (target, expected) in [
            ("https://b.example/q", "https://b.example/q"),
            ("//b.example/q", "https://b.example/q"),
            ("/q", "https://a.example:8443/q"),
            ("q", "https://a.example:8443/x/q"),
        ] {
            assert_eq!(joined(&here, target).unwrap(), expected);
        }
        for target in ["file:///etc/passwd", "gopher://x/", ""] {
            assert!(joined(&here, target).is_err(), "{target}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for url in [
            "file:///etc/passwd",
            "gopher://x/",
            "x/y",
            "/x",
            "https://",
            "https://user:secret@example.com/",
            "http://allowed\\@evil/",
            "http:// x/",
        ] {
            let error = parse(url).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
