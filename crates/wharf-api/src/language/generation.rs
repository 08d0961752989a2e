//! A request that a model has taken, and the events that come of it.

use std::any::Any;
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use wharf_infer::language::{GenerateEvent, GenerateRequest, GenerateSink, LanguageLease, Ticket};
use wharf_infer::{ErrorCode, ServiceError};

/// Events that may wait for a client: one that lets more wait reads too slowly, and its request ends. The model never
/// waits for it.
const MAX_WAITING: usize = 8192;

/// A request under way. Dropped, it ends within one step of the model.
pub(crate) struct Generation {
    events: mpsc::Receiver<GenerateEvent>,
    is_over: bool,
    prompt_tokens: u32,
    /// Dropped before the model may be unloaded.
    _ticket: Ticket,
    _hold: Box<dyn Any + Send + Sync>,
}

struct Sink(mpsc::Sender<GenerateEvent>);

impl GenerateSink for Sink {
    fn event(&mut self, event: GenerateEvent) -> bool {
        match self.0.try_send(event) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => false,
        }
    }
}

impl Generation {
    /// Hands a request over and waits until it is taken.
    ///
    /// # Errors
    /// The model refuses it.
    pub(crate) async fn start(lease: LanguageLease, request: GenerateRequest) -> Result<Self, ServiceError> {
        let (sender, mut events) = mpsc::channel(MAX_WAITING);
        let ticket = lease.model.generate(request, Box::new(Sink(sender)));
        match events.recv().await {
            Some(GenerateEvent::Accepted { prompt_tokens }) => {
                Ok(Self { events, is_over: false, prompt_tokens, _ticket: ticket, _hold: Box::new(lease) })
            }
            Some(GenerateEvent::Failed(error)) => Err(error),
            Some(other) => {
                Err(ServiceError::internal("the model did not answer in order", format!("{other:?}")))
            }
            None => Err(ServiceError::new(ErrorCode::Unavailable, "the model has gone")),
        }
    }

    /// Tokens of the prompt.
    pub(crate) fn prompt_tokens(&self) -> u32 {
        self.prompt_tokens
    }

    /// The next event; nothing after the last. There always is a last one.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<GenerateEvent>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let event = std::task::ready!(self.events.poll_recv(context));
        let event = event.unwrap_or_else(|| GenerateEvent::Failed(broken_off()));
        self.is_over = event.is_last();
        Poll::Ready(Some(event))
    }
}

/// Events were lost: either too many waited, or the model has gone.
fn broken_off() -> ServiceError {
    ServiceError::new(
        ErrorCode::Aborted,
        "the answer broke off: the client reads too slowly, or the model has gone",
    )
}
