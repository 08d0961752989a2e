//! The worker's side: what the process does that holds one language model.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use wharf_infer::ServiceError;
use wharf_infer::language::{Embeddings, GenerateEvent, GenerateRequest, GenerateSink, LanguageModel, Reply};

use super::OpenRequest;
use super::frame::{self, FrameReader, Outbox, Received, malformed};
use super::seats::Seats;
use super::wire::{
    Ask, DetokenizeMessage, EmbeddingsMessage, GenerateMessage, LoadMessage, Order, PiecesMessage, Report,
    Tell, TokenizeMessage, TokensMessage, path_of,
};

/// How often the server hears of a worker that has work.
const BEAT: Duration = Duration::from_millis(250);
/// Does what the server asks over standard input, until the server hangs up or is gone; then the process ends at once,
/// whatever its threads do. For the command that an [`super::LlmEngine`] starts. `open` opens the model.
///
/// # Errors
/// Standard input is no socket of a server.
pub fn serve_llm_worker(
    open: impl FnOnce(&OpenRequest) -> Result<Arc<dyn LanguageModel>, ServiceError>,
) -> io::Result<()> {
    let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let outbox = Outbox::open(control.try_clone()?, "llm-outbox")?;
    let mut orders = FrameReader::new(control);
    let Received::Message(Order { id, ask: Some(Ask::Open(request)) }) = orders.next()? else {
        return Err(malformed("first order"));
    };
    let request = OpenRequest::from(request);
    let opened = open(&request).and_then(|model| load_adapters(&*model, &request).map(|()| model));
    let post = Post { outbox, seats: Arc::default() };
    match opened {
        Ok(model) => {
            post.tell(id, Tell::Opened(model.card().clone().into()));
            Worker::start(model, post)?.obey(&mut orders)?;
        }
        Err(error) => {
            post.tell(id, Tell::Failed((&error).into()));
            // Until the server hangs up.
            while !matches!(orders.next::<Order>(), Ok(Received::End) | Err(_)) {}
        }
    }
    // Nobody is left to answer to. A pass may be deep in native code, and exit handlers would take its ground away.
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
    Ok(())
}

fn load_adapters(model: &dyn LanguageModel, request: &OpenRequest) -> Result<(), ServiceError> {
    for (name, file) in &request.adapters {
        let (sender, receiver) = mpsc::channel();
        let reply = move |loaded| drop(sender.send(loaded));
        model.load_adapter(name.clone(), file.clone(), Box::new(reply));
        let unanswered = |_| ServiceError::internal("the model did not load an adapter", name);
        receiver.recv().map_err(unanswered)??;
    }
    Ok(())
}

/// The way back to the server.
#[derive(Clone)]
struct Post {
    outbox: Outbox,
    seats: Arc<Seats>,
}

impl Post {
    fn tell(&self, id: u64, tell: Tell) {
        let report = Report { id, tell: Some(tell) };
        let frame = frame::encode(&report).or_else(|error| {
            let error = ServiceError::internal("the model's answer is too long", error);
            frame::encode(&Report { id, tell: Some(Tell::Failed((&error).into())) })
        });
        match frame {
            Ok(frame) => self.outbox.send(frame),
            Err(error) => tracing::error!(%error, "an answer could not be sent"),
        }
    }

    /// What tells the answer to a question.
    fn reply<T: 'static>(&self, id: u64, tell: fn(T) -> Tell) -> Reply<T> {
        self.seats.take(id);
        let post = self.clone();
        Box::new(move |answer| {
            post.tell(id, answer.map_or_else(|error| Tell::Failed((&error).into()), tell));
            post.seats.end(id);
        })
    }
}

struct Worker {
    model: Arc<dyn LanguageModel>,
    post: Post,
}

impl Worker {
    fn start(model: Arc<dyn LanguageModel>, post: Post) -> io::Result<Self> {
        let (beating, model_to_watch) = (post.clone(), Arc::clone(&model));
        let beat = move || beat(&beating, &*model_to_watch);
        thread::Builder::new().name("llm-beat".to_owned()).spawn(beat)?;
        Ok(Self { model, post })
    }

    fn obey(&self, orders: &mut FrameReader<UnixStream>) -> io::Result<()> {
        loop {
            match orders.next()? {
                Received::Message(Order { id, ask: Some(ask) }) => self.obey_one(id, ask)?,
                Received::Message(Order { ask: None, .. }) => return Err(malformed("order")),
                Received::Quiet => {}
                Received::End => return Ok(()),
            }
        }
    }

    /// Calls of a model return at once, so that a long prompt keeps no other order from being read.
    fn obey_one(&self, id: u64, ask: Ask) -> io::Result<()> {
        let (model, post) = (&self.model, &self.post);
        match ask {
            Ask::Open(_) => return Err(malformed("second order to open a model")),
            Ask::Cancel(_) => post.seats.cancel(id),
            Ask::Generate(message) => self.generate(id, message)?,
            Ask::Tokenize(TokenizeMessage { parts, with_special }) => {
                let parts = parts.into_iter().map(Into::into).collect();
                let tell = |tokens| Tell::Tokens(TokensMessage { tokens });
                model.tokenize(parts, with_special, post.reply(id, tell));
            }
            Ask::Detokenize(DetokenizeMessage { tokens, with_special }) => {
                let tell = |pieces| Tell::Pieces(PiecesMessage { pieces });
                model.detokenize(tokens, with_special, post.reply(id, tell));
            }
            Ask::Embed(message) => {
                let tell = |embeddings| Tell::Embeddings(embeddings_message(embeddings));
                model.embed(message.into(), post.reply(id, tell));
            }
            Ask::LoadAdapter(message) => {
                model.load_adapter(
                    message.name,
                    path_of(message.file),
                    post.reply(id, |()| Tell::Done(true)),
                );
            }
            Ask::UnloadAdapter(message) => {
                model.unload_adapter(message.name, post.reply(id, |()| Tell::Done(true)));
            }
        }
        Ok(())
    }

    fn generate(&self, id: u64, message: GenerateMessage) -> io::Result<()> {
        let request = GenerateRequest::try_from(message)?;
        self.post.seats.take(id);
        let sink = PostSink { post: self.post.clone(), id };
        let ticket = self.model.generate(request, Box::new(sink));
        self.post.seats.run(id, ticket);
        Ok(())
    }
}

/// Tells how busy the model is and what it has counted, as long as there is work, and twice more when there is none: the
/// model may count a moment after it answers.
fn beat(post: &Post, model: &dyn LanguageModel) {
    loop {
        post.seats.rest();
        let mut quiet = 0;
        while quiet < 2 {
            post.seats.pause(BEAT);
            quiet = if post.seats.sweep() { 0 } else { quiet + 1 };
            post.tell(0, Tell::Load(LoadMessage::of(model)));
        }
    }
}

/// Sends the steps of an answer to the server.
struct PostSink {
    post: Post,
    id: u64,
}

impl GenerateSink for PostSink {
    fn event(&mut self, event: GenerateEvent) -> bool {
        let is_last = event.is_last();
        self.post.tell(self.id, Tell::Event(event.into()));
        if is_last {
            self.post.seats.end(self.id);
        }
        true
    }
}

fn embeddings_message(embeddings: Embeddings) -> EmbeddingsMessage {
    EmbeddingsMessage {
        count: embeddings.vectors.len() as u32,
        numbers: embeddings.vectors.concat(),
        prompt_tokens: embeddings.prompt_tokens,
    }
}
