//! PNG files of raw pixels, stored rather than compressed: they are small, and a page needs no codec for them.

/// The most that one stored block of a deflate stream holds.
const BLOCK: usize = 0xffff;

/// How the samples of a pixel are meant, as PNG numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Gray = 0,
    Rgb = 2,
}

/// The file of a picture with 8 bits a sample; `rows` are its lines from top to bottom.
pub(super) fn encode<'a>(
    (width, height): (u32, u32),
    colour: Colour,
    rows: impl Iterator<Item = &'a [u8]>,
) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    // 8 bits a sample; deflate, adaptive filters, no interlacing.
    header.extend([8, colour as u8, 0, 0, 0]);
    push_chunk(&mut file, *b"IHDR", &header);
    let mut lines = Vec::new();
    for row in rows {
        lines.push(0);
        lines.extend_from_slice(row);
    }
    push_chunk(&mut file, *b"IDAT", &stored(&lines));
    push_chunk(&mut file, *b"IEND", &[]);
    file
}

fn push_chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(kind);
    file.extend_from_slice(data);
    let sum = crc32(&file[start..]);
    file.extend(sum.to_be_bytes());
}

/// A zlib stream (RFC 1950) of stored blocks (RFC 1951, section 3.2.4).
fn stored(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = data.len().div_ceil(BLOCK);
    for (index, block) in data.chunks(BLOCK).enumerate() {
        let length = block.len() as u16;
        stream.push(u8::from(index + 1 == blocks));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    stream.extend(adler32(data).to_be_bytes());
    stream
}

fn adler32(data: &[u8]) -> u32 {
    let sums = data.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    sums.1 << 16 | sums.0
}

/// The check sum of PNG's chunks, ISO 3309.
fn crc32(data: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 };
    let sum = data.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)));
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_sums_follow_their_standards() {
        assert_eq!((crc32(b"123456789"), crc32(b"")), (0xcbf4_3926, 0));
        assert_eq!((adler32(b"Wikipedia"), adler32(b"")), (0x11e6_0398, 1));
    }

    #[test]
    fn large_pictures_take_several_blocks() {
        let stream = stored(&vec![7; BLOCK + 3]);
        assert_eq!(stream.len(), 2 + (5 + BLOCK) + (5 + 3) + 4);
        assert_eq!(
            (&stream[2..7], &stream[7 + BLOCK..12 + BLOCK]),
            (&[0, 0xff, 0xff, 0, 0][..], &[1, 3, 0, 0xfc, 0xff][..])
        );
    }

    #[test]
    fn small_file_is_as_the_format_says() {
        let file = encode((2, 1), Colour::Rgb, [[1_u8, 2, 3, 4, 5, 6].as_slice()].into_iter());
        assert_eq!(&file[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(&file[16..29], [0, 0, 0, 2, 0, 0, 0, 1, 8, 2, 0, 0, 0]);
        assert!(file.windows(7).any(|window| window == [0, 1, 2, 3, 4, 5, 6]));
        assert!(file.ends_with(&[b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82]));
    }
}
