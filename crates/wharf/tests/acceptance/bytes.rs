//! Bytes as rows spell them: text, or a way to make them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde::Deserialize;

use crate::frames;
use crate::mutate::Random;

/// One piece after the other.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Pieces {
    One(Box<Piece>),
    Many(Vec<Piece>),
}

impl Default for Pieces {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// A run of bytes.
#[derive(Clone, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Piece {
    /// `"text"`, with `$each` in it.
    Text(String),
    /// `{ hex = "00ff" }`
    Hex { hex: String },
    /// `{ repeat = "[", times = 500000 }`
    Repeat { repeat: Pieces, times: usize },
    /// `{ count = 3, of = "k$n", between = "," }`: `k0,k1,k2`.
    Counted { count: usize, of: Pieces, between: String },
    /// `{ within = "x", levels = 100, open = "[", close = "]" }`
    Nest { within: Pieces, levels: usize, open: Pieces, close: Pieces },
    /// `{ random = 100, seed = 1 }`
    Random { random: usize, seed: u64 },
    /// `{ base64 = "text" }`
    Base64 { base64: Pieces },
    /// `{ gzip = "text" }`
    Gzip { gzip: Pieces },
    /// `{ zlib = "text" }`
    Zlib { zlib: Pieces },
    /// `{ first = 10, of = "text" }`: cut off behind so many bytes.
    First { first: usize, of: Pieces },
    /// `{ field = 1, of = "text" }`: a protobuf field with a length, which `length` may lie about.
    Field { field: u64, of: Pieces, length: Option<String> },
    /// `{ field = 1, varint = "-1" }`: a protobuf field that is a number.
    Number { field: u64, varint: String },
    /// `{ varint = "300" }`
    Varint { varint: String },
    /// `{ level = 10000, field = 1, of = "" }`: protobuf messages within each other.
    Messages { levels: usize, field: u64, of: Pieces },
    /// `{ frame = 1, flags = 5, stream = 1, of = [...] }`: of HTTP/2, whose `length` may lie. Within `streams` the
    /// stream is the next one.
    Frame {
        frame: u8,
        #[serde(default)]
        flags: u8,
        stream: Option<u32>,
        #[serde(default)]
        of: Pieces,
        length: Option<u32>,
    },
    /// `{ streams = 100, of = [...] }`: the same on so many streams.
    Streams { streams: u32, of: Pieces },
    /// `{ name = ":method", value = "POST" }`: a header field of HTTP/2.
    Header { name: Pieces, value: Pieces },
    /// `{ call = "/service/Method" }`: the header fields of a gRPC call.
    Call { call: String },
    /// `{ f32 = [1.5] }`, little-endian.
    Floats { f32: Vec<f32> },
    /// `{ i64 = [1] }`, little-endian.
    Wholes { i64: Vec<i64> },
}

impl Pieces {
    /// The bytes, with `each` for `$each`.
    pub(crate) fn bytes(&self, each: &str) -> Vec<u8> {
        self.on_stream(each, 1)
    }

    /// The bytes, where frames are of this stream unless they say otherwise.
    fn on_stream(&self, each: &str, stream: u32) -> Vec<u8> {
        match self {
            Pieces::One(piece) => piece.bytes(each, stream),
            Pieces::Many(pieces) => pieces.iter().flat_map(|piece| piece.bytes(each, stream)).collect(),
        }
    }
}

impl Piece {
    fn bytes(&self, each: &str, on: u32) -> Vec<u8> {
        match self {
            Piece::Text(text) => text.replace("$each", each).into_bytes(),
            Piece::Hex { hex } => from_hex(&hex.replace("$each", each)),
            Piece::Repeat { repeat, times } => repeat.on_stream(each, on).repeat(*times),
            Piece::Counted { count, of, between } => {
                let of = String::from_utf8(of.on_stream(each, on)).unwrap();
                let numbered: Vec<String> = (0..*count).map(|n| of.replace("$n", &n.to_string())).collect();
                numbered.join(between).into_bytes()
            }
            Piece::Nest { within, levels, open, close } => [
                open.on_stream(each, on).repeat(*levels),
                within.on_stream(each, on),
                close.on_stream(each, on).repeat(*levels),
            ]
            .concat(),
            Piece::Random { random, seed } => Random::new(*seed).bytes(*random),
            Piece::Base64 { base64 } => {
                use base64::Engine as _;
                base64::engine::general_purpose::STANDARD.encode(base64.on_stream(each, on)).into_bytes()
            }
            Piece::Gzip { gzip } => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(&gzip.on_stream(each, on)).unwrap();
                encoder.finish().unwrap()
            }
            Piece::Zlib { zlib } => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(&zlib.on_stream(each, on)).unwrap();
                encoder.finish().unwrap()
            }
            Piece::First { first, of } => of.on_stream(each, on).into_iter().take(*first).collect(),
            Piece::Field { field, of, length } => {
                let of = of.on_stream(each, on);
                let length = length.as_ref().map_or(of.len() as u64, |length| number(length, each));
                [varint(field << 3 | 2), varint(length), of].concat()
            }
            Piece::Number { field, varint: value } => {
                [varint(field << 3), varint(number(value, each))].concat()
            }
            Piece::Varint { varint: value } => varint(number(value, each)),
            Piece::Messages { levels, field, of } => messages(*levels, *field, of.on_stream(each, on)),
            Piece::Frame { frame, flags, stream, of, length } => {
                frames::frame(*frame, *flags, stream.unwrap_or(on), &of.on_stream(each, on), *length)
            }
            Piece::Streams { streams, of } => {
                (0..*streams).flat_map(|index| of.on_stream(each, 2 * index + 1)).collect()
            }
            Piece::Header { name, value } => {
                frames::field(&name.on_stream(each, on), &value.on_stream(each, on))
            }
            Piece::Call { call } => call_fields(call),
            Piece::Floats { f32 } => f32.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Piece::Wholes { i64 } => i64.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }
}

/// What every gRPC call says.
fn call_fields(path: &str) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    fields.iter().flat_map(|(name, value)| frames::field(name.as_bytes(), value.as_bytes())).collect()
}

/// From the inside out, as each length counts what is in it.
fn messages(levels: usize, field: u64, innermost: Vec<u8>) -> Vec<u8> {
    let tag = varint(field << 3 | 2);
    // Reversed while it grows: a message grows at its front.
    let mut reversed: Vec<u8> = innermost.into_iter().rev().collect();
    for _ in 0..levels {
        let length = varint(reversed.len() as u64);
        reversed.extend(length.iter().rev().chain(tag.iter().rev()));
    }
    reversed.reverse();
    reversed
}

fn number(text: &str, each: &str) -> u64 {
    let text = text.replace("$each", each);
    let value: i128 = text.parse().unwrap_or_else(|_| panic!("`{text}` is no whole number"));
    u64::try_from(value).unwrap_or_else(|_| (value as i64).cast_unsigned())
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}
