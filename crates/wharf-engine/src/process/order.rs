//! Orders to a worker process: what does not wait for a run to end. They are of one size, and some bring a descriptor.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use super::frame::malformed;

/// Kind, channel, run.
const SIZE: usize = 24;
const OPEN: u64 = 1;
const STOP: u64 = 2;

/// An order.
#[derive(Debug)]
pub(super) enum Order {
    /// Listen to one more channel.
    Open { channel: u64, stream: OwnedFd },
    /// End a run, which may not have begun.
    Stop { channel: u64, run: u64 },
}

/// Sends the order to listen to `stream` as well.
pub(super) fn send_open(control: &UnixStream, channel: u64, stream: impl AsFd) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let streams = [stream.as_fd()];
    ancillary.push(SendAncillaryMessage::ScmRights(&streams));
    send(control, [OPEN, channel, 0], &mut ancillary)
}

/// Sends the order to end a run.
pub(super) fn send_stop(control: &UnixStream, channel: u64, run: u64) -> io::Result<()> {
    send(control, [STOP, channel, run], &mut SendAncillaryBuffer::default())
}

fn send(
    control: &UnixStream,
    words: [u64; 3],
    ancillary: &mut SendAncillaryBuffer<'_, '_, '_>,
) -> io::Result<()> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let mut sent = 0;
    while sent < SIZE {
        match sendmsg(control, &[IoSlice::new(&bytes[sent..])], ancillary, SendFlags::NOSIGNAL) {
            Ok(count) => {
                sent += count;
                // The descriptor went with the first byte.
                ancillary.clear();
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The next order; `None` where the other end is gone.
pub(super) fn receive(control: &UnixStream) -> io::Result<Option<Order>> {
    let (mut bytes, mut received, mut stream) = ([0; SIZE], 0, None);
    while received < SIZE {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut bytes[received..])];
        match recvmsg(control, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Ok(message) if message.bytes == 0 && received == 0 => return Ok(None),
            Ok(message) if message.bytes == 0 => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(message) => received += message.bytes,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(mut streams) = message {
                stream = streams.next().or(stream);
            }
        }
    }
    let word = |index: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[index * 8..][..8]);
        u64::from_ne_bytes(word)
    };
    match (word(0), stream) {
        (OPEN, Some(stream)) => Ok(Some(Order::Open { channel: word(1), stream })),
        (STOP, None) => Ok(Some(Order::Stop { channel: word(1), run: word(2) })),
        (kind, _) => Err(malformed(format!("order of kind {kind}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn orders_come_in_turn_and_descriptors_with_them() {
        let (here, there) = UnixStream::pair().unwrap();
        let (mut near, far) = UnixStream::pair().unwrap();
        send_stop(&here, 1, 2).unwrap();
        send_open(&here, 3, &far).unwrap();
        send_stop(&here, 4, 5).unwrap();
        drop((here, far));
        assert!(matches!(receive(&there).unwrap(), Some(Order::Stop { channel: 1, run: 2 })));
        let Some(Order::Open { channel: 3, stream }) = receive(&there).unwrap() else { panic!("no channel") };
        assert!(matches!(receive(&there).unwrap(), Some(Order::Stop { channel: 4, run: 5 })));
        assert!(receive(&there).unwrap().is_none());
        UnixStream::from(stream).write_all(b"hello").unwrap();
        let mut text = String::new();
        near.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
    }

    #[test]
    fn what_is_no_order_is_an_error() {
        for bytes in [&[0; SIZE][..], &[1; 3]] {
            let (mut here, there) = UnixStream::pair().unwrap();
            here.write_all(bytes).unwrap();
            drop(here);
            assert!(receive(&there).is_err());
        }
    }
}
