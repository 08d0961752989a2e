//! Damaged and lying pictures are errors, never panics, and cost no memory worth speaking of.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, and say what they skip"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wharf_transform::{
    Mode, Pipeline, Pixels, SampleKey, Scratch, Source, Step, TransformError, TransformErrorKind,
};

fn decode(bytes: &[u8]) -> Result<Vec<u8>, TransformError> {
    let pipeline = Pipeline::always([Step::Decode]).unwrap();
    let mut scratch = Scratch::default();
    let program = pipeline.program(Mode::Evaluate);
    let picture = program.run(Source::Encoded(bytes), SampleKey::default(), &mut scratch)?;
    let Pixels::U8(pixels) = picture.pixels() else { panic!("floats") };
    Ok(pixels.to_vec())
}

/// The picture files among the goldens, by name.
fn files() -> Vec<(String, Vec<u8>)> {
    let goldens: serde_json::Value = serde_json::from_str(include_str!("../goldens/goldens.json")).unwrap();
    let text = |file: &serde_json::Value, key: &str| file[key].as_str().unwrap().to_owned();
    let files = goldens["files"].as_array().unwrap().iter();
    files.map(|file| (text(file, "name"), STANDARD.decode(text(file, "file")).unwrap())).collect()
}

#[test]
fn every_cut_is_an_error_or_a_whole_picture() {
    for (name, file) in files() {
        let whole = decode(&file).unwrap();
        for percent in 0..100 {
            let cut = &file[..file.len() * percent / 100];
            // The very end of a PNG is not needed.
            if let Ok(pixels) = decode(cut) {
                assert!(pixels == whole, "{name} cut to {percent} %");
            }
        }
    }
}

#[test]
fn flipped_bits_never_panic() {
    for (_, file) in files() {
        for place in (0..file.len()).step_by(file.len() / 150 + 1) {
            for bit in [0, 3, 7] {
                let mut damaged = file.clone();
                damaged[place] ^= 1 << bit;
                // Either is fine: not every bit matters.
                let _ = decode(&damaged);
            }
        }
    }
}

#[test]
fn sizes_that_lie_are_errors() {
    for (file, expected) in [
        (&b"P5 0 5 255\n"[..], TransformErrorKind::BadPicture),
        (b"P5 60000 60000 255\n\0", TransformErrorKind::TooLarge),
        (b"P5 99999999999999999999 1 255\n", TransformErrorKind::BadPicture),
        (b"P5 4000000000 4000000000 255\n", TransformErrorKind::TooLarge),
        (b"P6 4 4 255\n\0\0\0", TransformErrorKind::BadPicture),
        (b"P5 7000 7000 255\nshort", TransformErrorKind::BadPicture),
        (b"", TransformErrorKind::BadPicture),
        (b"\0", TransformErrorKind::BadPicture),
        (b"GIF89a", TransformErrorKind::BadPicture),
        (b"\x89PNG", TransformErrorKind::BadPicture),
        (b"\xFF\xD8", TransformErrorKind::BadPicture),
        (b"BM", TransformErrorKind::BadPicture),
        (b"P7", TransformErrorKind::BadPicture),
    ] {
        let error = decode(file).unwrap_err();
        assert_eq!(error.kind(), expected, "{}: {error}", String::from_utf8_lossy(file));
    }
}

#[test]
fn long_files_are_refused_unread() {
    let file = vec![0xFF; 20 * 1024 * 1024 + 1];
    assert_eq!(decode(&file).unwrap_err().kind(), TransformErrorKind::TooLarge);
}

/// A PNG of 60,000 x 60,000 pixels is a few bytes of header.
#[test]
fn a_png_header_that_claims_a_huge_picture_is_refused() {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    let header = [60_000_u32.to_be_bytes(), 60_000_u32.to_be_bytes()].concat();
    png.extend(&header);
    png.extend([8, 2, 0, 0, 0]);
    let crc = crc32(&png[12..]);
    png.extend(crc.to_be_bytes());
    png.extend(b"\0\0\0\x01IDAT\0\0\0\0\0");
    let error = decode(&png).unwrap_err();
    assert_eq!(error.kind(), TransformErrorKind::TooLarge, "{error}");
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}
