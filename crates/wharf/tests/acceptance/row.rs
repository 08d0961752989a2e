//! How rows are written.

use std::path::Path;

use serde::Deserialize;

use crate::bytes::Pieces;

/// The rows of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowFile {
    pub(crate) row: Vec<Row>,
}

impl RowFile {
    /// The file `NAME.toml` beside this one.
    pub(crate) fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/acceptance");
        let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
        let mut file: Self = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}.toml: {error}"));
        for row in file.row.iter_mut().filter(|row| row.counted > 0) {
            row.each = (0..row.counted).map(|number| number.to_string()).collect();
        }
        file
    }
}

/// A port of the server.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Port {
    /// TensorFlow Serving's REST interface.
    Tfs,
    /// The Open Inference Protocol over REST.
    Oip,
    /// KServe's first protocol, and the Open Inference Protocol.
    Kserve,
    /// gRPC, where TensorFlow Serving has it.
    Grpc,
    /// gRPC, where the Open Inference Protocol has it.
    OipGrpc,
}

/// Something that a client sends, and what must come back.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// Its place in the list of abuses: `P-2`.
    pub(crate) id: String,
    /// What it is, in a few words.
    pub(crate) what: String,
    /// Where it is sent, to each of them.
    pub(crate) on: Vec<Port>,
    /// Plays the row once for each of these, which stands for `$each` in the path, in headers and in text.
    #[serde(default = "once")]
    pub(crate) each: Vec<String>,
    /// Plays the row so many times, once for each number below this.
    #[serde(default)]
    pub(crate) counted: usize,
    /// Plays the row so many times more, with the body broken in ways that are the same from run to run.
    #[serde(default)]
    pub(crate) mutations: u64,
    /// Whether `WHARF_SOAK=1` makes them more. Not where one of many is by chance what an operator may say, and takes the
    /// models away that other rows speak to.
    #[serde(default = "yes")]
    pub(crate) soak: bool,

    /// The path of a request, and its method where that is not POST.
    #[serde(default)]
    pub(crate) path: String,
    #[serde(default = "post")]
    pub(crate) method: String,
    /// Header fields, each `name: value`.
    #[serde(default)]
    pub(crate) headers: Vec<String>,
    #[serde(default)]
    pub(crate) body: Pieces,
    /// All bytes of an HTTP/1 connection, in place of path, headers and body.
    pub(crate) raw: Option<Pieces>,

    /// The path of a gRPC call with `message` as its message.
    pub(crate) call: Option<String>,
    #[serde(default)]
    pub(crate) message: Pieces,
    /// The flag and the length in front of the message, where they lie.
    #[serde(default)]
    pub(crate) flag: u8,
    pub(crate) length: Option<u32>,

    /// The HTTP status, one of these.
    #[serde(default)]
    pub(crate) status: Vec<u16>,
    /// The gRPC status, one of these.
    #[serde(default)]
    pub(crate) code: Vec<String>,
    /// What the reply must say.
    #[serde(default)]
    pub(crate) has: String,
    /// What it must not say.
    pub(crate) lacks: Option<String>,
    /// How many connections do it at the same time.
    #[serde(default = "one")]
    pub(crate) connections: usize,
    /// What is written again and again, a few times a second, behind the rest.
    pub(crate) drip: Option<Pieces>,
    /// Whether the client says that nothing more will come.
    #[serde(default)]
    pub(crate) half_close: bool,
    /// Whether the client reads nothing, and holds the connection until the server has had enough of it.
    #[serde(default)]
    pub(crate) unread: bool,
    /// Whether `raw` follows the preface of HTTP/2.
    #[serde(default)]
    pub(crate) http2: bool,
    /// How the server ends a connection of HTTP/2, or one that gets no reply, one of these: `PONG`, `CLOSED`,
    /// `GOAWAY name`.
    #[serde(default)]
    pub(crate) ends: Vec<String>,
    /// How it resets streams, if it does.
    #[serde(default)]
    pub(crate) resets: Vec<String>,
    /// How many replies come over the connection.
    #[serde(default = "one")]
    pub(crate) replies: usize,
    /// By how many MiB the server may grow for a while.
    pub(crate) peak_mib: Option<u64>,
}

fn once() -> Vec<String> {
    vec![String::new()]
}

fn post() -> String {
    "POST".to_owned()
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}
