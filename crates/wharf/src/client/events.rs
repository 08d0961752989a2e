//! Server-sent events, as language models stream them.

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// The longest event that is read.
const MAX_EVENT_BYTES: usize = 16 << 20;
/// What stands in place of an event at the end of a stream that was not cut off.
const DONE: &str = "[DONE]";

/// The events of one answer.
pub(crate) struct Events<B = Incoming> {
    body: B,
    read: BytesMut,
    is_done: bool,
}

impl<B> Events<B>
where
    B: hyper::body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Unpin,
{
    pub(super) fn of(body: B) -> Self {
        Self { body, read: BytesMut::new(), is_done: false }
    }

    /// The data of the next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<String>> {
        while !self.is_done {
            match self.next_line().await?.as_deref().map(data) {
                None => self.is_done = true,
                Some(Some(DONE)) => self.is_done = true,
                Some(Some(data)) => return Ok(Some(data.to_owned())),
                Some(None) => {}
            }
        }
        Ok(None)
    }

    async fn next_line(&mut self) -> anyhow::Result<Option<String>> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line = self.read.split_to(end + 1);
                return Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()));
            }
            anyhow::ensure!(self.read.len() <= MAX_EVENT_BYTES, "the server's event does not end");
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let frame = frame.map_err(|error| anyhow::Error::from_boxed(error.into()))?;
            if let Ok(mut data) = frame.into_data() {
                while data.has_remaining() {
                    let chunk = data.chunk();
                    self.read.extend_from_slice(chunk);
                    let length = chunk.len();
                    data.advance(length);
                }
            }
        }
    }
}

/// What a line says, if it is one of data.
fn data(line: &str) -> Option<&str> {
    line.strip_prefix("data:").map(str::trim_start)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn gives_data_up_to_the_end_and_passes_over_the_rest() {
        let text = ": ping\n\nevent: x\ndata: {\"a\":1}\r\n\r\ndata:two\n\ndata: [DONE]\n\ndata: late\n\n";
        let mut events = Events::of(Full::new(Bytes::from(text)));
        assert_eq!(events.next().await.unwrap().as_deref(), Some("{\"a\":1}"));
        assert_eq!(events.next().await.unwrap().as_deref(), Some("two"));
        assert_eq!(events.next().await.unwrap(), None);
        assert_eq!(events.next().await.unwrap(), None);
    }
}
