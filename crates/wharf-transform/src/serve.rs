//! A pipeline on a batch of rows, as serving runs it.

use bytes::Bytes;
use wharf_tensor::{DType, Shape, Tensor};

use crate::output::Layout;
use crate::picture::{PictureShape, PictureView, Pixels, Source};
use crate::pipeline::{Kind, Mode};
use crate::{Pipeline, Program, SampleKey, Scratch, Step, TransformError};

/// The most bytes that a batch may take once it is transformed. A short request can name many rows, and a small
/// picture can become a large one: neither may decide how much memory is taken.
pub const MAX_BATCH_BYTES: usize = 1 << 30;

impl Pipeline {
    /// Runs the steps of evaluation on every row of `input`.
    ///
    /// # Shapes
    /// String `[N]` (a picture file each), uint8 or float32 `[N, H, W, C]`, or int64 `[N]` for `one_hot`; the
    /// result is `[N, ...]` with rows of one size.
    ///
    /// # Errors
    /// `input` is of another type or rank, a row is damaged or too large (the message names the row), rows
    /// come out in different sizes, the result would take more than [`MAX_BATCH_BYTES`], or a step draws random
    /// numbers.
    pub fn apply_tensor(&self, input: &Tensor) -> Result<Tensor, TransformError> {
        let program = self.program(Mode::Evaluate);
        if program.input() == Kind::ClassNumber {
            return one_hot(program, input);
        }
        if let Some(step) = program.steps().find(|step| step.is_random()) {
            let op = step.op();
            return Err(TransformError::pipeline(format!(
                "`{op}` draws random numbers, which serving cannot"
            )));
        }
        if program.steps().next().is_none() {
            return Ok(input.clone());
        }
        match input.dtype() {
            DType::String => run_rows(program, &encoded_rows(input)?, None),
            DType::U8 => {
                let values = input.as_elements::<u8>()?;
                let (shape, rows) = picture_rows(input, &values, Pixels::U8)?;
                run_rows(program, &rows, shape)
            }
            DType::F32 => {
                let values = input.as_elements::<f32>()?;
                let (shape, rows) = picture_rows(input, &values, Pixels::F32)?;
                run_rows(program, &rows, shape)
            }
            dtype => Err(TransformError::input(format!("input is {dtype}, expected {}", program.input()))),
        }
    }
}

fn encoded_rows(input: &Tensor) -> Result<Vec<Source<'_>>, TransformError> {
    if input.shape().rank() != 1 {
        return Err(TransformError::input(format!("input has shape {}, expected [N]", input.shape())));
    }
    Ok(input.strings().unwrap_or_default().iter().map(|row| Source::Encoded(row)).collect())
}

/// The rows of `[N, H, W, C]`; no shape where there are no rows and no pixels.
fn picture_rows<'a, T>(
    input: &Tensor,
    values: &'a [T],
    pixels: fn(&'a [T]) -> Pixels<'a>,
) -> Result<(Option<PictureShape>, Vec<Source<'a>>), TransformError> {
    let &[_, height, width, channels] = input.shape().dims() else {
        return Err(TransformError::input(format!(
            "input has shape {}, expected [N, H, W, C]",
            input.shape()
        )));
    };
    let shape = PictureShape::new(height, width, channels)?;
    let rows = values.chunks_exact(shape.num_elements());
    let rows = rows.map(|row| PictureView::new(shape, pixels(row)).map(Source::Picture));
    Ok((Some(shape), rows.collect::<Result<_, _>>()?))
}

fn run_rows(
    program: &Program,
    rows: &[Source<'_>],
    input: Option<PictureShape>,
) -> Result<Tensor, TransformError> {
    let mut scratch = Scratch::default();
    let known = program.output_shape(input)?;
    if program.output() == Kind::PixelsF32
        && let Some(shape) = known
    {
        return run_rows_in_place(program, rows, shape, &mut scratch);
    }
    let mut shape = known;
    let (mut bytes, mut floats) = (Vec::new(), Vec::new());
    for (index, row) in rows.iter().enumerate() {
        let picture =
            program.run(*row, SampleKey::default(), &mut scratch).map_err(|error| error.in_row(index))?;
        if *shape.get_or_insert(picture.shape()) != picture.shape() {
            return Err(TransformError::input("pictures come out in different sizes").in_row(index));
        }
        check_batch_size(rows.len(), bytes.len() / 4 + floats.len())?;
        match picture.pixels() {
            Pixels::U8(values) => bytes.extend_from_slice(values),
            Pixels::F32(values) => floats.extend_from_slice(values),
        }
    }
    let shape = batch_shape(rows.len(), shape)?;
    let is_float = !floats.is_empty() || program.output() == Kind::PixelsF32;
    if is_float {
        Ok(Tensor::from_vec(shape, floats)?)
    } else {
        Ok(Tensor::from_bytes(DType::U8, shape, Bytes::from(bytes))?)
    }
}

/// Where the size of a row is known beforehand and the result is floating point: no copy in between.
fn run_rows_in_place(
    program: &Program,
    rows: &[Source<'_>],
    shape: PictureShape,
    scratch: &mut Scratch,
) -> Result<Tensor, TransformError> {
    let batch = batch_shape(rows.len(), Some(shape))?;
    check_batch_size(rows.len(), batch.num_elements())?;
    let mut values = vec![0.0; batch.num_elements()];
    for (index, (row, output)) in rows.iter().zip(values.chunks_exact_mut(shape.num_elements())).enumerate() {
        program
            .run_into(*row, SampleKey::default(), scratch, Layout::Hwc, output)
            .map_err(|error| error.in_row(index))?;
    }
    Ok(Tensor::from_vec(batch, values)?)
}

/// Refuses `rows` that come to more than [`MAX_BATCH_BYTES`] as `numbers` of four bytes.
fn check_batch_size(rows: usize, numbers: usize) -> Result<(), TransformError> {
    if numbers <= MAX_BATCH_BYTES / 4 {
        return Ok(());
    }
    let limit = MAX_BATCH_BYTES >> 20;
    Err(TransformError::input(format!("a batch of {rows} rows takes more than {limit} MiB once transformed")))
}

fn batch_shape(rows: usize, shape: Option<PictureShape>) -> Result<Shape, TransformError> {
    let dims = shape.map_or([rows, 0, 0, 0], |shape| [rows, shape.height(), shape.width(), shape.channels()]);
    Ok(Shape::new(&dims)?)
}

fn one_hot(program: &Program, input: &Tensor) -> Result<Tensor, TransformError> {
    let Some(Step::OneHot { classes }) = program.steps().next() else {
        return Err(TransformError::pipeline("a pipeline of class numbers starts with `one_hot`"));
    };
    if input.shape().rank() != 1 {
        return Err(TransformError::input(format!("input has shape {}, expected [N]", input.shape())));
    }
    let numbers = input.as_elements::<i64>()?;
    let shape = Shape::new(&[numbers.len(), *classes])?;
    check_batch_size(numbers.len(), shape.num_elements())?;
    let mut values = vec![0.0_f32; shape.num_elements()];
    for (index, (row, number)) in values.chunks_exact_mut(*classes).zip(numbers.iter()).enumerate() {
        match usize::try_from(*number).ok().and_then(|number| row.get_mut(number)) {
            Some(entry) => *entry = 1.0,
            None => {
                return Err(TransformError::input(format!(
                    "class is {number}, expected 0 to {}",
                    classes - 1
                ))
                .in_row(index));
            }
        }
    }
    Ok(Tensor::from_vec(shape, values)?)
}
