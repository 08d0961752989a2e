//! How long a connection may wait for its client, and the stream that sees to it.
//!
//! HTTP libraries know one clock or none; a connection has four: the first byte of a request to the end of its head,
//! idleness between two requests, replies that nobody takes, and none while the server works. (Bodies that come too
//! slowly are refused with a status of their own, in `body.rs`.)

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Limits;

/// How long what a client still sends is read and thrown away after the last reply: closing at once would reset the
/// connection, and the client might lose that reply.
const LINGER: Duration = Duration::from_secs(2);
/// Room for what is thrown away.
const WASTE: usize = 4 << 10;

/// What a connection's stream and its requests know of each other. Times are milliseconds since its beginning.
#[derive(Debug)]
pub(super) struct Clock {
    began: Instant,
    is_http2: bool,
    limits: Arc<Limits>,
    /// Requests whose replies are not sent yet.
    busy: AtomicUsize,
    /// Bytes of replies that wait for the client.
    unsent: AtomicUsize,
    /// When the first byte of a head came that is not read yet; [`NEVER`] while none has.
    head_since: AtomicU64,
    /// When the last reply was sent.
    idle_since: AtomicU64,
    /// When the client last took something of a reply.
    taken_at: AtomicU64,
    /// Whether a reply was sent before its request was read to the end.
    left_unread: AtomicBool,
}

const NEVER: u64 = u64::MAX;

impl Clock {
    /// The clock of a connection whose first bytes have just come.
    pub(super) fn start(is_http2: bool, limits: &Arc<Limits>) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            is_http2,
            limits: Arc::clone(limits),
            busy: AtomicUsize::new(0),
            unsent: AtomicUsize::new(0),
            head_since: AtomicU64::new(0),
            idle_since: AtomicU64::new(0),
            taken_at: AtomicU64::new(0),
            left_unread: AtomicBool::new(false),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }

    /// Begins a request; it lasts until what is returned is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Busy {
        self.head_since.store(NEVER, Ordering::Relaxed);
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy { clock: Arc::clone(self), unsent: 0 }
    }

    /// Whether `more` bytes of replies may wait for the client, who shall otherwise take first what is there.
    pub(super) fn has_room_for(&self, more: usize) -> bool {
        let unsent = self.unsent.load(Ordering::Relaxed);
        unsent == 0 || unsent.saturating_add(more) <= self.limits.max_unsent_bytes
    }

    /// A request will not be read to its end.
    pub(super) fn leave_unread(&self) {
        self.left_unread.store(true, Ordering::Relaxed);
    }

    /// Bytes came from the client.
    fn received(&self) {
        if self.busy.load(Ordering::Relaxed) == 0 && self.head_since.load(Ordering::Relaxed) == NEVER {
            self.head_since.store(self.now(), Ordering::Relaxed);
        }
    }

    fn taken(&self) {
        self.taken_at.store(self.now(), Ordering::Relaxed);
    }

    /// Until when the connection may go on like this; `None` where there is nothing to wait for. The flag says whether
    /// its end is nobody's fault.
    fn deadline(&self, blocked_since: Option<u64>) -> Option<(Instant, bool)> {
        let after = |since: u64, time: Duration| {
            self.began.checked_add(time)?.checked_add(Duration::from_millis(since))
        };
        let is_waiting_for_client = self.unsent.load(Ordering::Relaxed) > 0;
        let stalled = is_waiting_for_client.then(|| self.taken_at.load(Ordering::Relaxed));
        if let Some(since) = blocked_since.into_iter().chain(stalled).min() {
            return Some((after(since, self.limits.write_timeout)?, false));
        }
        // Clients of HTTP/2 are pinged; and theirs are the connections that are kept for hours.
        if self.is_http2 || self.busy.load(Ordering::Relaxed) > 0 {
            return None;
        }
        Some(match self.head_since.load(Ordering::Relaxed) {
            NEVER => (after(self.idle_since.load(Ordering::Relaxed), self.limits.idle_timeout)?, true),
            since => (after(since, self.limits.header_read_timeout)?, false),
        })
    }

    /// Whether the client may be in the middle of saying something.
    fn is_interrupted(&self) -> bool {
        self.is_http2
            || self.left_unread.load(Ordering::Relaxed)
            || self.busy.load(Ordering::Relaxed) > 0
            || self.head_since.load(Ordering::Relaxed) != NEVER
    }
}

/// A request under way, until its reply is sent.
#[derive(Debug)]
pub(super) struct Busy {
    clock: Arc<Clock>,
    /// Bytes of the reply that were not handed over yet.
    unsent: usize,
}

impl Busy {
    /// The reply has so many bytes, or so many more.
    pub(super) fn will_send(&mut self, bytes: usize) {
        self.unsent += bytes;
        self.clock.taken();
        self.clock.unsent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many of them were handed over.
    pub(super) fn sent(&mut self, bytes: usize) {
        let bytes = bytes.min(self.unsent);
        self.unsent -= bytes;
        self.clock.taken();
        self.clock.unsent.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.clock.unsent.fetch_sub(self.unsent, Ordering::Relaxed);
        self.clock.idle_since.store(self.clock.now(), Ordering::Relaxed);
        self.clock.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that fails where its client lets it wait too long.
pub(super) struct Clocked<S> {
    stream: S,
    clock: Arc<Clock>,
    /// Since when the client has taken no bytes although there were some for it.
    blocked_since: Option<u64>,
    /// Armed for a deadline, or for an earlier moment at which to look for it.
    alarm: Option<Pin<Box<Sleep>>>,
    has_ended: bool,
    lingers_until: Option<Pin<Box<Sleep>>>,
}

impl<S> Clocked<S> {
    pub(super) fn new(stream: S, clock: Arc<Clock>) -> Self {
        Self { stream, clock, blocked_since: None, alarm: None, has_ended: false, lingers_until: None }
    }

    /// Whether the deadline has passed; otherwise this is looked at again when it has. `true` for an end that is
    /// nobody's fault.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        loop {
            let Some((deadline, is_idle)) = self.clock.deadline(self.blocked_since) else {
                return Poll::Pending;
            };
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            // An alarm that comes too early costs a look; setting it anew with every request would cost more.
            if deadline < alarm.deadline() {
                alarm.as_mut().reset(deadline);
            }
            ready!(alarm.as_mut().poll(context));
            if deadline <= Instant::now() {
                return Poll::Ready(is_idle);
            }
            alarm.as_mut().reset(deadline);
        }
    }

    fn too_late() -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, "the client lets the server wait")
    }
}

impl<S: AsyncRead + Unpin> Clocked<S> {
    /// Throws away what the client still sends, until it ends or time is up.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let until = self.lingers_until.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        let mut waste = [0; WASTE];
        while until.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Clocked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(result) => {
                match result.is_ok() && buffer.filled().len() > before {
                    true => self.clock.received(),
                    false => self.has_ended = true,
                }
                Poll::Ready(result)
            }
            Poll::Pending => match ready!(self.poll_deadline(context)) {
                // As if the client had ended it.
                true => Poll::Ready(Ok(())),
                false => Poll::Ready(Err(Self::too_late())),
            },
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Clocked<S> {
    /// Keeps time of a write that ended so.
    fn written<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.blocked_since = None;
            // Over HTTP/2 other streams and pings are written while one reply stands still.
            if !self.clock.is_http2 {
                self.clock.taken();
            }
            return outcome;
        }
        let now = self.clock.now();
        self.blocked_since.get_or_insert(now);
        match self.poll_deadline(context) {
            Poll::Ready(_) => Poll::Ready(Err(Self::too_late())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Clocked<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        self.written(context, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingers_until.is_none() {
            let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
            ready!(self.written(context, outcome))?;
            if self.has_ended || !self.clock.is_interrupted() {
                return Poll::Ready(Ok(()));
            }
        }
        self.poll_linger(context).map(Ok)
    }
}

#[cfg(test)]
mod tests;
