//! Breaking bytes in ways that are the same from run to run.

/// A generator of numbers that look random (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, or zero.
    fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.next() >> 16) as usize % end }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.next() >> 32) as u8).collect()
    }
}

/// What parsers trip over.
const NASTY: [&[u8]; 18] = [
    b"\0",
    b"\"",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b"-",
    b"1e999",
    b"NaN",
    b"null",
    b"\\ud800",
    b"18446744073709551616",
    b"{\"b64\": \"!\"}",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
    b"\xef\xbb\xbf",
    b"\xc0\xaf",
];

/// `bytes`, broken in one to four places.
pub(crate) fn broken(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let end = at + random.below((bytes.len() - at).min(16) + 1);
        match random.below(6) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.truncate(at),
            3 => {
                let copied = bytes[at..end].to_vec();
                bytes.splice(at..at, copied);
            }
            4 => {
                let noise = random.bytes(4);
                bytes.splice(at..end, noise);
            }
            _ => {
                let nasty = NASTY[random.below(NASTY.len())];
                bytes.splice(at..end, nasty.iter().copied());
            }
        }
    }
    bytes
}
