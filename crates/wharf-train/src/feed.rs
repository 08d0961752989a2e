//! The pictures of a recipe: which are trained on, which training is watched by.

use std::path::Path;
use std::sync::Arc;

use wharf_data::{
    BadPicture, DataFormat, Dataset, EpochOptions, Loader, OnBadPicture, OpenOptions, Part, PictureOptions,
    Pictures, hold_out_stratified, open_dataset,
};
use wharf_transform::{CounterRng, Mode, Pipeline};

use crate::error::TrainError;
use crate::random::Purpose;
use crate::recipe::{BadPictures, Recipe};

/// Pictures with the numbers of those that are used.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    pub(crate) pictures: Arc<Pictures>,
    pub(crate) indices: Vec<usize>,
}

/// The two feeds of a run.
#[derive(Debug)]
pub(crate) struct Feeds {
    pub(crate) train: Feed,
    pub(crate) evaluation: Feed,
    pub(crate) pipeline: Pipeline,
    pub(crate) labels: Vec<String>,
}

/// Opens both parts of a recipe's data.
pub(crate) fn open(recipe: &Recipe, data: Option<&Path>, threads: usize) -> Result<Feeds, TrainError> {
    let pipeline = Pipeline::new(recipe.transform.clone())
        .map_err(|error| TrainError::setting("transform", error.to_string()))?;
    let root = recipe.data_path(data);
    let train = Arc::new(open_part(recipe, &root, Part::Train)?);
    let labels = train.class_names().to_vec();
    let options =
        PictureOptions::default().with_threads(threads).with_on_bad_picture(match recipe.data.bad_pictures {
            BadPictures::Skip => OnBadPicture::Skip,
            BadPictures::Fail => OnBadPicture::Fail,
        });
    let prepare = |dataset: &Arc<Dataset>, mode| {
        Pictures::new(Arc::clone(dataset), &pipeline, mode, &options).map(Arc::new).map_err(TrainError::data)
    };
    let train_pictures = prepare(&train, Mode::Train)?;
    let (mut train_indices, evaluation) = if recipe.data.validation > 0.0 {
        let split = hold_out_stratified(train.labels(), recipe.data.validation, recipe.seed)
            .map_err(TrainError::data)?;
        let pictures =
            train_pictures.with_pipeline(&pipeline, Mode::Evaluate, &options).map_err(TrainError::data)?;
        (split.rest, Feed { pictures: Arc::new(pictures), indices: split.held_out })
    } else {
        let test = open_part(recipe, &root, Part::Test)?.with_classes(&labels).map_err(TrainError::data)?;
        let indices = (0..test.num_pictures()).collect();
        (
            (0..train.num_pictures()).collect(),
            Feed { pictures: prepare(&Arc::new(test), Mode::Evaluate)?, indices },
        )
    };
    limit(&mut train_indices, train.labels(), recipe.data.limit);
    let mut evaluation = evaluation;
    let evaluation_labels = evaluation.pictures.dataset().labels().to_vec();
    limit(&mut evaluation.indices, &evaluation_labels, recipe.data.evaluation_limit);
    Ok(Feeds {
        train: Feed { pictures: train_pictures, indices: train_indices },
        evaluation,
        pipeline,
        labels,
    })
}

fn open_part(recipe: &Recipe, root: &Path, part: Part) -> Result<Dataset, TrainError> {
    let given = match part {
        Part::Train => recipe.data.train.as_deref(),
        _ => recipe.data.evaluation.as_deref(),
    };
    let path = given.map_or_else(|| root.to_path_buf(), |given| root.join(given));
    let format =
        DataFormat::ALL.iter().find(|(name, _)| *name == recipe.data.format).map(|(_, format)| *format);
    let options = OpenOptions { format, ..OpenOptions::default() };
    // A place that the recipe names for one part may hold that part alone, without a folder or name for it.
    open_dataset(&path, part, &options)
        .or_else(|error| match given {
            Some(_) => open_dataset(&path, Part::All, &options).map_err(|_| error),
            None => Err(error),
        })
        .map_err(TrainError::data)
}

/// Keeps at most `limit` numbers, the first of each class in turn, in ascending order.
pub(crate) fn limit(indices: &mut Vec<usize>, labels: &[u32], limit: Option<usize>) {
    let Some(limit) = limit.filter(|limit| *limit < indices.len()) else { return };
    let mut seen = std::collections::BTreeMap::<u32, usize>::new();
    let mut ranked: Vec<(usize, u32, usize)> = Vec::with_capacity(indices.len());
    for &index in indices.iter() {
        let rank = seen.entry(labels[index]).or_default();
        ranked.push((*rank, labels[index], index));
        *rank += 1;
    }
    ranked.sort_unstable();
    *indices = ranked.into_iter().take(limit).map(|(_, _, index)| index).collect();
    indices.sort_unstable();
}

impl Feeds {
    /// Channels, height and width of what the network sees.
    pub(crate) fn shape(&self) -> [usize; 3] {
        let shape = self.train.pictures.shape();
        [shape.channels(), shape.height(), shape.width()]
    }

    /// The pictures that could not be read, of both parts.
    pub(crate) fn bad_pictures(&self) -> Vec<BadPicture> {
        let mut bad = self.train.pictures.bad_pictures();
        bad.extend(self.evaluation.pictures.bad_pictures());
        bad
    }
}

impl Feed {
    /// The batches of a training epoch from `first_batch` on, in an order drawn from seed and epoch.
    pub(crate) fn shuffled(
        &self,
        recipe: &Recipe,
        epoch: u32,
        first_batch: usize,
        threads: usize,
    ) -> Result<Loader, TrainError> {
        let mut random = CounterRng::new(&[recipe.seed, Purpose::Order as u64, u64::from(epoch)]);
        let mut order = self.indices.clone();
        random.shuffle(&mut order);
        let options = EpochOptions::new(recipe.batch, recipe.seed, u64::from(epoch))
            .with_threads(threads)
            .with_first_batch(first_batch);
        self.pictures.epoch(order, options).map_err(TrainError::data)
    }

    /// All pictures in order.
    pub(crate) fn in_order(&self, batch: usize, threads: usize) -> Result<Loader, TrainError> {
        let options = EpochOptions::new(batch, 0, 0).with_threads(threads);
        self.pictures.epoch(self.indices.clone(), options).map_err(TrainError::data)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_limit_takes_evenly_from_all_classes() {
        let labels = [0, 0, 0, 0, 1, 1, 2, 2];
        let mut indices: Vec<usize> = (0..8).collect();
        super::limit(&mut indices, &labels, Some(5));
        assert_eq!(indices, [0, 1, 4, 5, 6]);
        super::limit(&mut indices, &labels, Some(50));
        assert_eq!(indices.len(), 5);
    }
}
