//! Rotation about the centre, pixel for pixel as Pillow's `Image.rotate` with nearest neighbour and fill 0.

use crate::picture::PictureShape;

/// The inverse map, output to input: `x' = a x + b y + c`, `y' = d x + e y + f`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Affine([f64; 6]);

/// Turns counter-clockwise by `degrees` into `output`, which has the size of `input`.
pub(crate) fn rotate<T: Copy + Default>(input: &[T], shape: PictureShape, degrees: f64, output: &mut Vec<T>) {
    output.clear();
    output.resize(input.len(), T::default());
    match shape.channels() {
        1 => rotate_pixels(as_pixels::<T, 1>(input), shape, degrees, as_pixels_mut(output)),
        2 => rotate_pixels(as_pixels::<T, 2>(input), shape, degrees, as_pixels_mut(output)),
        3 => rotate_pixels(as_pixels::<T, 3>(input), shape, degrees, as_pixels_mut(output)),
        _ => rotate_pixels(as_pixels::<T, 4>(input), shape, degrees, as_pixels_mut(output)),
    }
}

fn as_pixels<T, const C: usize>(values: &[T]) -> &[[T; C]] {
    values.as_chunks().0
}

fn as_pixels_mut<T, const C: usize>(values: &mut [T]) -> &mut [[T; C]] {
    values.as_chunks_mut().0
}

fn rotate_pixels<P: Copy>(input: &[P], shape: PictureShape, degrees: f64, output: &mut [P]) {
    let (height, width) = (shape.height(), shape.width());
    let degrees = degrees.rem_euclid(360.0);
    if degrees == 0.0 {
        output.copy_from_slice(input);
    } else if degrees == 180.0 {
        for (to, from) in output.iter_mut().zip(input.iter().rev()) {
            *to = *from;
        }
    } else if height == width && (degrees == 90.0 || degrees == 270.0) {
        quarter_turn(input, width, degrees == 90.0, output);
    } else {
        let affine = Affine::about_centre(degrees, width, height);
        if affine.fits_fixed_point(width, height) {
            walk_fixed_point(input, width, height, affine, output);
        } else {
            walk_floating_point(input, width, height, affine, output);
        }
    }
}

fn quarter_turn<P: Copy>(input: &[P], size: usize, counter_clockwise: bool, output: &mut [P]) {
    for (y, row) in output.chunks_exact_mut(size).enumerate() {
        for (x, to) in row.iter_mut().enumerate() {
            let from = if counter_clockwise { x * size + (size - 1 - y) } else { (size - 1 - x) * size + y };
            *to = input[from];
        }
    }
}

impl Affine {
    fn about_centre(degrees: f64, width: usize, height: usize) -> Self {
        let angle = -degrees.to_radians();
        let (cos, sin) = (round15(angle.cos()), round15(angle.sin()));
        let minus_sin = round15(-angle.sin());
        let (x, y) = (width as f64 / 2.0, height as f64 / 2.0);
        let c = cos * -x + sin * -y + 0.0 + x;
        let f = minus_sin * -x + cos * -y + 0.0 + y;
        Self([cos, sin, c, minus_sin, cos, f])
    }

    /// Whether 16.16 fixed point holds every corner.
    fn fits_fixed_point(self, width: usize, height: usize) -> bool {
        let [a, b, c, d, e, f] = self.0;
        let (w, h) = (width as f64, height as f64);
        [(0.0, 0.0), (w, h), (0.0, h), (w, 0.0)]
            .into_iter()
            .all(|(x, y)| (x * a + y * b + c).abs() < 32768.0 && (x * d + y * e + f).abs() < 32768.0)
    }
}

/// To 15 decimal places, as Python's `round(value, 15)`: the decimal nearest to the exact value.
fn round15(value: f64) -> f64 {
    format!("{value:.15}").parse().unwrap_or(value)
}

fn to_fixed(value: f64) -> i32 {
    (value * 65536.0 + 0.5).floor() as i32
}

/// Steps through the input in 16.16 fixed point; the truncated steps add up along a row, which is part of
/// what has to agree with Pillow.
fn walk_fixed_point<P: Copy>(input: &[P], width: usize, height: usize, affine: Affine, output: &mut [P]) {
    let [a, b, c, d, e, f] = affine.0;
    let (step_x, step_y) = (to_fixed(a), to_fixed(d));
    let mut row_x = to_fixed(c + a * 0.5 + b * 0.5);
    let mut row_y = to_fixed(f + d * 0.5 + e * 0.5);
    for row in output.chunks_exact_mut(width) {
        let (mut at_x, mut at_y) = (row_x, row_y);
        for to in row {
            // A negative coordinate becomes a huge one and is outside as well.
            let (x, y) = ((at_x >> 16) as u32 as usize, (at_y >> 16) as u32 as usize);
            if x < width && y < height {
                *to = input[y * width + x];
            }
            at_x = at_x.wrapping_add(step_x);
            at_y = at_y.wrapping_add(step_y);
        }
        row_x = row_x.wrapping_add(to_fixed(b));
        row_y = row_y.wrapping_add(to_fixed(e));
    }
}

/// For pictures with a side of 32,768 or more.
fn walk_floating_point<P: Copy>(input: &[P], width: usize, height: usize, affine: Affine, output: &mut [P]) {
    let [a, b, c, d, e, f] = affine.0;
    let mut row_x = c + a * 0.5 + b * 0.5;
    let mut row_y = f + d * 0.5 + e * 0.5;
    for row in output.chunks_exact_mut(width) {
        let (mut at_x, mut at_y) = (row_x, row_y);
        for to in row {
            if at_x >= 0.0 && at_y >= 0.0 && at_x < width as f64 && at_y < height as f64 {
                *to = input[at_y as usize * width + at_x as usize];
            }
            at_x += a;
            at_y += d;
        }
        row_x += b;
        row_y += e;
    }
}
