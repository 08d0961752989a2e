//! Files over HTTP. What has come is kept in `<name>.part`, and the rest is asked for by range.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::http::Uri;
use ureq::http::header::{CONTENT_RANGE, RANGE};

use super::catalogue::PinnedFile;
use super::{FetchOrigin, finish, part_path};
use crate::{DataError, DataErrorKind};

/// How often a connection that broke is made again without a single byte gained.
const MAX_BARREN_ATTEMPTS: usize = 3;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Downloads the file from the folder at `base`.
pub(crate) fn download(
    file: &PinnedFile,
    base: &str,
    target: &Path,
    report: &mut dyn FnMut(u64, FetchOrigin),
) -> Result<(), DataError> {
    let url = format!("{}/{}", base.trim_end_matches('/'), file.name);
    let agent = agent(&url)?;
    let part = part_path(target);
    let mut barren = 0;
    loop {
        let before = size_of(&part);
        let attempt = attempt(&agent, &url, file, &part, report);
        match attempt {
            Ok(()) => return finish(file, &part, target, &format!("`{url}`")),
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Broken(error)) => {
                barren = if size_of(&part) > before { 0 } else { barren + 1 };
                if barren == MAX_BARREN_ATTEMPTS {
                    return Err(error);
                }
            }
        }
    }
}

/// Why an attempt ended.
enum Failure {
    /// Trying again may help.
    Broken(DataError),
    Final(DataError),
}

fn size_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// One request for what is missing, appended to `part`.
fn attempt(
    agent: &Agent,
    url: &str,
    file: &PinnedFile,
    part: &Path,
    report: &mut dyn FnMut(u64, FetchOrigin),
) -> Result<(), Failure> {
    let mut have = size_of(part);
    if have == file.size {
        return Ok(());
    }
    if have > file.size {
        fs::remove_file(part).map_err(|error| Failure::Final(DataError::io("remove", part, error)))?;
        have = 0;
    }
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header(RANGE, format!("bytes={have}-"));
    }
    let response = request.call().map_err(|error| failure(url, error))?;
    let starts_at = response.headers().get(CONTENT_RANGE).and_then(|range| range_start(range.to_str().ok()?));
    // A server that does not do ranges sends the whole again.
    let resumes = response.status() == 206 && starts_at == Some(have);
    if response.status() == 206 && !resumes {
        return Err(Failure::Final(network(url, "the server sends another part than was asked for")));
    }
    let start = if resumes { have } else { 0 };
    let body = response.into_body().into_reader();
    append(body, file.size, start, part, report).map_err(|error| match error {
        Copy::Read(error) => Failure::Broken(network(url, &error.to_string()).with_source(error)),
        Copy::Write(error) => Failure::Final(DataError::io("write", part, error)),
        Copy::Short => Failure::Broken(network(url, "the connection ended early")),
        Copy::Long => {
            // Best effort: the error is about the server, and the next attempt starts anew anyway.
            let _ = fs::remove_file(part);
            Failure::Final(network(url, &format!("the file has more than the expected {} bytes", file.size)))
        }
    })
}

enum Copy {
    Read(std::io::Error),
    Write(std::io::Error),
    Short,
    Long,
}

fn append(
    body: impl Read,
    size: u64,
    start: u64,
    part: &Path,
    report: &mut dyn FnMut(u64, FetchOrigin),
) -> Result<(), Copy> {
    let mut output: File =
        OpenOptions::new().create(true).write(true).truncate(false).open(part).map_err(Copy::Write)?;
    output.set_len(start).map_err(Copy::Write)?;
    std::io::Seek::seek(&mut output, std::io::SeekFrom::Start(start)).map_err(Copy::Write)?;
    let mut body = body.take(size - start + 1);
    let mut buffer = vec![0; 1 << 16];
    let mut done = start;
    loop {
        let count = body.read(&mut buffer).map_err(Copy::Read)?;
        if count == 0 {
            return if done == size { Ok(()) } else { Err(Copy::Short) };
        }
        done += count as u64;
        if done > size {
            return Err(Copy::Long);
        }
        output.write_all(&buffer[..count]).map_err(Copy::Write)?;
        report(done, FetchOrigin::Network);
    }
}

/// The first byte of `bytes 100-199/200`.
fn range_start(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

/// Proxies come from the environment, but never stand between this machine and itself.
fn agent(url: &str) -> Result<Agent, DataError> {
    let uri: Uri = url.parse().map_err(|error| network(url, &format!("address is wrong: {error}")))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback =
        host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    let mut config = Agent::config_builder()
        .user_agent(concat!("wharf/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(READ_TIMEOUT))
        .timeout_per_read(Some(READ_TIMEOUT));
    if is_loopback {
        config = config.proxy(None);
    }
    Ok(config.build().new_agent())
}

/// A refusal is final, save for the server's own troubles; a broken connection is worth another attempt.
fn failure(url: &str, error: ureq::Error) -> Failure {
    let is_final = match &error {
        ureq::Error::StatusCode(status) => *status < 500,
        ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::Protocol(_) => false,
        _ => true,
    };
    let wrapped = network(url, &error.to_string()).with_source(error);
    if is_final { Failure::Final(wrapped) } else { Failure::Broken(wrapped) }
}

fn network(url: &str, what: &str) -> DataError {
    DataError::new(DataErrorKind::Network, format!("cannot download `{url}`: {what}"))
}
