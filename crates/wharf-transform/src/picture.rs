//! Pictures in memory: rows of pixels of interleaved channels.

use crate::TransformError;

/// The most pixels a decoded picture may have.
pub const MAX_PIXELS: usize = 50_000_000;
/// The most bytes an encoded picture may have.
pub const MAX_ENCODED_BYTES: usize = 20 * 1024 * 1024;
const MAX_CHANNELS: usize = 4;

/// Height, width and channels of a picture, known to be within the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PictureShape {
    height: usize,
    width: usize,
    channels: usize,
}

impl PictureShape {
    /// Checks the sizes: none is zero, at most [`MAX_PIXELS`] pixels, at most four channels.
    ///
    /// # Errors
    /// A size is out of range.
    pub fn new(height: usize, width: usize, channels: usize) -> Result<Self, TransformError> {
        if height == 0 || width == 0 || channels == 0 {
            return Err(TransformError::input(format!(
                "picture is {height}x{width}x{channels}, expected no size of zero"
            )));
        }
        if channels > MAX_CHANNELS {
            return Err(TransformError::input(format!(
                "picture has {channels} channels, expected at most {MAX_CHANNELS}"
            )));
        }
        match height.checked_mul(width) {
            Some(pixels) if pixels <= MAX_PIXELS => Ok(Self { height, width, channels }),
            _ => Err(TransformError::too_large(format!(
                "picture is {height}x{width}, expected at most {MAX_PIXELS} pixels"
            ))),
        }
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Numbers per pixel.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Pixels.
    pub fn num_pixels(&self) -> usize {
        self.height * self.width
    }

    /// Numbers: pixels times channels.
    pub fn num_elements(&self) -> usize {
        self.num_pixels() * self.channels
    }

    /// The same picture with another number of channels.
    pub(crate) fn with_channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }
}

/// The numbers of a picture: row by row, pixel by pixel, channel by channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pixels<'a> {
    /// 0 to 255.
    U8(&'a [u8]),
    /// Any numbers; 0 to 1 after `to_float`.
    F32(&'a [f32]),
}

impl Pixels<'_> {
    fn len(&self) -> usize {
        match self {
            Pixels::U8(values) => values.len(),
            Pixels::F32(values) => values.len(),
        }
    }
}

/// A picture that somebody else owns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PictureView<'a> {
    shape: PictureShape,
    pixels: Pixels<'a>,
}

impl<'a> PictureView<'a> {
    /// A picture of `shape` over `pixels`.
    ///
    /// # Errors
    /// `pixels` has another length than `shape` demands.
    pub fn new(shape: PictureShape, pixels: Pixels<'a>) -> Result<Self, TransformError> {
        if pixels.len() != shape.num_elements() {
            return Err(TransformError::input(format!(
                "picture has {} numbers, expected {}",
                pixels.len(),
                shape.num_elements()
            )));
        }
        Ok(Self { shape, pixels })
    }

    /// Height, width and channels.
    pub fn shape(&self) -> PictureShape {
        self.shape
    }

    /// The numbers.
    pub fn pixels(&self) -> Pixels<'a> {
        self.pixels
    }
}

/// What a pipeline is given: a picture file's bytes, or a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source<'a> {
    /// The bytes of a PNG, JPEG, PGM/PPM or BMP file.
    Encoded(&'a [u8]),
    /// Pixels.
    Picture(PictureView<'a>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TransformErrorKind;

    #[test]
    fn refuses_sizes_out_of_range() {
        for ((height, width, channels), expected) in [
            ((0, 1, 1), TransformErrorKind::InvalidInput),
            ((1, 0, 1), TransformErrorKind::InvalidInput),
            ((1, 1, 0), TransformErrorKind::InvalidInput),
            ((1, 1, 5), TransformErrorKind::InvalidInput),
            ((10_000, 5_001, 3), TransformErrorKind::TooLarge),
            ((usize::MAX, 2, 1), TransformErrorKind::TooLarge),
        ] {
            assert_eq!(PictureShape::new(height, width, channels).unwrap_err().kind(), expected);
        }
    }

    #[test]
    fn refuses_pixels_of_another_count() {
        let shape = PictureShape::new(2, 2, 3).unwrap();
        let error = PictureView::new(shape, Pixels::U8(&[0; 11])).unwrap_err();
        assert_eq!(error.to_string(), "picture has 11 numbers, expected 12");
        assert!(PictureView::new(shape, Pixels::F32(&[0.0; 12])).is_ok());
    }
}
