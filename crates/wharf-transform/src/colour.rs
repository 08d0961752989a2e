//! Grey to colour and back.

/// Luma as Pillow's mode `L` has it: ITU-R 601-2 weights in 16-bit fixed point.
pub(crate) fn luma_u8([red, green, blue]: [u8; 3]) -> u8 {
    let sum = u32::from(red) * 19595 + u32::from(green) * 38470 + u32::from(blue) * 7471 + 0x8000;
    (sum >> 16) as u8
}

/// The same weights on floating-point pixels.
pub(crate) fn luma_f32([red, green, blue]: [f32; 3]) -> f32 {
    (red * 19595.0 + green * 38470.0 + blue * 7471.0) / 65536.0
}

/// One number per pixel by `luma`.
pub(crate) fn to_grey<T: Copy>(input: &[T], luma: fn([T; 3]) -> T, output: &mut Vec<T>) {
    output.clear();
    output.extend(input.as_chunks::<3>().0.iter().map(|pixel| luma(*pixel)));
}

/// Each number three times.
pub(crate) fn to_rgb<T: Copy>(input: &[T], output: &mut Vec<T>) {
    output.clear();
    output.extend(input.iter().flat_map(|value| [*value; 3]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_keeps_grey_grey_and_weighs_colours() {
        for value in 0..=255 {
            assert_eq!(luma_u8([value; 3]), value);
        }
        for (colour, expected) in [([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29)] {
            assert_eq!(luma_u8(colour), expected);
        }
        assert!((luma_f32([1.0; 3]) - 1.0).abs() < 1e-6);
    }
}
