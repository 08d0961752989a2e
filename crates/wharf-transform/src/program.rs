//! What a pipeline does in one mode, ready to run on one picture after the other.

use crate::apply::{apply, check_channels};
use crate::decode::decode_into;
use crate::output::{Layout, Tail, write_floats};
use crate::picture::{PictureShape, PictureView, Pixels, Source};
use crate::pipeline::Kind;
use crate::scratch::{Current, Place, Scratch};
use crate::{CounterRng, Step, TransformError};

/// Keeps the streams of transforms apart from every other use of the same seed.
const DOMAIN: u64 = u64::from_be_bytes(*b"transfrm");

/// What the random steps draw from: the same key gives the same picture, on whatever thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct SampleKey {
    /// The run's seed.
    pub seed: u64,
    /// The epoch.
    pub epoch: u64,
    /// The sample's place in the data set.
    pub sample: u64,
}

/// The steps of one mode, in order. Each keeps its place in the recipe, which is part of the key of its
/// random numbers, so that a program cut in two draws what the whole would.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    ops: Vec<(usize, Step)>,
    input: Kind,
    output: Kind,
    /// The last steps in one table, where they are `to_float` and perhaps `normalise`.
    tail: Option<Tail>,
}

impl Program {
    pub(crate) fn new(ops: Vec<(usize, Step)>, input: Kind, output: Kind) -> Self {
        let tail = Tail::of(&ops);
        Self { ops, input, output, tail }
    }

    /// What goes in.
    pub fn input(&self) -> Kind {
        self.input
    }

    /// What comes out.
    pub fn output(&self) -> Kind {
        self.output
    }

    /// The steps.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.ops.iter().map(|(_, step)| step)
    }

    /// Whether no step draws random numbers.
    pub fn is_deterministic(&self) -> bool {
        !self.steps().any(Step::is_random)
    }

    /// The same program for what is at hand: a leading `decode` is added for encoded pictures and left out for
    /// pixels.
    ///
    /// # Errors
    /// The program takes neither encoded pictures nor 8-bit pixels, or `source` is neither.
    pub fn fitted_to(&self, source: Kind) -> Result<Program, TransformError> {
        match (source, self.input) {
            (Kind::Encoded, Kind::Encoded) | (Kind::PixelsU8, Kind::PixelsU8) => Ok(self.clone()),
            (Kind::PixelsU8, Kind::Pixels) => {
                Ok(Program::new(self.ops.clone(), Kind::PixelsU8, Kind::PixelsU8))
            }
            (Kind::PixelsU8, Kind::Encoded) => {
                Ok(Program::new(self.ops[1..].to_vec(), Kind::PixelsU8, self.output))
            }
            (Kind::Encoded, Kind::Pixels | Kind::PixelsU8) => {
                // A place in the recipe that no step has: `decode` draws no random numbers.
                let mut ops = vec![(usize::MAX, Step::Decode)];
                ops.extend_from_slice(&self.ops);
                let output = if self.output == Kind::Pixels { Kind::PixelsU8 } else { self.output };
                Ok(Program::new(ops, Kind::Encoded, output))
            }
            (source, input) => {
                Err(TransformError::input(format!("input is {source}, the transform expects {input}")))
            }
        }
    }

    /// Cuts off the first steps that draw nothing and give 8-bit pixels: what they make may be kept and used
    /// again in every epoch. Running both parts gives the same bits as running the whole.
    pub fn split_prefix(&self) -> (Program, Program) {
        let is_kept = |step: &Step| {
            !step.is_random() && !matches!(step, Step::ToFloat | Step::Normalise { .. } | Step::OneHot { .. })
        };
        let bytes = matches!(self.input, Kind::Encoded | Kind::PixelsU8);
        let count = if bytes { self.steps().take_while(|step| is_kept(step)).count() } else { 0 };
        let (prefix, rest) = self.ops.split_at(count);
        let middle = if count == 0 { self.input } else { Kind::PixelsU8 };
        (Program::new(prefix.to_vec(), self.input, middle), Program::new(rest.to_vec(), middle, self.output))
    }

    /// The size of the output for pictures of `input`, if it is the same for all: `input` is `None` for
    /// encoded pictures.
    ///
    /// # Errors
    /// A step cannot take a picture of this size.
    pub fn output_shape(&self, input: Option<PictureShape>) -> Result<Option<PictureShape>, TransformError> {
        crate::shapes::output_shape(self.steps(), input)
    }

    /// Runs all steps and lends the result.
    ///
    /// # Errors
    /// The input is not what the first step takes, a picture is damaged or too large, or a step cannot take
    /// its size.
    pub fn run<'a>(
        &self,
        source: Source<'a>,
        key: SampleKey,
        scratch: &'a mut Scratch,
    ) -> Result<PictureView<'a>, TransformError> {
        let current = self.run_ops(source, key, scratch, self.ops.len())?;
        PictureView::new(current.shape, current.place.pixels(scratch))
    }

    /// Runs all steps and writes the floating-point result to `output`, which it fills.
    ///
    /// # Errors
    /// As [`Program::run`], and where the result is not floating point or not as long as `output`.
    pub fn run_into(
        &self,
        source: Source<'_>,
        key: SampleKey,
        scratch: &mut Scratch,
        layout: Layout,
        output: &mut [f32],
    ) -> Result<PictureShape, TransformError> {
        let fused = self.tail.as_ref().map_or(0, Tail::num_steps);
        let current = self.run_ops(source, key, scratch, self.ops.len() - fused)?;
        let shape = current.shape;
        if output.len() != shape.num_elements() {
            let (height, width, channels) = (shape.height(), shape.width(), shape.channels());
            return Err(TransformError::input(format!(
                "picture is {height}x{width}x{channels} in the end, expected {} numbers",
                output.len()
            )));
        }
        match (&self.tail, current.place.pixels(scratch)) {
            (Some(tail), Pixels::U8(bytes)) => {
                check_channels(tail.num_settings(), shape)?;
                tail.write(bytes, shape, layout, output);
            }
            (None, Pixels::F32(floats)) => write_floats(floats, shape, layout, output),
            _ => return Err(TransformError::input("picture is 8-bit in the end, expected `to_float`")),
        }
        Ok(shape)
    }

    /// Runs the first `count` steps.
    fn run_ops<'a>(
        &self,
        source: Source<'a>,
        key: SampleKey,
        scratch: &mut Scratch,
        count: usize,
    ) -> Result<Current<'a>, TransformError> {
        let (mut current, done) = self.start(source, scratch)?;
        for (index, step) in &self.ops[done..count.max(done)] {
            let rng = || CounterRng::new(&[DOMAIN, key.seed, key.epoch, key.sample, *index as u64]);
            current = apply(step, current, scratch, rng)?;
        }
        Ok(current)
    }

    /// The picture before the first step that takes pixels, and how many steps that took.
    fn start<'a>(
        &self,
        source: Source<'a>,
        scratch: &mut Scratch,
    ) -> Result<(Current<'a>, usize), TransformError> {
        match (source, self.input) {
            (Source::Encoded(bytes), Kind::Encoded) => {
                let shape = decode_into(bytes, &mut scratch.bytes.front)?;
                Ok((Current { shape, place: Place::Bytes }, 1))
            }
            (Source::Picture(picture), kind) if takes(kind, picture.pixels()) => {
                Ok((Current { shape: picture.shape(), place: Place::Borrowed(picture.pixels()) }, 0))
            }
            (source, expected) => {
                let given = match source {
                    Source::Encoded(_) => Kind::Encoded,
                    Source::Picture(picture) => match picture.pixels() {
                        Pixels::U8(_) => Kind::PixelsU8,
                        Pixels::F32(_) => Kind::PixelsF32,
                    },
                };
                Err(TransformError::input(format!("input is {given}, expected {expected}")))
            }
        }
    }
}

fn takes(kind: Kind, pixels: Pixels<'_>) -> bool {
    matches!(
        (kind, pixels),
        (Kind::Pixels, _) | (Kind::PixelsU8, Pixels::U8(_)) | (Kind::PixelsF32, Pixels::F32(_))
    )
}
