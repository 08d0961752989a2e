//! A data set joined to what is done with its pictures.

use std::sync::Arc;

use wharf_transform::{Kind, Layout, Mode, PictureShape, Pipeline, Program, SampleKey, Scratch, Source};

use crate::cache::{Cache, Filled};
use crate::{BadPicture, DataError, DataErrorKind, Dataset, OnBadPicture};

/// How pictures are prepared.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PictureOptions {
    /// The most memory that decoded pictures may take; where they need more they are decoded in every epoch.
    pub cache_limit_bytes: usize,
    /// Threads that fill the cache.
    pub threads: usize,
    /// What a bad picture does.
    pub on_bad_picture: OnBadPicture,
}

impl Default for PictureOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { cache_limit_bytes: 2 << 30, threads, on_bad_picture: OnBadPicture::default() }
    }
}

impl PictureOptions {
    /// With another bound on the memory of decoded pictures.
    pub fn with_cache_limit_bytes(self, cache_limit_bytes: usize) -> Self {
        Self { cache_limit_bytes, ..self }
    }

    /// With another number of threads.
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// With another answer to bad pictures.
    pub fn with_on_bad_picture(self, on_bad_picture: OnBadPicture) -> Self {
        Self { on_bad_picture, ..self }
    }
}

/// A data set joined to what is done with its pictures in one mode. What comes before the first random or
/// floating-point step is done once and kept, if it fits the memory bound.
#[derive(Debug)]
pub struct Pictures {
    dataset: Arc<Dataset>,
    prefix: Program,
    rest: Program,
    cache: Option<Arc<Cache>>,
    shape: PictureShape,
    on_bad_picture: OnBadPicture,
}

/// Buffers of one thread.
#[derive(Default)]
pub(crate) struct Workspace {
    file: Vec<u8>,
    prefix: Scratch,
    rest: Scratch,
}

impl Pictures {
    /// Joins `dataset` and `pipeline`, and fills the cache on all of `options.threads`. A pipeline without
    /// `decode` gets one where the data set holds picture files, and one with `decode` loses it where the data
    /// set holds pixels, so that a recipe does not depend on how the data are stored.
    ///
    /// # Errors
    /// The pipeline does not fit the data, no picture can be used, or one is bad and that is to be an error.
    pub fn new(
        dataset: Arc<Dataset>,
        pipeline: &Pipeline,
        mode: Mode,
        options: &PictureOptions,
    ) -> Result<Self, DataError> {
        let (prefix, rest) = programs(&dataset, pipeline, mode)?;
        let cache = if prefix.steps().next().is_none() {
            None
        } else {
            match Cache::fill(&dataset, &prefix, options)? {
                Filled::All(cache) => Some(Arc::new(cache)),
                Filled::TooLarge => None,
            }
        };
        Self::join(dataset, (prefix, rest), cache, options.on_bad_picture)
    }

    /// The same pictures in another mode or pipeline; the cache is shared where the first steps are the same.
    ///
    /// # Errors
    /// As [`Pictures::new`].
    pub fn with_pipeline(
        &self,
        pipeline: &Pipeline,
        mode: Mode,
        options: &PictureOptions,
    ) -> Result<Self, DataError> {
        let (prefix, rest) = programs(&self.dataset, pipeline, mode)?;
        if prefix.steps().eq(self.prefix.steps()) {
            let cache = self.cache.clone();
            return Self::join(Arc::clone(&self.dataset), (prefix, rest), cache, options.on_bad_picture);
        }
        Self::new(Arc::clone(&self.dataset), pipeline, mode, options)
    }

    fn join(
        dataset: Arc<Dataset>,
        (prefix, rest): (Program, Program),
        cache: Option<Arc<Cache>>,
        on_bad_picture: OnBadPicture,
    ) -> Result<Self, DataError> {
        if rest.output() != Kind::PixelsF32 {
            let output = rest.output();
            return Err(DataError::setting(format!("transform ends in {output}, expected `to_float` in it")));
        }
        let input = dataset.shape();
        let whole = prefix.output_shape(input)?;
        let known = match whole {
            Some(middle) => rest.output_shape(Some(middle))?,
            None => rest.output_shape(None)?,
        };
        // The size is set below where the steps do not tell it.
        let placeholder = known.map_or_else(|| PictureShape::new(1, 1, 1), Ok)?;
        let mut pictures = Self { dataset, prefix, rest, cache, shape: placeholder, on_bad_picture };
        if known.is_none() {
            pictures.shape = pictures.first_shape()?;
        }
        Ok(pictures)
    }

    /// The size of the first picture that can be used.
    fn first_shape(&self) -> Result<PictureShape, DataError> {
        let mut workspace = Workspace::default();
        let mut last = None;
        for index in 0..self.dataset.num_pictures() {
            let Workspace { file, prefix, rest } = &mut workspace;
            let shape = self.middle(index, file, prefix).and_then(|source| {
                let picture = self.rest.run(source, SampleKey::default(), rest);
                picture.map(|picture| picture.shape()).map_err(|error| self.bad(index, error.to_string()))
            });
            match (shape, self.on_bad_picture) {
                (Ok(shape), _) => return Ok(shape),
                (Err(bad), OnBadPicture::Fail) => return Err(bad.into()),
                (Err(bad), OnBadPicture::Skip) => last = Some(bad),
            }
        }
        let reason = last.map(|bad| format!(": {bad}")).unwrap_or_default();
        Err(DataError::new(DataErrorKind::BadPicture, format!("no picture can be used{reason}")))
    }

    /// The data set.
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// The size of every picture in the end.
    pub fn shape(&self) -> PictureShape {
        self.shape
    }

    /// What a bad picture does.
    pub fn on_bad_picture(&self) -> OnBadPicture {
        self.on_bad_picture
    }

    /// The memory that decoded pictures take; `None` where they are decoded in every epoch, or were never
    /// encoded.
    pub fn cached_bytes(&self) -> Option<usize> {
        self.cache.as_ref().map(|cache| cache.size_bytes())
    }

    /// The bad pictures that filling the cache found.
    pub fn bad_pictures(&self) -> Vec<BadPicture> {
        self.cache.as_ref().map(|cache| cache.bad_pictures().cloned().collect()).unwrap_or_default()
    }

    /// Writes picture `key.sample` to `output`, which has the size of [`Pictures::shape`].
    pub(crate) fn write(
        &self,
        key: SampleKey,
        layout: Layout,
        workspace: &mut Workspace,
        output: &mut [f32],
    ) -> Result<(), BadPicture> {
        let index = usize::try_from(key.sample).unwrap_or(usize::MAX);
        let Workspace { file, prefix, rest } = workspace;
        let source = self.middle(index, file, prefix)?;
        let shape = self
            .rest
            .run_into(source, key, rest, layout, output)
            .map_err(|error| self.bad(index, error.to_string()))?;
        if shape == self.shape {
            return Ok(());
        }
        let text = |shape: PictureShape| format!("{}x{}x{}", shape.height(), shape.width(), shape.channels());
        let (ours, all) = (text(shape), text(self.shape));
        Err(self.bad(index, format!("picture is {ours} in the end, expected {all} as the others")))
    }

    /// The picture after the part that may be cached.
    fn middle<'a>(
        &'a self,
        index: usize,
        file: &'a mut Vec<u8>,
        scratch: &'a mut Scratch,
    ) -> Result<Source<'a>, BadPicture> {
        if let Some(cache) = &self.cache {
            return cache.picture(index).unwrap_or_else(|| Err(self.bad(index, "there is no such picture")));
        }
        let source = self.dataset.picture(index, file).map_err(|error| self.bad(index, error.to_string()))?;
        if self.prefix.steps().next().is_none() {
            return Ok(source);
        }
        let picture = self.prefix.run(source, SampleKey::default(), scratch);
        picture.map(Source::Picture).map_err(|error| self.bad(index, error.to_string()))
    }

    fn bad(&self, index: usize, reason: impl Into<String>) -> BadPicture {
        BadPicture { index, name: self.dataset.picture_name(index), reason: reason.into() }
    }
}

fn programs(dataset: &Dataset, pipeline: &Pipeline, mode: Mode) -> Result<(Program, Program), DataError> {
    let kind = if dataset.is_encoded() { Kind::Encoded } else { Kind::PixelsU8 };
    Ok(pipeline.program(mode).fitted_to(kind)?.split_prefix())
}
