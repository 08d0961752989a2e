//! Requests of a stream that are under way at the same time, answered in their order.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_stream::Stream;

/// Begins requests as they come, so many at once, and gives their answers in the order of the requests. Each is begun
/// before the next is read: those of one sequence keep their order.
pub(super) struct Ahead<S, B, T> {
    requests: S,
    begin: B,
    most: usize,
    running: VecDeque<Running<T>>,
    is_at_end: bool,
}

enum Running<T> {
    UnderWay(Pin<Box<dyn Future<Output = T> + Send>>),
    Done(T),
}

impl<T> Running<T> {
    fn advance(&mut self, context: &mut Context<'_>) {
        if let Self::UnderWay(work) = self
            && let Poll::Ready(answer) = work.as_mut().poll(context)
        {
            *self = Self::Done(answer);
        }
    }
}

impl<S, B, T> Ahead<S, B, T> {
    /// Has `begin` answer each of `requests`, `most` of them at once.
    pub(super) fn new(requests: S, most: usize, begin: B) -> Self {
        Self { requests, begin, most, running: VecDeque::new(), is_at_end: false }
    }
}

impl<S, B, F, T> Stream for Ahead<S, B, T>
where
    S: Stream + Unpin,
    B: FnMut(S::Item) -> F + Unpin,
    F: Future<Output = T> + Send + 'static,
    T: Unpin,
{
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.get_mut();
        this.running.iter_mut().for_each(|running| running.advance(context));
        while !this.is_at_end && this.running.len() < this.most {
            match Pin::new(&mut this.requests).poll_next(context) {
                Poll::Pending => break,
                Poll::Ready(None) => this.is_at_end = true,
                Poll::Ready(Some(request)) => {
                    let mut running = Running::UnderWay(Box::pin((this.begin)(request)));
                    running.advance(context);
                    this.running.push_back(running);
                }
            }
        }
        match this.running.pop_front() {
            Some(Running::Done(answer)) => Poll::Ready(Some(answer)),
            Some(first) => {
                this.running.push_front(first);
                Poll::Pending
            }
            None if this.is_at_end => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio_stream::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn answers_come_in_the_order_of_requests_of_which_some_are_under_way_at_once() {
        let (mut ends, mut begun) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            let (end, work) = oneshot::channel::<u32>();
            ends.push(Some(end));
            begun.push(work);
        }
        let mut answers =
            Ahead::new(tokio_stream::iter(begun), 2, |work: oneshot::Receiver<u32>| async move {
                work.await.unwrap()
            });
        let mut finish = |number: usize| ends[number].take().unwrap().send(number as u32).unwrap();
        // The second is done before the first, the third is not begun yet.
        finish(1);
        assert!(tokio::time::timeout(std::time::Duration::ZERO, answers.next()).await.is_err());
        assert_eq!(answers.running.len(), 2);
        finish(0);
        assert_eq!(answers.next().await, Some(0));
        finish(3);
        finish(2);
        assert_eq!(answers.collect::<Vec<_>>().await, [1, 2, 3]);
    }
}
