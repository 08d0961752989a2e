//! The hash of text features: MurmurHash3 for 32-bit machines with seed 0, public domain by Austin Appleby. It is
//! the one of scikit-learn's `FeatureHasher`, so buckets agree with those of that library.

/// MurmurHash3 (x86, 32 bits) of `bytes` with `seed`.
pub fn murmur3(bytes: &[u8], seed: u32) -> u32 {
    let mut hash = seed;
    let mut blocks = bytes.chunks_exact(4);
    for block in &mut blocks {
        let block = u32::from_le_bytes([block[0], block[1], block[2], block[3]]);
        hash = (hash ^ scrambled(block)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let tail = blocks.remainder().iter().rev().fold(0, |tail, &byte| tail << 8 | u32::from(byte));
    hash ^= scrambled(tail);
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

fn scrambled(block: u32) -> u32 {
    block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

/// The bucket of `text` among `2^bits`: the absolute value of its hash as a signed number, modulo their count.
/// No sign is applied to the counts (`alternate_sign=False`).
pub fn bucket(text: &str, bits: u32) -> usize {
    let hash = murmur3(text.as_bytes(), 0) as i32;
    hash.unsigned_abs() as usize & ((1_usize << bits.min(31)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        for (text, seed, expected) in [
            ("", 0, 0),
            ("", 1, 0x514e_28b7),
            ("hello", 0, 0x248b_fa47),
            ("hello, world", 0, 0x149b_bb7f),
            ("The quick brown fox jumps over the lazy dog", 0, 0x2e4f_f723),
        ] {
            assert_eq!(murmur3(text.as_bytes(), seed), expected, "{text}");
        }
    }
}
