//! Frames between the server and a worker process: a kind, a head, and a body of tensors. Both ends are the same program
//! on the same machine, so that numbers travel as they lie in memory.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::unix::net::UnixStream;

use bytes::Bytes;

/// Each part of a body begins at a multiple of this, so that its elements are aligned where it arrives.
const ALIGNMENT: usize = 16;
/// Larger heads are no heads.
const MAX_HEAD: usize = 64 << 20;
/// The most that is reserved before any of it has come.
const MAX_RESERVED: usize = 64 << 20;
/// Kind, length of the head, length of the body.
const PREFIX: usize = 16;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Load = 1,
    Loaded = 2,
    Run = 3,
    Outputs = 4,
    Failure = 5,
}

impl Kind {
    fn from_wire(kind: u32) -> io::Result<Self> {
        let kinds = [Kind::Load, Kind::Loaded, Kind::Run, Kind::Outputs, Kind::Failure];
        let known = kinds.into_iter().find(|known| *known as u32 == kind);
        known.ok_or_else(|| malformed(format!("frame of kind {kind}")))
    }
}

/// One frame as it was read.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) head: Bytes,
    pub(super) body: Body,
}

/// The parts of a body, which lie one after the other.
#[derive(Debug)]
pub(super) struct Body(Bytes);

impl Body {
    /// The next part, which has `length` bytes.
    pub(super) fn part(&mut self, length: usize) -> io::Result<Bytes> {
        let padded = length.checked_next_multiple_of(ALIGNMENT).filter(|padded| *padded <= self.0.len());
        let padded = padded.ok_or_else(|| malformed(format!("part of {length} bytes")))?;
        Ok(self.0.split_to(padded).slice(..length))
    }
}

/// What does not come from the other end of this program.
pub(super) fn malformed(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("malformed {what}"))
}

/// Writes a frame whose body is `parts`.
pub(super) fn write(stream: &UnixStream, kind: Kind, head: &[u8], parts: &[&[u8]]) -> io::Result<()> {
    let padding = [0; ALIGNMENT];
    let body: usize = parts.iter().map(|part| part.len().next_multiple_of(ALIGNMENT)).sum();
    let mut prefix = [0; PREFIX];
    prefix[..4].copy_from_slice(&(kind as u32).to_ne_bytes());
    prefix[4..8].copy_from_slice(&u32::try_from(head.len()).map_err(|_| malformed("head"))?.to_ne_bytes());
    prefix[8..].copy_from_slice(&(body as u64).to_ne_bytes());
    let mut slices = vec![IoSlice::new(&prefix), IoSlice::new(head)];
    for part in parts {
        slices.push(IoSlice::new(part));
        slices.push(IoSlice::new(&padding[..part.len().next_multiple_of(ALIGNMENT) - part.len()]));
    }
    write_whole(stream, &mut slices)
}

fn write_whole(mut stream: &UnixStream, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match stream.write_vectored(slices) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads a frame; `None` where the other end has hung up before one.
pub(super) fn read(stream: &UnixStream) -> io::Result<Option<Frame>> {
    let mut prefix = [0; PREFIX];
    if !read_prefix(stream, &mut prefix)? {
        return Ok(None);
    }
    let [a, b, c, d, e, f, g, h, body @ ..] = prefix;
    let kind = Kind::from_wire(u32::from_ne_bytes([a, b, c, d]))?;
    let head = u32::from_ne_bytes([e, f, g, h]) as usize;
    if head > MAX_HEAD {
        return Err(malformed(format!("head of {head} bytes")));
    }
    let body = usize::try_from(u64::from_ne_bytes(body)).map_err(|_| malformed("body"))?;
    let head = read_exactly(stream, head)?;
    Ok(Some(Frame { kind, head, body: Body(read_exactly(stream, body)?) }))
}

fn read_prefix(mut stream: &UnixStream, prefix: &mut [u8; PREFIX]) -> io::Result<bool> {
    let first = loop {
        match stream.read(prefix) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    stream.read_exact(&mut prefix[first..]).map(|()| true).or_else(|error| match first {
        0 if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        _ => Err(error),
    })
}

/// Memory is taken as the bytes come, past what is taken at once.
fn read_exactly(stream: &UnixStream, length: usize) -> io::Result<Bytes> {
    let mut data = Vec::with_capacity(length.min(MAX_RESERVED));
    stream.take(length as u64).read_to_end(&mut data)?;
    if data.len() < length { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(data.into()) }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn frames_come_back_as_they_went_and_their_parts_are_aligned() {
        let (here, there) = UnixStream::pair().unwrap();
        let large = vec![7; 3 << 20];
        let parts: [&[u8]; 4] = [b"a", b"", &large, b"0123456789abcdef"];
        thread::scope(|scope| {
            scope.spawn(|| {
                write(&here, Kind::Run, b"head", &parts).unwrap();
                write(&here, Kind::Failure, b"", &[]).unwrap();
            });
            let mut frame = read(&there).unwrap().unwrap();
            assert_eq!((frame.kind, &frame.head[..]), (Kind::Run, &b"head"[..]));
            for part in parts {
                let read = frame.body.part(part.len()).unwrap();
                assert_eq!(read, part);
                assert!(part.is_empty() || read.as_ptr().addr().is_multiple_of(8));
            }
            assert!(frame.body.part(1).is_err());
            assert_eq!(read(&there).unwrap().unwrap().kind, Kind::Failure);
        });
        drop(here);
        assert!(read(&there).unwrap().is_none());
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        let long_head = [&1_u32.to_ne_bytes()[..], &u32::MAX.to_ne_bytes(), &[0; 8]].concat();
        let cut = [&1_u32.to_ne_bytes()[..], &2_u32.to_ne_bytes(), &[0; 8], b"x"].concat();
        for (bytes, expected) in [
            (vec![0; 16], "frame of kind 0"),
            (long_head, "head of 4294967295 bytes"),
            (vec![1, 0, 0], "failed to fill whole buffer"),
            (cut, "unexpected end of file"),
        ] {
            let (mut here, there) = UnixStream::pair().unwrap();
            here.write_all(&bytes).unwrap();
            drop(here);
            let error = read(&there).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
