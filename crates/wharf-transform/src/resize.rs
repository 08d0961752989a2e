//! Bilinear resize with antialiasing, as Pillow does it.

use bytemuck::Pod;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::TransformError;
use crate::picture::PictureShape;

/// A number that pictures are resized in.
pub(crate) trait Resizable: Pod + Default {
    /// The resizer's name for one to four of these per pixel.
    const PIXEL_TYPES: [PixelType; 4];
}

impl Resizable for u8 {
    const PIXEL_TYPES: [PixelType; 4] = [PixelType::U8, PixelType::U8x2, PixelType::U8x3, PixelType::U8x4];
}

impl Resizable for f32 {
    const PIXEL_TYPES: [PixelType; 4] =
        [PixelType::F32, PixelType::F32x2, PixelType::F32x3, PixelType::F32x4];
}

/// Fills `output` with `input` at the size of `resized`.
pub(crate) fn resize<T: Resizable>(
    resizer: &mut Resizer,
    input: &[T],
    shape: PictureShape,
    resized: PictureShape,
    output: &mut Vec<T>,
) -> Result<(), TransformError> {
    output.clear();
    output.resize(resized.num_elements(), T::default());
    let pixel_type = T::PIXEL_TYPES[shape.channels() - 1];
    let (width, height) = sides(shape)?;
    let from = ImageRef::new(width, height, bytemuck::cast_slice(input), pixel_type).map_err(refused)?;
    let (width, height) = sides(resized)?;
    let mut to =
        Image::from_slice_u8(width, height, bytemuck::cast_slice_mut(output), pixel_type).map_err(refused)?;
    let options =
        ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
    resizer.resize(&from, &mut to, &options).map_err(refused)
}

fn sides(shape: PictureShape) -> Result<(u32, u32), TransformError> {
    Ok((u32::try_from(shape.width()).map_err(refused)?, u32::try_from(shape.height()).map_err(refused)?))
}

fn refused(error: impl std::fmt::Display) -> TransformError {
    TransformError::input(format!("picture cannot be resized: {error}"))
}

/// The size after the shorter side is brought to `size`; the longer one is rounded down.
pub(crate) fn short_side_shape(shape: PictureShape, size: usize) -> Result<PictureShape, TransformError> {
    let (height, width) = (shape.height(), shape.width());
    let long = |long: usize, short: usize| size.saturating_mul(long) / short;
    let (height, width) =
        if width <= height { (long(height, width), size) } else { (size, long(width, height)) };
    PictureShape::new(height, width, shape.channels())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_side_keeps_the_proportion_rounded_down() {
        for ((height, width), size, expected) in
            [((10, 20), 5, (5, 10)), ((20, 10), 5, (10, 5)), ((7, 10), 3, (3, 4)), ((8, 8), 3, (3, 3))]
        {
            let shape = PictureShape::new(height, width, 3).unwrap();
            let resized = short_side_shape(shape, size).unwrap();
            assert_eq!((resized.height(), resized.width()), expected);
        }
        let strip = PictureShape::new(1, 40_000, 1).unwrap();
        assert!(short_side_shape(strip, 40_000).is_err());
    }
}
