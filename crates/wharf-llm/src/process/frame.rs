//! Frames between the server and a worker: a length of four bytes, little-endian, and a message of protobuf.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use prost::Message;

/// The largest message: a prompt of 10 MiB fits, and the embeddings of a thousand texts.
pub(super) const MAX_FRAME: usize = 64 << 20;
/// What is read at once.
const PIECE: usize = 64 << 10;

/// What does not come from the other end of this program.
pub(super) fn malformed(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("malformed {what}"))
}

/// A message with its length before it.
///
/// # Errors
/// It is longer than a frame may be.
pub(super) fn encode(message: &impl Message) -> io::Result<Vec<u8>> {
    let length = message.encoded_len();
    if length > MAX_FRAME {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            format!("a message of {length} bytes, expected {MAX_FRAME} at most"),
        ));
    }
    let mut frame = Vec::with_capacity(4 + length);
    frame.extend((length as u32).to_le_bytes());
    message.encode(&mut frame).map_err(malformed)?;
    Ok(frame)
}

/// Frames out of a stream, many of them for one read.
pub(super) struct FrameReader<R> {
    stream: R,
    bytes: Vec<u8>,
    /// What of `bytes` has been given out.
    start: usize,
}

/// What came.
#[derive(Debug, PartialEq)]
pub(super) enum Received<M> {
    Message(M),
    /// Nothing within the time that the stream waits.
    Quiet,
    /// The other end has hung up.
    End,
}

impl<R: Read> FrameReader<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, bytes: Vec::new(), start: 0 }
    }

    /// The next message.
    ///
    /// # Errors
    /// The stream broke, or what came is no frame.
    pub(super) fn next<M: Message + Default>(&mut self) -> io::Result<Received<M>> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Received::Message(message));
            }
            match self.fill() {
                Ok(0) if self.start == self.bytes.len() => return Ok(Received::End),
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Ok(Received::Quiet);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A message that is there as a whole.
    fn take<M: Message + Default>(&mut self) -> io::Result<Option<M>> {
        let rest = &self.bytes[self.start..];
        let Some((length, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_FRAME {
            return Err(malformed(format!("frame of {length} bytes")));
        }
        let Some(frame) = rest.get(..length) else { return Ok(None) };
        let message = M::decode(frame).map_err(malformed)?;
        self.start += 4 + length;
        Ok(Some(message))
    }

    fn fill(&mut self) -> io::Result<usize> {
        self.bytes.drain(..self.start);
        self.start = 0;
        // A large prompt must not keep its room for as long as the worker lives.
        if self.bytes.is_empty() {
            self.bytes.shrink_to(PIECE);
        }
        let length = self.bytes.len();
        self.bytes.resize(length + PIECE, 0);
        let read = self.stream.read(&mut self.bytes[length..]);
        self.bytes.truncate(length + *read.as_ref().unwrap_or(&0));
        read
    }
}

/// Writes frames from a thread of its own, so that whoever sends them does not wait.
#[derive(Clone)]
pub(super) struct Outbox(Arc<Queue>);

#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    frames: VecDeque<Vec<u8>>,
    is_closed: bool,
}

impl Outbox {
    /// A thread that writes to `stream` until the box is closed or the other end is gone.
    pub(super) fn open(mut stream: UnixStream, name: &str) -> io::Result<Self> {
        let queue = Arc::<Queue>::default();
        let outbox = Self(Arc::clone(&queue));
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Some(bytes) = queue.wait() {
                if let Err(error) = stream.write_all(&bytes) {
                    tracing::debug!(%error, "the other end of a model's socket is gone");
                    break;
                }
            }
            queue.close();
        })?;
        Ok(outbox)
    }

    /// Puts a frame into the queue; of no effect once the box is closed.
    pub(super) fn send(&self, frame: Vec<u8>) {
        let mut state = self.0.state();
        if !state.is_closed {
            state.frames.push_back(frame);
            drop(state);
            self.0.changed.notify_one();
        }
    }

    /// No more frames; the thread ends.
    pub(super) fn close(&self) {
        self.0.close();
    }
}

impl Queue {
    /// All that is to be written; `None` once there will be no more.
    fn wait(&self) -> Option<Vec<u8>> {
        let state =
            self.changed.wait_while(self.state(), |state| state.frames.is_empty() && !state.is_closed);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let mut bytes = state.frames.pop_front()?;
        for frame in state.frames.drain(..) {
            bytes.extend(frame);
        }
        Some(bytes)
    }

    fn close(&self) {
        let mut state = self.state();
        (state.is_closed, state.frames) = (true, VecDeque::new());
        drop(state);
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Vec<u8> {
        encode(&text.to_owned()).unwrap()
    }

    #[test]
    fn messages_come_back_however_they_are_cut() {
        let texts = ["", "a", &"long".repeat(100_000), "z"];
        let bytes = texts.map(frame).concat();
        struct Slow<'a>(&'a [u8], usize);
        impl Read for Slow<'_> {
            fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
                let length = room.len().min(self.1);
                self.0.read(&mut room[..length])
            }
        }
        for step in [1, 3, 70_000] {
            let mut reader = FrameReader::new(Slow(&bytes, step));
            for text in texts {
                assert_eq!(reader.next().unwrap(), Received::Message(text.to_owned()), "{step}");
            }
            assert_eq!(reader.next::<String>().unwrap(), Received::End);
        }
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        let cut = &frame("text")[..6];
        let long = (MAX_FRAME as u32 + 1).to_le_bytes();
        for (bytes, expected) in [
            (cut, "unexpected end of file"),
            (&long[..], "frame of 67108865 bytes"),
            (&[1, 0, 0, 0, 7][..], "malformed"),
        ] {
            let error = FrameReader::new(bytes).next::<String>().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(
            encode(&"x".repeat(MAX_FRAME)).unwrap_err().to_string().contains("expected 67108864 at most")
        );
    }

    #[test]
    fn outbox_writes_in_turn_and_ends_when_it_is_closed() {
        let (here, there) = UnixStream::pair().unwrap();
        let outbox = Outbox::open(here, "test").unwrap();
        let mut reader = FrameReader::new(there);
        for number in 0..1000 {
            outbox.send(frame(&number.to_string()));
        }
        for number in 0..1000 {
            assert_eq!(reader.next().unwrap(), Received::Message(number.to_string()));
        }
        outbox.close();
        outbox.send(frame("late"));
        assert_eq!(reader.next::<String>().unwrap(), Received::End);
    }
}
