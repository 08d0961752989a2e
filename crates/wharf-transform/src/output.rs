//! The last mile: pixels into the caller's floating-point slice, in the order the caller wants.

use crate::Step;
use crate::apply::to_float;
use crate::picture::PictureShape;

/// The order of a picture's numbers in the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Rows of pixels of channels, as pictures are stored and served.
    Hwc,
    /// One plane per channel, as networks train.
    Chw,
}

/// `to_float`, and `normalise` where it follows, as one table lookup per number. The table holds what the
/// steps compute one after the other, so the bits are the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tail {
    num_steps: usize,
    /// One table for all channels, or one for each.
    tables: Vec<[f32; 256]>,
}

impl Tail {
    /// The tail of `ops`, if they end so.
    pub(crate) fn of(ops: &[(usize, Step)]) -> Option<Self> {
        match ops {
            [.., (_, Step::ToFloat)] => Some(Self { num_steps: 1, tables: vec![table(0.0, 1.0)] }),
            [.., (_, Step::ToFloat), (_, Step::Normalise { mean, std })] => Some(Self {
                num_steps: 2,
                tables: mean.iter().zip(std).map(|(mean, std)| table(*mean, *std)).collect(),
            }),
            _ => None,
        }
    }

    pub(crate) fn num_steps(&self) -> usize {
        self.num_steps
    }

    /// One, or one per channel.
    pub(crate) fn num_settings(&self) -> usize {
        self.tables.len()
    }

    /// Fills `output`, which is as long as `bytes`.
    pub(crate) fn write(&self, bytes: &[u8], shape: PictureShape, layout: Layout, output: &mut [f32]) {
        match shape.channels() {
            1 => self.write_channels::<1>(bytes, layout, output),
            2 => self.write_channels::<2>(bytes, layout, output),
            3 => self.write_channels::<3>(bytes, layout, output),
            _ => self.write_channels::<4>(bytes, layout, output),
        }
    }

    fn table(&self, channel: usize) -> &[f32; 256] {
        &self.tables[if self.tables.len() == 1 { 0 } else { channel }]
    }

    fn write_channels<const C: usize>(&self, bytes: &[u8], layout: Layout, output: &mut [f32]) {
        let (pixels, _) = bytes.as_chunks::<C>();
        match layout {
            Layout::Chw => {
                for (channel, plane) in output.chunks_exact_mut(pixels.len().max(1)).enumerate() {
                    let table = self.table(channel);
                    for (to, pixel) in plane.iter_mut().zip(pixels) {
                        *to = table[usize::from(pixel[channel])];
                    }
                }
            }
            Layout::Hwc => {
                let tables: [&[f32; 256]; C] = std::array::from_fn(|channel| self.table(channel));
                for (to, pixel) in output.as_chunks_mut::<C>().0.iter_mut().zip(pixels) {
                    *to = std::array::from_fn(|channel| tables[channel][usize::from(pixel[channel])]);
                }
            }
        }
    }
}

fn table(mean: f32, std: f32) -> [f32; 256] {
    let mut table = [0.0; 256];
    for (value, entry) in (0..=u8::MAX).zip(&mut table) {
        *entry = (to_float(value) - mean) / std;
    }
    table
}

/// Copies `floats`, which are in HWC order, to `output`.
pub(crate) fn write_floats(floats: &[f32], shape: PictureShape, layout: Layout, output: &mut [f32]) {
    match layout {
        Layout::Hwc => output.copy_from_slice(floats),
        Layout::Chw => {
            for (channel, plane) in output.chunks_exact_mut(shape.num_pixels()).enumerate() {
                for (to, pixel) in plane.iter_mut().zip(floats.chunks_exact(shape.channels())) {
                    *to = pixel[channel];
                }
            }
        }
    }
}
