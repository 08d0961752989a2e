//! Steps that move whole pixels: crop, pad, mirror.

use crate::TransformError;
use crate::picture::PictureShape;

/// Rows and columns added on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Borders {
    pub(crate) top: usize,
    pub(crate) bottom: usize,
    pub(crate) left: usize,
    pub(crate) right: usize,
}

/// Copies `input` into a larger picture whose border is `fill`.
pub(crate) fn pad<T: Copy>(
    input: &[T],
    shape: PictureShape,
    borders: Borders,
    fill: T,
    output: &mut Vec<T>,
) -> Result<PictureShape, TransformError> {
    let padded = padded_shape(shape, borders)?;
    output.clear();
    output.resize(padded.num_elements(), fill);
    let channels = shape.channels();
    let row = shape.width() * channels;
    let padded_row = padded.width() * channels;
    let start = borders.top * padded_row + borders.left * channels;
    for (to, from) in output[start..].chunks_mut(padded_row).zip(input.chunks_exact(row)) {
        to[..row].copy_from_slice(from);
    }
    Ok(padded)
}

pub(crate) fn padded_shape(shape: PictureShape, borders: Borders) -> Result<PictureShape, TransformError> {
    let sum = |size: usize, before: usize, after: usize| size.saturating_add(before).saturating_add(after);
    PictureShape::new(
        sum(shape.height(), borders.top, borders.bottom),
        sum(shape.width(), borders.left, borders.right),
        shape.channels(),
    )
}

/// Copies the part of `size` (height, width) at `top`, `left`, which lies within the picture.
pub(crate) fn crop<T: Copy>(
    input: &[T],
    shape: PictureShape,
    (top, left): (usize, usize),
    cropped: PictureShape,
    output: &mut Vec<T>,
) {
    let channels = shape.channels();
    output.clear();
    let (row, width) = (shape.width() * channels, cropped.width() * channels);
    for from in input.chunks_exact(row).skip(top).take(cropped.height()) {
        output.extend_from_slice(&from[left * channels..left * channels + width]);
    }
}

/// Mirrors left and right.
pub(crate) fn flip<T: Copy>(input: &[T], shape: PictureShape, output: &mut Vec<T>) {
    output.clear();
    output.extend_from_slice(input);
    match shape.channels() {
        1 => flip_rows::<T, 1>(output, shape.width()),
        2 => flip_rows::<T, 2>(output, shape.width()),
        3 => flip_rows::<T, 3>(output, shape.width()),
        _ => flip_rows::<T, 4>(output, shape.width()),
    }
}

fn flip_rows<T: Copy, const C: usize>(values: &mut [T], width: usize) {
    let (pixels, _) = values.as_chunks_mut::<C>();
    for row in pixels.chunks_exact_mut(width) {
        row.reverse();
    }
}

/// The zeros that a centre crop of `height` x `width` needs around a smaller picture: the odd one goes to the
/// bottom and right.
pub(crate) fn centre_borders(shape: PictureShape, height: usize, width: usize) -> Borders {
    let (rows, columns) = (height.saturating_sub(shape.height()), width.saturating_sub(shape.width()));
    Borders { top: rows / 2, bottom: rows.div_ceil(2), left: columns / 2, right: columns.div_ceil(2) }
}

/// Where a centre crop starts: half the excess, with a half rounded to even, as Python's `round`.
pub(crate) fn centre_start(size: usize, cropped: usize) -> usize {
    let excess = size - cropped;
    let half = excess / 2;
    half + usize::from(excess % 2 == 1 && half % 2 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(height: usize, width: usize, channels: usize) -> PictureShape {
        PictureShape::new(height, width, channels).unwrap()
    }

    #[test]
    fn pad_puts_the_border_where_it_is_asked() {
        let mut output = vec![7; 3];
        let borders = Borders { top: 1, bottom: 0, left: 0, right: 2 };
        let padded = pad(&[1_u8, 2, 3, 4], shape(2, 2, 1), borders, 9, &mut output).unwrap();
        assert_eq!(padded, shape(3, 4, 1));
        assert_eq!(output, [9, 9, 9, 9, 1, 2, 9, 9, 3, 4, 9, 9]);
    }

    #[test]
    fn pad_past_the_limit_is_an_error() {
        let borders = Borders { top: usize::MAX, ..Borders::default() };
        assert!(pad(&[0_u8], shape(1, 1, 1), borders, 0, &mut Vec::new()).is_err());
    }

    #[test]
    fn crop_and_flip_move_whole_pixels() {
        let input: Vec<u8> = (0..24).collect();
        let mut output = Vec::new();
        crop(&input, shape(2, 4, 3), (1, 2), shape(1, 2, 3), &mut output);
        assert_eq!(output, [18, 19, 20, 21, 22, 23]);
        flip(&input[..12], shape(1, 4, 3), &mut output);
        assert_eq!(output, [9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2]);
    }

    #[test]
    fn centre_starts_round_half_to_even() {
        for ((size, cropped), expected) in
            [((5, 2), 2), ((5, 4), 0), ((7, 4), 2), ((9, 4), 2), ((4, 4), 0), ((6, 4), 1), ((11, 4), 4)]
        {
            assert_eq!(centre_start(size, cropped), expected, "{size} {cropped}");
        }
        let borders = centre_borders(shape(2, 3, 1), 5, 3);
        assert_eq!(borders, Borders { top: 1, bottom: 2, left: 0, right: 0 });
    }
}
