//! Working memory of a program, kept from picture to picture.

use fast_image_resize::Resizer;

use crate::picture::{PictureShape, Pixels};

/// Working memory. Make one per thread and use it for every picture, so that nothing is allocated per picture.
#[derive(Default)]
pub struct Scratch {
    pub(crate) bytes: Buffers<u8>,
    pub(crate) floats: Buffers<f32>,
    pub(crate) resizer: Resizer,
}

/// The latest result in `front`; the next step writes to `back`.
#[derive(Default)]
pub(crate) struct Buffers<T> {
    pub(crate) front: Vec<T>,
    pub(crate) back: Vec<T>,
}

impl<T> Buffers<T> {
    /// What a step reads and where it writes. `borrowed` is the input as long as no step has changed it.
    pub(crate) fn sides<'a>(&'a mut self, borrowed: Option<&'a [T]>) -> (&'a [T], &'a mut Vec<T>) {
        (borrowed.unwrap_or(&self.front), &mut self.back)
    }

    pub(crate) fn swap(&mut self) {
        std::mem::swap(&mut self.front, &mut self.back);
    }
}

/// Where the picture is at present.
#[derive(Clone, Copy)]
pub(crate) struct Current<'a> {
    pub(crate) shape: PictureShape,
    pub(crate) place: Place<'a>,
}

#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    Borrowed(Pixels<'a>),
    Bytes,
    Floats,
}

impl<'a> Place<'a> {
    pub(crate) fn borrowed_bytes(self) -> Option<&'a [u8]> {
        match self {
            Place::Borrowed(Pixels::U8(values)) => Some(values),
            _ => None,
        }
    }

    pub(crate) fn borrowed_floats(self) -> Option<&'a [f32]> {
        match self {
            Place::Borrowed(Pixels::F32(values)) => Some(values),
            _ => None,
        }
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, Place::Floats | Place::Borrowed(Pixels::F32(_)))
    }

    /// The pixels, wherever they are.
    pub(crate) fn pixels<'s>(self, scratch: &'s Scratch) -> Pixels<'s>
    where
        'a: 's,
    {
        match self {
            Place::Borrowed(pixels) => pixels,
            Place::Bytes => Pixels::U8(&scratch.bytes.front),
            Place::Floats => Pixels::F32(&scratch.floats.front),
        }
    }
}
