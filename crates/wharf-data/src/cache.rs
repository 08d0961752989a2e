//! Decoded pictures in memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use wharf_transform::{PictureShape, PictureView, Pixels, Program, SampleKey, Scratch, Source};

use crate::{BadPicture, DataError, DataErrorKind, Dataset, OnBadPicture, PictureOptions};

/// Pictures per piece of work; also what is allocated at once.
const CHUNK: usize = 256;

/// Every picture of a data set after the first steps of a program, or why it is bad.
#[derive(Debug)]
pub(crate) struct Cache {
    chunks: Vec<Chunk>,
}

/// [`CHUNK`] pictures in a row.
#[derive(Debug, Default)]
struct Chunk {
    pixels: Vec<u8>,
    entries: Vec<Result<(usize, PictureShape), BadPicture>>,
}

/// What came of filling a cache.
pub(crate) enum Filled {
    All(Cache),
    TooLarge,
}

impl Cache {
    /// Runs `prefix` on every picture, on all threads, unless the result exceeds the bound. With
    /// [`OnBadPicture::Fail`] the first bad picture of the data set is the error, on any number of threads.
    pub(crate) fn fill(
        dataset: &Dataset,
        prefix: &Program,
        options: &PictureOptions,
    ) -> Result<Filled, DataError> {
        let job = Job {
            dataset,
            prefix,
            options,
            next: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        };
        let mut chunks: Vec<(usize, Result<Chunk, DataError>)> = thread::scope(|scope| {
            let workers: Vec<_> = (0..options.threads.max(1)).map(|_| scope.spawn(|| job.work())).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
        });
        if job.bytes.load(Ordering::Relaxed) > options.cache_limit_bytes {
            return Ok(Filled::TooLarge);
        }
        chunks.sort_by_key(|(number, _)| *number);
        let chunks = chunks.into_iter().map(|(_, chunk)| chunk).collect::<Result<Vec<_>, _>>()?;
        if chunks.len() != dataset.num_pictures().div_ceil(CHUNK) {
            return Err(DataError::new(DataErrorKind::WorkerFailed, "a thread that decodes pictures failed"));
        }
        Ok(Filled::All(Self { chunks }))
    }

    /// Picture `index`; `None` where there is none.
    pub(crate) fn picture(&self, index: usize) -> Option<Result<Source<'_>, BadPicture>> {
        let chunk = self.chunks.get(index / CHUNK)?;
        let (start, shape) = match chunk.entries.get(index % CHUNK)? {
            Ok(entry) => *entry,
            Err(bad) => return Some(Err(bad.clone())),
        };
        let pixels = chunk.pixels.get(start..start + shape.num_elements())?;
        PictureView::new(shape, Pixels::U8(pixels)).ok().map(|picture| Ok(Source::Picture(picture)))
    }

    pub(crate) fn bad_pictures(&self) -> impl Iterator<Item = &BadPicture> {
        self.chunks.iter().flat_map(|chunk| &chunk.entries).filter_map(|entry| entry.as_ref().err())
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.pixels.len()).sum()
    }
}

struct Job<'a> {
    dataset: &'a Dataset,
    prefix: &'a Program,
    options: &'a PictureOptions,
    next: AtomicUsize,
    bytes: AtomicUsize,
    stop: AtomicBool,
}

impl Job<'_> {
    /// Takes one chunk after the other until there is none, the memory is used up or one has failed. Chunks
    /// are taken in order, so every chunk before a failed one gets done and the first failure is found.
    fn work(&self) -> Vec<(usize, Result<Chunk, DataError>)> {
        let (mut scratch, mut file) = (Scratch::default(), Vec::new());
        let mut done = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let start = number.saturating_mul(CHUNK);
            if start >= self.dataset.num_pictures() {
                break;
            }
            let chunk = catch_unwind(AssertUnwindSafe(|| self.chunk(start, &mut scratch, &mut file)));
            let chunk = chunk.unwrap_or_else(|_| {
                Err(DataError::new(DataErrorKind::WorkerFailed, "a thread that decodes pictures failed"))
            });
            let bytes = chunk.as_ref().map_or(0, |chunk| chunk.pixels.len());
            let total = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
            if chunk.is_err() || total > self.options.cache_limit_bytes {
                self.stop.store(true, Ordering::Relaxed);
            }
            done.push((number, chunk));
        }
        done
    }

    fn chunk(&self, start: usize, scratch: &mut Scratch, file: &mut Vec<u8>) -> Result<Chunk, DataError> {
        let end = self.dataset.num_pictures().min(start + CHUNK);
        let mut chunk = Chunk::default();
        for index in start..end {
            let entry = self.add(index, &mut chunk.pixels, scratch, file);
            if let (Err(bad), OnBadPicture::Fail) = (&entry, self.options.on_bad_picture) {
                return Err(bad.clone().into());
            }
            chunk.entries.push(entry);
        }
        chunk.pixels.shrink_to_fit();
        Ok(chunk)
    }

    fn add(
        &self,
        index: usize,
        pixels: &mut Vec<u8>,
        scratch: &mut Scratch,
        file: &mut Vec<u8>,
    ) -> Result<(usize, PictureShape), BadPicture> {
        let bad = |reason: String| BadPicture { index, name: self.dataset.picture_name(index), reason };
        let source = self.dataset.picture(index, file).map_err(|error| bad(error.to_string()))?;
        let picture = self.prefix.run(source, SampleKey::default(), scratch);
        let picture = picture.map_err(|error| bad(error.to_string()))?;
        let Pixels::U8(values) = picture.pixels() else {
            return Err(bad("picture is not 8-bit".to_owned()));
        };
        let start = pixels.len();
        pixels.extend_from_slice(values);
        Ok((start, picture.shape()))
    }
}
