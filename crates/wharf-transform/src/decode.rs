//! Picture files to pixels. The bytes may be hostile: sizes are checked before anything is allocated.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::TransformError;
use crate::picture::{MAX_ENCODED_BYTES, PictureShape};

/// Enough for [`crate::MAX_PIXELS`] at 16 bits and four channels, once decoded and once in between.
const MAX_DECODER_BYTES: u64 = 1 << 30;

/// The pixels of the file `bytes`, of one channel (grey) or three, appended to nothing: `pixels` is replaced.
///
/// # Errors
/// The file is too large, of an unknown format, or damaged.
pub(crate) fn decode_into(bytes: &[u8], pixels: &mut Vec<u8>) -> Result<PictureShape, TransformError> {
    if bytes.len() > MAX_ENCODED_BYTES {
        let size = bytes.len();
        return Err(TransformError::too_large(format!(
            "picture file has {size} bytes, expected at most {MAX_ENCODED_BYTES}"
        )));
    }
    let format = sniff(bytes)?;
    if format == ImageFormat::Jpeg && !has_end_marker(bytes) {
        return Err(TransformError::picture("picture is cut off"));
    }
    // The decoders are fuzzed but not ours: a panic in one is a bad picture, not the end of a batch.
    catch_unwind(AssertUnwindSafe(|| decode_format(bytes, format, pixels)))
        .unwrap_or_else(|_| Err(TransformError::picture("picture makes its decoder fail")))
}

/// The format by its first bytes.
fn sniff(bytes: &[u8]) -> Result<ImageFormat, TransformError> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Ok(ImageFormat::Png),
        [0xFF, 0xD8, ..] => Ok(ImageFormat::Jpeg),
        [b'B', b'M', ..] => Ok(ImageFormat::Bmp),
        [b'P', b'1'..=b'7', ..] => Ok(ImageFormat::Pnm),
        [] => Err(TransformError::picture("picture is empty")),
        _ => Err(TransformError::picture("picture is none of PNG, JPEG, PGM, PPM and BMP")),
    }
}

/// Whether a JPEG has its end. The decoder fills up with grey what a cut file lacks, which must not go unseen
/// into training; some bytes may follow the end, as cameras write them.
fn has_end_marker(bytes: &[u8]) -> bool {
    bytes.windows(2).rev().take(1 << 20).any(|pair| pair == [0xFF, 0xD9])
}

fn decode_format(
    bytes: &[u8],
    format: ImageFormat,
    pixels: &mut Vec<u8>,
) -> Result<PictureShape, TransformError> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    let channels = if color.has_color() { 3 } else { 1 };
    let shape = PictureShape::new(height as usize, width as usize, channels)
        .map_err(|error| bad_size(format, error))?;
    if matches!(color, ColorType::L8 | ColorType::Rgb8) {
        pixels.clear();
        pixels.resize(shape.num_elements(), 0);
        decoder.read_image(pixels).map_err(damaged)?;
    } else {
        *pixels = convert(DynamicImage::from_decoder(decoder).map_err(damaged)?, channels);
    }
    if pixels.len() == shape.num_elements() {
        Ok(shape)
    } else {
        Err(TransformError::picture("picture is cut off"))
    }
}

/// To 8 bits, without transparency.
fn convert(picture: DynamicImage, channels: usize) -> Vec<u8> {
    if channels == 1 { picture.into_luma8().into_raw() } else { picture.into_rgb8().into_raw() }
}

fn damaged(error: image::ImageError) -> TransformError {
    match error {
        image::ImageError::Limits(error) => {
            TransformError::too_large(format!("picture is too large: {error}"))
        }
        error => TransformError::picture(format!("picture is damaged: {error}")),
    }
}

/// A picture without pixels is damaged rather than a wrong input.
fn bad_size(format: ImageFormat, error: TransformError) -> TransformError {
    match error.kind() {
        crate::TransformErrorKind::TooLarge => error,
        _ => TransformError::picture(format!("{} {error}", format.to_mime_type())),
    }
}
