//! One file over HTTP. What has come is kept in a file of its own, and the rest is asked for by range.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

use ureq::Body;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use ureq::http::{Method, Response};

use super::web::{Access, Client, Failure, Follow, Pace, network};
use crate::{DataError, DataErrorKind};

/// How often a connection that broke is made again without a single byte gained.
const MAX_BARREN_ATTEMPTS: usize = 3;

/// A file that is to come.
#[derive(Debug)]
pub(super) struct Transfer<'a> {
    /// Where it is.
    pub(super) url: &'a str,
    /// Where its bytes go.
    pub(super) part: &'a Path,
    /// How many it has, where that is known.
    pub(super) size: Option<u64>,
    /// Whether what is in `part` already belongs to the same content, because that has a digest.
    pub(super) is_pinned: bool,
    /// Said to the first host.
    pub(super) token: Option<&'a str>,
    /// What it is held to.
    pub(super) access: &'a Access,
}

/// What a transfer learns on its way.
struct Progress<'a> {
    /// Bytes of the whole, once somebody has said so.
    size: Option<u64>,
    /// Names the content that has begun to come.
    tag: Option<String>,
    /// Told of the bytes that are here and of all; false where nobody wants them any more.
    report: &'a mut dyn FnMut(u64, Option<u64>) -> bool,
}

impl Transfer<'_> {
    /// Gets what is missing, over as many connections as it takes; the size of the file.
    ///
    /// # Errors
    /// Its server refuses, lies about the length, is too slow or gives no more; what has come stays in `part`, unless it
    /// is too much.
    pub(super) fn run(&self, report: &mut dyn FnMut(u64, Option<u64>) -> bool) -> Result<u64, DataError> {
        if !self.is_pinned {
            // Emptied, and not removed: whoever downloads holds a lock on it.
            fs::write(self.part, []).map_err(|error| DataError::io("write", self.part, error))?;
        }
        let mut progress = Progress { size: self.size, tag: None, report };
        let mut barren = 0;
        loop {
            let before = size_of(self.part);
            match self.attempt(&mut progress) {
                Ok(size) => return Ok(size),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Broken(error)) => {
                    barren = if size_of(self.part) > before { 0 } else { barren + 1 };
                    if barren == MAX_BARREN_ATTEMPTS {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// One request for what is missing, appended to `part`.
    fn attempt(&self, progress: &mut Progress<'_>) -> Result<u64, Failure> {
        let mut have = size_of(self.part);
        if self.size == Some(have) {
            return Ok(have);
        }
        // What has come before can be gone on from only where it is sure to be of the same content.
        let may_resume = self.is_pinned || progress.tag.is_some();
        if !may_resume || self.size.is_some_and(|size| have > size) {
            have = 0;
        }
        let mut headers = Vec::new();
        if have > 0 {
            headers.push((RANGE.as_str(), format!("bytes={have}-")));
            headers.extend(progress.tag.iter().map(|tag| (IF_RANGE.as_str(), tag.clone())));
        }
        let client = Client::new(self.access, self.token);
        let response = client.ask((&Method::GET, self.url), &headers, Follow::Everywhere)?;
        let start = self.start(&response, have, progress)?;
        let body = response.into_body().into_reader();
        let size =
            self.append(body, start, progress).map_err(|copy| self.copy_failed(copy, progress.size))?;
        Ok(size)
    }

    /// Where the body of an answer begins in the file.
    fn start(
        &self,
        response: &Response<Body>,
        have: u64,
        progress: &mut Progress<'_>,
    ) -> Result<u64, Failure> {
        let wrong = |what: &str| Err(Failure::Final(network(self.url, what)));
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let (start, total) = match response.status().as_u16() {
            206 => {
                let Some((start, total)) = text(CONTENT_RANGE).and_then(content_range) else {
                    return wrong("the server does not say which part it sends");
                };
                if start != have {
                    return wrong("the server sends another part than was asked for");
                }
                (start, total)
            }
            // A server that does not do ranges, or has other content now, sends the whole again.
            200 => (0, text(CONTENT_LENGTH).and_then(|length| length.parse().ok())),
            status => return wrong(&format!("the server answers {status}, expected 200 or 206")),
        };
        if let (Some(known), Some(said)) = (progress.size, total)
            && known != said
        {
            return wrong(&format!("the server sends a file of {said} bytes, expected {known}"));
        }
        progress.size = progress.size.or(total);
        progress.tag = text(ETAG).filter(|tag| !tag.starts_with("W/")).map(str::to_owned);
        match progress.size.filter(|size| *size > self.access.most_bytes) {
            None => Ok(start),
            Some(size) => Err(Failure::Final(self.too_large(&format!("{size}")))),
        }
    }

    fn append(&self, body: impl Read, start: u64, progress: &mut Progress<'_>) -> Result<u64, Copy> {
        let mut output: File = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(self.part)
            .map_err(Copy::Write)?;
        output.set_len(start).map_err(Copy::Write)?;
        output.seek(SeekFrom::Start(start)).map_err(Copy::Write)?;
        let most = progress.size.unwrap_or(self.access.most_bytes);
        let mut body = body.take(most.saturating_sub(start).saturating_add(1));
        let mut buffer = vec![0; 1 << 16];
        let (mut done, mut pace) = (start, Watch::new(self.access.pace));
        loop {
            let count = body.read(&mut buffer).map_err(Copy::Read)?;
            if count == 0 {
                let is_whole = progress.size.is_none_or(|size| size == done);
                return if is_whole { Ok(done) } else { Err(Copy::Short) };
            }
            done += count as u64;
            if done > most {
                return Err(Copy::Long);
            }
            output.write_all(&buffer[..count]).map_err(Copy::Write)?;
            if !(progress.report)(done, progress.size) {
                return Err(Copy::Unwanted);
            }
            if progress.size != Some(done) && pace.is_slow(count as u64) {
                return Err(Copy::Slow);
            }
        }
    }

    fn copy_failed(&self, copy: Copy, size: Option<u64>) -> Failure {
        match copy {
            Copy::Read(error) => Failure::Broken(network(self.url, &error.to_string()).with_source(error)),
            Copy::Write(error) => self.io("write", error),
            Copy::Short => Failure::Broken(network(self.url, "the connection ended early")),
            Copy::Slow => Failure::Final(network(self.url, "the server is too slow")),
            Copy::Unwanted => Failure::Final(DataError::new(
                DataErrorKind::Cancelled,
                "nobody waits for the download any more",
            )),
            Copy::Long => {
                // Best effort: the error is about the server, and the next attempt starts anew anyway.
                let _ = fs::remove_file(self.part);
                Failure::Final(match size {
                    Some(size) => {
                        network(self.url, &format!("the file has more than the expected {size} bytes"))
                    }
                    None => self.too_large("more"),
                })
            }
        }
    }

    fn too_large(&self, found: &str) -> DataError {
        let most = self.access.most_bytes;
        DataError::too_large(format!("`{}` has {found} bytes, expected at most {most}", self.url))
    }

    fn io(&self, what: &str, error: std::io::Error) -> Failure {
        Failure::Final(DataError::io(what, self.part, error))
    }
}

enum Copy {
    Read(std::io::Error),
    Write(std::io::Error),
    Short,
    Long,
    Slow,
    Unwanted,
}

/// Watches that enough comes in each window of time.
struct Watch {
    pace: Pace,
    since: Instant,
    bytes: u64,
}

impl Watch {
    fn new(pace: Pace) -> Self {
        Self { pace, since: Instant::now(), bytes: 0 }
    }

    fn is_slow(&mut self, more: u64) -> bool {
        self.bytes += more;
        if self.since.elapsed() < self.pace.window {
            return false;
        }
        let is_slow = self.bytes < self.pace.least_bytes;
        (self.since, self.bytes) = (Instant::now(), 0);
        is_slow
    }
}

fn size_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The first byte of `bytes 100-199/200`, and the bytes of the whole where they are known.
fn content_range(range: &str) -> Option<(u64, Option<u64>)> {
    let (bytes, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    Some((bytes.split('-').next()?.trim().parse().ok()?, total.trim().parse().ok()))
}
