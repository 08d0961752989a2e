//! A batch and the buffers it is made in.

use std::sync::{Arc, Mutex, PoisonError};

use wharf_transform::{Layout, PictureShape};

use crate::BadPicture;

/// Pictures in a row with their labels. Dropping it gives its buffer back to the loader.
#[derive(Debug)]
pub struct Batch {
    pub(crate) pixels: Vec<f32>,
    pub(crate) labels: Vec<u32>,
    pub(crate) indices: Vec<usize>,
    pub(crate) bad_pictures: Vec<BadPicture>,
    pub(crate) shape: PictureShape,
    pub(crate) layout: Layout,
    pub(crate) pool: Arc<BufferPool>,
}

impl Batch {
    /// How many pictures there are: the batch size, less at the end of an epoch and where bad ones are skipped.
    pub fn num_pictures(&self) -> usize {
        self.labels.len()
    }

    /// The numbers of all pictures: `[n, channels, height, width]` or `[n, height, width, channels]`, as
    /// [`Batch::dims`] says.
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }

    /// The numbers, taken out; the loader then makes itself another buffer.
    pub fn take_pixels(&mut self) -> Vec<f32> {
        std::mem::take(&mut self.pixels)
    }

    /// The class of each picture.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The place of each picture in the data set.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// The pictures that were left out.
    pub fn bad_pictures(&self) -> &[BadPicture] {
        &self.bad_pictures
    }

    /// The dimensions of [`Batch::pixels`].
    pub fn dims(&self) -> [usize; 4] {
        let (height, width, channels) = (self.shape.height(), self.shape.width(), self.shape.channels());
        match self.layout {
            Layout::Chw => [self.num_pictures(), channels, height, width],
            Layout::Hwc => [self.num_pictures(), height, width, channels],
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.pixels));
    }
}

/// Buffers that wait for their next batch.
#[derive(Debug)]
pub(crate) struct BufferPool {
    free: Mutex<Vec<Vec<f32>>>,
    capacity: usize,
}

impl BufferPool {
    /// Keeps at most `capacity` buffers.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { free: Mutex::new(Vec::new()), capacity }
    }

    /// A buffer of `len` numbers that are yet to be written.
    pub(crate) fn take(&self, len: usize) -> Vec<f32> {
        let mut buffer = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        buffer.resize(len, 0.0);
        buffer
    }

    fn give_back(&self, buffer: Vec<f32>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.capacity && buffer.capacity() > 0 {
            free.push(buffer);
        }
    }
}
