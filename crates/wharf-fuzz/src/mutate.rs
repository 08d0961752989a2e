//! Breaking bytes in ways that are the same from run to run.

/// A generator of numbers that look random (xorshift64*).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Each seed has numbers of its own.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, or zero.
    pub fn below(&mut self, end: usize) -> usize {
        let number = usize::try_from(self.next_u64() >> 33).unwrap_or(0);
        number.checked_rem(end).unwrap_or(0)
    }
}

/// What parsers trip over, whatever they parse.
const NASTY: [&[u8]; 26] = [
    b"\0",
    b"\"",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b"-",
    b"1e999",
    b"-0",
    b"NaN",
    b"null",
    b"\\ud800",
    b"\\u0000",
    b"18446744073709551616",
    b"-9223372036854775808",
    b"{\"b64\": \"!\"}",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
    b"\xef\xbb\xbf",
    b"\xc0\xaf",
    b"../",
];

/// `bytes` broken in one to four places; parts of `other` may come in.
pub fn broken(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        break_once(&mut bytes, other, random);
    }
    bytes
}

fn break_once(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let start = random.below(bytes.len() + 1);
    let end = start + random.below((bytes.len() - start).min(32) + 1);
    match random.below(8) {
        0 => flip(bytes, random),
        1 => drop(bytes.drain(start..end)),
        2 => bytes.truncate(start),
        3 => {
            let copied: Vec<u8> = bytes.iter().copied().skip(start).take(end - start).collect();
            let times = 1 + random.below(4);
            bytes.splice(start..start, copied.repeat(times));
        }
        4 => {
            let noise = random.next_u64().to_le_bytes();
            bytes.splice(start..end, noise);
        }
        5 => nudge(bytes, random),
        6 => {
            let from = random.below(other.len() + 1);
            let count = random.below(64);
            bytes.splice(start..end, other.iter().copied().skip(from).take(count));
        }
        _ => {
            let nasty = NASTY.get(random.below(NASTY.len())).copied().unwrap_or_default();
            bytes.splice(start..end, nasty.iter().copied());
        }
    }
}

fn flip(bytes: &mut [u8], random: &mut Random) {
    let (at, bit) = (random.below(bytes.len()), random.below(8));
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << bit;
    }
}

/// Counts and lengths are off by a little most often.
fn nudge(bytes: &mut [u8], random: &mut Random) {
    let at = random.below(bytes.len());
    let by = [1, 2, 255, 254, 128].get(random.below(5)).copied().unwrap_or(1);
    if let Some(byte) = bytes.get_mut(at) {
        *byte = byte.wrapping_add(by);
    }
}
