//! The pictures of goldens: as files, as pixels, and as training sees them.

use std::collections::BTreeMap;

use bytes::Bytes;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use wharf_data::{DataError, Dataset};
use wharf_transform::{
    CounterRng, Kind, Layout, Mode, PictureShape, PictureView, Pipeline, Pixels, Program, SampleKey, Scratch,
    Source, Step, TransformError,
};

use super::transform::ServingTransform;
use crate::error::TrainError;
use crate::feed::Feed;
use crate::network::Network;
use crate::recipe::Recipe;

/// Keeps made-up pictures apart from every other use of random numbers.
const DOMAIN: u64 = u64::from_be_bytes(*b"madeup\0\0");

/// Files beyond this many bytes in all are left out, so that a bundle stays handy.
const MAX_FILES_BYTES: usize = 32 << 20;

/// One picture in the forms in which it meets the model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    /// A picture file; `None` where no format has so many channels.
    pub(super) file: Option<Bytes>,
    /// Before `to_float`: rows of pixels, channels last.
    pub(super) pixels: Vec<u8>,
    /// What training gives to its network: one plane per channel.
    pub(super) input: Vec<f32>,
}

/// Pictures out of `feed`, evenly from all classes; those that cannot be read are left out.
pub(super) fn samples_of(feed: &Feed, recipe: &Recipe, network: &Network) -> Result<Vec<Sample>, TrainError> {
    let dataset = feed.pictures.dataset();
    let programs = Programs::new(recipe, dataset)?;
    let (mut samples, mut size, mut last) = (Vec::new(), 0, None);
    for index in class_by_class(dataset.labels(), &feed.indices) {
        match programs.sample(dataset, index, network) {
            Ok(sample) => {
                size += sample.file.as_ref().map_or(0, Bytes::len);
                if size <= MAX_FILES_BYTES || samples.is_empty() {
                    samples.push(sample);
                }
            }
            Err(error) => last = Some(error),
        }
        if samples.len() == recipe.export.goldens || size > MAX_FILES_BYTES {
            break;
        }
    }
    match (samples.is_empty(), last) {
        (false, _) => Ok(samples),
        (true, Some(error)) => Err(TrainError::data(error)),
        (true, None) => Err(TrainError::data("there are no pictures to make goldens of")),
    }
}

/// The first picture of each class, then the second of each, and so on.
fn class_by_class(labels: &[u32], indices: &[usize]) -> Vec<usize> {
    let mut seen = BTreeMap::<u32, usize>::new();
    let ranked = indices.iter().filter_map(|&index| {
        let label = *labels.get(index)?;
        let rank = seen.entry(label).or_default();
        *rank += 1;
        Some((*rank, label, index))
    });
    let mut ranked: Vec<_> = ranked.collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, _, index)| index).collect()
}

/// What training does with a picture of a data set.
struct Programs {
    /// Up to the last step on 8-bit pixels.
    pixels: Program,
    whole: Program,
}

impl Programs {
    fn new(recipe: &Recipe, dataset: &Dataset) -> Result<Self, TrainError> {
        let pipeline = Pipeline::new(recipe.transform.clone()).map_err(TrainError::data)?;
        let kind = if dataset.is_encoded() { Kind::Encoded } else { Kind::PixelsU8 };
        let whole = pipeline.program(Mode::Evaluate).fitted_to(kind).map_err(TrainError::data)?;
        Ok(Self { pixels: whole.split_prefix().0, whole })
    }

    fn sample(&self, dataset: &Dataset, index: usize, network: &Network) -> Result<Sample, DataError> {
        let (mut buffer, mut scratch) = (Vec::new(), Scratch::default());
        let source = dataset.picture(index, &mut buffer)?;
        let file = match source {
            Source::Encoded(bytes) => Some(Bytes::copy_from_slice(bytes)),
            Source::Picture(picture) => png_of(picture),
        };
        let mut input = vec![0.0; network.input_len()];
        self.whole.run_into(source, SampleKey::default(), &mut scratch, Layout::Chw, &mut input)?;
        let pixels = bytes_of(self.pixels.run(source, SampleKey::default(), &mut scratch)?);
        Ok(Sample { file, pixels, input })
    }
}

/// Pictures of even noise, for a model whose data are not at hand: they say nothing of its use, and as much as
/// any picture of whether serving computes what training does.
pub(super) fn made_up_samples(recipe: &Recipe, network: &Network) -> Result<Vec<Sample>, TrainError> {
    let transform = ServingTransform::of(recipe)?;
    let [channels, height, width] = network.input_shape();
    let shape = PictureShape::new(height, width, channels).map_err(TrainError::data)?;
    let steps = transform.file_steps(network.input_shape())?;
    let mut random = CounterRng::new(&[DOMAIN, recipe.seed]);
    let mut make = || -> Result<Sample, TransformError> {
        let noise: Vec<u8> =
            (0..shape.num_elements()).map(|_| (random.uniform_f32() * 256.0) as u8).collect();
        let picture = PictureView::new(shape, Pixels::U8(&noise))?;
        let (file, pixels) = match (&steps, png_of(picture)) {
            (Some(steps), Some(file)) => {
                let program = Pipeline::always(steps.clone())?.program(Mode::Evaluate).clone();
                let mut scratch = Scratch::default();
                let pixels = program.run(Source::Encoded(&file), SampleKey::default(), &mut scratch)?;
                let pixels = bytes_of(pixels);
                (Some(file), pixels)
            }
            _ => (None, noise),
        };
        let input = network_input(&transform, shape, &pixels)?;
        Ok(Sample { file, pixels, input })
    };
    (0..recipe.export.goldens).map(|_| make().map_err(TrainError::data)).collect()
}

/// The floating-point steps on `pixels`.
fn network_input(
    transform: &ServingTransform,
    shape: PictureShape,
    pixels: &[u8],
) -> Result<Vec<f32>, TransformError> {
    let normalise =
        |(mean, std): &(Vec<f32>, Vec<f32>)| Step::Normalise { mean: mean.clone(), std: std.clone() };
    let steps = std::iter::once(Step::ToFloat).chain(transform.normalise.iter().map(normalise));
    let pipeline = Pipeline::always(steps)?;
    let picture = Source::Picture(PictureView::new(shape, Pixels::U8(pixels))?);
    let (mut scratch, mut input) = (Scratch::default(), vec![0.0; shape.num_elements()]);
    let program = pipeline.program(Mode::Evaluate);
    program.run_into(picture, SampleKey::default(), &mut scratch, Layout::Chw, &mut input)?;
    Ok(input)
}

/// The pixels of a picture that has 8-bit ones.
pub(super) fn bytes_of(picture: PictureView<'_>) -> Vec<u8> {
    match picture.pixels() {
        Pixels::U8(bytes) => bytes.to_vec(),
        Pixels::F32(_) => Vec::new(),
    }
}

/// The picture as a PNG file, which keeps every pixel; `None` where PNG has no such picture.
fn png_of(picture: PictureView<'_>) -> Option<Bytes> {
    let Pixels::U8(pixels) = picture.pixels() else { return None };
    let colour = match picture.shape().channels() {
        1 => ExtendedColorType::L8,
        3 => ExtendedColorType::Rgb8,
        _ => return None,
    };
    let width = u32::try_from(picture.shape().width()).ok()?;
    let height = u32::try_from(picture.shape().height()).ok()?;
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(pixels, width, height, colour).ok()?;
    Some(Bytes::from(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_from_all_classes_in_turn() {
        let labels = [1, 1, 0, 0, 2, 1];
        assert_eq!(class_by_class(&labels, &[0, 1, 2, 3, 4, 5]), [2, 0, 4, 3, 1, 5]);
        assert_eq!(class_by_class(&labels, &[5, 3, 99]), [3, 5]);
    }

    #[test]
    fn png_files_keep_every_pixel() {
        for (channels, pixels) in [(1, vec![0, 7, 254, 255]), (3, (0..12).collect())] {
            let shape = PictureShape::new(2, 2, channels).unwrap();
            let file = png_of(PictureView::new(shape, Pixels::U8(&pixels)).unwrap()).unwrap();
            let pipeline = Pipeline::always([Step::Decode]).unwrap();
            let mut scratch = Scratch::default();
            let program = pipeline.program(Mode::Evaluate);
            let read = program.run(Source::Encoded(&file), SampleKey::default(), &mut scratch).unwrap();
            assert_eq!((read.shape(), bytes_of(read)), (shape, pixels));
        }
    }
}
